// Ints at the ends of their range, bitmaps at the ends of their width, and the algebra of sets that
// are held as bits beside the same of sets that are not.
#include "core/packed_set.h"
#include "core/set_algebra.h"
#include "core/wide.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <utility>
#include <vector>

using namespace codeit;

namespace {

constexpr Limits kLimits = {int64_t{1} << 50, uint64_t{1} << 26, 100, 0};
constexpr int64_t kMin = INT64_MIN;
constexpr int64_t kMax = INT64_MAX;

using Place = std::pair<int64_t, int64_t>;
using Places = std::set<Place>;

// A machine and what is made of places on it.
struct Bench {
    Machine m{kLimits};

    explicit Bench(bool is_plain = false) {
        m.set_limits(kLimits, nullptr, is_plain);
        m.reset(standard_names(), Dialect::codeit);
    }

    Bitmap bitmap(const Places &places) {
        int64_t bottom = kMin;
        int64_t right = kMin;
        Window window = {kMax, kMax, 0, 0};
        for (auto [i, j] : places) {
            window.top = std::min(window.top, i);
            window.left = std::min(window.left, j);
            bottom = std::max(bottom, i);
            right = std::max(right, j);
        }
        window.height = bottom - window.top + 1;
        window.width = right - window.left + 1;
        REQUIRE(window.is_small());
        BitmapBuilder builder(m, window);
        REQUIRE(builder.start() == Outcome::ok);
        for (auto [i, j] : places) builder.add(i, j);
        Bitmap bits;
        uint32_t size;
        builder.finish(&bits, &size);
        REQUIRE(size == places.size());
        return bits;
    }

    Set *set(const std::vector<Place> &places) {
        SetBuilder builder(m);
        for (auto [i, j] : places) {
            const Value v = Value::pair(static_cast<int32_t>(i), static_cast<int32_t>(j));
            REQUIRE(builder.add(v) == Outcome::ok);
        }
        Value v;
        REQUIRE(builder.finish(&v) == Outcome::ok);
        return v.set;
    }

    std::vector<Place> in_order(Set *set) {
        const Value *items;
        REQUIRE(ordered(m, set, &items) == Outcome::ok);
        std::vector<Place> places;
        for (uint32_t k = 0; k < set->size; ++k) places.emplace_back(items[k].i, items[k].j);
        return places;
    }
};

Places places_in(const Bitmap &bits) {
    Places places;
    for_each_place(bits, [&](int32_t i, int32_t j) { places.emplace(i, j); });
    return places;
}

// Places with some in every part of a box, which reach its corners.
Places scattered(std::mt19937 &random, int64_t top, int64_t left, int64_t height, int64_t width) {
    Places places = {{top, left}, {top + height - 1, left + width - 1}};
    for (int64_t k = 0; k < height * width / 5; ++k) {
        places.emplace(top + random() % height, left + random() % width);
    }
    return places;
}

} // namespace

TEST_CASE("a wide number fits 64 bits up to both ends") {
    CHECK(fits_int64(Wide{kMax}));
    CHECK(fits_int64(Wide{kMin}));
    CHECK_FALSE(fits_int64(Wide{kMax} + 1));
    CHECK_FALSE(fits_int64(Wide{kMin} - 1));
    const Wide largest = Wide{kMin} * kMin; // and a few of them can be added
    CHECK((largest + kMax + kMax > largest));
    CHECK((Wide{kMin} - kMax < kMin));
}

TEST_CASE("a range counts its ints, and ends where there are no more") {
    CHECK(Range(3, 2).size() == 0);
    CHECK(Range(kMax, kMin).size() == 0);
    CHECK(Range(3, 3).size() == 1);
    CHECK(Range(kMax, kMax).size() == 1);
    CHECK(Range(kMax, kMax)[0] == kMax);
    CHECK(Range(kMin, kMin + 1)[1] == kMin + 1);
    CHECK(Range(kMin, -1).size() == uint64_t{1} << 63);
    CHECK(Range(kMin + 1, kMax).size() == UINT64_MAX);
    CHECK(Range(kMin + 1, kMax)[UINT64_MAX - 1] == kMax);
    CHECK(Range(kMin, kMax).size() == UINT64_MAX);
    CHECK(Range(-2, 2)[4] == 2);
}

