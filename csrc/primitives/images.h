// What a function returns for many items, worked out one step of the function at a time.
//
// mapply(lbind(shift, x), ...), argmax(..., compose(...)) and their like call one small function of
// three or four primitives for each item, and most of the time goes into the calls: arguments
// copied, depth counted, fuel charged. Here each primitive of the function is called once for a
// block of items: primitives/steps.h says which can be, and how.
#pragma once

#include "primitives/primitive.h"

#include <algorithm>

namespace codeit {

// What a function returns for items in turn. Where every step of the function is one that neither
// makes anything nor changes what a value keeps (numbers, pairs, sides of packed sets), the steps
// are taken one after the other for a block of items at once. Nothing tells the two ways apart but
// the memory that is not needed: each image costs the same fuel, and is charged for when it is
// asked for; and a block in which anything fails, or returns what is not `wanted`, counts as not
// begun, so that its items are taken one by one.
class Images {
  public:
    enum class Wanted : uint8_t {
        any,
        number, // an int or a bool
        alike,  // ints, pairs or cells, all of one kind
    };

    Images(Machine &m, const Value &function, const Items &items, Wanted wanted);

    // The image of the next item; call(item, out) is how one is worked out alone.
    template <typename Call>
    Outcome next(Value *out, Call call) {
        if (at_ == end_ && is_suited_) [[unlikely]]
            take_block();
        if (at_ < end_) {
            const size_t k = at_++ - begin_;
            *out = block_[k];
            return m_.charge(costs_[k]);
        }
        return call(items_[at_++], out);
    }
    Outcome next(Value *out) {
        return next(out, [this](const Value &item, Value *image) {
            return m_.call_in_stream(function_, &item, 1, image);
        });
    }

  private:
    static constexpr size_t kLeastItems = 6;
    // A block that fails was done in vain, and is the last one. The first is short, and each other
    // at most four times as long as the one before it, which was of use.
    static constexpr size_t kFirstBlock = 16;
    static constexpr size_t kLargestBlock = 128;
    static constexpr int64_t kFuelOfBlock = 1 << 18; // a larger one is taken item by item

    void take_block();
    bool is_as_wanted(const Value &image);

    Machine &m_;
    ScratchScope scratch_;
    const Value &function_;
    Items items_;
    Wanted wanted_;
    bool is_suited_;
    Kind kind_ = Kind::unbound; // of the first image
    Value *block_ = nullptr;    // the images of the items [begin_, end_)
    uint64_t *costs_ = nullptr; // and what each of them costs
    size_t begin_ = 0;
    size_t end_ = 0;
    size_t at_ = 0;
};

} // namespace codeit
