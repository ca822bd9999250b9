// Primitives that are no part of codeit: what a C function is given, and what becomes of what it
// returns or does.
#include "primitives/foreign.h"
#include "core/print.h"
#include "lang/selection.h"
#include "primitives/bodies.h"
#include "vm/run.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace codeit;

namespace {

constexpr Limits kLimits = {int64_t{1} << 24, uint64_t{1} << 24, 1000, 0};
constexpr uint8_t kCells[] = {0, 1, 2, 3, 4, 5};
constexpr InputGrid kGrid = {kCells, 2, 3};

// A language with one primitive more, `own`.
class Own {
  public:
    Own(std::vector<std::string> parameters, std::string result, codeit_primitive function,
        void *context = nullptr) {
        foreign_.function = function;
        foreign_.context = context;
        parameters_ = std::move(parameters);
        result_ = std::move(result);
    }

    ForeignFunction &foreign() { return foreign_; }

    const Language &language() {
        if (language_ != nullptr) return *language_;
        RowSelection rows(standard_names());
        for (const NameRow &row : standard_names().rows()) CHECK(rows.keep(row.name()).empty());
        RowSelection::NewPrimitive row;
        row.name = "own";
        row.result = result_;
        row.parameter_types = parameters_;
        row.parameter_names = std::vector<std::string>(parameters_.size(), "p");
        row.foreign = &foreign_;
        CHECK(rows.add(row).empty());
        std::string error;
        const auto names = rows.make("with own", &error);
        REQUIRE_MESSAGE(names != nullptr, error);
        language_ = with_bodies(*names);
        return *language_;
    }

    Outcome run(std::string_view text, const Limits &limits = kLimits) {
        Program program;
        ParseError error;
        REQUIRE_MESSAGE(Program::parse(text, language(), Dialect::codeit, &program, &error),
                        error.reason);
        Machine m(limits);
        const RunResult result = codeit::run(m, program, kGrid);
        fuel_ = m.fuel_used();
        text_.clear();
        int64_t values_left = 10'000;
        if (result.outcome == Outcome::ok)
            CHECK(print_value(m, result.value, &values_left, &text_) == Outcome::ok);
        return result.outcome;
    }

    const std::string &text() const { return text_; }
    int64_t fuel() const { return fuel_; }

  private:
    ForeignFunction foreign_;
    std::vector<std::string> parameters_;
    std::string result_;
    std::unique_ptr<Language> language_;
    std::string text_;
    int64_t fuel_ = 0;
};

int8_t *cells_of(codeit_value &v) {
    return static_cast<int8_t *>(v.data);
}
int32_t *rows_of(codeit_value &v) {
    return static_cast<int32_t *>(v.data);
}

int32_t mirror(codeit_call *call, void *) {
    codeit_value &grid = call->arguments[0];
    const int64_t stride = call->result.width;
    for (int64_t i = 0; i < grid.height; ++i) {
        for (int64_t j = 0; j < grid.width; ++j) {
            cells_of(call->result)[i * stride + j] =
                cells_of(grid)[i * grid.width + grid.width - 1 - j];
        }
    }
    call->result.height = grid.height;
    call->result.width = grid.width;
    call->steps -= grid.height * grid.width;
    return CODEIT_OK;
}

// The result is what `context` says; its cells or numbers are left as they were.
struct Answer {
    int64_t height, width, number = 0;
    int32_t code = CODEIT_OK;
    int32_t first = 0;  // written to the first place of the buffer
    int64_t at = 0;     // a byte written there, counted from the buffer
    int8_t written = 0; // that byte, if it is not 0
    int64_t num_steps = 0;
};
int32_t answer(codeit_call *call, void *context) {
    const Answer &a = *static_cast<const Answer *>(context);
    call->result.height = a.height;
    call->result.width = a.width;
    call->result.numbers[0] = a.number;
    call->steps -= a.num_steps;
    if (call->result.data != nullptr) {
        if (a.first != 0) std::memcpy(call->result.data, &a.first, sizeof a.first);
        if (a.written != 0) cells_of(call->result)[a.at] = a.written;
    }
    return a.code;
}

Outcome outcome_of_answer(const char *result, Answer a) {
    Own own({"Grid"}, result, answer, &a);
    return own.run("O = own(I)");
}

} // namespace

