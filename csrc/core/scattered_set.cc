// Unions of cells that have no bits: two colors at one place, or too wide. Each color has a plane
// of bits of its own, and the table is worked out over numbers that stand for cells.
#include "core/packed_table.h"
#include "core/set_table.h"

#include <algorithm>

namespace codeit {
namespace {

// Planes of bits, one for each color that occurs, for as long as the scratch scope around it lives.
// Places count as cells of color 0.
class CellPlanes {
  public:
    CellPlanes(Machine &m, const Window &window)
        : m_(m), window_(window), stride_(static_cast<size_t>(window.width) / 64 + 3) {}

    size_t words() const { return static_cast<size_t>(window_.height) * stride_; }

    // The plane of a color of 8 bits, made and charged for when it first occurs.
    Outcome plane_of(int32_t color, uint64_t **out) {
        uint64_t *&plane = planes_[static_cast<uint8_t>(color)];
        if (plane == nullptr) {
            TRY(m_.charge(words()));
            TRY(m_.allocate_scratch(words(), &plane));
            std::memset(plane, 0, words() * sizeof(uint64_t));
        }
        *out = plane;
        return Outcome::ok;
    }

    // Marks the cells of a patch.
    Outcome mark(Kind kind, const Patch &patch) {
        const Bitmap &bits = patch.bits;
        uint64_t *plane = nullptr;
        if (kind == Kind::cell && patch.colors != nullptr) {
            return for_each_place(bits, [&](int32_t i, int32_t j) {
                TRY(plane_of(patch.color_at(i, j), &plane));
                mark_new(plane, i, j);
                return Outcome::ok;
            });
        }
        TRY(plane_of(kind == Kind::pair ? 0 : patch.color, &plane));
        int by = bit_of(bits.left);
        for (int32_t i = 0; i < bits.height; ++i) {
            uint64_t *at = plane + word_of(int64_t{bits.top} + i, bits.left);
            Row places = bits.rows[i];
            at[0] |= low_half(places << by);
            at[1] |= high_half(places << by);
            if (by != 0) at[2] |= low_half(places >> (128 - by));
        }
        return Outcome::ok;
    }

    // Marks one place; false when it was marked before.
    bool mark_new(uint64_t *plane, int64_t i, int64_t j) const {
        uint64_t &word = plane[word_of(i, j)];
        uint64_t bit = uint64_t{1} << bit_of(j);
        bool is_new = (word & bit) == 0;
        word |= bit;
        return is_new;
    }

    // Whether all cells of a patch are marked.
    bool has_all(Kind kind, const Patch &patch) const {
        const Bitmap &bits = patch.bits;
        bool has_one_plane = kind == Kind::pair || patch.colors == nullptr;
        const uint64_t *plane = plane_at(kind == Kind::pair ? 0 : patch.color);
        for (int32_t i = 0; i < bits.height; ++i) {
            int64_t row = int64_t{bits.top} + i;
            if (has_one_plane) {
                if (plane == nullptr || (bits.rows[i] & ~read(plane, row, bits.left)) != 0) {
                    return false;
                }
                continue;
            }
            for (int32_t j = 0; j < bits.width; ++j) {
                if ((bits.rows[i] >> j & 1) == 0) continue;
                int64_t column = int64_t{bits.left} + j;
                plane = plane_at(patch.color_at(row, column));
                if (plane == nullptr || (plane[word_of(row, column)] >> bit_of(column) & 1) == 0) {
                    return false;
                }
            }
        }
        return true;
    }

    size_t count() const {
        size_t count = 0;
        for (const uint64_t *plane : planes_) {
            for (size_t k = 0; plane != nullptr && k < words(); ++k) {
                if (plane[k] != 0) count += count_bits(plane[k]);
            }
        }
        return count;
    }

  private:
    static constexpr int kNumColors = 256;

