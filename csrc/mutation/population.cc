#include "mutation/population.h"

#include "core/grid.h"
#include "vm/machine_pool.h"
#include "vm/result_grid.h"
#include "vm/workers.h"

#include <algorithm>
#include <cstring>

namespace codeit::mutation {
namespace {

constexpr uint64_t kRound = 1 << 14; // draws; fewer while few programs may be parents
constexpr uint64_t kLeastRound = 1 << 10;
constexpr uint64_t kMostRound = 1 << 18; // where what is made does not depend on it
constexpr uint64_t kDrawsAtOnce = 256;   // of a thread
constexpr size_t kMembersAtOnce = 256;   // programs of one root that a thread runs
constexpr size_t kTypedAtOnce = 32;

uint64_t seed_of_draw(uint64_t seed, uint64_t number) {
    return Random(Random(seed).next() ^ number * 0xD6E8FEB86659FD93u).next();
}

size_t num_parts(size_t count, size_t size) {
    return (count + size - 1) / size;
}

} // namespace

// Runs members of a family on the inputs of their root, as long as they return grids.
class Population::Validity {
  public:
    Validity(const Limits &limits, Interrupt *interrupt)
        : lease_(limits, interrupt), other_lease_(limits, interrupt), interrupt_(interrupt) {}

    // What becomes of the members, by their numbers; they are of the root's language and dialect.
    // Whether a run has the fuel may depend on the order of the lines, by a little, and so may the
    // order of a set of closures: then invalid is not hopeless.
    void check(const Family &family, const Program &root, std::span<const InputGrid> inputs,
               std::vector<Status> *verdicts) {
        verdicts->assign(family.size(), Status::valid);
        std::vector<uint8_t> is_changed(family.size(), 0);
        for (const InputGrid &input : inputs) {
            FamilyRuns runs(lease_.machine(), family, input);
            for (size_t k = 0; k < family.size(); ++k) {
                const size_t number = family.number(k);
                Status &verdict = (*verdicts)[number];
                if (verdict != Status::valid) continue;
                if (interrupt_->ask()) return;
                bool is_same = false;
                verdict = run(&runs, k, family.code(k), root, input, &is_same);
                if (!is_same) is_changed[number] = 1;
            }
        }
        for (size_t number = 0; number < family.size(); ++number) {
            if ((*verdicts)[number] == Status::valid && is_changed[number] == 0)
                (*verdicts)[number] = Status::hopeless;
        }
    }

  private:
    Status run(FamilyRuns *runs, size_t k, const Code &code, const Program &root,
               const InputGrid &input, bool *is_same) {
        const FamilyRuns::Result result = runs->run(k);
        Outcome outcome = result.outcome;
        Value value = result.value;
        if (!result.is_known || (outcome == Outcome::ok && !result.has_fuel)) {
            const Program program(code, root.language(), root.dialect());
            const RunResult plain = codeit::run(other_lease_.machine(), program, input);
            outcome = plain.outcome;
            value = plain.value;
        }
        const bool is_certain = result.is_known && outcome != Outcome::out_of_fuel;
        if (outcome != Outcome::ok) return is_certain ? Status::hopeless : Status::invalid;
        uint8_t cells[kMaxCells + kSpareCells];
        uint8_t height;
        uint8_t width;
        if (!write_result(value, cells, &height, &width))
            return is_certain ? Status::hopeless : Status::invalid;
        *is_same = height == input.height && width == input.width &&
                   std::memcmp(cells, input.cells, size_t{height} * width) == 0;
        return Status::valid;
    }