TEST_CASE("pairs are counted until there is no number for them") {
    CHECK(num_pairs(0, UINT64_MAX) == 0);
    CHECK(num_pairs(uint64_t{1} << 32, uint64_t{1} << 31) == uint64_t{1} << 63);
    CHECK(num_pairs(uint64_t{1} << 32, uint64_t{1} << 32) == UINT64_MAX);
}

TEST_CASE("a bitmap is tight, whatever window it was built in") {
    Bench bench;
    BitmapBuilder builder(bench.m, {-5, -100, 20, 128});
    REQUIRE(builder.start() == Outcome::ok);
    for (auto [i, j] : {Place{-3, -90}, Place{-3, -70}, Place{4, -75}}) builder.add(i, j);
    Bitmap bits;
    uint32_t size;
    builder.finish(&bits, &size);
    CHECK(size == 3);
    CHECK(bits.top == -3);
    CHECK(bits.left == -90);
    CHECK(bits.height == 8);
    CHECK(bits.width == 21);
    CHECK(bits.contains(-3, -70));
    CHECK_FALSE(bits.contains(-3, -71));
    CHECK_FALSE(bits.contains(-4, -90));
    CHECK_FALSE(bits.contains(5, -75));
    CHECK_FALSE(bits.contains(int64_t{INT32_MAX} + 1, int64_t{INT32_MIN} - 1));
}

TEST_CASE("a bitmap without places has no rows") {
    Bench bench;
    BitmapBuilder builder(bench.m, {0, 0, 3, 3});
    REQUIRE(builder.start() == Outcome::ok);
    Bitmap bits;
    uint32_t size;
    builder.finish(&bits, &size);
    CHECK(size == 0);
    CHECK(bits.rows == nullptr);
}

TEST_CASE("a window is small up to the width and height of a bitmap and the ends of 32 bits") {
    CHECK(Window{0, 0, Bitmap::kMaxHeight, Bitmap::kMaxWidth}.is_small());
    CHECK_FALSE(Window{0, 0, Bitmap::kMaxHeight + 1, 1}.is_small());
    CHECK_FALSE(Window{0, 0, 1, Bitmap::kMaxWidth + 1}.is_small());
    CHECK(Window{INT32_MIN, INT32_MAX - 4, 1, 4}.is_small());
    CHECK_FALSE(Window{0, INT32_MAX - 4, 1, 5}.is_small());
    CHECK_FALSE(Window{int64_t{INT32_MIN} - 1, 0, 1, 1}.is_small());
}

TEST_CASE("a row is seen through a window as far as both reach") {
    Bench bench;
    const Bitmap bits = bench.bitmap({{7, 10}, {7, 137}});
    CHECK((bits.window(7, 10) == (Row{1} << 127 | 1)));
    CHECK((bits.window(7, 137) == 1));
    CHECK((bits.window(7, 138) == 0));
    CHECK((bits.window(7, 10 - 127) == Row{1} << 127));
    CHECK((bits.window(7, 10 - 128) == 0));
    CHECK((bits.window(7, kMax / 2) == 0));
    CHECK((bits.window(6, 10) == 0));
    CHECK((bits.window(8, 10) == 0));
}

TEST_CASE("a view of a bitmap shows what its window does, narrow or wide") {
    Bench bench;
    std::mt19937 random(1);
    for (int64_t width : {1, 2, 63, 64, 65, 127, 128}) {
        const Bitmap bits = bench.bitmap(scattered(random, -2, 30, 4, width));
        for (int64_t left = 30 - 127; left < 30 + 128; ++left) {
            const BitmapView view(bits, -4, left);
            for (int64_t k = 0; k < 8; ++k) {
                REQUIRE((std::bit_cast<Row>(view[k]) == bits.window(k - 4, left)));
            }
        }
    }
}

