#include "core/print.h"

#include "core/sequence.h"

namespace codeit {

Outcome print_value(Machine &m, const Value &v, std::string *out) {
    TRY(m.charge(1));
    switch (v.kind) {
    case Kind::none:
        *out += "null";
        return Outcome::ok;
    case Kind::boolean:
        *out += v.integer != 0 ? "true" : "false";
        return Outcome::ok;
    case Kind::integer:
        *out += std::to_string(v.integer);
        return Outcome::ok;
    case Kind::function:
        *out += "\"fn\"";
        return Outcome::ok;
    case Kind::unbound:
        return Outcome::internal_error;
    default:
        break;
    }
    NestingScope nesting(m);
    TRY(nesting.outcome());
    Items items;
    TRY(items_of(m, v, &items));
    *out += v.is_set() ? "[\"s\"" : "[\"t\"";
    for (const Value &item : items) {
        *out += ',';
        TRY(print_value(m, item, out));
    }
    *out += ']';
    return Outcome::ok;
}

} // namespace codeit
