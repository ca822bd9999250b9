// A program of the language, a grid and limits, all from a string of bytes. Every string stands for
// a program that parses, so that what changes a byte changes a line and not whether there is one.
#pragma once

#include "vm/run.h"

#include <string>
#include <vector>

namespace codeit::fuzz {

struct Case {
    Dialect dialect;
    Limits limits;
    std::string text;
    std::vector<uint8_t> cells;
    int32_t height;
    int32_t width;
    uint8_t max_left_out; // how many lines that fail may be left out
    uint8_t check;        // what is done with it beside running it
    uint8_t detail;       // and a number for that

    InputGrid input() const { return {cells.data(), height, width}; }
};

// Seven bytes of limits, checks and grid, then lines: a byte for the function, one for each
// argument; case.cc says which. Some bytes stand for a value at the ends of the range of ints, and
// for the lines that make it. Bytes that are not there count as 0.
inline constexpr size_t kMaxLines = 64;        // that others can name
inline constexpr size_t kMaxLinesOfValue = 60; // before each of them
inline constexpr size_t kMaxTextLines = kMaxLines * (kMaxLinesOfValue + 1) + 1;

// In place of the lines that `is_left_out`, counted from 0, stands one that returns I.
Case make_case(const uint8_t *data, size_t size, const std::vector<bool> &is_left_out);

} // namespace codeit::fuzz
