// The names of the language that the search's methods use by themselves; every other name is one
// among many to it. A language that lacks one has kNoOpcode for it, which no call accepts, so that
// a method makes less of such a language, and nothing wrong.
#pragma once

#include "lang/language.h"

namespace codeit::search {

inline constexpr Opcode kNoOpcode{UINT16_MAX};

struct Names {
    explicit Names(const Language &language)
        :
#define CODEIT_FIND(name) name(find(language, #name))
          CODEIT_FIND(apply), CODEIT_FIND(argmax), CODEIT_FIND(argmin), CODEIT_FIND(asobject),
          CODEIT_FIND(canvas), CODEIT_FIND(colorfilter), CODEIT_FIND(combine), CODEIT_FIND(compose),
          CODEIT_FIND(difference), CODEIT_FIND(extract), CODEIT_FIND(fill), CODEIT_FIND(first),
          CODEIT_FIND(greater), CODEIT_FIND(intersection), CODEIT_FIND(leastcommon),
          CODEIT_FIND(lbind), CODEIT_FIND(mapply), CODEIT_FIND(matcher), CODEIT_FIND(merge),
          CODEIT_FIND(mostcommon), CODEIT_FIND(objects), CODEIT_FIND(ofcolor), CODEIT_FIND(paint),
          CODEIT_FIND(rbind), CODEIT_FIND(recolor), CODEIT_FIND(sfilter), CODEIT_FIND(shape),
          CODEIT_FIND(subgrid), CODEIT_FIND(toindices), CODEIT_FIND(totuple), CODEIT_FIND(valmax),
          CODEIT_FIND(valmin), CODEIT_FIND(fork) {
    }
#undef CODEIT_FIND

    static Opcode find(const Language &language, const char *text) {
        const Name name = language.find(text);
        return name.kind == Name::Kind::primitive ? Opcode{name.number} : kNoOpcode;
    }

    Opcode apply, argmax, argmin, asobject, canvas, colorfilter, combine, compose, difference,
        extract, fill, first, greater, intersection, leastcommon, lbind, mapply, matcher, merge,
        mostcommon, objects, ofcolor, paint, rbind, recolor, sfilter, shape, subgrid, toindices,
        totuple, valmax, valmin, fork;
};

} // namespace codeit::search