TEST_CASE("a C function is a primitive like any other") {
    Own own({"Grid"}, "Grid", mirror);
    CHECK(own.run("O = own(I)") == Outcome::ok);
    const std::string mirrored = own.text();
    CHECK(own.run("O = vmirror(I)") == Outcome::ok);
    CHECK(own.text() == mirrored);
    CHECK(own.run("x1 = crop(I, ORIGIN, TWO_BY_TWO)\nO = own(x1)") != Outcome::internal_error);
    CHECK(own.run("x1 = compose(own, own)\nO = x1(I)") == Outcome::ok);
    CHECK(own.text() == "[\"t\",[\"t\",0,1,2],[\"t\",3,4,5]]");
}

TEST_CASE("what it returns goes on as a value, whatever it is given as") {
    Own own({"Grid"}, "Grid", mirror);
    // A part of a grid, rows apart, and a tuple of rows that is no grid yet.
    CHECK(own.run(
              "x1 = own(I)\nx2 = own(x1)\nx3 = hconcat(x2, x1)\nx4 = righthalf(x3)\nO = own(x4)") ==
          Outcome::ok);
    CHECK(own.text() == "[\"t\",[\"t\",0,1,2],[\"t\",3,4,5]]");
    CHECK(own.run("x1 = first(I)\nx2 = repeat(x1, TWO)\nO = own(x2)") == Outcome::ok);
    CHECK(own.text() == "[\"t\",[\"t\",2,1,0],[\"t\",2,1,0]]");
}

TEST_CASE("arguments of another type are a type error") {
    Own own({"Grid"}, "Grid", mirror);
    CHECK(own.run("O = own(ONE)") == Outcome::type_error);
    CHECK(own.run("x1 = asobject(I)\nO = own(x1)") == Outcome::type_error);
    CHECK(own.run("x1 = totuple(I)\nx2 = repeat(x1, ZERO)\nO = own(x2)") == Outcome::type_error);
    CHECK(own.run("O = own(own)") == Outcome::type_error);
    CHECK(own.run("O = own(I, I)") == Outcome::type_error);
}

TEST_CASE("sets are given row by row, and built from rows") {
    // The places of a patch, and its cells with their places swapped.
    const auto places = [](codeit_call *call, void *) -> int32_t {
        codeit_value &patch = call->arguments[0];
        CHECK(patch.width == 2);
        for (int64_t k = 0; k + 2 < 2 * patch.height; k += 2) {
            const int32_t *row = rows_of(patch) + k;
            CHECK((row[0] < row[2] || (row[0] == row[2] && row[1] < row[3])));
        }
        std::memcpy(call->result.data, patch.data, static_cast<size_t>(patch.height) * 8);
        call->result.height = patch.height;
        return CODEIT_OK;
    };
    const auto swapped = [](codeit_call *call, void *) -> int32_t {
        codeit_value &object = call->arguments[0];
        CHECK(object.width == 3);
        for (int64_t k = 0; k < object.height; ++k) {
            const int32_t *row = rows_of(object) + 3 * k;
            int32_t *to = rows_of(call->result) + 3 * k;
            to[0] = row[0], to[1] = row[2], to[2] = row[1];
        }
        call->result.height = object.height;
        return CODEIT_OK;
    };
    Own of_patch({"Patch"}, "Indices", places);
    CHECK(of_patch.run("x1 = asobject(I)\nx2 = own(x1)\nx3 = asindices(I)\nO = equality(x2, x3)") ==
          Outcome::ok);
    CHECK(of_patch.text() == "true");
    CHECK(of_patch.run("x1 = ofcolor(I, NINE)\nx2 = own(x1)\nO = size(x2)") == Outcome::ok);
    CHECK(of_patch.text() == "0");
    CHECK(of_patch.run("x1 = palette(I)\nO = own(x1)") == Outcome::type_error);
    Own of_object({"Object"}, "Object", swapped);
    CHECK(of_object.run("x1 = asobject(I)\nx2 = own(x1)\nx3 = dmirror(x1)\nO = equality(x2, x3)") ==
          Outcome::ok);
    CHECK(of_object.text() == "true");
    CHECK(of_object.run("x1 = asindices(I)\nO = own(x1)") == Outcome::type_error);
}

