#include "search/minimise.h"

#include "search/judge.h"
#include "search/ways.h"

#include <algorithm>
#include <optional>
#include <set>

namespace codeit::search {
namespace {

constexpr int64_t kFuelOfCall = 1'000'000;
constexpr size_t kMostLines = 128;
constexpr int kMostSteps = 500;
constexpr int kMostRounds = 64;

// By which programs are compared, the shorter first.
using Length = std::pair<size_t, size_t>; // characters, lines

Length length_of(const Code &code, const Language &language) {
    return {text_of(code, language).size(), code.num_lines()};
}

// A program of which every line is written in one of several ways.
class Draft {
  public:
    // A number of a way for each line.
    using Choice = std::vector<size_t>;
    // Of a line and a way for it, or of a line and kAvoid: all that use it do without.
    using Step = std::pair<size_t, size_t>;

    static constexpr size_t kAvoid = SIZE_MAX;

    Draft(const Language &language, std::vector<std::vector<Way>> ways)
        : language_(language), ways_(std::move(ways)), choice_(ways_.size(), 0) {
        code_ = *write(choice_);
        length_ = length_of(code_, language_);
    }

    const Code &code() const { return code_; }

    // Looks for the step that makes the program shortest, of those that were not refused.
    bool find_step() {
        best_length_ = length_;
        const std::vector<char> needed = *needed_by(choice_);
        for (size_t k = 0; k < ways_.size(); ++k) {
            if (!needed[k]) continue;
            for (size_t way = 0; way < ways_[k].size(); ++way) {
                if (!may_choose(k, way) || refused_.contains({k, way})) continue;
                Choice choice = choice_;
                choice[k] = way;
                consider(std::move(choice), {k, way});
            }
            if (!is_result(k) && !refused_.contains({k, kAvoid})) {
                consider(without(k, needed), {k, kAvoid});
            }
        }
        return best_length_ < length_;
    }
    // The program after that step.
    const Code &next_code() const { return best_code_; }
    void take_step() {
        choice_ = best_choice_;
        code_ = best_code_;
        length_ = best_length_;
    }
    void refuse_step() { refused_.insert(best_step_); }

  private:
    bool is_result(size_t k) const { return k + 1 == ways_.size(); }
    bool may_choose(size_t k, size_t way) const {
        return !is_result(k) || ways_[k][way].same == kNoTerm;
    }

    // What a term stands for: a name, the input, or a line that is a call.
    Term resolved(Term term, const Choice &choice) const {
        while (is_line(term) && term != kInput) {
            const size_t k = line_of(term) - 1;
            const Way &way = ways_[k][choice[k]];
            if (way.same == kNoTerm) break;
            term = way.same;
        }
        return term;
    }
    // Of the lines that line k mentions.
    template <typename F>
    void for_each_line_below(size_t k, const Choice &choice, F f) const {
        const Line &call = ways_[k][choice[k]].call;
        auto look = [&](Term term) {
            term = resolved(term, choice);
            if (is_line(term) && term != kInput) f(line_of(term) - 1);
        };
        look(call.function);
        for (const Term term : call.terms()) look(term);
    }

    // Which lines the result needs; nothing where one rests on itself.
    std::optional<std::vector<char>> needed_by(const Choice &choice) const {
        enum : char { kUnseen, kDone, kOpen };
        std::vector<char> state(ways_.size(), kUnseen);
        bool is_sound = true;
        auto visit = [&](auto &&self, size_t k) -> void {
            state[k] = kOpen;
            for_each_line_below(k, choice, [&](size_t below) {
                if (state[below] == kOpen) is_sound = false;
                if (state[below] == kUnseen) self(self, below);
            });
            state[k] = kDone;
        };
        visit(visit, ways_.size() - 1);
        if (!is_sound) return std::nullopt;
        return state;
    }

    // In the order of the lines, as far as each stands behind those that it mentions.
    std::optional<Code> write(const Choice &choice) const {
        const std::optional<std::vector<char>> needed = needed_by(choice);
        if (!needed) return std::nullopt;
        std::vector<size_t> place(ways_.size(), 0); // from 1
        Code code;
        const auto num_needed =
            static_cast<size_t>(std::count(needed->begin(), needed->end(), char{1}));
        auto term_of_place = [&](Term term) {
            term = resolved(term, choice);
            return is_line(term) && term != kInput ? term_of_line(place[line_of(term) - 1]) : term;
        };
        while (code.num_lines() < num_needed) {
            for (size_t k = 0; k < ways_.size(); ++k) {
                if (!(*needed)[k] || place[k] != 0) continue;
                bool is_ready = true;
                for_each_line_below(
                    k, choice, [&](size_t below) { is_ready = is_ready && place[below] != 0; });
                if (!is_ready) continue;
                const Line &call = ways_[k][choice[k]].call;
                code.add_line(term_of_place(call.function));
                for (const Term term : call.terms()) code.add_argument(term_of_place(term));
                place[k] = code.num_lines();
                break;
            }
        }
        return code;
    }

