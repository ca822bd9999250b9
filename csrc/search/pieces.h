// Pieces of the outputs: what may be painted onto a grid without making a right cell wrong.
//
// A piece is a patch with its color, such that every cell of it that lies in an output has that
// color there, in every demonstration. Sound pieces may be painted in any order onto any grid of
// the output's size. The color is a constant, or an int that differs from demonstration to
// demonstration; or the patch is an object, which has colors of its own; and a patch may be cut to
// the places of one color of the input.
#pragma once

#include "search/names.h"
#include "search/pool.h"

#include <unordered_map>
#include <unordered_set>

namespace codeit::search {

struct Piece {
    Node patch;
    Node color;     // kNoNode: the patch is an object, and painted
    int mask_color; // of the input, to which the patch is cut; below 0: it is not
    float cost;
};

class Pieces {
  public:
    static constexpr size_t kMaxPieces = 40'000;
    static constexpr size_t kMaxLayers = 60'000;
    static constexpr size_t kMaxPending = 20'000;

    explicit Pieces(const TaskView &task);

    // Looks at a new node that is a patch.
    void see_patch(const Pool &pool, Node node);
    // Looks at a new node that is an int, which may be the color of what is pending.
    void see_integer(const Pool &pool, Node node);
    // The cheapest node of ints that has these values on the demonstrations; kNoNode: none.
    Node integer_of(uint64_t key) const;
    static uint64_t first_key() { return 1; }

    // Makes pieces of those pending whose color is there by now; how many.
    size_t resolve_pending(const Pool &pool);

    // Memory held, and what it takes to let it grow.
    uint64_t num_bytes() const;

    size_t size() const { return pieces_.size(); }
    const Piece &operator[](size_t k) const { return pieces_[k]; }
    const uint64_t *plane(size_t k) const { return planes_.data() + k * num_words_; }
    // The numbers of all pieces, the cheapest first.
    std::vector<size_t> by_cost() const;

    // Distinct planes of patches that meet a cell that changes, sound or not.
    size_t num_layers() const { return layers_.size(); }
    Node layer(size_t k) const { return layers_[k]; }
    const uint64_t *layer_plane(size_t k) const { return layer_planes_.data() + k * num_words_; }

    // Whether a plane has one color in each output that it meets. `colors`: by demonstration, -1
    // where it meets none.
    enum class Colors { several, one, one_each, none };
    Colors colors_of(const uint64_t *plane, std::vector<int> *colors) const;

  private:
    struct Pending {
        Node patch;
        int mask_color;
        float cost;
        uint64_t key; // of the colors
        size_t plane;
    };

    void try_plane(const Pool &pool, Node patch, const uint64_t *plane, int mask_color, float cost);
    void add(const Piece &piece, uint64_t color_key, const uint64_t *plane);
    bool is_useful(const uint64_t *plane) const;
    size_t num_useful(const uint64_t *plane) const; // demonstrations
    bool is_right_object(const Pool &pool, Node node) const;
    uint64_t hash_of(uint64_t seed, const uint64_t *plane) const;

    const TaskView *task_; // outlives this
    size_t num_words_;
    std::vector<Piece> pieces_;
    std::vector<uint64_t> planes_;
    std::unordered_set<uint64_t> known_;
    std::vector<Pending> pending_;
    std::vector<uint64_t> pending_planes_;
    std::unordered_map<uint64_t, Node> integers_;
    std::vector<Node> layers_;
    std::vector<uint64_t> layer_planes_;
    std::unordered_set<uint64_t> known_layers_;
    std::vector<uint64_t> whole_;
    std::vector<uint64_t> cut_;
    std::vector<int> colors_;
};

} // namespace codeit::search
