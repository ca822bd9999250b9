#include "primitives/images.h"

#include "primitives/steps.h"

namespace codeit {

Images::Images(Machine &m, const Value &function, const Items &items, Wanted wanted)
    : m_(m), scratch_(m), function_(function), items_(items), wanted_(wanted) {
    int budget = Block::kMaxFunctions;
    is_suited_ = !m.is_plain() && items.size >= kLeastItems && has_steps_only(m, function, &budget);
    if (!is_suited_) return;
    size_t count = std::min(items.size, kLargestBlock);
    block_ = static_cast<Value *>(m.arena().allocate_scratch(count * sizeof(Value)));
    costs_ = static_cast<uint64_t *>(m.arena().allocate_scratch(count * sizeof(uint64_t)));
    is_suited_ = block_ != nullptr && costs_ != nullptr;
}

bool Images::is_as_wanted(const Value &image) {
    if (kind_ == Kind::unbound) kind_ = image.kind;
    switch (wanted_) {
    case Wanted::number:
        return image.is_int();
    case Wanted::alike:
        return image.kind == kind_ &&
               (kind_ == Kind::integer || kind_ == Kind::pair || kind_ == Kind::cell);
    case Wanted::any:
        break;
    }
    return true;
}

void Images::take_block() {
    size_t size = begin_ == end_ ? kFirstBlock : 4 * (end_ - begin_);
    size = std::min({size, kLargestBlock, items_.size - at_});
    if (size == 0) return;
    // With fuel of its own, so that whether it succeeds does not depend on what is left; next()
    // pays for what is used of it.
    const Machine::Attempt attempt = m_.begin_attempt(kFuelOfBlock);
    ScratchScope scratch(m_);
    std::fill_n(costs_, size, 0);
    Block block(m_, size, costs_);
    const Series items = {items_.data + at_, 1};
    Series images;
    bool is_done = m_.enter() == Outcome::ok;
    if (is_done) {
        is_done = block.call(function_, &items, 1, &images) && block.settle(&images);
        m_.leave();
    }
    for (size_t k = 0; k < size && is_done; ++k) {
        block_[k] = images.values[k * images.stride];
        is_done = is_as_wanted(block_[k]);
    }
    if (!is_done) {
        m_.give_up(attempt);
        is_suited_ = false;
        return;
    }
    m_.end_attempt(attempt);
    begin_ = at_;
    end_ = at_ + size;
}

} // namespace codeit
