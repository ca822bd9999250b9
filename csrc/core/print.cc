#include "core/print.h"

#include "core/grid.h"
#include "core/set.h"

#include <iterator>

namespace codeit {
namespace {

void print_int(int64_t n, std::string *out) {
    *out += std::to_string(n);
}

void print_pair(int32_t i, int32_t j, std::string *out) {
    *out += "[\"t\",";
    print_int(i, out);
    *out += ',';
    print_int(j, out);
    *out += ']';
}

void print_grid(const Grid &grid, std::string *out) {
    *out += "[\"t\"";
    for (int64_t i = 0; i < grid.height; ++i) {
        *out += ",[\"t\"";
        for (int64_t j = 0; j < grid.width; ++j) {
            *out += ',';
            print_int(grid.at(i, j), out);
        }
        *out += ']';
    }
    *out += ']';
}

// Recurses by the nesting of the value, which NestingScope bounds.
Outcome print_items(Machine &m, const char *tag, const Value *items, size_t size,
                    int64_t *values_left, std::string *out, Functions functions) {
    NestingScope nesting(m);
    TRY(nesting.outcome());
    *out += tag;
    for (size_t k = 0; k < size; ++k) {
        *out += ',';
        TRY(print_value(m, items[k], values_left, out, functions));
    }
    *out += ']';
    return Outcome::ok;
}

constexpr const char *kMakers[] = {
#define FORM(name) #name,
    CLOSURE_FORMS(FORM)
#undef FORM
};

Outcome print_function(Machine &m, const Value &v, int64_t *values_left, std::string *out) {
    if (v.closure == nullptr) {
        *out += "{\"fn\":\"";
        *out += m.language().name_of(static_cast<size_t>(v.opcode));
        *out += "\"}";
        return Outcome::ok;
    }
    const Closure &closure = *v.closure;
    size_t num_parts = 0;
    while (num_parts < std::size(closure.parts) && closure.parts[num_parts].kind != Kind::unbound) {
        ++num_parts;
    }
    std::string tag = "{\"fn\":[\"";
    tag += kMakers[static_cast<size_t>(closure.form)];
    tag += '"';
    TRY(print_items(m, tag.c_str(), closure.parts, num_parts, values_left, out, Functions::named));
    *out += '}';
    return Outcome::ok;
}

// How many values a value of this kind writes before its items are looked at. A small value that
// holds another one many times over may stand for 2^40 of them: each is counted before it is
// written.
int64_t values_at_once(const Value &v) {
    switch (v.kind) {
    case Kind::pair:
        return 3;
    case Kind::cell:
        return 5;
    case Kind::grid:
        return 1 + v.grid->height + v.grid->num_cells();
    default:
        return 1;
    }
}

} // namespace

Outcome print_value(Machine &m, const Value &v, int64_t *values_left, std::string *out,
                    Functions functions) {
    *values_left -= values_at_once(v);
    if (*values_left < 0) return Outcome::out_of_fuel;
    switch (v.kind) {
    case Kind::none:
        *out += "null";
        return Outcome::ok;
    case Kind::boolean:
        *out += v.integer != 0 ? "true" : "false";
        return Outcome::ok;
    case Kind::integer:
        print_int(v.integer, out);
        return Outcome::ok;
    case Kind::function:
        if (functions == Functions::named) return print_function(m, v, values_left, out);
        *out += "\"fn\"";
        return Outcome::ok;
    case Kind::pair:
        print_pair(v.i, v.j, out);
        return Outcome::ok;
    case Kind::cell:
        *out += "[\"t\",";
        print_int(v.color, out);
        *out += ',';
        print_pair(v.i, v.j, out);
        *out += ']';
        return Outcome::ok;
    case Kind::grid:
        print_grid(*v.grid, out);
        return Outcome::ok;
    case Kind::tuple:
        return print_items(m, "[\"t\"", v.items, v.size, values_left, out, functions);
    case Kind::set: {
        const Value *items;
        TRY(ordered(m, v.set, &items));
        return print_items(m, "[\"s\"", items, v.set->size, values_left, out, functions);
    }
    default:
        return broken_invariant();
    }
}

} // namespace codeit