    const uint64_t *plane_at(int32_t color) const { return planes_[static_cast<uint8_t>(color)]; }
    // Bit k is the place (i, j + k), which must lie in the window where it is asked for.
    Row read(const uint64_t *plane, int64_t i, int64_t j) const {
        const uint64_t *at = plane + word_of(i, j);
        int by = bit_of(j);
        Row low = Row{at[1]} << 64 | at[0];
        return by == 0 ? low : low >> by | Row{at[2]} << (128 - by);
    }
    size_t word_of(int64_t i, int64_t j) const {
        return static_cast<size_t>(i - window_.top) * stride_ +
               static_cast<size_t>(j - window_.left) / 64;
    }
    int bit_of(int64_t j) const { return static_cast<int>((j - window_.left) & 63); }

    Machine &m_;
    Window window_;
    size_t stride_; // words of a row, two of which a row of places may reach over
    uint64_t *planes_[kNumColors] = {};
};

// Numbers that stand for the cells in a window, or for places: the low bits are 1 + the number of a
// place, the 8 high ones a color.
class CellNumbers {
  public:
    static bool fit(const Window &window) {
        return (static_cast<uint64_t>(window.height) << shift_of(window)) < kPlaceMask;
    }

    CellNumbers(Machine &m, Kind kind, const Window &window)
        : m_(m), kind_(kind), window_(window), shift_(shift_of(window)) {}

    Outcome start() {
        auto height = static_cast<size_t>(window_.height);
        auto width = static_cast<size_t>(window_.width);
        TRY(m_.charge(height + width));
        TRY(m_.allocate_scratch(height, &rows_));
        TRY(m_.allocate_scratch(width, &columns_));
        for (size_t k = 0; k < height; ++k) {
            rows_[k] =
                hashing::row_part(static_cast<int32_t>(window_.top + static_cast<int64_t>(k)));
        }
        for (size_t k = 0; k < width; ++k) {
            columns_[k] =
                hashing::column_part(static_cast<int32_t>(window_.left + static_cast<int64_t>(k)));
        }
        return Outcome::ok;
    }

    uint32_t of(int32_t color, int64_t i, int64_t j) const {
        auto place = static_cast<uint32_t>((i - window_.top) << shift_ | (j - window_.left));
        return uint32_t{static_cast<uint8_t>(color)} << kColorShift | (place + 1);
    }

    // use(hash_of), as in PackedHashes.
    template <typename Use>
    auto with_hashes(Use use) const {
        auto of_place = [rows = rows_, columns = columns_, shift = shift_](uint32_t number) {
            uint32_t place = (number & kPlaceMask) - 1;
            return hashing::of_parts(rows[place >> shift], columns[place & ((1u << shift) - 1)]);
        };
        if (kind_ == Kind::pair) return use(of_place);
        return use([of_place](uint32_t number) {
            return hashing::with_color(kColorHashes.parts[number >> kColorShift], of_place(number));
        });
    }

    Value value_of(uint32_t number) const {
        uint32_t place = (number & kPlaceMask) - 1;
        auto i = static_cast<int32_t>(window_.top + (place >> shift_));
        auto j = static_cast<int32_t>(window_.left + (place & ((1u << shift_) - 1)));
        return kind_ == Kind::pair ? Value::pair(i, j)
                                   : Value::cell(static_cast<int8_t>(number >> kColorShift), i, j);
    }

  private:
    static constexpr int kColorShift = 24;
    static constexpr uint32_t kPlaceMask = (1u << kColorShift) - 1;
    static int shift_of(const Window &window) {
        return std::bit_width(static_cast<uint64_t>(window.width - 1));
    }

