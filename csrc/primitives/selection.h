// SCANMAX and SCANMIN (language.md 5.3): one pass, the first of equals stays. And the most and the
// least frequent of some items, for which CPython scans the set of them in its order: that order
// matters only where two are as frequent, and is asked for only then.
#pragma once

#include "core/sequence.h"
#include "core/set.h"

namespace codeit {

enum class Extreme : uint8_t { largest, smallest };

// The best item so far by its key. Keys that cannot be compared end the selection with type_error.
class Selection {
  public:
    Selection(Machine &m, Extreme extreme) : m_(m), extreme_(extreme) {}

    Outcome offer(const Value &key, const Value &item) {
        bool is_better = true;
        if (!is_empty_) {
            TRY(extreme_ == Extreme::largest ? less(m_, key_, key, &is_better)
                                             : less(m_, key, key_, &is_better));
        }
        if (is_better) {
            key_ = key;
            item_ = item;
        }
        is_empty_ = false;
        return Outcome::ok;
    }

    bool is_empty() const { return is_empty_; }
    const Value &key() const { return key_; }
    const Value &item() const { return item_; }

  private:
    Machine &m_;
    Extreme extreme_;
    bool is_empty_ = true;
    Value key_;
    Value item_;
};

// The item that occurs most or least often: GEN of the items, scanned in table order by their
// counts. value_error when there is none.
Outcome most_frequent(Machine &m, Extreme extreme, const Items &items, Value *out);

// The same for items already counted: counts[k] belongs to distinct->values[k].
Outcome most_frequent(Machine &m, Extreme extreme, Set *distinct, const uint32_t *counts,
                      Value *out);

} // namespace codeit
