// Rows for a new language: some of another one, and some that are new (user-defined primitives, and
// tests of what must not depend on the number of names). A new primitive has the body of one that
// is there, or calls a function that is no part of codeit.
#pragma once

#include "lang/language.h"

#include <memory>

namespace codeit {

class RowSelection {
  public:
    explicit RowSelection(const Language &language) : language_(language) {}

    // Each returns why not, or nothing; then there is one row more.

    // A row of the language as it is.
    std::string keep(std::string_view name);

    // A new primitive. `like` is one of the language, whose body it has, unless it is a foreign
    // one.
    struct NewPrimitive {
        std::string name, group, result, summary, like;
        const ForeignFunction *foreign = nullptr;
        std::vector<std::string> parameter_types, parameter_names;
    };
    std::string add(const NewPrimitive &primitive);

    // nullptr, and why not, for rows of which no language can be made.
    std::unique_ptr<Language> make(std::string title, std::string *error) const;

  private:
    const char *text(const std::string &text) { return texts_.emplace_back(text).c_str(); }

    const Language &language_;
    std::deque<std::string> texts_; // of the new rows
    std::vector<NameRow> rows_;
};

} // namespace codeit