    Machine &m_;
    Kind kind_;
    Window window_;
    int shift_;
    uint64_t *rows_ = nullptr; // the parts of the hashes of places
    uint64_t *columns_ = nullptr;
};

// Gives a set its table, and its values in that order.
Outcome adopt_numbers(Machine &m, const CellNumbers &numbers, const DistinctTable<uint32_t> &table,
                      Set *set) {
    Value *values;
    uint64_t *hashes;
    TRY(m.allocate(set->size, &values));
    TRY(m.allocate(set->size, &hashes));
    uint32_t count = 0;
    numbers.with_hashes([&](auto hash_of) {
        for_each_slot(table.slots(), table.mask(), [&](uint32_t number, uint32_t at) {
            values[count] = numbers.value_of(number);
            hashes[count] = hash_of(number);
            table.slots()[at] = ++count;
        });
    });
    m.before_change(set);
    set->values = values;
    set->in_order = values;
    set->hashes = hashes;
    set->slots = table.slots();
    set->mask = table.mask();
    set->fill = set->size;
    return Outcome::ok;
}

} // namespace

Outcome PatchUnion::count(size_t *size, bool *fits) {
    constexpr uint64_t kWordsForElement = 4;
    constexpr uint64_t kWordsAtLeast = 1024;
    uint64_t num_elements = 0;
    for (const Value &v : sets_.items()) {
        const Patch &patch = v.set->patch;
        num_elements += v.set->size;
        *fits =
            *fits && (patch.colors != nullptr || static_cast<int8_t>(patch.color) == patch.color);
    }
    ScratchScope scratch(m_);
    CellPlanes planes(m_, window_);
    *fits = *fits && CellNumbers::fit(window_) &&
            planes.words() <= kWordsForElement * num_elements + kWordsAtLeast;
    if (!*fits) return Outcome::ok;
    for (const Value &v : sets_.items()) {
        const Patch &patch = v.set->patch;
        bool has_colors = kind_ == Kind::cell && patch.colors != nullptr;
        TRY(m_.charge(has_colors ? uint64_t{v.set->size} * 3
                                 : static_cast<uint64_t>(patch.bits.height)));
        TRY(planes.mark(kind_, patch));
    }
    *size = planes.count();
    return Outcome::ok;
}

Outcome lay_out_scattered(Machine &m, const Items &sets, Set *set) {
    PatchUnion parts(m);
    for (const Value &v : sets) {
        bool fits;
        TRY(parts.add(v, &fits));
        if (!fits) return broken_invariant();
    }
    ScratchScope scratch(m);
    CellPlanes planes(m, parts.window());
    CellNumbers numbers(m, parts.kind(), parts.window());
    uint32_t *cells; // in the turn in which they are added
    TRY(numbers.start());
    TRY(m.allocate_scratch(set->size, &cells));
    uint32_t *next = cells;
    for (const Value &v : sets) {
        if (v.set->size == 0) continue;
        const Patch &patch = v.set->patch;
        TRY(m.charge(static_cast<uint64_t>(patch.bits.height)));
        if (planes.has_all(parts.kind(), patch)) continue; // adds nothing, and needs no order
        TRY(m.charge(uint64_t{v.set->size} * units::kPlaced));
        TRY(lay_out_packed(m, v.set));
        bool has_colors = parts.kind() == Kind::cell && patch.colors != nullptr;
        int32_t color = parts.kind() == Kind::cell ? patch.color : 0;
        uint64_t *plane = nullptr;
        if (!has_colors) TRY(planes.plane_of(color, &plane));
        TRY(for_each_in_order(*v.set, [&](int32_t i, int32_t j) {
            if (has_colors) {
                color = patch.color_at(i, j);
                TRY(planes.plane_of(color, &plane));
            }
            if (planes.mark_new(plane, i, j)) *next++ = numbers.of(color, i, j);
            return Outcome::ok;
        }));
    }
    if (next != cells + set->size) return broken_invariant();
    DistinctTable<uint32_t> table(m);
    TRY(table.start());
    TRY(numbers.with_hashes([&](auto hash_of) { return table.add(cells, set->size, hash_of); }));
    return adopt_numbers(m, numbers, table, set);
}

} // namespace codeit
