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
constexpr uint64_t kDrawsAtOnce = 256; // of a thread
constexpr size_t kMembersAtOnce = 256; // programs of one root that a thread runs
constexpr size_t kTypedAtOnce = 32;

uint64_t seed_of_draw(uint64_t seed, uint64_t number) {
    return Random(Random(seed).next() ^ number * 0xD6E8FEB86659FD93u).next();
}

size_t num_parts(size_t count, size_t size) {
    return (count + size - 1) / size;
}

// Runs members of a family on the inputs of their root, as long as they return grids.
class Validity {
  public:
    Validity(const Limits &limits, Interrupt *interrupt)
        : lease_(limits, interrupt), other_lease_(limits, interrupt), interrupt_(interrupt) {}

    // What becomes of a member. Whether a run has the fuel may depend on the order of the lines, by
    // a little, and so may the order of a set of closures: then invalid is not hopeless.
    enum Verdict : uint8_t { valid, invalid, hopeless };

    // The verdicts by the members' numbers.
    void check(const Family &family, std::span<const InputGrid> inputs,
               std::vector<Verdict> *verdicts) {
        verdicts->assign(family.size(), valid);
        std::vector<uint8_t> is_changed(family.size(), 0);
        for (const InputGrid &input : inputs) {
            FamilyRuns runs(lease_.machine(), family, input);
            for (size_t k = 0; k < family.size(); ++k) {
                const size_t number = family.number(k);
                Verdict &verdict = (*verdicts)[number];
                if (verdict != valid) continue;
                if (interrupt_->ask()) return;
                bool is_same = false;
                verdict = run(&runs, k, family.program(k), input, &is_same);
                if (!is_same) is_changed[number] = 1;
            }
        }
        for (size_t number = 0; number < family.size(); ++number) {
            if ((*verdicts)[number] == valid && is_changed[number] == 0)
                (*verdicts)[number] = hopeless;
        }
    }

  private:
    Verdict run(FamilyRuns *runs, size_t k, const Program &program, const InputGrid &input,
                bool *is_same) {
        const FamilyRuns::Result result = runs->run(k);
        Outcome outcome = result.outcome;
        Value value = result.value;
        if (!result.is_known || (outcome == Outcome::ok && !result.has_fuel)) {
            const RunResult plain = codeit::run(other_lease_.machine(), program, input);
            outcome = plain.outcome;
            value = plain.value;
        }
        const bool is_certain = result.is_known && outcome != Outcome::out_of_fuel;
        if (outcome != Outcome::ok) return is_certain ? hopeless : invalid;
        uint8_t cells[kMaxCells + kSpareCells];
        uint8_t height;
        uint8_t width;
        if (!write_result(value, cells, &height, &width)) return is_certain ? hopeless : invalid;
        *is_same = height == input.height && width == input.width &&
                   std::memcmp(cells, input.cells, size_t{height} * width) == 0;
        return valid;
    }

    MachineLease lease_;
    MachineLease other_lease_;
    Interrupt *interrupt_;
};

} // namespace

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
    KeySet tried; // since the beginning of this call, that what is made depends on no other one
    uint64_t num_valid = 0;
    while (made.size() < count && *next < end && !parents_.empty()) {
        const uint64_t round =
            is_open_ended_ ? std::clamp<uint64_t>(parents_.size(), kLeastRound, kRound) : kRound;
        const uint64_t last = std::min(end, *next + round);
        std::vector<Draft> drafts = draw(*next, last, tried, num_threads, interrupt);
        for (Draft &draft : drafts) draft.is_new = draft.is_new && tried.insert(tried_key(draft));
        check(&drafts, num_threads, interrupt);
        *next = last;
        const size_t first = made.size();
        for (const Draft &draft : drafts) {
            if (draft.is_hopeless) hopeless_.insert(tried_key(draft));
        }
        for (Draft &draft : drafts) {
            // What was looked at before, here or for another root, is known if it is valid.
            if (!draft.is_valid && !known_.contains(draft.key)) continue;
            ++num_valid;
            if (!draft.is_valid || !known_.insert(draft.key)) continue;
            const Descent &descent = descents_[draft.parent];
            made.push_back({draft.number, descent.root, descent.depth + 1, num_valid,
                            std::move(*draft.program)});
            if (made.size() == count) {
                *next = draft.number + 1;
                break;
            }
        }
        if (!is_open_ended_) continue;
        std::vector<Known> known;
        for (size_t k = first; k < made.size(); ++k)
            known.push_back({&made[k].program, made[k].root, made[k].depth});
        add_parents(known, num_threads, poll);
    }
    return made;
}

