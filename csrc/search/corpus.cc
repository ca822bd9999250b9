#include "search/corpus.h"

#include <unordered_map>

namespace codeit::search {

Lines lines_of(const Code &code) {
    Lines lines;
    for (const CodeLine &line : code) {
        if (line.outer != kNoTerm || line.arguments.size() > kMaxArity) return {};
        Line &made = lines.emplace_back();
        made.function = line.function;
        made.num_arguments = static_cast<uint8_t>(line.arguments.size());
        std::copy(line.arguments.begin(), line.arguments.end(), made.arguments);
        // A line that mentions itself has no value to mention.
        for (const Term term : line.arguments) {
            if (is_line(term) && line_of(term) >= lines.size()) return {};
        }
        if (is_line(line.function) && line_of(line.function) >= lines.size()) return {};
    }
    return lines;
}

Node run_line(Pool &pool, const Line &line, Node input, const LineNodes &lines) {
    Node arguments[kMaxArity];
    for (size_t k = 0; k < line.num_arguments; ++k) {
        arguments[k] = node_of(pool, line.arguments[k], input, lines);
        if (arguments[k] == kNoNode) return kNoNode;
    }
    const Node function = node_of(pool, line.function, input, lines);
    return pool.apply(function, {arguments, line.num_arguments});
}

void run_all_lines(Pool &pool, const Lines &program, Node input, LineNodes *nodes) {
    nodes->clear();
    for (const Line &line : program) nodes->push_back(run_line(pool, line, input, *nodes));
}

Node run_lines(Pool &pool, const Lines &program, Node input, LineNodes *nodes) {
    nodes->clear();
    for (const Line &line : program) {
        nodes->push_back(run_line(pool, line, input, *nodes));
        if (nodes->back() == kNoNode) break;
    }
    return nodes->back();
}

namespace {

// The nodes under a root that are calls, each behind those that it rests on. False when there are
// more than `max_nodes`.
bool in_order_of_need(const Pool &pool, Node root, size_t max_nodes, std::vector<Node> *out) {
    struct Frame {
        Node node;
        unsigned next;
    };
    std::vector<Frame> frames;
    std::unordered_map<Node, bool> is_seen;
    auto open = [&](Node node) {
        if (!pool.is_leaf(node) && is_seen.try_emplace(node, true).second) {
            frames.push_back({node, 0});
        }
    };
    open(root);
    while (!frames.empty()) {
        Frame &frame = frames.back();
        const NodeRow &row = pool[frame.node];
        if (frame.next < row.num_arguments) {
            open(row.arguments[frame.next++]);
            continue;
        }
        out->push_back(frame.node);
        if (out->size() > max_nodes) return false;
        frames.pop_back();
    }
    return true;
}

} // namespace

Lines unfolded(const Pool &pool, Node root, size_t max_lines, LineNodes *nodes) {
    nodes->clear();
    if (!in_order_of_need(pool, root, max_lines, nodes)) nodes->clear();
    std::unordered_map<Node, Term> line_at;
    Lines lines;
    auto term_of_node = [&](Node node) {
        if (node == kInputNode) return kInput;
        return pool.is_leaf(node) ? pool.name_of(node) : line_at.at(node);
    };
    for (const Node node : *nodes) {
        const NodeRow &row = pool[node];
        Line &line = lines.emplace_back();
        const bool calls_node = row.opcode == NodeRow::kCallOfNode;
        line.function = calls_node ? term_of_node(row.arguments[0]) : row.opcode;
        line.num_arguments = static_cast<uint8_t>(row.num_arguments - calls_node);
        for (size_t k = 0; k < line.num_arguments; ++k) {
            line.arguments[k] = term_of_node(row.arguments[k + calls_node]);
        }
        line_at[node] = term_of_line(lines.size());
    }
    return lines;
}

Code code_of(const Pool &pool, Node root, bool *fits) {
    Code code;
    LineNodes nodes;
    const Lines lines = unfolded(pool, root, kMaxVariables, &nodes);
    *fits = !lines.empty();
    for (const Line &line : lines) {
        code.add_line(line.function);
        for (const Term term : line.terms()) code.add_argument(term);
    }
    return code;
}

} // namespace codeit::search
