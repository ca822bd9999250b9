#include "vm/machine_pool.h"

#include <mutex>
#include <vector>

namespace codeit {
namespace {

// The machines that are not leased, all with memory of the size that was asked for last.
class MachinePool {
  public:
    std::unique_ptr<Machine> take(uint64_t max_bytes) {
        const std::lock_guard lock(mutex_);
        machines_.reserve(machines_.size() + num_leases_ + 1);
        ++num_leases_;
        if (max_bytes != max_bytes_) {
            machines_.clear();
            max_bytes_ = max_bytes;
        }
        if (machines_.empty()) return nullptr;
        std::unique_ptr<Machine> machine = std::move(machines_.back());
        machines_.pop_back();
        return machine;
    }

    // nullptr for a lease that came to nothing.
    void give_back(std::unique_ptr<Machine> machine) {
        const std::lock_guard lock(mutex_);
        --num_leases_;
        bool fits = machine != nullptr && machine->limits().max_bytes == max_bytes_;
        if (fits) machines_.push_back(std::move(machine));
    }

  private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Machine>> machines_;
    uint64_t max_bytes_ = 0;
    size_t num_leases_ = 0; // for so many machines there is room
};

// Never destroyed: threads may outlive the static objects.
MachinePool &pool() {
    static MachinePool &instance = *new MachinePool;
    return instance;
}

} // namespace

MachineLease::MachineLease(const Limits &limits, Interrupt *interrupt, bool is_plain)
    : machine_(pool().take(limits.max_bytes)) {
    if (machine_ == nullptr) machine_.reset(new (std::nothrow) Machine(limits));
    if (machine_ == nullptr || !machine_->arena().is_reserved()) {
        pool().give_back(nullptr);
        throw std::bad_alloc();
    }
    machine_->set_limits(limits, interrupt, is_plain);
}

MachineLease::~MachineLease() {
    machine_->arena().reset(); // nobody may ask for the machine again
    pool().give_back(std::move(machine_));
}

} // namespace codeit
