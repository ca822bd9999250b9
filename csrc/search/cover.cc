// Sound pieces that together cover all that is wrong with a grid.
//
// Sound pieces can be painted in any order onto any base, a grid of the outputs' size: a base is
// solved when each of its wrong cells lies in a piece. One piece must hold the wrong cell that the
// fewest pieces hold; another one such a cell of those that this leaves; and so on, to four. All
// planes are of all demonstrations at once.
#include "search/methods.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

namespace codeit::search {
namespace {

constexpr size_t kMostBases = 3'000;  // looked at, the cheapest first
constexpr size_t kMostCoverable = 16; // of which so many are worked on
constexpr size_t kMostOfOne = 12;     // programs of one piece, of two, of more, for a base
constexpr size_t kMostOfTwo = 12;
constexpr size_t kMostOfMore = 6;
constexpr size_t kMostPivots = 250; // pieces tried for the first cell and for the second
constexpr size_t kMostThird = 40;   // where a third one is looked for, at each level
constexpr size_t kMostFourth = 8;

class Cover {
  public:
    explicit Cover(Search &s)
        : s_(s), pieces_(s.pieces), num_words_(s.task.num_words()), order_(pieces_.by_cost()),
          num_holding_(num_words_ * 64) {}

    void run() {
        if (pieces_.size() == 0) return;
        Plane all(num_words_);
        size_t num_held = 0;
        for (size_t k = 0; k < pieces_.size(); ++k) {
            for (size_t w = 0; w < num_words_; ++w) {
                const uint64_t held = pieces_.plane(k)[w];
                all[w] |= held;
                for_each_bit(held, [&](size_t bit) { ++num_holding_[w * 64 + bit]; });
                num_held += static_cast<size_t>(std::popcount(held));
            }
        }
        s_.pool.charge(static_cast<int64_t>(pieces_.size() * num_words_ / 8 + num_held / 4));
        size_t num_tried = 0;
        size_t num_coverable = 0;
        for (const Node base : s_.cheapest_first(s_.output_sized)) {
            if (s_.is_spent() || ++num_tried > kMostBases || num_coverable >= kMostCoverable)
                return;
            Plane wrong(num_words_);
            for (size_t k = 0; k < s_.task.num_demonstrations(); ++k) {
                s_.task.add_wrong_cells(s_.pool.grid(base, k), k, wrong.data());
            }
            s_.pool.charge(static_cast<int64_t>(s_.task.num_cells() / 16));
            bool is_coverable = true;
            for (size_t w = 0; w < num_words_; ++w) {
                is_coverable = is_coverable && (wrong[w] & ~all[w]) == 0;
            }
            if (!is_coverable) continue;
            ++num_coverable;
            solve(base, wrong);
        }
    }

  private:
    template <typename Use>
    static void for_each_bit(uint64_t bits, Use use) {
        for (; bits != 0; bits &= bits - 1) use(static_cast<size_t>(std::countr_zero(bits)));
    }

    // The bit of a plane, which has one, that the fewest pieces hold.
    size_t rarest_bit(const Plane &left) const {
        size_t rarest = SIZE_MAX;
        for (size_t w = 0; w < num_words_; ++w) {
            for_each_bit(left[w], [&](size_t bit) {
                const size_t at = w * 64 + bit;
                if (rarest == SIZE_MAX || num_holding_[at] < num_holding_[rarest]) rarest = at;
            });
        }
        return rarest;
    }

    // The pieces, by cost, one of which has to hold a bit that a plane has.
    template <typename Use>
    void for_each_pivot(const Plane &left, size_t most, Use use) {
        const size_t at = rarest_bit(left);
        size_t count = 0;
        for (const size_t k : order_) {
            if ((pieces_.plane(k)[at / 64] >> at % 64 & 1) == 0) continue;
            if (++count > most || s_.is_spent()) break;
            use(k, count);
        }
        s_.pool.charge(static_cast<int64_t>(order_.size() / 16 + count * num_words_ / 8));
    }

