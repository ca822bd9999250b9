// Unions of patches that have no bits: cells of two colors at one place, or patches too far apart.
//
// mapply(f, ...) and merge make such sets, and most of them are only painted or counted, so that
// they deserve better than a table of values. Their parts are packed. Each color has a plane of
// bits of its own over the common window, in which cells are marked: the union's size is a count of
// bits, and a part that adds nothing is recognised a row at a time, and never laid out.
//
// When the order is asked for, the parts that add something are laid out one after the other, and
// their elements that are new are added in turn to a table of numbers that stand for cells: GEN, as
// in core/packed_table.h, with 32 bits a slot in place of 16. Only then the elements become values.
//
// It falls back to adding values one by one where the window is too large for its elements, or a
// color does not fit 8 bits.
#include "core/scattered_set.h"

#include "core/set_table.h"

#include <algorithm>

namespace codeit {
namespace {

// Numbers that stand for the cells in a window, or for places: the low bits are 1 + the number of a
// place, the 8 high ones a color.
class CellNumbers {
  public:
    static bool fit(const Window &window) {
        return window.height < kPlaceMask && window.width < kPlaceMask &&
               (static_cast<uint64_t>(window.height) << shift_of(window)) < kPlaceMask;
    }

    CellNumbers(Machine &m, Kind kind, const Window &window)
        : m_(m), kind_(kind), window_(window), shift_(shift_of(window)) {}

    // What with_hashes needs.
    Outcome start() {
        auto height = static_cast<size_t>(window_.height);
        auto width = static_cast<size_t>(window_.width);
        TRY(m_.charge(height + width));
        TRY(m_.allocate_scratch(height, &rows_));
        TRY(m_.allocate_scratch(width, &columns_));
        if (PlaceHashes::have(window_)) {
            places_ = kPlaceHashes.at(window_.top, window_.left);
            return Outcome::ok;
        }
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

    // The number of a place, and how many there are.
    uint32_t place_of(int64_t i, int64_t j) const {
        return static_cast<uint32_t>((i - window_.top) << shift_) +
               static_cast<uint32_t>(j - window_.left);
    }
    uint32_t place_after(uint32_t num_rows) const { return num_rows << shift_; }
    size_t num_places() const { return static_cast<size_t>(window_.height) << shift_; }

    static uint32_t of(int32_t color, uint32_t place) {
        return uint32_t{static_cast<uint8_t>(color)} << kColorShift | (place + 1);
    }

    // use(hash_of), as in PackedHashes.
    template <typename Use>
    auto with_hashes(Use use) const {
        auto row_of = [shift = shift_](uint32_t number) {
            return ((number & kPlaceMask) - 1) >> shift;
        };
        auto column_of = [below = (1u << shift_) - 1](uint32_t number) {
            return ((number & kPlaceMask) - 1) & below;
        };
        if (places_ != nullptr) {
            return with_places(
                [=, places = places_](uint32_t number) {
                    return places[(row_of(number) << kCodeShift) + column_of(number)];
                },
                use);
        }
        return with_places(
            [=, rows = rows_, columns = columns_](uint32_t number) {
                return hashing::of_parts(rows[row_of(number)], columns[column_of(number)]);
            },
            use);
    }

    Value value_of(uint32_t number) const {
        uint32_t place = (number & kPlaceMask) - 1;
        auto i = static_cast<int32_t>(window_.top + (place >> shift_));
        auto j = static_cast<int32_t>(window_.left + (place & ((1u << shift_) - 1)));
        return kind_ == Kind::pair ? Value::pair(i, j)
                                   : Value::cell(static_cast<int8_t>(number >> kColorShift), i, j);
    }

  private:
    template <typename OfPlace, typename Use>
    auto with_places(OfPlace of_place, Use use) const {
        if (kind_ == Kind::pair) return use(of_place);
        return use([of_place](uint32_t number) {
            return hashing::with_color(kColorHashes.parts[number >> kColorShift], of_place(number));
        });
    }

    static constexpr int kColorShift = 24;
    static constexpr uint32_t kPlaceMask = (1u << kColorShift) - 1;
    static int shift_of(const Window &window) {
        return std::bit_width(static_cast<uint64_t>(window.width - 1));
    }

    Machine &m_;
    Kind kind_;
    Window window_;
    int shift_;
    const uint64_t *places_ = nullptr; // among kPlaceHashes
    uint64_t *rows_ = nullptr;         // the parts of the hashes of places, where these lack some
    uint64_t *columns_ = nullptr;
};

// Planes of bits, one for each color that occurs, with a bit for the number of each place; for as
// long as the scratch scope around them lives. Places count as cells of color 0.
class CellPlanes {
  public:
    CellPlanes(Machine &m, Kind kind, const CellNumbers &numbers)
        : m_(m), kind_(kind), numbers_(numbers), words_(numbers.num_places() / 64 + 3) {}

    size_t words() const { return words_; }

    // The color of all cells of a patch; false where each has its own.
    bool has_one_color(const Patch &patch, int32_t *color) const {
        *color = kind_ == Kind::pair ? 0 : patch.color;
        return kind_ == Kind::pair || patch.colors == nullptr;
    }