TEST_CASE("numbers and truth values are given and returned") {
    const auto sum = [](codeit_call *call, void *) -> int32_t {
        call->result.numbers[0] = call->arguments[0].numbers[0];
        call->result.numbers[1] = call->arguments[1].numbers[1] + call->arguments[2].numbers[0];
        return CODEIT_OK;
    };
    Own own({"Integer", "IntegerTuple", "Boolean"}, "IntegerTuple", sum);
    CHECK(own.run("x1 = astuple(FIVE, SEVEN)\nO = own(THREE, x1, T)") == Outcome::ok);
    CHECK(own.text() == "[\"t\",3,8]");
    CHECK(own.run("O = own(THREE, ONE, T)") == Outcome::type_error);
}

TEST_CASE("a result that its type does not allow is an error of the primitive") {
    const auto is_refused = [](const char *type, Answer a) {
        return outcome_of_answer(type, a) == Outcome::primitive_error;
    };
    CHECK(outcome_of_answer("Grid", {1, 1}) == Outcome::ok);
    CHECK(outcome_of_answer("Grid", {30, 30}) == Outcome::ok);
    CHECK(is_refused("Grid", {31, 1}));
    CHECK(is_refused("Grid", {1, 31}));
    CHECK(is_refused("Grid", {0, 1}));
    CHECK(is_refused("Grid", {1, -1}));
    CHECK(is_refused("Grid", {INT64_MAX, INT64_MAX}));
    CHECK(outcome_of_answer("Grid", {.height = 1, .width = 1, .at = 0, .written = 9}) ==
          Outcome::ok);
    CHECK(is_refused("Grid", {.height = 1, .width = 1, .at = 0, .written = 10}));
    CHECK(is_refused("Grid", {.height = 30, .width = 30, .at = 899, .written = -1}));
    // What lies beside the result is nobody's.
    CHECK(outcome_of_answer("Grid", {.height = 2, .width = 1, .at = 5, .written = 77}) ==
          Outcome::ok);
    CHECK(outcome_of_answer("Boolean", {0, 0, 1}) == Outcome::ok);
    CHECK(is_refused("Boolean", {0, 0, 2}));
    CHECK(outcome_of_answer("Integer", {0, 0, INT64_MIN}) == Outcome::ok);
    CHECK(outcome_of_answer("Indices", {30, 0}) == Outcome::ok);
    CHECK(is_refused("Indices", {31, 0}));
    CHECK(is_refused("Indices", {-1, 0}));
    CHECK(is_refused("Object", {.height = 1, .width = 0, .first = 10}));
    CHECK(is_refused("Object", {.height = 1, .width = 0, .first = -1}));
}

TEST_CASE("return codes are outcomes, and those that are none an error of the primitive") {
    CHECK(outcome_of_answer("Grid", {1, 1, 0, CODEIT_VALUE_ERROR}) == Outcome::value_error);
    CHECK(outcome_of_answer("Grid", {1, 1, 0, CODEIT_ZERO_DIVISION}) == Outcome::zero_division);
    CHECK(outcome_of_answer("Grid", {1, 1, 0, CODEIT_OUT_OF_FUEL}) == Outcome::out_of_fuel);
    CHECK(outcome_of_answer("Grid", {1, 1, 0, 15}) == Outcome::primitive_error);
    CHECK(outcome_of_answer("Grid", {1, 1, 0, 13}) == Outcome::primitive_error);
    CHECK(outcome_of_answer("Grid", {1, 1, 0, -7}) == Outcome::primitive_error);
}