TEST_CASE("bits and columns are counted up to all of them") {
    CHECK(low_bits(0) == 0);
    CHECK(low_bits(63) == UINT64_MAX >> 1);
    CHECK(low_bits(64) == UINT64_MAX);
    CHECK((low_columns(128) == ~Row{0}));
    CHECK((low_columns(127) == ~Row{0} >> 1));
    CHECK(count_bits(~Row{0}) == 128);
    CHECK(count_bits(UINT64_MAX) == 64);
    CHECK(count_bits(Row{1} << 127) == 1);
}

TEST_CASE("mirrors and the diagonal move every place, at every width") {
    Bench bench;
    std::mt19937 random(2);
    for (int64_t width : {1, 2, 7, 63, 64, 65, 100, 128}) {
        const Places places = scattered(random, 5, -9, 1 + width % 11, width);
        const Bitmap bits = bench.bitmap(places);
        Bitmap rows, columns, diagonal;
        REQUIRE(upside_down(bench.m, bits, &rows) == Outcome::ok);
        REQUIRE(left_right(bench.m, bits, &columns) == Outcome::ok);
        REQUIRE(transposed_bits(bench.m, bits, &diagonal) == Outcome::ok);
        Places up, across, turned;
        for (auto [i, j] : places) {
            up.emplace(bits.top + bits.bottom() - i, j);
            across.emplace(i, bits.left + bits.right() - j);
            turned.emplace(j, i);
        }
        CHECK(places_in(rows) == up);
        CHECK(places_in(columns) == across);
        CHECK(places_in(diagonal) == turned);
        CHECK(num_places(diagonal) == places.size());
    }
}

TEST_CASE("relations of bitmaps are those of their places") {
    Bench bench;
    std::mt19937 random(3);
    int num_adjacent = 0;
    for (int round = 0; round < 300; ++round) {
        auto some = [&](int64_t reach) {
            Places places;
            for (unsigned k = 0; k <= random() % 4; ++k) {
                places.emplace(random() % 4, static_cast<int64_t>(random() % 3) * reach);
            }
            return places;
        };
        const int64_t reach = round % 2 == 0 ? 1 : 60;
        const Places p = some(reach);
        const Places q = some(reach);
        const Bitmap a = bench.bitmap(p);
        const Bitmap b = bench.bitmap(q);
        bool shares_row = false;
        bool shares_column = false;
        int64_t distance = kMax;
        for (auto [i, j] : p) {
            for (auto [k, l] : q) {
                shares_row |= i == k;
                shares_column |= j == l;
                distance = std::min(distance, std::abs(i - k) + std::abs(j - l));
            }
        }
        CHECK(equal_bitmaps(a, b) == (p == q));
        CHECK(is_within(a, b) == std::includes(q.begin(), q.end(), p.begin(), p.end()));
        CHECK(share_row(a, b) == shares_row);
        CHECK(share_column(a, b) == shares_column);
        CHECK(are_adjacent(a, b) == (distance == 1));
        num_adjacent += distance == 1;
    }
    CHECK(num_adjacent > 30);
}

TEST_CASE("places are held as bits up to the width of a row, and not one further") {
    Bench bench;
    for (int64_t far : {127, 128}) {
        Set *set = bench.set({{0, 0}, {0, far}});
        bool is_packed;
        REQUIRE(pack(bench.m, set, &is_packed, true) == Outcome::ok);
        CHECK(is_packed == (far < Bitmap::kMaxWidth));
    }
    bool is_packed;
    REQUIRE(pack(bench.m, bench.set({{0, INT32_MIN}, {0, INT32_MAX}}), &is_packed, true) ==
            Outcome::ok);
    CHECK_FALSE(is_packed);
}

