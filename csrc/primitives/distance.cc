#include "primitives/distance.h"

#include "primitives/patch.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace codeit {
namespace {

constexpr uint64_t kUnitsOfGrownRow = 2;

// Lets a grow by one step in all four directions until it meets b; the window around both is small,
// and a shortest way between them lies in it. So what grows beyond it may be cut off.
Outcome distance_by_growth(Machine &m, const Bitmap &a, const Bitmap &b, int64_t *out) {
    ScratchScope scratch(m);
    Window window = joined(window_of(a), window_of(b));
    size_t height = static_cast<size_t>(window.height);
    Row *reached;
    Row *wanted;
    Row *next;
    TRY(m.allocate_scratch(height, &reached));
    TRY(m.allocate_scratch(height, &next));
    TRY(m.allocate_scratch(height, &wanted));
    for (size_t i = 0; i < height; ++i) {
        int64_t row = window.top + static_cast<int64_t>(i);
        reached[i] = a.window(row, window.left);
        wanted[i] = b.window(row, window.left);
    }
    for (int64_t distance = 0;; ++distance) {
        TRY(m.charge(height * kUnitsOfGrownRow));
        for (size_t i = 0; i < height; ++i) {
            if ((reached[i] & wanted[i]) != 0) {
                *out = distance;
                return Outcome::ok;
            }
        }
        for (size_t i = 0; i < height; ++i) {
            Row row = reached[i] | reached[i] << 1 | reached[i] >> 1;
            if (i > 0) row |= reached[i - 1];
            if (i + 1 < height) row |= reached[i + 1];
            next[i] = row;
        }
        std::swap(reached, next);
    }
}

// A place of a bitmap that has some.
void read_first(const Bitmap &bits, int64_t *i, int64_t *j) {
    const uint64_t low = low_half(bits.rows[0]);
    *i = bits.top;
    *j = bits.left +
         (low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(high_half(bits.rows[0])));
}

// What it costs at most; UINT64_MAX where it cannot be.
uint64_t units_of_growth(const Bitmap &a, const Bitmap &b) {
    const Window window = joined(window_of(a), window_of(b));
    if (!window.is_small()) return UINT64_MAX;
    // It takes as many steps as the distance, which that of any two places bounds.
    int64_t at[2][2];
    read_first(a, &at[0][0], &at[0][1]);
    read_first(b, &at[1][0], &at[1][1]);
    const int64_t most = std::abs(at[0][0] - at[1][0]) + std::abs(at[0][1] - at[1][1]);
    return static_cast<uint64_t>(window.height * (most + 1)) * kUnitsOfGrownRow;
}

// The coordinates of a patch's places, apart from each other.
struct Coordinates {
    int32_t *rows;
    int32_t *columns;
    size_t size;
};
Outcome list_coordinates(Machine &m, Set *patch, Coordinates *out) {
    out->size = patch->size;
    TRY(m.charge(uint64_t{patch->size} + static_cast<uint64_t>(patch->patch.bits.height)));
    TRY(m.allocate_scratch(out->size, &out->rows));
    TRY(m.allocate_scratch(out->size, &out->columns));
    size_t k = 0;
    auto add = [&](int32_t i, int32_t j) {
        out->rows[k] = i;
        out->columns[k++] = j;
    };
    if (patch->is_packed()) {
        for_each_place(patch->patch.bits, add);
        return Outcome::ok;
    }
    Items places;
    TRY(elements(m, patch, &places));
    for (const Value &place : places) add(place.i, place.j);
    return Outcome::ok;
}

// As an Int can hold it.
template <typename Int>
int64_t least_distance(const Coordinates &a, const Coordinates &b) {
    Int least = std::numeric_limits<Int>::max();
    for (size_t n = 0; n < a.size; ++n) {
        for (size_t k = 0; k < b.size; ++k) {
            const Int down = Int{b.rows[k]} - Int{a.rows[n]};
            const Int right = Int{b.columns[k]} - Int{a.columns[n]};
            const Int distance = (down < 0 ? -down : down) + (right < 0 ? -right : right);
            least = distance < least ? distance : least;
        }
    }
    return least;
}

bool is_near_origin(const Coordinates &places) {
    constexpr int32_t kFar = 1 << 28; // distances of less fit 32 bits
    auto is_far = [](int32_t n) { return n < -kFar || n > kFar; };
    return std::none_of(places.rows, places.rows + places.size, is_far) &&
           std::none_of(places.columns, places.columns + places.size, is_far);
}

// The smallest one, found by looking at all pairs of places.
Outcome distance_of_pairs(Machine &m, Set *a, Set *b, int64_t *out) {
    ScratchScope scratch(m);
    Coordinates of_a;
    Coordinates of_b;
    TRY(m.charge(uint64_t{a->size} * b->size));
    TRY(list_coordinates(m, a, &of_a));
    TRY(list_coordinates(m, b, &of_b));
    *out = is_near_origin(of_a) && is_near_origin(of_b) ? least_distance<int32_t>(of_a, of_b)
                                                        : least_distance<int64_t>(of_a, of_b);
    return Outcome::ok;
}

bool is_plain_patch(const Value &v) {
    return v.is_set() && (v.set->holds_only(Kind::pair) || v.set->holds_only(Kind::cell));
}

} // namespace

