// Says whether a program does on an ordinary machine what another one did.
#pragma once

#include "core/interrupt.h"
#include "vm/machine_pool.h"
#include "vm/program.h"
#include "vm/run.h"

#include <span>
#include <string>
#include <vector>

namespace codeit::search {

class Judge {
  public:
    // Runs the program on the inputs, and on grids made of them.
    Judge(const Program &program, std::span<const InputGrid> inputs, const Limits &limits,
          Interrupt *interrupt);

    // Whether there is something to compare: no run on an input met a limit, some have succeeded,
    // and what they returned can be printed and holds no function.
    bool is_able() const { return is_able_; }
    // The inputs on which it has succeeded.
    const std::vector<InputGrid> &answered() const { return answered_; }

    // Whether the program ends in the same way on all inputs, with the same result, and uses no
    // more fuel than the first one, or little.
    bool accepts(const Program &program);

  private:
    struct Run {
        InputGrid input;
        Outcome outcome = Outcome::internal_error;
        int64_t fuel = 0;
        std::string text;
    };
    struct Variant {
        std::vector<uint8_t> cells;
        int32_t height;
        int32_t width;
    };

    class Noise;
    void add_variants(const InputGrid &input, Noise &noise);
    void run(const Program &program, Run *run);

    MachineLease lease_;
    Interrupt *interrupt_;
    std::vector<Run> runs_; // of the first program; those on variants have succeeded
    std::vector<InputGrid> answered_;
    std::vector<Variant> variants_;
    bool is_able_ = true;
};

} // namespace codeit::search