    // What a piece leaves of a plane; false when nothing.
    bool subtract(const Plane &from, size_t piece, Plane *out) const {
        out->resize(num_words_);
        uint64_t any = 0;
        for (size_t w = 0; w < num_words_; ++w) {
            (*out)[w] = from[w] & ~pieces_.plane(piece)[w];
            any |= (*out)[w];
        }
        return any != 0;
    }

    void paint(Node base, std::initializer_list<size_t> pieces) {
        for (const size_t piece : pieces) base = s_.painted(base, pieces_[piece]);
    }

    void solve(Node base, const Plane &wrong) {
        struct Pair {
            float cost;
            size_t first;
            size_t second;
        };
        std::vector<Pair> pairs;
        size_t num_of_one = 0;
        size_t num_of_more = 0;
        Plane after_one;
        Plane after_two;
        Plane after_three;
        Plane rest;
        for_each_pivot(wrong, SIZE_MAX, [&](size_t a, size_t) {
            if (num_of_one < kMostOfOne && !subtract(wrong, a, &rest)) {
                paint(base, {a});
                ++num_of_one;
            }
        });
        for_each_pivot(wrong, kMostPivots, [&](size_t a, size_t rank_a) {
            if (!subtract(wrong, a, &after_one)) return;
            for_each_pivot(after_one, kMostPivots, [&](size_t b, size_t rank_b) {
                if (!subtract(after_one, b, &after_two)) {
                    pairs.push_back({pieces_[a].cost + pieces_[b].cost, a, b});
                    return;
                }
                if (rank_a > kMostThird || rank_b > kMostThird || num_of_more >= kMostOfMore)
                    return;
                for_each_pivot(after_two, kMostThird, [&](size_t c, size_t rank_c) {
                    if (num_of_more >= kMostOfMore) return;
                    if (!subtract(after_two, c, &after_three)) {
                        paint(base, {a, b, c});
                        ++num_of_more;
                        return;
                    }
                    if (std::max({rank_a, rank_b, rank_c}) > kMostFourth) return;
                    for_each_pivot(after_three, kMostThird, [&](size_t d, size_t) {
                        if (num_of_more >= kMostOfMore || subtract(after_three, d, &rest)) return;
                        paint(base, {a, b, c, d});
                        ++num_of_more;
                    });
                });
            });
        });
        std::stable_sort(pairs.begin(), pairs.end(),
                         [](const Pair &a, const Pair &b) { return a.cost < b.cost; });
        for (size_t k = 0; k < std::min(pairs.size(), kMostOfTwo); ++k) {
            paint(base, {pairs[k].first, pairs[k].second});
        }
    }

    Search &s_;
    const Pieces &pieces_;
    size_t num_words_;
    std::vector<size_t> order_;
    std::vector<uint32_t> num_holding_; // pieces, by bit
};

} // namespace

void cover(Search &s) {
    s.pieces.resolve_pending(s.pool);
    Cover(s).run();
}

namespace {

constexpr size_t kMostBuilt = 16;
constexpr size_t kMostDeep = 5;
// How many candidates are followed, by depth.
constexpr size_t kBreadth[kMostDeep] = {14, 8, 4, 2, 2};

// Pieces painted one over the other: found from the last, which must be sound, to the first, which
// may be wrong wherever a later one paints over it.
class Layers {
  public:
    explicit Layers(Search &s)
        : s_(s), pieces_(s.pieces), num_words_(s.task.num_words()), changed_(s.task.changed()) {}

    void run() { extend(Plane(num_words_), 0); }

  private:
    struct Layer {
        bool is_piece;
        size_t number; // among the pieces, or among the planes of all patches
        int color;     // of a patch
    };
    struct Candidate {
        double score; // smaller is better
        Layer layer;
        uint64_t key; // of what it adds
    };

