// Program texts straight to token ids, by a tokenizer's spelling.
#pragma once

#include "text/spelling.h"

#include <span>
#include <string_view>
#include <vector>

namespace codeit::text {

class ProgramWriter {
  public:
    // `is_renumbered`: the variable of line k is written as x_k, whatever the text calls it. The
    // language outlives the writer.
    ProgramWriter(const Language &language, Spelling spelling, bool is_renumbered)
        : language_(language), spelling_(std::move(spelling)), is_renumbered_(is_renumbered) {}

    // The ids of a program that has nothing but lines `name = function(argument, ...)`, names of
    // the language and variables x1, x2, ... within the tokenizer's number, and O on the last line.
    // False for any other text, which the tokenizer itself has to write.
    bool write(std::string_view text, Ids *out) const;

    // The same of many texts.
    struct Written {
        bool is_written = false;
        Ids ids;
    };
    std::vector<Written> write_all(std::span<const std::string_view> texts) const;

  private:
    const Language &language_;
    Spelling spelling_;
    bool is_renumbered_;
};

} // namespace codeit::text