Outcome distance_between(Machine &m, const Value &a, const Value &b, bool *are_plain,
                         int64_t *out) {
    *are_plain = !m.is_plain() && is_plain_patch(a) && is_plain_patch(b);
    if (!*are_plain) return Outcome::ok;
    bool is_a_packed;
    bool is_b_packed;
    TRY(pack(m, a.set, &is_a_packed));
    TRY(pack(m, b.set, &is_b_packed));
    if (is_a_packed && is_b_packed) {
        const Bitmap &from = a.set->patch.bits;
        const Bitmap &to = b.set->patch.bits;
        if (units_of_growth(from, to) < uint64_t{a.set->size} * b.set->size)
            return distance_by_growth(m, from, to, out);
    }
    return distance_of_pairs(m, a.set, b.set, out);
}

Outcome AnyDistance::read(const Value &a, const Value &b) {
    Value places;
    Items items_a;
    Items items_b;
    TRY(to_indices(m_, a, &places));
    TRY(items_of(m_, places, &items_a));
    TRY(m_.allocate(items_a.size, &of_a_));
    for (const Value &item : items_a) {
        Value i;
        Value j;
        TRY(unpack(m_, item, &i, &j));
        // In CPython each place of a meets each of b, and b is looked at for the first place of a:
        // what is wrong with one of them ends it in that order.
        const bool are_ints = i.is_int() && j.is_int();
        if (size_a_ == 0) {
            TRY(to_indices(m_, b, &places));
            TRY(items_of(m_, places, &items_b));
            TRY(m_.allocate(items_b.size, &of_b_));
            for (const Value &other : items_b) {
                Value other_i;
                Value other_j;
                TRY(unpack(m_, other, &other_i, &other_j));
                if (!are_ints || !other_i.is_int() || !other_j.is_int()) return Outcome::type_error;
                of_b_[size_b_++] = {other_i.integer, other_j.integer};
            }
        }
        if (!are_ints && size_b_ != 0) return Outcome::type_error;
        of_a_[size_a_++] = {i.integer, j.integer};
    }
    return size_a_ == 0 || size_b_ == 0 ? Outcome::value_error : Outcome::ok;
}

Outcome AnyDistance::least(Wide down, Wide right, Wide *out) const {
    auto absolute = [](Wide n) { return n < 0 ? -n : n; };
    bool is_first = true;
    for (size_t n = 0; n < size_a_; ++n) {
        const Wide i = of_a_[n].i + down;
        const Wide j = of_a_[n].j + right;
        TRY(m_.charge(size_b_));
        for (size_t k = 0; k < size_b_; ++k) {
            const Wide distance = absolute(i - of_b_[k].i) + absolute(j - of_b_[k].j);
            if (is_first || distance < *out) *out = distance;
            is_first = false;
        }
    }
    return Outcome::ok;
}

} // namespace codeit
