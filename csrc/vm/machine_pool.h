// Machines that are kept from batch to batch: their memory has been touched, their caches are full.
#pragma once

#include "core/machine.h"

namespace codeit {

// A machine that nobody else uses, until the lease ends.
class MachineLease {
  public:
    // Throws std::bad_alloc when the memory of a new machine cannot be reserved.
    explicit MachineLease(const Limits &limits, Interrupt *interrupt = nullptr,
                          bool is_plain = false);
    ~MachineLease();
    MachineLease(const MachineLease &) = delete;
    MachineLease &operator=(const MachineLease &) = delete;

    Machine &machine() { return *machine_; }

  private:
    std::unique_ptr<Machine> machine_;
};

} // namespace codeit
