#include "vm/match.h"

#include "vm/machine_pool.h"
#include "vm/result_grid.h"
#include "vm/workers.h"

#include <algorithm>

namespace codeit {
namespace {

// What a thread works with: two machines, as a family's values stay in one meanwhile.
class Matcher {
  public:
    Matcher(const Limits &limits, Interrupt *interrupt, std::vector<Hit> *hits)
        : lease_(limits, interrupt), other_lease_(limits, interrupt), interrupt_(interrupt),
          hits_(hits) {}

    // False when the work is to end.
    bool run(const Family &family, const Target &target, size_t number_of_target) {
        FamilyRuns runs(lease_.machine(), family, target.input);
        int64_t num_told = 0;
        for (size_t k = 0; k < family.size(); ++k) {
            const FamilyRuns::Result result = runs.run(k);
            bool is_hit = result.outcome == Outcome::ok && is_result(result.value, target.expected);
            if (!result.is_known || (is_hit && !result.has_fuel))
                is_hit = is_plain_hit(family.program(k), target);
            if (is_hit) hits_->push_back({family.number(k), number_of_target});
            num_units_ += runs.fuel_used() - num_told + kUnitsOfRun;
            num_told = runs.fuel_used();
            if (num_units_ >= Machine::kBlock) [[unlikely]] {
                num_units_ = 0;
                if (interrupt_->ask()) return false;
            }
        }
        return true;
    }

  private:
    bool is_plain_hit(const Program &program, const Target &target) {
        Machine &m = other_lease_.machine();
        const RunResult result = codeit::run(m, program, target.input);
        num_units_ += m.fuel_used();
        return result.outcome == Outcome::ok && is_result(result.value, target.expected);
    }

    static constexpr int64_t kUnitsOfRun = 50;

    MachineLease lease_;
    MachineLease other_lease_;
    Interrupt *interrupt_;
    std::vector<Hit> *hits_;
    int64_t num_units_ = 0;
};

constexpr size_t kTargetsOfUnit = 8;

} // namespace

std::vector<Family> families_of(std::span<const Program *const> bases,
                                std::span<const Program *const> programs,
                                std::span<const uint32_t> base_of, unsigned num_threads,
                                Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    std::vector<std::vector<size_t>> numbers(bases.size());
    for (size_t k = 0; k < programs.size(); ++k) numbers[base_of[k]].push_back(k);
    std::vector<Family> families;
    families.reserve(bases.size());
    for (const Program *base : bases) families.emplace_back(*base);
    run_units(bases.size(), num_threads, interrupt, [&](size_t) {
        return [&](size_t base) {
            for (size_t number : numbers[base]) {
                if (interrupt.ask()) return;
                families[base].add(*programs[number], number);
            }
            families[base].sort();
        };
    });
    std::erase_if(families, [](const Family &family) { return family.size() == 0; });
    return families;
}

std::vector<Hit> match(std::span<const Family> families, std::span<const Target> targets,
                       const Limits &limits, unsigned num_threads, Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    const size_t num_parts = (targets.size() + kTargetsOfUnit - 1) / kTargetsOfUnit;
    std::vector<std::vector<Hit>> hits(num_threads);
    run_units(families.size() * num_parts, num_threads, interrupt, [&](size_t w) {
        return [&, matcher = std::make_unique<Matcher>(limits, &interrupt, &hits[w])](size_t unit) {
            const Family &family = families[unit / num_parts];
            const size_t first = unit % num_parts * kTargetsOfUnit;
            for (size_t t = first; t < std::min(first + kTargetsOfUnit, targets.size()); ++t) {
                if (!matcher->run(family, targets[t], t)) return;
            }
        };
    });
    std::vector<Hit> all;
    for (const std::vector<Hit> &some : hits) all.insert(all.end(), some.begin(), some.end());
    std::sort(all.begin(), all.end(), [](const Hit &a, const Hit &b) {
        return a.target != b.target ? a.target < b.target : a.number < b.number;
    });
    return all;
}

} // namespace codeit
