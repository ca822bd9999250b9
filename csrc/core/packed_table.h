// Hash tables of packed sets: the table that CPython would have built, from which the iteration
// order of a set is read.
//
// A slot has 16 bits: 0 where it is empty, kDummyCode, or 1 + the code of a place in the box of the
// set's bits, which is 128 times its row, plus its column. The bits and the colors of the set say
// what is there. So a table is a quarter of the general one (core/set_table.h needs values and
// hashes besides), a move of the box leaves it as it is, and a box within another one adds the same
// number to every code.
//
// Hashes are not kept. Those of places near the origin stand in a table of 128 KiB made at compile
// time, in rows as far apart as in a code, so that the hash of slot s of a set is places[s - 1];
// those farther out are put together from a part for the row and one for the column. The elements
// of a set that is laid out are known to be distinct, and no two are ever compared: DistinctTable
// in core/slots.h.
//
// How a set is laid out follows from its recipe (Set::Recipe), and takes the steps of
// language.md 4.4 to 4.6 one by one, on codes. Sets that a set was made from are laid out first.
#pragma once

#include "core/packed_set.h"
#include "core/slots.h"
#include "core/table_rules.h"

namespace codeit {

// With so many rows and columns, no place has the code of a dummy.
inline constexpr uint16_t kEmptyCode = 0;
inline constexpr uint16_t kDummyCode = UINT16_MAX;
inline constexpr int kCodeShift = 7;
inline constexpr int32_t kCodeMask = (1 << kCodeShift) - 1;
static_assert(Bitmap::kMaxWidth == 1 << kCodeShift);
static_assert(Bitmap::kMaxHeight * Bitmap::kMaxWidth < UINT16_MAX);

// The slot of a place that lies in the box.
inline uint16_t slot_of(const Bitmap &box, int64_t i, int64_t j) {
    return static_cast<uint16_t>(((i - box.top) << kCodeShift) + (j - box.left) + 1);
}

inline Value element_of(const Set &set, uint16_t slot) {
    const Patch &patch = set.patch;
    int32_t i = patch.bits.top + ((slot - 1) >> kCodeShift);
    int32_t j = patch.bits.left + ((slot - 1) & kCodeMask);
    return set.holds_only(Kind::pair) ? Value::pair(i, j) : Value::cell(patch.color_at(i, j), i, j);
}

// Calls visit(i, j) for the elements of a packed set that is laid out, in iteration order; visit
// may return Outcome, then so does this.
template <typename Visit>
inline auto for_each_in_order(const Set &set, Visit visit) {
    const Bitmap &box = set.patch.bits;
    return for_each_slot(set.codes, set.mask, [&](uint16_t slot, uint32_t) {
        return visit(box.top + ((slot - 1) >> kCodeShift), box.left + ((slot - 1) & kCodeMask));
    });
}

// The hashes of places near the origin. From one row to the next it is as far as in a slot's code.
struct PlaceHashes {
    static constexpr int32_t kFirst = -48; // rays reach from -42 to 71
    static constexpr int32_t kCount = 1 << kCodeShift;
    static constexpr int32_t kEnd = kFirst + kCount;
    uint64_t of[kCount * kCount];

    constexpr PlaceHashes();

    static bool have(const Window &window) {
        return window.top >= kFirst && window.left >= kFirst &&
               window.top + window.height <= kEnd && window.left + window.width <= kEnd;
    }
    // Where the hash of (i, j), which must be in [kFirst, kEnd), and those that follow stand.
    const uint64_t *at(int64_t i, int64_t j) const {
        return of + ((i - kFirst) << kCodeShift) + (j - kFirst);
    }
};
extern const PlaceHashes kPlaceHashes;

// What the color of a cell adds to its hash, by the color as uint8_t.
struct ColorHashes {
    uint64_t parts[256];

    constexpr ColorHashes();
};
extern const ColorHashes kColorHashes;

// The hashes of the elements of a packed set, by slot.
class PackedHashes {
  public:
    explicit PackedHashes(const Set &set);
    PackedHashes(const PackedHashes &) = delete;
    PackedHashes &operator=(const PackedHashes &) = delete;

    // use(hash_of), where hash_of(slot) is the hash of an element. What the elements are is decided
    // once for all of them.
    template <typename Use>
    auto with(Use use) const {
        if (places_ != nullptr) [[likely]] {
            return with_places([places = places_](uint32_t slot) { return places[slot - 1]; }, use);
        }
        return with_places(
            [rows = own_rows_, columns = own_columns_](uint32_t slot) {
                return hashing::of_parts(rows[(slot - 1) >> kCodeShift],
                                         columns[(slot - 1) & kCodeMask]);
            },
            use);
    }

  private:
    template <typename OfPlace, typename Use>
    auto with_places(OfPlace of_place, Use use) const {
        if (!has_cells_) return use(of_place);
        if (colors_ == nullptr) {
            return use([of_place, color = color_part_](uint32_t slot) {
                return hashing::with_color(color, of_place(slot));
            });
        }
        return use([of_place, colors = colors_, stride = stride_](uint32_t slot) {
            uint32_t row = (slot - 1) >> kCodeShift;
            int8_t color = colors[int64_t{row} * stride + ((slot - 1) & kCodeMask)];
            return hashing::with_color(kColorHashes.parts[static_cast<uint8_t>(color)],
                                       of_place(slot));
        });
    }
    void tabulate(const Bitmap &bits);

    bool has_cells_;
    int32_t stride_;
    const int8_t *colors_;                  // nullptr where all cells have one color
    uint64_t color_part_;                   // of the hash of a cell then
    const uint64_t *places_;                // among kPlaceHashes; nullptr where these lack some
    uint64_t own_rows_[Bitmap::kMaxHeight]; // the parts of the hashes of places then
    uint64_t own_columns_[Bitmap::kMaxWidth];
};

// lay_out of a packed set, in codes; the table of values that it stands for; the values alone.
Outcome lay_out_packed(Machine &m, Set *set);
Outcome decode_table(Machine &m, Set *set);
Outcome decode_order(Machine &m, Set *set);

// turns_of a packed set.
Outcome turns_of_packed(Machine &m, Set *set, const Items &elements, uint32_t *out);

// GEN of the elements of a packed set, in its order, that are places of `patch`:
Outcome filtered_set(Machine &m, Set *source, Kind kind, const Patch &patch, uint32_t size,
                     Value *out);
// OR of two packed sets of one kind:
Outcome united_set(Machine &m, Set *a, Set *b, const Patch &patch, uint32_t size, Value *out);

// For constructions: the table that GEN makes of the elements of packed sets in turn, for a set
// that is packed, too; or that an equal set has.
Outcome lay_out_joined(Machine &m, const Items &sets, Set *set);
Outcome adopt_table(Machine &m, const Value &built, Set *set);

} // namespace codeit
