#include "primitives/foreign.h"

#include "core/grid.h"
#include "core/packed_set.h"
#include "lang/sizes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace codeit {
namespace {

static_assert(CODEIT_MAX_ARGUMENTS == kMaxArity);
static_assert(CODEIT_TYPE_ERROR == int{static_cast<uint8_t>(Outcome::type_error)});
static_assert(CODEIT_VALUE_ERROR == int{static_cast<uint8_t>(Outcome::value_error)});
static_assert(CODEIT_INDEX_ERROR == int{static_cast<uint8_t>(Outcome::index_error)});
static_assert(CODEIT_ZERO_DIVISION == int{static_cast<uint8_t>(Outcome::zero_division)});
static_assert(CODEIT_OVERFLOW == int{static_cast<uint8_t>(Outcome::overflow)});
static_assert(CODEIT_OUT_OF_FUEL == int{static_cast<uint8_t>(Outcome::out_of_fuel)});
static_assert(CODEIT_PRIMITIVE_ERROR == int{static_cast<uint8_t>(Outcome::primitive_error)});

Outcome outcome_of(int32_t code) {
    switch (code) {
    case CODEIT_OK:
    case CODEIT_TYPE_ERROR:
    case CODEIT_VALUE_ERROR:
    case CODEIT_INDEX_ERROR:
    case CODEIT_ZERO_DIVISION:
    case CODEIT_OVERFLOW:
        return static_cast<Outcome>(code);
    default:
        return Outcome::primitive_error;
    }
}

// ---- Arguments

// A place or a cell as the numbers of a row.
struct Element {
    int32_t color, i, j;

    auto operator<=>(const Element &other) const {
        if (const auto order = i <=> other.i; order != 0) return order;
        if (const auto order = j <=> other.j; order != 0) return order;
        return color <=> other.color;
    }
};

// The elements of a set of nothing but places, or of nothing but cells, row by row.
Outcome sorted_elements(Machine &m, Set *set, Element **out) {
    const size_t size = set->size;
    TRY(m.charge(size * units::kNested));
    TRY(m.allocate_scratch(std::max<size_t>(size, 1), out));
    Element *next = *out;
    if (set->is_packed()) {
        const Patch &patch = set->patch;
        const bool has_colors = set->holds_only(Kind::cell);
        for_each_place(patch.bits, [&](int32_t i, int32_t j) {
            *next++ = {has_colors ? patch.color_at(i, j) : 0, i, j};
        });
        return Outcome::ok;
    }
    Items items;
    TRY(elements(m, set, &items));
    for (const Value &v : items) *next++ = {v.kind == Kind::cell ? v.color : 0, v.i, v.j};
    if (!std::is_sorted(*out, next)) {
        TRY(m.charge(size * static_cast<uint64_t>(std::bit_width(size)) * units::kCompared));
        std::sort(*out, next);
    }
    return Outcome::ok;
}

Outcome give_set(Machine &m, Type type, const Value &v, codeit_value *to) {
    if (!v.is_set()) return Outcome::type_error;
    Set *set = v.set;
    const bool has_places = set->size == 0 || set->holds_only(Kind::pair);
    const bool has_cells = set->size == 0 || set->holds_only(Kind::cell);
    const bool fits = type == Type::Object    ? has_cells
                      : type == Type::Indices ? has_places
                                              : has_places || has_cells;
    if (!fits) return Outcome::type_error;
    Element *elements = nullptr;
    TRY(sorted_elements(m, set, &elements));
    const size_t size = set->size;
    const size_t width = type == Type::Object ? 3 : 2;
    int32_t *rows;
    TRY(m.allocate_scratch(std::max<size_t>(size, 1) * width, &rows));
    int32_t *next = rows;
    for (size_t k = 0; k < size; ++k) {
        if (width == 3) *next++ = elements[k].color;
        *next++ = elements[k].i;
        *next++ = elements[k].j;
    }
    to->height = static_cast<int64_t>(size);
    to->width = static_cast<int64_t>(width);
    to->data = rows;
    return Outcome::ok;
}

Outcome give_grid(Machine &m, const Value &v, codeit_value *to) {
    const Grid *grid = nullptr;
    if (!v.is_tuple()) return Outcome::type_error;
    TRY(dense_grid(m, v, &grid));
    if (grid == nullptr) return Outcome::type_error;
    TRY(m.charge(static_cast<uint64_t>(grid->num_cells())));
    to->height = grid->height;
    to->width = grid->width;
    to->data = grid->cells;
    if (grid->stride != grid->width) {
        int8_t *cells;
        TRY(m.allocate_scratch(static_cast<size_t>(grid->num_cells()) + kSpareCells, &cells));
        copy_cells(*grid, cells);
        to->data = cells;
    }
    return Outcome::ok;
}

Outcome give(Machine &m, Type type, const Value &v, codeit_value *to) {
    *to = {};
    switch (type) {
    case Type::Boolean:
        if (!v.is_int()) return Outcome::type_error;
        to->numbers[0] = v.integer != 0;
        return Outcome::ok;
    case Type::Integer:
        if (!v.is_int()) return Outcome::type_error;
        to->numbers[0] = v.integer;
        return Outcome::ok;
    case Type::IntegerTuple:
        if (v.kind != Kind::pair) return Outcome::type_error;
        to->numbers[0] = v.i;
        to->numbers[1] = v.j;
        return Outcome::ok;
    case Type::Grid:
        return give_grid(m, v, to);
    case Type::Object:
    case Type::Indices:
    case Type::Patch:
        return give_set(m, type, v, to);
    default:
        return broken_invariant();
    }
}

// ---- Buffers

// Zeros between two guards.
class Room {
  public:
    static constexpr size_t kGuard = 64;

