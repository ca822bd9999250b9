// A fuzz target: any bytes as the code of a program. By the first byte, they are its words as they
// are, or lines of which each byte stands for a term, so that most of them are codes.
#include "code/key.h"
#include "code/parser.h"
#include "fuzz/check.h"
#include "primitives/bodies.h"
#include "vm/program.h"

#include <cstring>

using namespace codeit;

namespace {

constexpr uint8_t kFirstName = 64; // a byte below it is a line, counted back from the present one

Term term_of_byte(uint8_t byte, size_t line) {
    if (byte < kFirstName) return term_of_line(byte % 32 > line ? 0 : line - byte % 32);
    const size_t name = size_t{byte} - kFirstName;
    return name < standard_language().num_names() ? static_cast<Term>(name)
                                                  : static_cast<Term>(byte * 130);
}

std::vector<uint16_t> raw_words(const uint8_t *data, size_t size) {
    std::vector<uint16_t> words(size / sizeof(uint16_t));
    if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof(uint16_t));
    return words;
}

// Of each line a byte for the function, one for the number of arguments and whether it shadows
// something, and one for each term.
std::vector<uint16_t> lines_of_bytes(const uint8_t *data, size_t size) {
    std::vector<uint16_t> words;
    const uint8_t *const end = data + size;
    auto take = [&] { return data == end ? uint8_t{0} : *data++; };
    for (size_t line = 1; data != end; ++line) {
        words.push_back(term_of_byte(take(), line));
        const uint8_t form = take();
        const bool shadows = form >= 240;
        const size_t count = form % 5;
        words.push_back(static_cast<uint16_t>(count | (shadows ? 0x8000 : 0)));
        for (size_t k = 0; k < count + shadows; ++k) words.push_back(term_of_byte(take(), line));
    }
    return words;
}

void check_operands(const Program &program) {
    const size_t num_operands = program.num_lines() + 1 + program.pool().size();
    for (const Instruction &instruction : program.instructions()) {
        CHECK(instruction.function < num_operands);
        for (uint32_t k = 0; k < instruction.num_arguments; ++k) {
            CHECK(program.arguments()[instruction.first_argument + k] < num_operands);
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const Language &language = standard_language();
    const Dialect dialect = (data[0] & 1) == 0 ? Dialect::codeit : Dialect::arc_dsl;
    const auto words =
        (data[0] & 2) == 0 ? lines_of_bytes(data + 1, size - 1) : raw_words(data + 1, size - 1);
    const std::string fault = Code::why_not(words, language);
    if (!fault.empty()) {
        CHECK(fault.size() < 300);
        return 0;
    }
    const Code code(words);
    const std::string text = text_of(code, language);
    Code parsed;
    ParseError error;
    CHECK(parse(text, language, &parsed, &error));
    CHECK(parsed == code);
    CHECK(parsed.num_lines() == code.num_lines() && parsed.has_shadows() == code.has_shadows());
    CHECK(text_of(parsed, language) == text);
    CHECK(key_of(parsed, language, dialect) == key_of(code, language, dialect));
    check_operands(Program(code, language, dialect));
    return 0;
}
