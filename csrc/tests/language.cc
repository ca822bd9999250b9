// Names and their language, the parser's errors and limits, and codes from outside.
#include "code/key.h"
#include "code/parser.h"
#include "lang/types.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace codeit;

namespace {

NameRow constant(const char *name) {
    NameRow row = {false};
    row.constant = {name, Type::Integer, 7, 0};
    return row;
}

// The parser sees the text and not a byte behind it: a copy on the heap has none.
ParseError error_of(std::string_view text, Code *code = nullptr) {
    const std::unique_ptr<char[]> copy(new char[text.size()]);
    std::memcpy(copy.get(), text.data(), text.size());
    Code parsed;
    ParseError error;
    const bool is_program = parse({copy.get(), text.size()}, standard_names(),
                                  code == nullptr ? &parsed : code, &error);
    CHECK(is_program == error.reason.empty());
    return error;
}

bool begins_with(const std::string &text, std::string_view beginning) {
    return std::string_view(text).substr(0, beginning.size()) == beginning;
}

} // namespace

TEST_CASE("every name is found, and no text that is nearly one") {
    const Language &language = standard_names();
    for (size_t number = 0; number < language.num_names(); ++number) {
        const std::string name = language.name_of(number);
        const Name found = language.find(name);
        CHECK(found.number == number);
        CHECK((found.kind == Name::Kind::primitive) == language.is_primitive(number));
        CHECK((found.kind == Name::Kind::constant) == language.is_constant(number));
        std::vector<std::string> near = {name + "_", "_" + name, name + std::string(1, '\0')};
        for (size_t k = 0; k < name.size(); ++k) {
            near.push_back(name);
            near.back()[k] = '~';
        }
        for (const std::string &text : near) CHECK(language.find(text).kind == Name::Kind::unknown);
    }
    for (std::string_view text : {"", "I", "O", "x1", "\xff\xff\xff"}) {
        CHECK(language.find(text).kind == Name::Kind::unknown);
    }
    CHECK(language.find(std::string(100'000, 'a')).kind == Name::Kind::unknown);
}

TEST_CASE("rows that are no language are refused by name") {
    const std::vector<NameRow> rows = standard_rows();
    CHECK(Language::why_not(rows) == "");
    const std::string too_long(Language::kMaxNameLength + 1, 'a');
    const std::string longest(Language::kMaxNameLength, 'a');
    for (const char *name : {"", "1a", "a b", "a\xc3\xa4", "lambda", "I", "O", "x1", "x999",
                             rows[0].name(), rows.back().name(), too_long.c_str()}) {
        std::vector<NameRow> more = rows;
        more.push_back(constant(name));
        const std::string said = Language::why_not(more);
        CHECK(said.find("'" + std::string(name).substr(0, 64)) != std::string::npos);
    }
    for (const char *name : {"a", "_", "x", "x1a", "IO", longest.c_str()}) {
        std::vector<NameRow> more = rows;
        more.push_back(constant(name));
        CHECK(Language::why_not(more) == "");
    }
    CHECK(begins_with(Language::why_not({constant("a")}), "no primitive has one parameter"));
}

TEST_CASE("a language keeps texts of its own, and names that it adds change no number and no key") {
    std::vector<NameRow> rows = standard_rows();
    auto name = std::make_unique<std::string>("SEVENTEEN");
    rows.push_back(constant(name->c_str()));
    const Language larger("larger", rows);
    name.reset();
    const Language &standard = standard_names();
    CHECK(larger.num_names() == standard.num_names() + 1);
    CHECK(larger.find("SEVENTEEN").number == standard.num_names());
    CHECK(larger.find("SEVENTEEN").kind == Name::Kind::constant);
    CHECK(standard.find("SEVENTEEN").kind == Name::Kind::unknown);
    CHECK(larger.digest() != standard.digest());
    for (size_t number = 0; number < standard.num_names(); ++number) {
        REQUIRE(larger.find(standard.name_of(number)).number == number);
        REQUIRE(larger.key_of(number) == standard.key_of(number));
    }
    CHECK(Language("the same", standard_rows()).digest() == standard.digest());
}

TEST_CASE("what a type accepts it may accept, and both know Any") {
    for (unsigned wanted = 0; wanted < kNumTypes; ++wanted) {
        const auto type = static_cast<Type>(wanted);
        CHECK(accepts(type, type));
        CHECK(accepts(Type::Any, type));
        CHECK(may_accept(type, Type::Any));
        for (unsigned given = 0; given < kNumTypes; ++given) {
            const auto other = static_cast<Type>(given);
            CHECK((!accepts(type, other) || may_accept(type, other)));
        }
    }
    CHECK_FALSE(accepts(Type::Integer, Type::Grid));
    CHECK_FALSE(may_accept(Type::Integer, Type::Grid));
}

TEST_CASE("a text that is no program has the first line that is none, and why") {
    struct Row {
        std::string_view text;
        size_t line;
        std::string_view reason;
    };
    const Row rows[] = {
        {"", 1, "is not a variable assignment"},
        {"O=hmirror(I)", 1, "is not a variable assignment"},
        {"x1 = hmirror(I) = I\nO = f(I)", 1, "is not a variable assignment"},
        {"x1 = hmirror(I)\n\nO = hmirror(x1)", 2, "is not a variable assignment"},
        {"x1 = hmirror(I)", 1, "does not have variable name of O"},
        {"hmirror = hmirror(I)\nO = hmirror(I)", 1, "has a variable name that is a primitive"},
        {"x1 = hmirror(I)\nx1 = vmirror(I)\nO = hmirror(x1)", 2,
         "has a variable name that has already been used: 'x1'"},
        {"1x = hmirror(I)\nO = hmirror(I)", 1, "has a variable name that is not an identifier"},
        {"x1 = hmirror(I)\nO = hmirror(I)", 2,
         "has a function call that has already been used, on line 1"},
        {"O = x1(I)", 1,
         "has a function call that is not a primitive function or a variable: 'x1'"},
        {"O = hmirror(", 1, "has a function call with no arguments"},
        {"O = hmirror(I", 1, "does not have a closing parenthesis"},
        {"O = hmirror(x2)", 1, "has an argument 'x2'"},
        {"O = hmirror(I,I)", 1, "has an argument 'I,I'"},
        {"O = hmirror((I))", 1, "does not have exactly one open parenthesis"},
        {"O = hmirror(\xc3\xa4)", 1, "has a character that is not ASCII text"},
        {std::string_view("O = hmirror(I\0)", 15), 1, "has a character that is not ASCII text"},
    };
    for (const Row &row : rows) {
        const ParseError error = error_of(row.text);
        CAPTURE(row.text);
        CHECK(error.line == row.line);
        CHECK_MESSAGE(begins_with(error.reason, row.reason), error.reason);
    }
    const std::string name(1000, 'y'); // shown in part
    CHECK(error_of("O = hmirror(" + name + ")").reason.size() < 200);
}

TEST_CASE("the parser reads no byte behind a text, of which every beginning is none") {
    const std::string text = "x1 = objects(I, T, F, T)\nx2 = first(x1) \nO = paint(I, x2)";
    Code code;
    REQUIRE(error_of(text, &code).reason == "");
    CHECK(code.num_lines() == 3);
    for (size_t size = 0; size < text.size(); ++size) {
        CHECK(error_of(std::string_view(text).substr(0, size)).reason != "");
    }
}

TEST_CASE("a program has as many lines as a code can number, and not one more") {
    std::string text;
    for (size_t line = 1; line < kMaxLines; ++line) {
        const std::string before = line == 1 ? "I" : "y" + std::to_string(line - 1) + "_";
        text += "y" + std::to_string(line) + "_ = identity(" + before + ")\n";
    }
    Code code;
    CHECK(error_of(text + "O = hmirror(I)", &code).reason == "");
    CHECK(code.num_lines() == kMaxLines);
    Code again;
    CHECK(error_of(text_of(code, standard_names()), &again).reason == "");
    CHECK(again == code);
    const ParseError error = error_of(text + "z = hmirror(I)\nO = vmirror(I)");
    CHECK(error.line == kMaxLines + 1);
    CHECK(begins_with(error.reason, "is one more than"));
}

TEST_CASE("a line has as many arguments as a code can count, and not one more") {
    std::string text = "O = hmirror(I";
    for (size_t k = 1; k < kMaxArguments; ++k) text += ", I";
    Code code;
    CHECK(error_of(text + ")", &code).reason == "");
    CHECK((*code.begin()).arguments.size() == kMaxArguments);
    CHECK(begins_with(error_of(text + ", I)").reason, "has more than"));
}

TEST_CASE("a call may be repeated with blanks at its end, so often") {
    std::string text;
    for (size_t k = 0; k <= kMaxRepeats; ++k) {
        text += "y" + std::to_string(k) + "_ = hmirror(I)" + std::string(k, ' ') + "\n";
    }
    Code code;
    CHECK(error_of(text + "O = vmirror(I)", &code).reason == "");
    CHECK(repeats_of(code)[kMaxRepeats] == kMaxRepeats);
    const std::string more = "z = hmirror(I)" + std::string(kMaxRepeats + 1, ' ') + "\n";
    const ParseError error = error_of(text + more + "O = vmirror(I)");
    CHECK(error.line == kMaxRepeats + 2);
    CHECK(begins_with(error.reason, "has a function call that has already been used 256 times"));
}

TEST_CASE("words from outside are a code, or it is said why not; a code has a text that has it") {
    Code code;
    const std::string text = "x1 = objects(I, T, F, T)\nTWO = size(x1) \nO = equality(TWO, TWO)";
    REQUIRE(error_of(text, &code).reason == "");
    CHECK(code.has_shadows());
    const std::vector<uint16_t> words(code.words().begin(), code.words().end());
    CHECK(Code::why_not(words, standard_names()) == "");
    int num_codes = 0;
    for (size_t at = 0; at < words.size(); ++at) {
        const std::vector<uint16_t> part(words.begin(), words.begin() + static_cast<ptrdiff_t>(at));
        CHECK((Code::why_not(part, standard_names()) != "" || part.size() < words.size()));
        for (unsigned word = 0; word <= UINT16_MAX; word += at == 0 ? 1 : 251) {
            std::vector<uint16_t> other = words;
            other[at] = static_cast<uint16_t>(word);
            if (!Code::why_not(other, standard_names()).empty()) continue;
            ++num_codes;
            const Code valid(other);
            Code parsed;
            ParseError error;
            REQUIRE(parse(text_of(valid, standard_names()), standard_names(), &parsed, &error));
            REQUIRE(parsed == valid);
        }
    }
    CHECK(num_codes > 100);
    CHECK(Code::why_not({}, standard_names()) != "");
}

TEST_CASE("a program's key knows the language and what is computed, not how it is written") {
    auto key = [](std::string_view text, Dialect dialect = Dialect::codeit) {
        Code code;
        CHECK(error_of(text, &code).reason == "");
        return key_of(code, standard_names(), dialect);
    };
    const Key plain = key("x1 = hmirror(I)\nO = vmirror(x1)");
    CHECK(key("y = hmirror(I)\nO = vmirror(y)") == plain);
    CHECK(key("x1 = hmirror(I)\nx2 = size(I)\nO = vmirror(x1)") == plain);
    CHECK_FALSE(key("x1 = hmirror(I)\nO = vmirror(I)") == plain);
    CHECK_FALSE(key("x1 = vmirror(I)\nO = hmirror(x1)") == plain);
    CHECK_FALSE(key("x1 = hmirror(I)\nO = vmirror(x1)", Dialect::arc_dsl) == plain);
}

TEST_CASE("the lines that O needs are found, and those of a code that shadows are all kept") {
    NeededLines needed;
    auto kept = [&needed](std::string_view text) {
        Code code;
        REQUIRE(error_of(text, &code).reason.empty());
        Code out;
        needed.write(code, &out);
        CHECK(key_of(out, standard_names(), Dialect::codeit) ==
              key_of(code, standard_names(), Dialect::codeit));
        return text_of(out, standard_names());
    };
    CHECK(kept("x1 = hmirror(I)\nx2 = vmirror(I)\nx3 = compose(flip, even)\nO = trim(x2)") ==
          "x1 = vmirror(I)\nO = trim(x1)");
    CHECK(kept("x1 = compose(trim, trim)\nx2 = trim(I)\nO = x1(I)") ==
          "x1 = compose(trim, trim)\nO = x1(I)");
    CHECK(kept("O = identity(O)") == "O = identity(O)");
    const char *shadows = "x1 = trim(I)\nONE = identity(TWO)\nO = canvas(ONE, UNITY)";
    Code code;
    REQUIRE(error_of(shadows, &code).reason.empty());
    CHECK(kept(shadows) == text_of(code, standard_names()));
}
