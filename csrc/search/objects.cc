// Objects of the input, chosen by a feature and its value, and patches made of them.
//
// A container (objects of a kind, parts of one color, rows and columns of one color) x a feature (a
// function of an object) x a value of it (the largest, the commonest, a constant) gives a choice:
// one object, those that have the value, the others. Choices are cut out, merged, and mapped.
#include "search/methods.h"

#include <algorithm>
#include <unordered_set>

namespace codeit::search {
namespace {

// Functions of an object that say something about it.
constexpr const char *kFeatures[] = {
    "color",    "size",      "height",   "width",     "shape",      "numcolors", "square",
    "vline",    "hline",     "portrait", "mostcolor", "leastcolor", "uppermost", "lowermost",
    "leftmost", "rightmost", "ulcorner", "center",    "palette",    "normalize",
};
constexpr const char *kMaps[] = {
    "identity", "toindices", "backdrop", "delta", "box", "inbox", "outbox", "corners",
};
// The second of what is composed is called first.
constexpr const char *kComposedMaps[][2] = {
    {"backdrop", "inbox"},     {"backdrop", "outbox"},    {"box", "inbox"},
    {"box", "outbox"},         {"hfrontier", "center"},   {"vfrontier", "center"},
    {"hfrontier", "ulcorner"}, {"vfrontier", "ulcorner"}, {"hfrontier", "lrcorner"},
    {"vfrontier", "lrcorner"}, {"neighbors", "center"},   {"dneighbors", "center"},
    {"ineighbors", "center"},  {"outbox", "outbox"},
};
constexpr const char *kCorners[] = {"center", "ulcorner", "urcorner", "llcorner", "lrcorner"};
constexpr const char *kMirrors[] = {"hmirror", "vmirror", "dmirror", "cmirror"};
constexpr const char *kPartitions[] = {"partition", "fgpartition", "frontiers"};

constexpr size_t kMostFeatures = 120;
constexpr size_t kMostMaps = 160;
constexpr int kMostCount = 10; // of which ints are tried as the value of a feature
constexpr int kMostLeast = 6;  // and as its bound

class Choices {
  public:
    explicit Choices(Search &s) : s_(s), pool_(s.pool), n_(s.names) {}

    void run() {
        find_containers();
        list_features();
        list_maps();
        add_closures_of_corpus();
        for (const Node container : containers_) take_selection(container);
        choose();
        cut_out();
        map_one();
        map_many();
    }

  private:
    Node primitive(const char *text) const { return s_.name(text); }
    Node composed(Node outer, Node inner) { return pool_.call(n_.compose, {outer, inner}); }

    void keep(std::vector<Node> *list, Node node) const {
        if (node != kNoNode && std::find(list->begin(), list->end(), node) == list->end()) {
            list->push_back(node);
        }
    }

    void take_selection(Node node) {
        if (node != kNoNode && is_container(pool_[node].sort) && is_taken_.insert(node).second) {
            selections_.push_back(node);
        }
    }
    void take_single(Node node) {
        if (node != kNoNode && is_patch(pool_[node].sort) && is_taken_.insert(node).second) {
            singles_.push_back(node);
        }
    }

    void find_containers() {
        auto add = [&](Node node) {
            if (node != kNoNode && is_container(pool_[node].sort)) keep(&containers_, node);
        };
        const Node truths[] = {truth(true), truth(false)};
        for (const Node background : truths) {
            for (const Node univalued : truths) {
                for (const Node diagonal : truths) {
                    add(pool_.call(n_.objects, {kInputNode, univalued, diagonal, background}));
                }
            }
        }
        for (const char *text : kPartitions) {
            add(pool_.call(Names::find(pool_.language(), text), {kInputNode}));
        }
        const size_t count = containers_.size();
        for (size_t k = 0; k < count; ++k) {
            for (int color = 0; color < kNumColors; ++color) {
                if (!s_.task.has_input_color(color)) continue;
                add(pool_.call(n_.colorfilter, {containers_[k], pool_.integer(color)}));
            }
        }
    }

    Node truth(bool value) const {
        for (const uint16_t number : pool_.language().constants()) {
            const ConstantRow &constant = pool_.language().constant(number);
            if (constant.type == Type::Boolean && (constant.first != 0) == value) {
                return pool_.of_name(number);
            }
        }
        return kNoNode;
    }

    void list_features() {
        for (const char *text : kFeatures) keep(&features_, primitive(text));
        keep(&features_, composed(primitive("size"), primitive("delta")));
        const Node form = composed(primitive("normalize"), primitive("toindices"));
        keep(&features_, form);
        for (const char *mirror : kMirrors) {
            const Node is_symmetric = pool_.call(
                n_.fork, {primitive("equality"), primitive("identity"), primitive(mirror)});
            keep(&features_, is_symmetric);
            keep(&features_, composed(is_symmetric, form));
        }
        keep(&features_, pool_.call(n_.rbind, {primitive("bordering"), kInputNode}));
        for (int color = 0; color < kNumColors; ++color) {
            if (!s_.task.has_input_color(color)) continue;
            keep(&features_, pool_.call(n_.rbind, {primitive("colorcount"), pool_.integer(color)}));
        }
    }

    void list_maps() {
        for (const char *text : kMaps) keep(&maps_, primitive(text));
        for (const auto &[outer, inner] : kComposedMaps) {
            keep(&maps_, composed(primitive(outer), primitive(inner)));
        }
        const std::vector<Node> directions = steps();
        for (const char *corner : kCorners) {
            for (const Node direction : directions) {
                const Node ray = pool_.call(n_.rbind, {primitive("shoot"), direction});
                keep(&maps_, composed(ray, primitive(corner)));
            }
        }
        for (const Node direction : directions) {
            keep(&maps_, pool_.call(n_.rbind, {primitive("shift"), direction}));
        }
        for (const char *mirror : kMirrors) keep(&maps_, primitive(mirror));
    }

