#include "text/spelling.h"

#include <string>

namespace codeit::text {
namespace {

constexpr size_t kMaxPart = 64;

} // namespace

std::string why_not(const Language &language, const Spelling &spelling) {
    const size_t num_variables = spelling.names.size();
    if (num_variables < 1 || num_variables > kMaxVariables) {
        return "programs have 1 to " + std::to_string(kMaxVariables) + " variables, not " +
               std::to_string(num_variables);
    }
    for (auto *terms : {&spelling.functions, &spelling.first_arguments, &spelling.arguments}) {
        if (terms->size() != num_fixed_of(language) + num_variables) {
            return "a list of " + std::to_string(terms->size()) + " terms; there are " +
                   std::to_string(num_fixed_of(language) + num_variables);
        }
    }
    for (auto *part : {&spelling.start, &spelling.assign, &spelling.open, &spelling.separator,
                       &spelling.close, &spelling.newline, &spelling.end, &spelling.output}) {
        if (part->size() > kMaxPart) {
            return "a part of programs takes " + std::to_string(part->size()) +
                   " tokens; allowed are " + std::to_string(kMaxPart);
        }
    }
    return {};
}

} // namespace codeit::text