TEST_CASE("a function that writes beside its buffers is not called again") {
    for (const int64_t at : {-1, -64, 30 * 30 + 16, 30 * 30 + 16 + 63}) {
        Answer a = {.height = 1, .width = 1, .at = at, .written = 1};
        Own own({"Grid"}, "Grid", answer, &a);
        CHECK(own.run("O = own(I)") == Outcome::primitive_error);
        CHECK(own.foreign().is_broken);
        a.written = 0;
        CHECK(own.run("O = own(I)") == Outcome::primitive_error);
        CHECK(own.run("O = hmirror(I)") == Outcome::ok);
    }
    const auto beyond_scratch = [](codeit_call *call, void *) -> int32_t {
        call->scratch[call->scratch_size] = 1;
        return CODEIT_OK;
    };
    Own own({"Grid"}, "Integer", beyond_scratch);
    own.foreign().scratch_size = 10;
    CHECK(own.run("O = own(I)") == Outcome::primitive_error);
    CHECK(own.foreign().is_broken);
}

TEST_CASE("scratch room is zero for every call") {
    const auto marks = [](codeit_call *call, void *) -> int32_t {
        for (int64_t k = 0; k < call->scratch_size; ++k) {
            call->result.numbers[0] += call->scratch[k];
            call->scratch[k] = 1;
        }
        return CODEIT_OK;
    };
    Own own({"Grid"}, "Integer", marks);
    own.foreign().scratch_size = 100;
    CHECK(own.run("x1 = own(I)\nx2 = compose(own, vmirror)\nx3 = x2(I)\nO = astuple(x1, x3)") ==
          Outcome::ok);
    CHECK(own.text() == "[\"t\",0,0]");
}

TEST_CASE("steps are paid for, and no more of them are taken than there is fuel") {
    Answer a = {.height = 1, .width = 1};
    Own own({"Grid"}, "Grid", answer, &a);
    CHECK(own.run("O = own(I)") == Outcome::ok);
    const int64_t fuel = own.fuel();
    a.num_steps = 1000;
    CHECK(own.run("O = own(I)") == Outcome::ok);
    CHECK(own.fuel() == fuel + 1000);
    a.num_steps = kLimits.fuel;
    CHECK(own.run("O = own(I)") == Outcome::out_of_fuel);
    CHECK(own.fuel() == kLimits.fuel);
    a.num_steps = -1000; // gives nothing back
    CHECK(own.run("O = own(I)") == Outcome::ok);
    CHECK(own.fuel() == fuel);
    a.num_steps = 0;
    CHECK(own.run("O = own(I)", {100, kLimits.max_bytes, 1000, 0}) == Outcome::out_of_fuel);
    CHECK(own.run("x1 = own(I)\nx2 = own(x1)\nx3 = own(x2)\nO = own(x3)",
                  {kLimits.fuel, kLeastBytes, 1000, 0}) == Outcome::out_of_memory);
}

TEST_CASE("a language has no more foreign primitives than there are bodies for them") {
    ForeignFunction foreign;
    foreign.function = mirror;
    const auto why_not = [&](size_t count) {
        RowSelection rows(standard_names());
        RowSelection::NewPrimitive row;
        row.result = "Grid";
        row.parameter_types = {"Grid"};
        row.parameter_names = {"grid"};
        row.foreign = &foreign;
        for (size_t k = 0; k < count; ++k) {
            row.name = "own_" + std::to_string(k);
            CHECK(rows.add(row).empty());
        }
        std::string error;
        rows.make("many", &error);
        return error;
    };
    CHECK(why_not(Language::kMaxForeign).empty());
    CHECK(why_not(Language::kMaxForeign + 1).find("at most 256") != std::string::npos);
}