    // The eight steps to a neighbor.
    std::vector<Node> steps() const {
        std::vector<Node> found;
        for (const uint16_t number : pool_.language().constants()) {
            const ConstantRow &constant = pool_.language().constant(number);
            const bool is_step = constant.type == Type::IntegerTuple &&
                                 std::abs(constant.first) <= 1 && std::abs(constant.second) <= 1 &&
                                 (constant.first != 0 || constant.second != 0);
            if (is_step) found.push_back(pool_.of_name(number));
        }
        return found;
    }

    // Closures that the corpus made, as far as they take an object of the task.
    void add_closures_of_corpus() {
        Node probe = kNoNode;
        for (const Node container : containers_) {
            const Node first = pool_.call(n_.first, {container});
            if (first != kNoNode && pool_[first].sort == Sort::object) probe = first;
            if (probe != kNoNode) break;
        }
        if (probe == kNoNode) return;
        std::vector<Node> closures;
        std::unordered_set<Node> is_known;
        for (const LineNodes &nodes : s_.corpus_nodes) {
            for (const Node node : nodes) {
                if (node == kNoNode || pool_.is_leaf(node)) continue;
                if (pool_[node].sort == Sort::function && is_known.insert(node).second) {
                    closures.push_back(node);
                }
            }
        }
        for (const Node closure : s_.cheapest_first(closures)) {
            if (s_.is_spent()) return;
            const Node value = pool_.apply(closure, probe);
            if (value == kNoNode || value == probe) continue;
            const Sort sort = pool_[value].sort;
            if (sort <= Sort::pair && features_.size() < kMostFeatures) keep(&features_, closure);
            if (is_patch(sort) && maps_.size() < kMostMaps) keep(&maps_, closure);
        }
    }

    void choose() {
        for (const Node container : containers_) {
            take_single(pool_.call(n_.merge, {container}));
            take_single(pool_.call(n_.first, {container}));
            for (const Node feature : features_) {
                if (s_.is_spent()) return;
                choose_by(container, feature);
            }
        }
    }

    void choose_by(Node container, Node feature) {
        take_single(pool_.call(n_.argmax, {container, feature}));
        take_single(pool_.call(n_.argmin, {container, feature}));
        const Node all = pool_.call(n_.apply, {feature, container});
        if (all == kNoNode) return;
        const Node first = pool_.call(n_.first, {all});
        if (first != kNoNode && pool_[first].sort == Sort::boolean) {
            split(container, feature);
            return;
        }
        auto match = [&](Node value) {
            if (value != kNoNode) split(container, pool_.call(n_.matcher, {feature, value}));
        };
        match(pool_.call(n_.valmax, {container, feature}));
        match(pool_.call(n_.valmin, {container, feature}));
        match(pool_.call(n_.mostcommon, {all}));
        match(pool_.call(n_.leastcommon, {all}));
        // With as many of each value as there are objects that have it.
        const Node each = pool_.call(n_.apply, {feature, pool_.call(n_.totuple, {container})});
        match(pool_.call(n_.mostcommon, {each}));
        match(pool_.call(n_.leastcommon, {each}));
        if (first == kNoNode || pool_[first].sort != Sort::integer) return;
        for (int count = 0; count <= kMostCount; ++count) match(pool_.integer(count));
        for (int least = 1; least <= kMostLeast; ++least) {
            const Node above = pool_.call(n_.lbind, {s_.name(n_.greater), pool_.integer(least)});
            split(container, composed(above, feature));
        }
    }

    void split(Node container, Node condition) {
        if (condition == kNoNode) return;
        const Node chosen = pool_.call(n_.sfilter, {container, condition});
        if (chosen == kNoNode) return;
        take_selection(chosen);
        take_single(pool_.call(n_.extract, {container, condition}));
        take_selection(pool_.call(n_.difference, {container, chosen}));
    }

    void cut_out() {
        selections_ = s_.cheapest_first(std::move(selections_));
        for (const Node single : s_.cheapest_first(singles_)) {
            if (s_.is_spent()) return;
            pool_.call(n_.subgrid, {single, kInputNode});
        }
        for (const Node selection : selections_) {
            if (s_.is_spent()) return;
            take_single(pool_.call(n_.merge, {selection}));
        }
        singles_ = s_.cheapest_first(std::move(singles_));
    }

    void map_one() {
        for (size_t k = 0; k < singles_.size(); ++k) {
            for (const Node map : maps_) {
                if (s_.is_spent()) return;
                pool_.apply(map, singles_[k]);
            }
            pool_.call(n_.subgrid, {singles_[k], kInputNode});
        }
    }

    void map_many() {
        for (const Node selection : selections_) {
            for (const Node map : maps_) {
                if (s_.is_spent()) return;
                pool_.call(n_.mapply, {map, selection});
            }
        }
    }

    Search &s_;
    Pool &pool_;
    const Names &n_;
    std::vector<Node> containers_;
    std::vector<Node> features_;
    std::vector<Node> maps_;
    std::vector<Node> selections_; // some objects of a container
    std::vector<Node> singles_;    // one object or patch
    std::unordered_set<Node> is_taken_;
};

} // namespace

void select_objects(Search &s) {
    Choices(s).run();
}

} // namespace codeit::search