    MachineLease lease_;
    MachineLease other_lease_;
    Interrupt *interrupt_;
};

Population::Population(const Language &language, Dialect dialect, const Weights &weights,
                       uint64_t seed, bool is_open_ended, const Limits &limits)
    : language_(language), dialect_(dialect), weights_(weights), seed_(seed),
      is_open_ended_(is_open_ended), limits_(limits) {}

void Population::add_root(const Program &program, std::span<const InputGrid> inputs,
                          Interrupt::Poll poll) {
    Root root;
    root.program = program;
    for (const InputGrid &input : inputs) {
        const int64_t size = int64_t{input.height} * input.width;
        root.cells.emplace_back(input.cells, input.cells + size);
        root.inputs.push_back({root.cells.back().data(), input.height, input.width});
    }
    roots_.push_back(std::move(root));
    const Root &added = roots_.back();
    const auto number = static_cast<uint32_t>(roots_.size() - 1);
    parents_.emplace_back(program.code(), types_of_lines(program, added.inputs[0], limits_, poll));
    descents_.push_back({number, 0});
    known_.insert(key_of(program.code(), language_, dialect_));
    if (is_open_ended_) return;
    keys_of_parents_.emplace_back();
    keys_of_lines(program.code(), language_, &keys_of_parents_.back());
}

void Population::add_known(std::span<const Known> known, unsigned num_threads,
                           Interrupt::Poll poll) {
    for (const Known &one : known) known_.insert(key_of(one.program->code(), language_, dialect_));
    if (is_open_ended_) add_parents(known, num_threads, poll);
}

void Population::add_parents(std::span<const Known> known, unsigned num_threads,
                             Interrupt::Poll poll) {
    std::vector<std::vector<Type>> types(known.size());
    Interrupt interrupt(poll);
    run_units(num_parts(known.size(), kTypedAtOnce), num_threads, interrupt, [&](size_t w) {
        return [&, own_poll = w == 0 ? poll : nullptr](size_t unit) {
            const size_t first = unit * kTypedAtOnce;
            for (size_t k = first; k < std::min(first + kTypedAtOnce, known.size()); ++k) {
                const Root &root = roots_[known[k].root];
                types[k] = types_of_lines(*known[k].program, root.inputs[0], limits_, own_poll);
            }
        };
    });
    for (size_t k = 0; k < known.size(); ++k) {
        parents_.emplace_back(known[k].program->code(), std::move(types[k]));
        descents_.push_back({known[k].root, known[k].depth});
    }
}

std::vector<Offspring> Population::make(size_t count, uint64_t *next, uint64_t end,
                                        unsigned num_threads, Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    std::vector<Offspring> made;
    KeySet undecided; // since the beginning of this call, that what is made depends on no other one
    const uint64_t begin = *next;
    uint64_t num_valid = 0;
    std::vector<Draft> memory;
    while (made.size() < count && *next < end && !parents_.empty()) {
        const uint64_t round = round_size(count - made.size(), made.size(), *next - begin);
        const uint64_t first = *next;
        const size_t first_made = made.size();
        memory.resize(std::max(memory.size(), std::min(round, end - first)));
        const std::span<Draft> drafts(memory.data(), std::min(round, end - first));
        draw(first, undecided, drafts, num_threads, interrupt);
        KeySet tried; // in this round
        for (Draft &draft : drafts) {
            if (draft.status == Status::unchecked && !tried.insert(tried_key(draft)))
                draft.status = Status::repeated;
        }
        check(first, drafts, num_threads, interrupt);
        for (const Draft &draft : drafts) {
            if (draft.status == Status::hopeless) hopeless_.insert(tried_key(draft));
            if (draft.status == Status::invalid) undecided.insert(tried_key(draft));
        }
        *next = first + drafts.size();
        KeySet fresh; // known since the draws of this round
        for (size_t k = 0; k < drafts.size(); ++k) {
            Draft &draft = drafts[k];
            if (draft.status == Status::none) continue;
            // What was looked at before, here or for another root, is known if it is valid.
            const bool is_known = draft.status == Status::known || fresh.contains(draft.key);
            if (draft.status != Status::valid && !is_known) continue;
            ++num_valid;
            if (is_known) continue;
            known_.insert(draft.key);
            fresh.insert(draft.key);
            const Descent &descent = descents_[draft.parent];
            made.push_back(
                {first + k, descent.root, descent.depth + 1, num_valid, std::move(*draft.program)});
            if (made.size() == count) {
                *next = first + k + 1;
                break;
            }
        }
        if (!is_open_ended_) continue;
        std::vector<Known> known;
        for (size_t k = first_made; k < made.size(); ++k)
            known.push_back({&made[k].program, made[k].root, made[k].depth});
        add_parents(known, num_threads, poll);
    }
    return made;
}

// How many draws the next round has, after so many that made so many. Where mutants become parents,
// what is made depends on it. Else a round has as many as it may take, as far as is known: members
// of a family that run together run its base once.
uint64_t Population::round_size(size_t num_left, size_t num_made, uint64_t num_draws) const {
    if (is_open_ended_) return std::clamp<uint64_t>(parents_.size(), kLeastRound, kRound);
    const double draws_each =
        num_made == 0 ? 1 : static_cast<double>(num_draws) / static_cast<double>(num_made);
    const double expected = static_cast<double>(num_left) * draws_each;
    return static_cast<uint64_t>(
        std::clamp(expected, static_cast<double>(kRound), static_cast<double>(kMostRound)));
}

// Makes the mutant of a draw, which `random` draws on after its parent; false when there is none.
bool Population::make_mutant(uint64_t number, Mutator *mutator, uint32_t *parent) const {
    Random random(seed_of_draw(seed_, number));
    *parent = static_cast<uint32_t>(random.below(parents_.size()));
    return mutator->draw(parents_[*parent], parents_, &random);
}

// What a thread needs to draw and check.
struct Population::Tools {
    Tools(const Language &language, const Weights &weights) : mutator(language, weights) {}

