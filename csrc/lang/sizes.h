// Sizes that ARC and its language give, for all that reads, writes or runs programs.
#pragma once

namespace codeit {

// ARC has no larger grids: neither may a task, and what a program returns counts as one up to here.
inline constexpr int kMaxGridSide = 30;
inline constexpr int kNumColors = 10;

// x1 to x99, of which the compact tokenizer has names; the longest of the 400 solvers has 61 lines.
inline constexpr unsigned kMaxVariables = 99;

} // namespace codeit