    // Room for a value that the result may become outlives the call.
    Outcome make(Machine &m, size_t num_bytes, bool is_kept) {
        num_bytes_ = num_bytes;
        const size_t all = num_bytes + 2 * kGuard;
        char *begin;
        if (is_kept) {
            TRY(m.allocate(all, &begin));
        } else {
            TRY(m.allocate_scratch(all, &begin));
        }
        TRY(m.charge(num_bytes / kClearedBytesOfUnit));
        std::memset(begin, kMark, kGuard);
        std::memset(begin + kGuard, 0, num_bytes);
        std::memset(begin + kGuard + num_bytes, kMark, kGuard);
        data_ = begin + kGuard;
        return Outcome::ok;
    }

    template <typename T>
    T *as() const {
        return reinterpret_cast<T *>(data_);
    }

    bool is_intact() const {
        return data_ == nullptr || (is_marked(data_ - kGuard) && is_marked(data_ + num_bytes_));
    }

  private:
    static constexpr int kMark = 0xA5;
    static constexpr size_t kClearedBytesOfUnit = 16;

    static bool is_marked(const char *guard) {
        static constexpr auto kMarks = [] {
            std::array<char, kGuard> marks{};
            marks.fill(static_cast<char>(kMark));
            return marks;
        }();
        return std::memcmp(guard, kMarks.data(), kGuard) == 0;
    }

