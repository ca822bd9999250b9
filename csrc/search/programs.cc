// Methods that start from the programs of the corpus: as they are, and with other colors.
#include "search/methods.h"

#include <algorithm>
#include <map>

namespace codeit::search {

// The programs that lead run last here: what they share with others is not theirs.
void run_corpus(Search &s) {
    s.corpus_nodes.assign(s.corpus.size(), {});
    for (size_t k = 0; k < s.corpus.size() && !s.is_spent(); ++k) {
        const size_t p = (k + s.num_leading()) % s.corpus.size();
        s.set_origin(p);
        run_all_lines(s.pool, s.corpus[p], kInputNode, &s.corpus_nodes[p]);
    }
}

namespace {

// So many variants of one program at most.
constexpr double kMostVariants = 1'500;
constexpr size_t kFewPlaces = 3;

struct Place {
    size_t line;
    size_t argument;
};

// Programs with some of their ints replaced by colors of the task: all combinations.
class Recoloring {
  public:
    explicit Recoloring(Search &s) : s_(s) {
        for (int color = 0; color < kNumColors; ++color) {
            if (!s.task.has_input_color(color) && !s.task.has_output_color(color)) continue;
            const Node node = s.pool.integer(color);
            if (node != kNoNode) palette_.push_back(s.pool.name_of(node));
        }
    }

    void run(const Lines &program) {
        std::vector<Place> places;
        std::map<Term, size_t> values;
        for (size_t k = 0; k < program.size(); ++k) {
            for (size_t a = 0; a < program[k].num_arguments; ++a) {
                const Term term = program[k].arguments[a];
                if (!is_color(term)) continue;
                places.push_back({k, a});
                values.try_emplace(term, values.size());
            }
        }
        if (places.empty()) return;
        std::vector<size_t> each(places.size());
        std::vector<size_t> by_value(places.size());
        for (size_t k = 0; k < places.size(); ++k) {
            each[k] = k;
            by_value[k] = values[program[places[k].line].arguments[places[k].argument]];
        }
        const bool is_done =
            places.size() <= kFewPlaces && vary(program, places, each, places.size());
        if (!is_done) vary(program, places, by_value, values.size());
    }

  private:
    bool is_color(Term term) const {
        if (is_line(term) || !s_.pool.language().is_constant(term)) return false;
        const ConstantRow &constant = s_.pool.language().constant(term);
        return constant.type == Type::Integer && constant.first >= 0 && constant.first < kNumColors;
    }

    // Places of one slot change together. False when there would be too many variants.
    bool vary(const Lines &program, const std::vector<Place> &places,
              const std::vector<size_t> &slot_of, size_t num_slots) {
        std::vector<std::vector<Term>> choices(num_slots);
        double count = 1;
        for (size_t k = 0; k < places.size(); ++k) {
            std::vector<Term> &some = choices[slot_of[k]];
            if (!some.empty()) continue;
            const Term own = program[places[k].line].arguments[places[k].argument];
            some.push_back(own);
            for (const Term color : palette_) {
                if (color != own) some.push_back(color);
            }
            count *= static_cast<double>(some.size());
        }
        if (count > kMostVariants) return false;
        Lines variant = program;
        std::vector<size_t> chosen(num_slots, 0);
        LineNodes nodes;
        while (!s_.is_spent()) {
            size_t slot = 0;
            while (slot < num_slots && ++chosen[slot] == choices[slot].size()) chosen[slot++] = 0;
            if (slot == num_slots) break;
            for (size_t k = 0; k < places.size(); ++k) {
                variant[places[k].line].arguments[places[k].argument] =
                    choices[slot_of[k]][chosen[slot_of[k]]];
            }
            run_lines(s_.pool, variant, kInputNode, &nodes);
        }
        return true;
    }

    Search &s_;
    std::vector<Term> palette_;
};

} // namespace

void recolor(Search &s) {
    Recoloring recoloring(s);
    for (size_t p = 0; p < s.corpus.size() && !s.is_spent(); ++p) {
        s.set_origin(p);
        recoloring.run(s.corpus[p]);
    }
}

namespace {

constexpr size_t kMostLinesComposed = 25;

} // namespace

void compose_programs(Search &s) {
    std::vector<char> is_known(s.pool.size(), 0);
    is_known[kInputNode] = 1;
    std::vector<Node> outputs;
    for (const LineNodes &nodes : s.corpus_nodes) {
        if (nodes.empty() || nodes.back() == kNoNode) continue;
        const Node output = nodes.back();
        if (s.pool[output].sort != Sort::grid || is_known[static_cast<size_t>(output)]) continue;
        is_known[static_cast<size_t>(output)] = 1;
        outputs.push_back(output);
    }
    std::vector<Node> others;
    for (const Node grid : s.grids) {
        if (!is_known[static_cast<size_t>(grid)]) others.push_back(grid);
    }
    std::vector<Node> inputs = s.cheapest_first(outputs);
    for (const Node node : s.cheapest_first(others)) inputs.push_back(node);
    LineNodes nodes;
    while (s.next_input < inputs.size()) {
        for (size_t p = 0; p < s.corpus.size(); ++p) {
            const Lines &program = s.corpus[p];
            if (s.is_spent()) return;
            if (program.size() > kMostLinesComposed) continue;
            s.set_origin(p);
            run_lines(s.pool, program, inputs[s.next_input], &nodes);
        }
        ++s.next_input;
    }
}

} // namespace codeit::search
