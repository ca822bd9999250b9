#include "search/judge.h"

#include "core/print.h"
#include "lang/sizes.h"

#include <algorithm>
#include <numeric>

namespace codeit::search {
namespace {

constexpr int64_t kMostPrinted = 100'000; // values
constexpr int64_t kFuelOfPrinting = int64_t{1} << 24;
constexpr int64_t kLittleFuel = 500'000; // which any search gives to a run
constexpr size_t kMostVaried = 4;        // inputs

} // namespace

// A small generator of numbers, whose sequence never changes.
class Judge::Noise {
  public:
    uint32_t below(uint32_t bound) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<uint32_t>((state_ >> 33) % bound);
    }

  private:
    uint64_t state_ = 1;
};

Judge::Judge(const Program &program, std::span<const InputGrid> inputs, const Limits &limits,
             Interrupt *interrupt)
    : lease_(limits, interrupt), interrupt_(interrupt) {
    for (const InputGrid &input : inputs) {
        Run &made = runs_.emplace_back();
        made.input = input;
        run(program, &made);
        if (is_limit(made.outcome)) is_able_ = false;
        if (made.outcome != Outcome::ok) continue;
        answered_.push_back(input);
        if (made.text.empty() || made.text.find("fn") != std::string::npos) is_able_ = false;
    }
    is_able_ = is_able_ && !answered_.empty();
    if (!is_able_) return;
    Noise noise;
    for (size_t k = 0; k < std::min(answered_.size(), kMostVaried); ++k) {
        add_variants(answered_[k], noise);
    }
    for (const Variant &variant : variants_) {
        Run made;
        made.input = {variant.cells.data(), variant.height, variant.width};
        run(program, &made);
        if (made.outcome == Outcome::ok && !made.text.empty()) runs_.push_back(std::move(made));
    }
}

void Judge::add_variants(const InputGrid &g, Noise &noise) {
    auto add = [&](int32_t height, int32_t width, auto color_at) {
        Variant &variant = variants_.emplace_back(Variant{{}, height, width});
        for (int32_t i = 0; i < height; ++i) {
            for (int32_t j = 0; j < width; ++j) variant.cells.push_back(color_at(i, j));
        }
    };
    auto cell = [&](int32_t i, int32_t j) { return g.cells[i * g.width + j]; };
    add(g.width, g.height, [&](int32_t i, int32_t j) { return cell(j, i); });
    add(g.height, g.width,
        [&](int32_t i, int32_t j) { return cell(g.height - 1 - i, g.width - 1 - j); });
    const int32_t height = g.height - g.height / 4;
    const int32_t width = g.width - g.width / 4;
    add(std::max(height - 1, 1), g.width, cell);
    add(g.height, std::max(width - 1, 1),
        [&](int32_t i, int32_t j) { return cell(i, g.width - 1 - j); });
    for (const bool is_first : {true, false}) {
        uint8_t colors[kNumColors];
        std::iota(std::begin(colors), std::end(colors), uint8_t{0});
        // The background of most tasks stays once.
        for (uint32_t k = kNumColors - 1; k > is_first; --k) {
            std::swap(colors[k], colors[is_first + noise.below(k + 1 - is_first)]);
        }
        add(g.height, g.width, [&](int32_t i, int32_t j) { return colors[cell(i, j)]; });
    }
    for (const uint32_t rarity : {40, 8, 2}) {
        add(g.height, g.width, [&](int32_t i, int32_t j) {
            const uint32_t color = noise.below(kNumColors);
            return noise.below(rarity) == 0 ? static_cast<uint8_t>(color) : cell(i, j);
        });
    }
}

void Judge::run(const Program &program, Run *out) {
    Machine &m = lease_.machine();
    const RunResult result = codeit::run(m, program, out->input);
    if (interrupt_->ask()) throw Interrupted();
    out->outcome = result.outcome;
    out->fuel = m.fuel_used();
    out->text.clear();
    if (result.outcome != Outcome::ok) return;
    int64_t values_left = kMostPrinted;
    m.refuel(kFuelOfPrinting);
    if (print_value(m, result.value, &values_left, &out->text) != Outcome::ok) out->text.clear();
}

bool Judge::accepts(const Program &program) {
    Run now;
    for (const Run &before : runs_) {
        now.input = before.input;
        run(program, &now);
        if (now.outcome != before.outcome || now.text != before.text) return false;
        if (now.fuel > std::max(before.fuel, kLittleFuel)) return false;
    }
    return true;
}

} // namespace codeit::search