    // The places of a patch, color by color, until this is called again. Sets that are copies of
    // one elsewhere share what is worked out for the first.
    Outcome split(const Patch &patch) {
        int32_t color;
        if (has_one_color(patch, &color)) {
            num_layers_ = 1;
            layers_[0] = {color, patch.bits.rows};
            last_ = {};
            return Outcome::ok;
        }
        if (patch.colors == last_.colors && patch.stride == last_.stride &&
            patch.bits.rows == last_.bits.rows && patch.bits.height == last_.bits.height) {
            return Outcome::ok;
        }
        last_ = {};
        num_layers_ = 0;
        uint16_t index_of[kNumColors]; // of the layers, plus 1
        std::memset(index_of, 0, sizeof index_of);
        const int8_t *colors = patch.colors;
        for (int32_t i = 0; i < patch.bits.height; ++i, colors += patch.stride) {
            TRY(for_each_bit(patch.bits.rows[i], [&](int32_t j) {
                uint16_t &index = index_of[static_cast<uint8_t>(colors[j])];
                if (index == 0) {
                    TRY(add_layer(colors[j], patch.bits.height));
                    index = static_cast<uint16_t>(num_layers_);
                }
                buffers_[index - 1][i] |= Row{1} << j;
                return Outcome::ok;
            }));
        }
        last_ = patch;
        return Outcome::ok;
    }

    // Makes the planes of the colors of the patch that was split, and charges for them.
    Outcome make_planes() {
        for (size_t k = 0; k < num_layers_; ++k) TRY(make_plane(layers_[k].color));
        return Outcome::ok;
    }

    // Marks its cells; their planes must be there.
    void mark(const Bitmap &box) {
        for (size_t k = 0; k < num_layers_; ++k) {
            uint64_t *plane = plane_of(layers_[k].color);
            for (int32_t i = 0; i < box.height; ++i) {
                uint32_t first = numbers_.place_of(int64_t{box.top} + i, box.left);
                Row places = layers_[k].rows[i];
                uint64_t *at = plane + first / 64;
                int by = static_cast<int>(first % 64);
                // A row of 128 places is spread over three words. A shift by all bits of a word is
                // undefined, and is done in two steps where `by` may be 0.
                at[0] |= low_half(places) << by;
                at[1] |= low_half(places >> (64 - by));
                if (high_half(places) != 0) at[2] |= high_half(places) >> 1 >> (63 - by);
            }
        }
    }

    // Marks one place; false when it was marked before.
    static bool mark_new(uint64_t *plane, uint32_t place) {
        uint64_t &word = plane[place / 64];
        uint64_t bit = uint64_t{1} << (place % 64);
        bool is_new = (word & bit) == 0;
        word |= bit;
        return is_new;
    }

    // Whether all its cells are marked; their planes must be there.
    bool has_all(const Bitmap &box) const {
        for (size_t k = 0; k < num_layers_; ++k) {
            const uint64_t *plane = plane_of(layers_[k].color);
            for (int32_t i = 0; i < box.height; ++i) {
                uint32_t first = numbers_.place_of(int64_t{box.top} + i, box.left);
                const uint64_t *at = plane + first / 64;
                int by = static_cast<int>(first % 64);
                Row marked = (Row{at[1]} << 64 | at[0]) >> by;
                if (box.width > 64) marked |= Row{at[2]} << 1 << (127 - by);
                if ((layers_[k].rows[i] & ~marked) != 0) return false;
            }
        }
        return true;
    }

    uint64_t *plane_of(int32_t color) const { return planes_[static_cast<uint8_t>(color)]; }

    size_t count() const {
        size_t count = 0;
        for (const uint64_t *plane : planes_) {
            for (size_t k = 0; plane != nullptr && k < words_; ++k) {
                if (plane[k] != 0) count += count_bits(plane[k]);
            }
        }
        return count;
    }

    // Calls visit(number) for every marked cell.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (int color = 0; color < kNumColors; ++color) {
            const uint64_t *plane = planes_[color];
            for (size_t k = 0; plane != nullptr && k < words_; ++k) {
                for (uint64_t bits = plane[k]; bits != 0; bits &= bits - 1) {
                    auto place = static_cast<uint32_t>(k * 64) +
                                 static_cast<uint32_t>(std::countr_zero(bits));
                    visit(CellNumbers::of(color, place));
                }
            }
        }
    }

  private:
    static constexpr int kNumColors = 256;

    Outcome make_plane(int32_t color) {
        uint64_t *&plane = planes_[static_cast<uint8_t>(color)];
        if (plane != nullptr) return Outcome::ok;
        TRY(m_.charge(words_));
        TRY(m_.allocate_scratch(words_, &plane));
        std::memset(plane, 0, words_ * sizeof(uint64_t));
        return Outcome::ok;
    }