// Packed and plain sets of places near each other, and at both ends of 32 bits.
TEST_CASE("union, intersection and difference are the same with bits and without") {
    using Algebra = Outcome (*)(Machine &, Set *, Set *, Value *);
    const Algebra algebra[] = {set_union, set_intersection, set_difference};
    std::mt19937 random(4);
    for (int round = 0; round < 200; ++round) {
        const int64_t ends[] = {0, INT32_MIN, INT32_MAX - 130};
        const int64_t base = ends[round % 3];
        const int64_t reach[] = {3, 40, 127, 130};
        auto some = [&] {
            std::vector<Place> places;
            for (unsigned k = 0; k < 1 + random() % 20; ++k) {
                const auto far = static_cast<uint64_t>(reach[round % 4]);
                places.emplace_back(base + random() % 5,
                                    base + static_cast<int64_t>(random() % far));
            }
            return places;
        };
        const std::vector<Place> p = some();
        const std::vector<Place> q = some();
        const Places a(p.begin(), p.end());
        const Places b(q.begin(), q.end());
        for (int which = 0; which < 3; ++which) {
            Places expected;
            const auto into = std::inserter(expected, expected.end());
            if (which == 0) std::set_union(a.begin(), a.end(), b.begin(), b.end(), into);
            if (which == 1) std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), into);
            if (which == 2) std::set_difference(a.begin(), a.end(), b.begin(), b.end(), into);
            std::vector<Place> orders[2];
            for (bool is_plain : {false, true}) {
                Bench bench(is_plain);
                Set *first = bench.set(p);
                Set *second = bench.set(q);
                bool is_packed;
                REQUIRE(pack(bench.m, first, &is_packed) == Outcome::ok);
                REQUIRE(pack(bench.m, second, &is_packed) == Outcome::ok);
                Value result;
                REQUIRE(algebra[which](bench.m, first, second, &result) == Outcome::ok);
                orders[is_plain] = bench.in_order(result.set);
            }
            const Places found(orders[0].begin(), orders[0].end());
            REQUIRE(found == expected);
            REQUIRE(orders[0].size() == expected.size());
            REQUIRE(orders[0] == orders[1]);
        }
    }
}

TEST_CASE("a set with itself: union and intersection are it, difference is empty") {
    Bench bench;
    Set *set = bench.set({{0, 0}, {3, 100}, {INT32_MAX, INT32_MIN}});
    Value all, common, none;
    REQUIRE(set_union(bench.m, set, set, &all) == Outcome::ok);
    REQUIRE(set_intersection(bench.m, set, set, &common) == Outcome::ok);
    REQUIRE(set_difference(bench.m, set, set, &none) == Outcome::ok);
    bool is_equal;
    REQUIRE(equal_sets(bench.m, set, all.set, &is_equal) == Outcome::ok);
    CHECK(is_equal);
    REQUIRE(equal_sets(bench.m, set, common.set, &is_equal) == Outcome::ok);
    CHECK(is_equal);
    CHECK(none.set->size == 0);
}

TEST_CASE("work on sets that cannot be paid for ends, and changes no operand") {
    Bench bench;
    std::vector<Place> p;
    for (int64_t k = 0; k < 200; ++k) p.emplace_back(k * 1000, -k);
    Set *a = bench.set(p);
    Set *b = bench.set({{0, 0}, {5, 5}});
    const std::vector<Place> before = bench.in_order(a);
    bench.m.refuel(10);
    Value result;
    CHECK(set_union(bench.m, a, b, &result) == Outcome::out_of_fuel);
    bench.m.refuel(kLimits.fuel);
    bench.m.arena().fail_after(1);
    CHECK(set_union(bench.m, a, b, &result) == Outcome::out_of_memory);
    bench.m.arena().fail_after(0);
    CHECK(bench.in_order(a) == before);
    CHECK(set_union(bench.m, a, b, &result) == Outcome::ok);
    CHECK(result.set->size == 201);
}
