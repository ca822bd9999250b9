#include "lang/types.h"

namespace codeit {
namespace {

bool is_container(Type type) {
    switch (type) {
    case Type::Any:
    case Type::Boolean:
    case Type::Integer:
    case Type::Callable:
        return false;
    default:
        return true;
    }
}

bool is_set(Type type) {
    switch (type) {
    case Type::FrozenSet:
    case Type::IntegerSet:
    case Type::Object:
    case Type::Objects:
    case Type::Indices:
    case Type::IndicesSet:
        return true;
    default:
        return false;
    }
}

} // namespace

bool accepts(Type wanted, Type given) {
    if (wanted == given) return true;
    switch (wanted) {
    case Type::Any:
        return true;
    case Type::Numerical:
        return given == Type::Integer || given == Type::IntegerTuple;
    case Type::Patch:
        return given == Type::Object || given == Type::Indices;
    case Type::Element:
        return given == Type::Object || given == Type::Grid;
    case Type::Piece:
        return given == Type::Grid || given == Type::Object || given == Type::Indices;
    case Type::Tuple:
        return given == Type::Grid || given == Type::TupleTuple;
    case Type::TupleTuple:
        return given == Type::Grid;
    case Type::FrozenSet:
        return is_set(given);
    case Type::Container:
        return is_container(given);
    case Type::ContainerContainer:
        return given == Type::Grid || given == Type::Objects || given == Type::IndicesSet ||
               given == Type::Tuple || given == Type::TupleTuple;
    default:
        return false;
    }
}

bool may_accept(Type wanted, Type given) {
    static constexpr Type kNarrow[] = {
        Type::Boolean, Type::Integer,    Type::IntegerTuple, Type::IntegerSet,
        Type::Grid,    Type::Cell,       Type::Object,       Type::Objects,
        Type::Indices, Type::IndicesSet, Type::TupleTuple,   Type::Callable,
    };
    if (accepts(wanted, given) || accepts(given, wanted)) return true;
    for (Type type : kNarrow) {
        if (accepts(wanted, type) && accepts(given, type)) return true;
    }
    return false;
}

} // namespace codeit