    Outcome add_layer(int32_t color, int32_t height) {
        if (height > heights_[num_layers_]) {
            heights_[num_layers_] = std::min<int32_t>(2 * height, Bitmap::kMaxHeight);
            auto size = static_cast<size_t>(heights_[num_layers_]) * sizeof(Row);
            buffers_[num_layers_] = static_cast<Row *>(m_.arena().allocate_scratch(size));
            if (buffers_[num_layers_] == nullptr) return Outcome::out_of_memory;
        }
        Row *rows = buffers_[num_layers_];
        std::memset(rows, 0, static_cast<size_t>(height) * sizeof(Row));
        layers_[num_layers_++] = {color, rows};
        return Outcome::ok;
    }

    // The places of one color of a patch, as rows of its box.
    struct Layer {
        int32_t color;
        const Row *rows;
    };

    Machine &m_;
    Kind kind_;
    const CellNumbers &numbers_;
    size_t words_; // a row of 128 places may reach over two after the last
    uint64_t *planes_[kNumColors] = {};
    Patch last_; // that was split, if it has several colors
    size_t num_layers_ = 0;
    Layer layers_[kNumColors];
    Row *buffers_[kNumColors]; // of the layers, with room for so many rows
    int32_t heights_[kNumColors] = {};
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

Outcome PatchUnion::finish(Value **values, size_t *size, bool *fits) {
    constexpr uint64_t kWordsForElement = 4;
    constexpr uint64_t kWordsAtLeast = 128;
    uint64_t num_elements = 0;
    for (const Value &v : sets_.items()) {
        const Patch &patch = v.set->patch;
        num_elements += v.set->size;
        *fits =
            *fits && (patch.colors != nullptr || static_cast<int8_t>(patch.color) == patch.color);
    }
    constexpr uint64_t kLeastElements = 32; // fewer are added one by one in less time
    *fits = *fits && num_elements >= kLeastElements;
    if (!*fits) return Outcome::ok;
    CellNumbers numbers(m_, kind_, window_);
    CellPlanes planes(m_, kind_, numbers);
    *fits = CellNumbers::fit(window_) &&
            planes.words() <= kWordsForElement * num_elements + kWordsAtLeast;
    if (!*fits) return Outcome::ok;
    ScratchScope scratch(m_);
    for (const Value &v : sets_.items()) {
        const Patch &patch = v.set->patch;
        int32_t color;
        TRY(m_.charge(planes.has_one_color(patch, &color) ? static_cast<uint64_t>(patch.bits.height)
                                                          : uint64_t{v.set->size} * 3));
        TRY(planes.split(patch));
        TRY(planes.make_planes());
        planes.mark(patch.bits);
    }
    *size = planes.count();
    *values = nullptr;
    if (window_.is_small()) return Outcome::ok;
    TRY(m_.charge(*size));
    TRY(m_.allocate(*size, values));
    Value *next = *values;
    planes.for_each([&](uint32_t number) { *next++ = numbers.value_of(number); });
    return Outcome::ok;
}

Outcome lay_out_merged(Machine &m, const Items &sets, Set *set) {
    if (set->is_packed()) return lay_out_joined(m, sets, set);
    PatchUnion parts(m);
    for (const Value &v : sets) {
        bool fits;
        TRY(parts.add(v, &fits));
        if (!fits) return broken_invariant();
    }
    ScratchScope scratch(m);
    CellNumbers numbers(m, parts.kind(), parts.window());
    CellPlanes planes(m, parts.kind(), numbers);
    uint32_t *cells; // in the turn in which they are added
    TRY(numbers.start());
    TRY(m.allocate_scratch(set->size, &cells));
    uint32_t *next = cells;
    for (const Value &v : sets) {
        if (v.set->size == 0) continue;
        const Patch &patch = v.set->patch;
        TRY(m.charge(static_cast<uint64_t>(patch.bits.height)));
        TRY(planes.split(patch));
        TRY(planes.make_planes());
        if (planes.has_all(patch.bits)) continue; // adds nothing, and needs no order
        TRY(m.charge(uint64_t{v.set->size} * units::kPlaced));
        TRY(lay_out_packed(m, v.set));
        uint32_t first = numbers.place_of(patch.bits.top, patch.bits.left);
        int32_t color;
        bool is_even = planes.has_one_color(patch, &color);
        for_each_slot(v.set->codes, v.set->mask, [&](uint16_t slot, uint32_t) {
            uint32_t row = (slot - 1u) >> kCodeShift;
            uint32_t column = (slot - 1u) & kCodeMask;
            uint32_t place = first + numbers.place_after(row) + column;
            if (!is_even) color = patch.colors[int64_t{row} * patch.stride + column];
            if (CellPlanes::mark_new(planes.plane_of(color), place)) {
                *next++ = CellNumbers::of(color, place);
            }
        });
    }
    if (next != cells + set->size) return broken_invariant();
    DistinctTable<uint32_t> table(m);
    TRY(table.start());
    TRY(numbers.with_hashes([&](auto hash_of) { return table.add(cells, set->size, hash_of); }));
    return adopt_numbers(m, numbers, table, set);
}

} // namespace codeit