    char *data_ = nullptr;
    size_t num_bytes_ = 0;
};

// How many numbers a row of a set has.
size_t width_of_set(Type type) {
    return type == Type::Object ? 3 : 2;
}

Outcome make_room(Machine &m, Type result, const ForeignFunction &function, Room *room,
                  codeit_value *out) {
    *out = {};
    size_t num_bytes = 0;
    const auto height = static_cast<size_t>(function.max_height);
    if (result == Type::Grid) {
        out->width = function.max_width;
        num_bytes = height * static_cast<size_t>(function.max_width) + kSpareCells;
    } else if (result == Type::Object || result == Type::Indices) {
        out->width = static_cast<int64_t>(width_of_set(result));
        num_bytes = height * width_of_set(result) * sizeof(int32_t);
    }
    if (num_bytes == 0) return Outcome::ok;
    TRY(room->make(m, num_bytes, result == Type::Grid));
    out->height = function.max_height;
    out->data = room->as<void>();
    return Outcome::ok;
}

// ---- Results

bool are_colors(const int8_t *cells, int64_t count) {
    uint8_t largest = 0;
    for (int64_t k = 0; k < count; ++k) {
        largest = std::max(largest, static_cast<uint8_t>(cells[k]));
    }
    return largest < kNumColors;
}

Outcome take_grid(Machine &m, const ForeignFunction &function, const codeit_value &result,
                  int8_t *cells, Value *out) {
    const int64_t height = result.height;
    const int64_t width = result.width;
    const int64_t stride = function.max_width;
    if (height < 1 || height > function.max_height || width < 1 || width > stride) {
        return Outcome::primitive_error;
    }
    TRY(m.charge(static_cast<uint64_t>(height * width)));
    // The rows with what lies between them, which is zero as a rule; else without.
    if (!are_colors(cells, (height - 1) * stride + width)) {
        for (int64_t i = 0; i < height; ++i) {
            if (!are_colors(cells + i * stride, width)) return Outcome::primitive_error;
        }
    }
    Grid *grid;
    TRY(m.allocate(1, &grid));
    *grid = {static_cast<int32_t>(height), static_cast<int32_t>(width),
             static_cast<int32_t>(stride), cells};
    *out = Value::of_grid(grid);
    return Outcome::ok;
}

Outcome take_set(Machine &m, Type type, const ForeignFunction &function, int64_t size,
                 const int32_t *row, Value *out) {
    if (size < 0 || size > function.max_height) return Outcome::primitive_error;
    SetBuilder set(m);
    for (int64_t k = 0; k < size; ++k, row += width_of_set(type)) {
        if (type == Type::Indices) {
            TRY(set.add(Value::pair(row[0], row[1])));
        } else if (row[0] < 0 || row[0] >= kNumColors) {
            return Outcome::primitive_error;
        } else {
            TRY(set.add(Value::cell(row[0], row[1], row[2])));
        }
    }
    return set.finish(out);
}

Outcome take(Machine &m, Type type, const ForeignFunction &function, const Room &room,
             const codeit_value &result, Value *out) {
    switch (type) {
    case Type::Boolean:
        if (result.numbers[0] != 0 && result.numbers[0] != 1) return Outcome::primitive_error;
        *out = Value::boolean(result.numbers[0] != 0);
        return Outcome::ok;
    case Type::Integer:
        *out = Value::of_int(result.numbers[0]);
        return Outcome::ok;
    case Type::IntegerTuple:
        return make_int_pair(m, result.numbers[0], result.numbers[1], out);
    case Type::Grid:
        return take_grid(m, function, result, room.as<int8_t>(), out);
    case Type::Object:
    case Type::Indices:
        return take_set(m, type, function, result.height, room.as<int32_t>(), out);
    default:
        return broken_invariant();
    }
}

Outcome call_foreign(Machine &m, const NameRow &row, const Value *args, Value *out) {
    const ForeignFunction &function = *row.foreign;
    if (function.is_broken.load(std::memory_order_relaxed)) return Outcome::primitive_error;
    ScratchScope scope(m);
    const Type type = row.primitive.result.declared;
    codeit_call call = {};
    for (unsigned k = 0; k < row.primitive.arity(); ++k) {
        TRY(give(m, row.primitive.parameters[k].type, args[k], &call.arguments[k]));
    }
    Room room;
    Room scratch;
    TRY(make_room(m, type, function, &room, &call.result));
    if (function.scratch_size > 0) {
        TRY(scratch.make(m, static_cast<size_t>(function.scratch_size) * sizeof(int32_t), false));
        call.scratch = scratch.as<int32_t>();
        call.scratch_size = function.scratch_size;
    }
    const int64_t steps = m.fuel_left();
    call.steps = steps;
    const int32_t code = function.function(&call, function.context);
    if (!room.is_intact() || !scratch.is_intact()) {
        function.is_broken.store(true, std::memory_order_relaxed);
        return Outcome::primitive_error;
    }
    if (call.steps < 0 || code == CODEIT_OUT_OF_FUEL) return m.charge(INT64_MAX);
    TRY(m.charge(static_cast<uint64_t>(std::max(steps - call.steps, int64_t{0}))));
    TRY(outcome_of(code));
    return take(m, type, function, room, call.result, out);
}

template <size_t k>
Outcome body(Machine &m, const Value *args, Value *out) {
    const Language &language = m.language();
    return call_foreign(m, language.row(language.foreign()[k]), args, out);
}

template <size_t... k>
constexpr std::array<Body, sizeof...(k)> bodies(std::index_sequence<k...>) {
    return {body<k>...};
}

} // namespace

bool can_be_given(Type type) {
    return can_be_returned(type) || type == Type::Patch;
}

bool can_be_returned(Type type) {
    switch (type) {
    case Type::Boolean:
    case Type::Integer:
    case Type::IntegerTuple:
    case Type::Grid:
    case Type::Object:
    case Type::Indices:
        return true;
    default:
        return false;
    }
}

Body foreign_body(size_t k) {
    static constexpr auto kBodies = bodies(std::make_index_sequence<Language::kMaxForeign>());
    return kBodies[k];
}

} // namespace codeit