    void consider(Choice choice, Step step) {
        std::optional<Code> code = write(choice);
        if (!code) return;
        const Length length = length_of(*code, language_);
        if (!(length < best_length_)) return;
        best_length_ = length;
        best_choice_ = std::move(choice);
        best_code_ = std::move(*code);
        best_step_ = step;
    }

    // Every line that mentions line k is written in the shortest way that does not.
    Choice without(size_t k, const std::vector<char> &needed) const {
        Choice choice = choice_;
        for (size_t user = 0; user < ways_.size(); ++user) {
            if (!needed[user] || !mentions(user, k, choice)) continue;
            const size_t before = choice[user];
            size_t best_way = before;
            std::optional<Length> best;
            for (size_t way = 0; way < ways_[user].size(); ++way) {
                if (!may_choose(user, way)) continue;
                choice[user] = way;
                if (ways_[user][way].same == kNoTerm && mentions(user, k, choice)) continue;
                const std::optional<Code> code = write(choice);
                if (!code) continue;
                const Length length = length_of(*code, language_);
                if (!best || length < *best) {
                    best = length;
                    best_way = way;
                }
            }
            choice[user] = best_way;
            if (!best) break; // it cannot do without
        }
        return choice;
    }
    bool mentions(size_t user, size_t k, const Choice &choice) const {
        bool is_mentioned = false;
        for_each_line_below(user, choice,
                            [&](size_t below) { is_mentioned = is_mentioned || below == k; });
        return is_mentioned;
    }

    const Language &language_;
    std::vector<std::vector<Way>> ways_;
    Choice choice_;
    Code code_;
    Length length_;
    std::set<Step> refused_;

    Choice best_choice_;
    Code best_code_;
    Length best_length_;
    Step best_step_;
};

class Minimiser {
  public:
    Minimiser(const Program &program, std::span<const InputGrid> inputs,
              const MinimiserLimits &limits, Interrupt *interrupt)
        : language_(program.language()), dialect_(program.dialect()), limits_(limits),
          interrupt_(interrupt), judge_(program, inputs, limits.run, interrupt),
          code_(program.code()), prior_(language_) {}

    Code run() {
        if (!judge_.is_able()) return code_;
        Code needed;
        NeededLines().write(code_, &needed);
        if (!(needed == code_)) {
            if (!accepts(needed)) return code_;
            code_ = needed;
        }
        for (int round = 0; round < kMostRounds && shorten(); ++round) {
        }
        return code_;
    }

  private:
    bool accepts(const Code &code) { return judge_.accepts(Program(code, language_, dialect_)); }

    // One round; whether it has changed the program.
    bool shorten() {
        const Lines lines = lines_of(code_);
        if (lines.empty() || lines.size() > kMostLines) return false;
        TaskGrids grids;
        grids.inputs = judge_.answered();
        const TaskView task(grids);
        std::vector<std::vector<Way>> ways;
        {
            const codeit::Limits limits = {kFuelOfCall, limits_.run.max_bytes,
                                           limits_.run.max_depth, 0};
            MachineLease lease(limits, interrupt_);
            Pool pool(language_, dialect_, prior_, lease.machine(), task,
                      {limits_.max_bytes, kFuelOfCall});
            LineNodes nodes;
            run_all_lines(pool, lines, kInputNode, &nodes);
            if (std::find(nodes.begin(), nodes.end(), kNoNode) != nodes.end()) return false;
            pool.begin_method(0, limits_.evaluations * Pool::kWorkOfEvaluation, true);
            ways = ways_of(pool, lines, nodes);
        }
        if (interrupt_->ask()) throw Interrupted();
        Draft draft(language_, std::move(ways));
        for (int step = 0; step < kMostSteps && draft.find_step(); ++step) {
            if (accepts(draft.next_code())) {
                draft.take_step();
            } else {
                draft.refuse_step();
            }
        }
        if (draft.code() == code_) return false;
        code_ = draft.code();
        return true;
    }

    const Language &language_;
    Dialect dialect_;
    const MinimiserLimits &limits_;
    Interrupt *interrupt_;
    Judge judge_;
    Code code_;
    const Prior prior_; // has learned nothing: the length of the text decides
};

} // namespace

Code minimised(const Program &program, std::span<const InputGrid> inputs,
               const MinimiserLimits &limits, Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    return Minimiser(program, inputs, limits, &interrupt).run();
}

} // namespace codeit::search
