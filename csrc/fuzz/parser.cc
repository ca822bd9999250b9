// A fuzz target: any bytes as the text of a program. The first byte chooses the dialect.
#include "fuzz/check.h"
#include "primitives/bodies.h"
#include "vm/program.h"

#include <algorithm>
#include <string>

using codeit::Dialect;
using codeit::ParseError;
using codeit::Program;

namespace {

struct Parsed {
    Program program;
    ParseError error;
    bool is_program;

    Parsed(std::string_view text, Dialect dialect)
        : is_program(Program::parse(text, codeit::standard_language(), dialect, &program, &error)) {
    }
};

bool is_shown_as_ascii(const std::string &text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
}

void check_program(const Program &program, Dialect dialect) {
    CHECK(program.dialect() == dialect);
    CHECK(program.num_lines() > 0);
    size_t num_operands = program.num_lines() + 1 + program.pool().size();
    size_t next_argument = 0;
    for (const codeit::Instruction &instruction : program.instructions()) {
        CHECK(instruction.function < num_operands);
        CHECK(instruction.first_argument == next_argument);
        for (uint32_t k = 0; k < instruction.num_arguments; ++k) {
            CHECK(program.arguments()[next_argument++] < num_operands);
        }
    }
    for (size_t line = 1; line <= program.num_lines(); ++line) {
        // A name means a value that is there before the line; outer values lead to one.
        codeit::Operand outer = program.outer(line);
        CHECK(outer == Program::kNoOuter || outer < num_operands);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    Dialect dialect = data[0] % 2 == 0 ? Dialect::codeit : Dialect::arc_dsl;
    std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
    Parsed first(text, dialect);
    Parsed again(text, dialect);
    CHECK(first.is_program == again.is_program);
    if (!first.is_program) {
        auto num_newlines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
        CHECK(first.error.line >= 1 && first.error.line <= num_newlines + 1);
        CHECK(!first.error.reason.empty() && first.error.reason.size() < 300);
        CHECK(is_shown_as_ascii(first.error.reason));
        CHECK(first.error.line == again.error.line && first.error.reason == again.error.reason);
        return 0;
    }
    check_program(first.program, dialect);
    const codeit::Code &code = first.program.code();
    CHECK(code == again.program.code());
    CHECK(codeit::Code::why_not(code.words(), codeit::standard_language()).empty());
    Parsed parsed_normal(codeit::text_of(code, codeit::standard_language()), dialect);
    CHECK(parsed_normal.is_program);
    CHECK(parsed_normal.program.code() == code);
    return 0;
}