// What the draws [first, end) give, by number.
std::vector<Population::Draft> Population::draw(uint64_t first, uint64_t end, const KeySet &tried,
                                                unsigned num_threads, Interrupt &interrupt) {
    std::vector<std::vector<Draft>> parts(num_parts(end - first, kDrawsAtOnce));
    run_units(parts.size(), num_threads, interrupt, [&](size_t) {
        return
            [&, mutator = Mutator(language_, weights_), code = Code(), needed_lines = NeededLines(),
             needed = Code(), keys = std::vector<Key>()](size_t unit) mutable {
                if (interrupt.ask()) return;
                const uint64_t begin = first + unit * kDrawsAtOnce;
                for (uint64_t k = begin; k < std::min(begin + kDrawsAtOnce, end); ++k) {
                    Random random(seed_of_draw(seed_, k));
                    const auto parent = static_cast<uint32_t>(random.below(parents_.size()));
                    if (!mutator.mutate(parents_[parent], parents_, &random, &code)) continue;
                    needed_lines.write(code, &needed);
                    if (needed.num_lines() > kMaxVariables + 1) continue;
                    keys_of_lines(needed, language_, &keys);
                    Draft draft = {k, parent, key_of_result(keys.back(), dialect_)};
                    const Key tried_key = this->tried_key(draft);
                    draft.is_new = !known_.contains(draft.key) && !hopeless_.contains(tried_key) &&
                                   !tried.contains(tried_key);
                    if (draft.is_new)
                        draft.program = std::make_unique<Program>(needed, language_, dialect_);
                    parts[unit].push_back(std::move(draft));
                }
            };
    });
    std::vector<Draft> drafts;
    for (std::vector<Draft> &part : parts)
        std::move(part.begin(), part.end(), std::back_inserter(drafts));
    return drafts;
}

void Population::check(std::vector<Draft> *drafts, unsigned num_threads, Interrupt &interrupt) {
    // Units are drafts of one root.
    auto root_of = [&](size_t k) { return descents_[(*drafts)[k].parent].root; };
    std::vector<size_t> order;
    for (size_t k = 0; k < drafts->size(); ++k) {
        if ((*drafts)[k].is_new) order.push_back(k);
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
        return [&, validity = std::make_unique<Validity>(limits_, &interrupt),
                verdicts = std::vector<Validity::Verdict>()](size_t unit) mutable {
            const std::span<const size_t> own(order.data() + begins[unit],
                                              begins[unit + 1] - begins[unit]);
            const Root &root = roots_[root_of(own[0])];
            Family family(root.program);
            for (size_t k = 0; k < own.size(); ++k) {
                family.add(*(*drafts)[own[k]].program, k);
            }
            family.sort();
            validity->check(family, root.inputs, &verdicts);
            for (size_t k = 0; k < own.size(); ++k) {
                (*drafts)[own[k]].is_valid = verdicts[k] == Validity::valid;
                (*drafts)[own[k]].is_hopeless = verdicts[k] == Validity::hopeless;
            }
        };
    });
}

Key Population::tried_key(const Draft &draft) const {
    const uint64_t root = descents_[draft.parent].root;
    return {draft.key.low ^ root * 0x9E3779B97F4A7C15u, draft.key.high};
}

} // namespace codeit::mutation
