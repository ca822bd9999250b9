// The language as a value: its names, with what is known of each. Made once, from the rows of
// table.def or from those of another language and more, and never changed; all that reads, writes
// or runs programs is handed one.
//
// Names are numbered: those of table.def are its primitives and then its constants, and those that
// are added come behind them. So what is encoded in a language's numbers is valid in a language
// that has more names, too.
#pragma once

#include "lang/key.h"
#include "lang/row.h"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace codeit {

// Whether a text may name something in a program: ASCII letters, digits and underscores, no digit
// first, and no keyword of Python.
bool is_identifier(std::string_view name);

// What a text means as a name of the language.
struct Name {
    enum class Kind : uint8_t { unknown, primitive, constant } kind = Kind::unknown;
    uint16_t number = 0;
};

// What the call of a primitive needs to know.
struct Routine {
    Body body = nullptr;
    Step step = nullptr;
    uint8_t arity = 0; // 0 of a constant
    Many many = Many::alone;
    uint8_t joined_parameters = 0; // a bit for each one that may be joined
};

class Language {
  public:
    static constexpr size_t kMaxNames = 0x7FFF;
    static constexpr size_t kMaxNameLength = 64;
    static constexpr size_t kMaxForeign = 256;

    // Why rows are not those of a language, or nothing. Asked by whoever takes some from outside.
    static std::string why_not(const std::vector<NameRow> &rows);

    // Of rows with which nothing is wrong; copies their texts.
    Language(std::string title, const std::vector<NameRow> &rows);
    Language(const Language &) = delete;
    Language &operator=(const Language &) = delete;

    // A short name for people; the digest of all that decides what programs are and mean, but not
    // of what the bodies do.
    const std::string &title() const { return title_; }
    uint64_t digest() const { return digest_; }

    size_t num_names() const { return rows_.size(); }
    const NameRow &row(size_t number) const { return rows_[number]; }
    const std::vector<NameRow> &rows() const { return rows_; }
    const char *name_of(size_t number) const { return rows_[number].name(); }
    // By the routines, which fit the first cache; rows do not.
    bool is_primitive(size_t number) const {
        return number < routines_.size() && routines_[number].arity != 0;
    }
    bool is_constant(size_t number) const {
        return number < routines_.size() && routines_[number].arity == 0;
    }
    const PrimitiveRow &primitive(Opcode opcode) const {
        return rows_[static_cast<size_t>(opcode)].primitive;
    }
    const ConstantRow &constant(size_t number) const { return rows_[number].constant; }

    // Their numbers, in order.
    const std::vector<uint16_t> &primitives() const { return primitives_; }
    const std::vector<uint16_t> &foreign() const { return foreign_; } // those of them that are
    const std::vector<uint16_t> &constants() const { return constants_; }

    Name find(std::string_view text) const;

    // By number.
    const Routine *routines() const { return routines_.data(); }
    unsigned arity_of(size_t number) const { return routines_[number].arity; }

    // Of a name alone, wherever it stands among others.
    const Key &key_of(size_t number) const { return keys_[number]; }

  private:
    const char *keep(const char *text);

    std::string title_;
    std::deque<std::string> texts_; // of the rows
    std::vector<NameRow> rows_;
    std::vector<uint16_t> primitives_;
    std::vector<uint16_t> foreign_;
    std::vector<uint16_t> constants_;
    std::vector<Routine> routines_;
    std::vector<std::string_view> names_;
    std::vector<Key> keys_;
    std::vector<uint16_t> buckets_; // open addressing; 1 + a name's number, 0 where it is empty
    unsigned shift_ = 0;
    uint64_t digest_ = 0;
};

// The rows of table.def, without bodies; and the language of them, which is enough to read and
// write programs. primitives/bodies.h has the one that runs them.
std::vector<NameRow> standard_rows();
const Language &standard_names();

} // namespace codeit
