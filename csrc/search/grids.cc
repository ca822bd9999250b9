// Methods that look at whole grids of the outputs' size.
#include "search/methods.h"

#include <array>
#include <bit>

namespace codeit::search {
namespace {

// What each color of a grid becomes in the outputs, in each demonstration; -1 where it is not seen.
class ColorMap {
  public:
    ColorMap(Search &s, Node grid)
        : s_(s), grid_(grid), to_(s.task.num_demonstrations(), unseen()) {}

    // False where a color becomes several.
    bool read() {
        for (size_t k = 0; k < to_.size(); ++k) {
            const Grid &grid = s_.pool.grid(grid_, k);
            const InputGrid &out = s_.task.output(k);
            for (int32_t i = 0; i < out.height; ++i) {
                for (int32_t j = 0; j < out.width; ++j) {
                    const int8_t from = grid.at(i, j);
                    if (from < 0 || from >= kNumColors) return false;
                    int &to = to_[k][static_cast<size_t>(from)];
                    const int color = out.cells[i * out.width + j];
                    if (to >= 0 && to != color) return false;
                    to = color;
                }
            }
        }
        return true;
    }

    // Fills color after color, by constants where they are the same everywhere, else by an int that
    // the pool has.
    void apply() const {
        Node result = grid_;
        for (int from = 0; from < kNumColors && result != kNoNode; ++from) {
            const Node color = target_of(from);
            if (color == kKeep) continue;
            if (color == kNoNode) return;
            const Node places = s_.pool.call(s_.names.ofcolor, {grid_, s_.pool.integer(from)});
            result = s_.pool.call(s_.names.fill, {result, color, places});
        }
    }

  private:
    static constexpr Node kKeep = -2;

    static std::array<int, kNumColors> unseen() {
        std::array<int, kNumColors> none;
        none.fill(-1);
        return none;
    }

    Node target_of(int from) const {
        int common = -1;
        bool is_one = true;
        bool is_seen_everywhere = true;
        uint64_t key = Pieces::first_key();
        for (const auto &to : to_) {
            const int color = to[static_cast<size_t>(from)];
            if (color < 0) {
                is_seen_everywhere = false;
                continue;
            }
            is_one = is_one && (common < 0 || common == color);
            common = color;
            key = mixed(key, static_cast<uint64_t>(color));
        }
        if (common < 0 || (is_one && common == from)) return kKeep;
        if (is_one) return s_.pool.integer(common);
        return is_seen_everywhere ? s_.pieces.integer_of(key) : kNoNode;
    }

    Search &s_;
    Node grid_;
    std::vector<std::array<int, kNumColors>> to_;
};

} // namespace

void map_colors(Search &s) {
    for (const Node grid : s.cheapest_first(s.output_sized)) {
        if (s.is_spent()) return;
        s.pool.charge(static_cast<int64_t>(s.task.num_cells() / 16));
        ColorMap map(s, grid);
        if (map.read()) map.apply();
    }
}

namespace {

constexpr size_t kMostMasks = 500;
constexpr size_t kMostPairs = 4'000;

// The colors that a grid has on the demonstrations, as bits.
unsigned colors_of(const Search &s, Node node) {
    unsigned colors = 0;
    for (size_t k = 0; k < s.task.num_demonstrations(); ++k) {
        const Grid &grid = s.pool.grid(node, k);
        for (int32_t i = 0; i < grid.height; ++i) {
            for (int32_t j = 0; j < grid.width; ++j) {
                const int8_t color = grid.at(i, j);
                if (color >= 0 && color < kNumColors) colors |= 1u << color;
            }
        }
    }
    return colors;
}

} // namespace

void join_masks(Search &s) {
    for (int color = 0; color < kNumColors; ++color) {
        if (!s.task.has_output_color(color)) continue;
        const Node node = s.pool.integer(color);
        s.pool.call(s.names.canvas, {node, s.pool.call(s.names.shape, {kInputNode})});
        for (size_t k = 0; k < std::min<size_t>(3, s.output_sized.size()); ++k) {
            const Node shape = s.pool.call(s.names.shape, {s.output_sized[k]});
            s.pool.call(s.names.canvas, {node, shape});
        }
    }
    const size_t num_words = s.task.num_words();
    std::vector<Node> masks;
    std::vector<Plane> planes;
    std::unordered_set<uint64_t> known;
    for (const Node grid : s.cheapest_first(s.output_sized)) {
        if (masks.size() >= kMostMasks || s.is_spent()) break;
        const unsigned colors = colors_of(s, grid);
        for (int color = 0; color < kNumColors; ++color) {
            if ((colors >> color & 1) == 0) continue;
            Plane plane(num_words);
            const Node mask = s.pool.call(s.names.ofcolor, {grid, s.pool.integer(color)});
            if (mask == kNoNode || s.pool[mask].sort != Sort::places) continue;
            for (size_t k = 0; k < s.task.num_demonstrations(); ++k) {
                s.task.add_places(*s.pool.value(mask, k).set, k, plane.data());
            }
            uint64_t key = 7;
            for (const uint64_t word : plane) key = mixed(key, word);
            if (!known.insert(key).second) continue;
            masks.push_back(mask);
            planes.push_back(std::move(plane));
        }
    }
    size_t num_pairs = 0;
    Plane both(num_words);
    std::vector<int> colors;
    for (size_t a = 0; a < masks.size(); ++a) {
        if (s.is_spent()) return;
        s.pool.charge(static_cast<int64_t>(a * num_words / 8));
        for (size_t b = 0; b < a; ++b) {
            uint64_t any = 0;
            uint64_t only_a = 0;
            uint64_t only_b = 0;
            uint64_t useful = 0;
            for (size_t w = 0; w < num_words; ++w) {
                both[w] = planes[a][w] & planes[b][w];
                any |= both[w];
                only_a |= planes[a][w] & ~planes[b][w];
                only_b |= planes[b][w] & ~planes[a][w];
                useful |= both[w] & s.task.changed()[w];
            }
            if (any == 0 || only_a == 0 || only_b == 0 || useful == 0) continue;
            if (s.pieces.colors_of(both.data(), &colors) != Pieces::Colors::one) continue;
            s.pool.call(s.names.intersection, {masks[a], masks[b]});
            if (++num_pairs > kMostPairs) return;
        }
    }
}

} // namespace codeit::search