    // The mutant without the lines that its result does not need.
    void write(Code *out) {
        mutator.write(&whole);
        needed_lines.write(whole, out);
    }

    Mutator mutator;
    NeededLines needed_lines;
    Code whole;
    std::vector<Code> codes = std::vector<Code>(kMembersAtOnce);
    std::vector<Key> keys;
    std::vector<Status> verdicts;
};

void Population::draw(uint64_t first, const KeySet &undecided, std::span<Draft> drafts,
                      unsigned num_threads, Interrupt &interrupt) const {
    run_units(num_parts(drafts.size(), kDrawsAtOnce), num_threads, interrupt, [&](size_t) {
        return [&, tools = Tools(language_, weights_)](size_t unit) mutable {
            if (interrupt.ask()) return;
            const size_t begin = unit * kDrawsAtOnce;
            const size_t count = std::min(kDrawsAtOnce, drafts.size() - begin);
            draw_some(first + begin, undecided, drafts.subspan(begin, count), &tools);
        };
    });
}

void Population::draw_some(uint64_t first, const KeySet &undecided, std::span<Draft> drafts,
                           Tools *tools) const {
    for (size_t k = 0; k < drafts.size(); ++k) {
        Draft &draft = drafts[k];
        draft.status = Status::none;
        if (!make_mutant(first + k, &tools->mutator, &draft.parent)) continue;
        if (tools->mutator.num_lines() > kMaxVariables + 1) {
            tools->write(&tools->codes[0]);
            if (tools->codes[0].num_lines() > kMaxVariables + 1) continue;
        }
        if (is_open_ended_) keys_of_lines(parents_[draft.parent].code, language_, &tools->keys);
        const Key last =
            tools->mutator.key(is_open_ended_ ? tools->keys : keys_of_parents_[draft.parent]);
        draft.key = key_of_result(last, dialect_);
        draft.status = Status::unchecked;
        known_.prefetch(draft.key);
        hopeless_.prefetch(tried_key(draft));
    }
    for (Draft &draft : drafts) {
        if (draft.status == Status::none) continue;
        const Key tried = tried_key(draft);
        if (known_.contains(draft.key)) {
            draft.status = Status::known;
        } else if (hopeless_.contains(tried) || undecided.contains(tried)) {
            draft.status = Status::repeated;
        }
    }
}

void Population::check(uint64_t first, std::span<Draft> drafts, unsigned num_threads,
                       Interrupt &interrupt) const {
    // Units are drafts of one root.
    auto root_of = [&](size_t k) { return descents_[drafts[k].parent].root; };
    std::vector<size_t> order;
    for (size_t k = 0; k < drafts.size(); ++k) {
        if (drafts[k].status == Status::unchecked) order.push_back(k);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return root_of(a) < root_of(b); });
    std::vector<size_t> begins;
    for (size_t k = 0; k < order.size(); ++k) {
        const bool is_full = !begins.empty() && k - begins.back() == kMembersAtOnce;
        if (k == 0 || is_full || root_of(order[k - 1]) != root_of(order[k])) begins.push_back(k);
    }
    begins.push_back(order.size());
    run_units(begins.size() - 1, num_threads, interrupt, [&](size_t) {
        return [&, tools = Tools(language_, weights_),
                validity = std::make_unique<Validity>(limits_, &interrupt)](size_t unit) mutable {
            const std::span<const size_t> own(order.data() + begins[unit],
                                              begins[unit + 1] - begins[unit]);
            const Root &root = roots_[root_of(own[0])];
            Family family(root.program);
            for (size_t k = 0; k < own.size(); ++k) {
                make_mutant(first + own[k], &tools.mutator, &drafts[own[k]].parent);
                tools.write(&tools.codes[k]);
                family.add(tools.codes[k], k);
            }
            family.sort();
            validity->check(family, root.program, root.inputs, &tools.verdicts);
            for (size_t k = 0; k < own.size(); ++k) {
                Draft &draft = drafts[own[k]];
                draft.status = tools.verdicts[k];
                if (draft.status != Status::valid) continue;
                draft.program = std::make_unique<Program>(tools.codes[k], language_, dialect_);
            }
        };
    });
}

Key Population::tried_key(const Draft &draft) const {
    const uint64_t root = descents_[draft.parent].root;
    return {draft.key.low ^ root * 0x9E3779B97F4A7C15u, draft.key.high};
}

} // namespace codeit::mutation
