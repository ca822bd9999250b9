#include "fuzz/givens.h"

#include "fuzz/check.h"
#include "mutation/types.h"
#include "primitives/bodies.h"
#include "vm/machine_pool.h"

#include <algorithm>

namespace codeit::fuzz {
namespace {

// The program up to its last line that is a grid; all of it where none is.
Program up_to_grid(const Program &program, const InputGrid &input, const Limits &limits) {
    const std::vector<Type> types = mutation::types_of_lines(program, input, limits, nullptr);
    size_t num_lines = 0;
    size_t number = 0;
    for (const CodeLine &line : program.code()) {
        if (types[++number] == Type::Grid && line.outer == kNoTerm) num_lines = number;
    }
    if (num_lines == 0) return program;
    Code code;
    for (const CodeLine &line : program.code()) {
        if (num_lines-- == 0) break;
        code.add_line(line.function, line.outer);
        for (Term argument : line.arguments) code.add_argument(argument);
    }
    CHECK(Code::why_not(code.words(), program.language()).empty());
    return Program(code, program.language(), program.dialect());
}

Given make_given(const uint8_t *data, size_t size, Dialect dialect) {
    Given given;
    std::vector<bool> is_left_out(kMaxTextLines, false);
    for (unsigned left = 0;; ++left) {
        given.from = make_case(data, size, is_left_out);
        ParseError error;
        CHECK(
            Program::parse(given.from.text, standard_language(), dialect, &given.program, &error));
        MachineLease lease(given.from.limits);
        const RunResult result = run(lease.machine(), given.program, given.from.input());
        if (result.outcome == Outcome::ok || left == given.from.max_left_out) break;
        is_left_out[result.line - 1] = true;
    }
    given.program = up_to_grid(given.program, given.from.input(), given.from.limits);
    return given;
}

} // namespace

std::vector<Given> make_givens(const uint8_t *data, size_t size, size_t most) {
    std::vector<Given> givens;
    do {
        const size_t count = size == 0 ? 0 : std::min<size_t>(data[0], size - 1);
        const uint8_t *const own = data + (size != 0);
        const bool is_arc_dsl = count > 1 && (own[1] & 1) != 0; // as in make_case
        const Dialect dialect = !givens.empty() ? givens[0].program.dialect()
                                : is_arc_dsl    ? Dialect::arc_dsl
                                                : Dialect::codeit;
        givens.push_back(make_given(own, count, dialect));
        data = own + count;
        size -= count + (size != 0);
    } while (size != 0 && givens.size() < most);
    if (std::getenv("SHOW") != nullptr) {
        for (const Given &given : givens) {
            std::fprintf(stderr, "%s\n\non %d x %d\n",
                         text_of(given.program.code(), given.program.language()).c_str(),
                         given.from.height, given.from.width);
        }
    }
    return givens;
}

} // namespace codeit::fuzz
