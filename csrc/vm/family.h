// Runs programs that differ from one program, their base, by a few lines: only those lines.
//
// A mutant shares most lines with its parent, and those that neither changed nor depend on the
// change return what they return there. So on each input the lines of the base run once, one after
// the other, also behind one that fails; the machine notes where it is (Machine::Checkpoint); and
// each member of the family runs only the lines of its own on top of that, over the same registers.
// Which lines are the base's is found by their keys (code/key.h), so that neither names nor order
// matter. Members are sorted by their own lines, and share those that they begin with, as
// SharedRuns does.
//
// What is true of every member: where a result `is_known` and `has_fuel`, it is that of an ordinary
// run; else an ordinary run has to say. Three things can differ. Hashes of closures depend on how
// many were made before, and memory on what the base has made: such results are not known. Fuel: a
// value fills in what it is asked for once, and the base's lines may have paid for what the member
// would pay for; so a run has fuel for sure only where it had with all of the base's counted. That
// a run lacks fuel is known: it never pays more here than alone.
#pragma once

#include "code/key.h"
#include "core/machine.h"
#include "vm/run.h"

#include <span>
#include <vector>

namespace codeit {

class Family {
  public:
    // The base is only read here. One whose names do not mean the same everywhere (which shadows,
    // or mentions a line in itself) has no lines to share.
    explicit Family(const Program &base);

    // `number` says which one it is. The program outlives the family; one of another language or
    // dialect than the base's runs the ordinary way.
    void add(const Program &program, size_t number);
    // The same for a code of the base's language and dialect: most members need no more to run.
    void add(const Code &code, size_t number) { add(code, nullptr, number); }
    // After the last one.
    void sort();

    size_t size() const { return members_.size(); }
    size_t number(size_t k) const { return members_[k].number; }
    const Code &code(size_t k) const { return *members_[k].code; }
    // Of one that was added as a program.
    const Program &program(size_t k) const { return *members_[k].program; }

  private:
    friend class FamilyRuns;

    // Lines of the base that are shared: one bit each in a word.
    static constexpr size_t kMaxShared = 64;

    struct Line {
        Operand function;
        Operand arguments[kMaxArity];
        uint32_t num_arguments;
        bool is_direct; // calls a primitive with as many arguments as it takes
        auto operator<=>(const Line &) const = default;
    };
    struct Member {
        const Code *code;
        const Program *program; // or null
        size_t number;
        uint64_t needed;     // lines of the base
        uint64_t mentioned;  // those of them that own lines mention, or that are the result
        uint32_t first_line; // in lines_
        uint32_t num_lines;
        uint32_t num_common; // own lines in common with the member before
        Operand result;
        bool is_plain; // runs the ordinary way
    };

    void add(const Code &code, const Program *program, size_t number);

    // Operands: first all names of the language, then I, the base's lines, the own ones.
    Operand operand_of_line(size_t line) const { return num_names_ + static_cast<Operand>(line); }
    // By operands_, those of the lines before.
    Line line_of_code(const CodeLine &line) const;
    std::span<const Line> lines_of(const Member &member) const {
        return {lines_.data() + member.first_line, member.num_lines};
    }

    const Language *language_;
    Dialect dialect_;
    Operand num_names_;
    std::vector<Value> names_;         // what they stand for
    std::vector<Line> base_;           // its shared lines
    std::vector<uint64_t> base_needs_; // the lines that each of them needs, itself included
    std::vector<std::pair<Key, uint32_t>> base_keys_; // sorted, with the numbers of their lines
    std::vector<Line> lines_;
    std::vector<Member> members_;
    size_t max_lines_ = 0; // own ones
    uint64_t needed_ = 0;  // by any member
    std::vector<Key> keys_;
    std::vector<Operand> operands_;
};

class FamilyRuns {
  public:
    // Nothing else uses the machine as long as this lives.
    FamilyRuns(Machine &m, const Family &family, const InputGrid &input);

    struct Result {
        Outcome outcome = Outcome::internal_error;
        bool is_known = false;
        bool has_fuel = false; // where the outcome is ok
        Value value;
    };
    // Those of a family are run in order, though some may be left out.
    Result run(size_t k);

    int64_t fuel_used() const { return fuel_used_; } // by all so far

  private:
    void start();
    void run_base();
    Outcome run_line(const Family::Line &line, Value *out);
    bool mentions_unbound(const Family::Line &line) const;
    // *line: how many own lines are done, before and after.
    Outcome run_own_lines(const Family::Member &member, size_t *line, size_t num_next,
                          int64_t limit, Value *out);

    Machine &m_;
    const Family &family_;
    InputGrid input_;
    bool is_ready_ = false; // the base has run, and its values are there
    bool has_room_ = false;
    Value *registers_ = nullptr;
    int64_t limit_ = 0;    // fuel that the input leaves
    uint64_t failed_ = 0;  // lines of the base
    uint64_t unbound_ = 0; // those that are too long to be bound
    uint64_t unknown_ = 0;
    int64_t base_fuel_[Family::kMaxShared] = {}; // of each line
    int64_t all_base_fuel_ = 0;
    std::vector<Machine::Checkpoint> checkpoints_; // after as many own lines as the index says
    std::vector<int64_t> own_fuel_;                // used by then
    size_t seen_ = 0;                              // member that was asked for last
    size_t common_ = 0;        // own lines that it has in common with the last one that ran
    size_t failed_at_ = 0;     // own line at which it ended, from 1; 0: nowhere
    int64_t failed_limit_ = 0; // of a run that ended for lack of fuel; else max
    int64_t fuel_used_ = 0;
};

} // namespace codeit
