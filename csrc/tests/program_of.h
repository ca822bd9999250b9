// A program of a test, from its text.
#pragma once

#include "primitives/bodies.h"
#include "vm/program.h"

#include <doctest/doctest.h>

inline codeit::Program program_of(std::string_view text) {
    codeit::Program program;
    codeit::ParseError error;
    REQUIRE_MESSAGE(codeit::Program::parse(text, codeit::standard_language(),
                                           codeit::Dialect::codeit, &program, &error),
                    error.reason);
    return program;
}