    const uint64_t *plane_of(const Layer &layer) const {
        return layer.is_piece ? pieces_.plane(layer.number) : pieces_.layer_plane(layer.number);
    }

    // `done`: the cells that later layers have painted.
    void extend(const Plane &done, size_t depth) {
        if (s_.is_spent() || num_built_ >= kMostBuilt) return;
        std::vector<Candidate> candidates;
        int64_t num_left = 0;
        for (size_t w = 0; w < num_words_; ++w) num_left += std::popcount(changed_[w] & ~done[w]);
        auto consider = [&](const Layer &layer, float cost) {
            const uint64_t *plane = plane_of(layer);
            int64_t gain = 0;
            uint64_t key = 1;
            for (size_t w = 0; w < num_words_; ++w) {
                const uint64_t added = plane[w] & ~done[w] & changed_[w];
                gain += std::popcount(added);
                key = mixed(key, added);
            }
            if (gain == 0) return;
            const double share = static_cast<double>(gain) / static_cast<double>(num_left);
            candidates.push_back({static_cast<double>(cost) / 300 - share, layer, key});
        };
        for (size_t k = 0; k < pieces_.size(); ++k) consider({true, k, 0}, pieces_[k].cost);
        if (depth > 0) {
            for (size_t k = 0; k < pieces_.num_layers(); ++k) {
                int color;
                if (!has_one_color(pieces_.layer_plane(k), done, &color)) continue;
                consider({false, k, color}, s_.pool[pieces_.layer(k)].cost + 7);
            }
        }
        s_.pool.charge(
            static_cast<int64_t>((pieces_.size() + pieces_.num_layers()) * num_words_ / 6));
        std::stable_sort(candidates.begin(), candidates.end(),
                         [](const Candidate &a, const Candidate &b) { return a.score < b.score; });
        std::set<uint64_t> known;
        size_t num_taken = 0;
        for (const Candidate &candidate : candidates) {
            if (num_taken == kBreadth[depth] || s_.is_spent() || num_built_ >= kMostBuilt) return;
            if (!known.insert(candidate.key).second) continue;
            ++num_taken;
            Plane more = done;
            bool is_whole = true;
            for (size_t w = 0; w < num_words_; ++w) {
                more[w] |= plane_of(candidate.layer)[w];
                is_whole = is_whole && (changed_[w] & ~more[w]) == 0;
            }
            stack_.push_back(candidate.layer);
            if (is_whole) {
                build();
            } else if (depth + 1 < kMostDeep) {
                extend(more, depth + 1);
            }
            stack_.pop_back();
        }
    }

    // Whether the outputs have one color where a plane is not painted over.
    bool has_one_color(const uint64_t *plane, const Plane &done, int *color) const {
        *color = -1;
        for (size_t w = 0; w < num_words_; ++w) {
            const uint64_t seen = plane[w] & ~done[w];
            if (seen == 0) continue;
            if (*color < 0) *color = s_.task.output_color(w, std::countr_zero(seen));
            if ((seen & ~s_.task.output_plane(*color)[w]) != 0) return false;
        }
        return *color >= 0;
    }

    void build() {
        ++num_built_;
        Node grid = kInputNode;
        for (auto layer = stack_.rbegin(); layer != stack_.rend(); ++layer) {
            grid = layer->is_piece
                       ? s_.painted(grid, pieces_[layer->number])
                       : s_.pool.call(s_.names.fill, {grid, s_.pool.integer(layer->color),
                                                      pieces_.layer(layer->number)});
        }
    }

    Search &s_;
    const Pieces &pieces_;
    size_t num_words_;
    const Plane &changed_;
    std::vector<Layer> stack_;
    size_t num_built_ = 0;
};

} // namespace

void paint_layers(Search &s) {
    if (s.task.keeps_size()) Layers(s).run();
}

} // namespace codeit::search
