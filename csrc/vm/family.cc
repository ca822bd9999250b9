#include "vm/family.h"

#include <algorithm>
#include <bit>

namespace codeit {
namespace {

// Whether every name means the same wherever it stands, and no line has more arguments than any
// primitive takes.
bool is_simple(const Code &code) {
    if (code.has_shadows()) return false;
    size_t number = 0;
    for (const CodeLine &line : code) {
        const Term own = term_of_line(++number);
        if (line.arguments.size() > kMaxArity || line.function == own) return false;
        for (Term argument : line.arguments) {
            if (argument == own) return false;
        }
    }
    return true;
}

bool precedes(const Key &a, const Key &b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

constexpr uint64_t bit(size_t k) {
    return uint64_t{1} << k;
}

} // namespace

Family::Family(const Program &base)
    : language_(&base.language()), dialect_(base.dialect()),
      num_names_(static_cast<Operand>(language_->num_names())) {
    names_.reserve(language_->num_names());
    for (size_t name = 0; name < language_->num_names(); ++name)
        names_.push_back(value_of_name(*language_, static_cast<Term>(name)));
    if (!is_simple(base.code())) return;
    keys_of_lines(base.code(), *language_, &keys_);
    operands_.assign(1, operand_of_line(0));
    size_t number = 0;
    for (const CodeLine &line : base.code()) {
        if (++number > kMaxShared) break;
        base_.push_back(line_of_code(line));
        uint64_t needs = bit(number - 1);
        auto add_needs_of = [&](Term term) {
            if (is_line(term) && term != kInput) needs |= base_needs_[line_of(term) - 1];
        };
        add_needs_of(line.function);
        for (Term argument : line.arguments) add_needs_of(argument);
        base_needs_.push_back(needs);
        operands_.push_back(operand_of_line(number));
        base_keys_.emplace_back(keys_[number], static_cast<uint32_t>(number));
    }
    std::sort(base_keys_.begin(), base_keys_.end(),
              [](const auto &a, const auto &b) { return precedes(a.first, b.first); });
    // A call that stands twice returns two objects, which what follows may tell apart.
    uint64_t repeated = 0;
    for (size_t k = 1; k < base_keys_.size(); ++k) {
        if (base_keys_[k - 1].first == base_keys_[k].first)
            repeated |= bit(base_keys_[k - 1].second - 1) | bit(base_keys_[k].second - 1);
    }
    std::erase_if(base_keys_, [&](const auto &known) {
        return (base_needs_[known.second - 1] & repeated) != 0;
    });
}

Family::Line Family::line_of_code(const CodeLine &line) const {
    auto operand_of = [this](Term term) {
        return is_line(term) ? operands_[line_of(term)] : static_cast<Operand>(term);
    };
    Line made{};
    made.function = operand_of(line.function);
    made.num_arguments = static_cast<uint32_t>(line.arguments.size());
    for (size_t k = 0; k < line.arguments.size(); ++k)
        made.arguments[k] = operand_of(line.arguments[k]);
    made.is_direct = language_->is_primitive(line.function) &&
                     line.arguments.size() == language_->arity_of(line.function);
    return made;
}

void Family::add(const Program &program, size_t number) {
    add(program.code(), &program, number);
}

void Family::add(const Code &code, const Program *program, size_t number) {
    Member member{};
    member.code = &code;
    member.program = program;
    member.number = number;
    member.first_line = static_cast<uint32_t>(lines_.size());
    const bool is_like_base =
        program == nullptr || (&program->language() == language_ && program->dialect() == dialect_);
    member.is_plain = !is_like_base || !is_simple(code);
    if (!member.is_plain) {
        keys_of_lines(code, *language_, &keys_);
        operands_.assign(1, operand_of_line(0));
        size_t number_of_line = 0;
        for (const CodeLine &line : code) {
            const Key &key = keys_[++number_of_line];
            auto at = std::lower_bound(
                base_keys_.begin(), base_keys_.end(), key,
                [](const auto &known, const Key &k) { return precedes(known.first, k); });
            if (at == base_keys_.end() || !(at->first == key)) {
                lines_.push_back(line_of_code(line));
                operands_.push_back(operand_of_line(base_.size() + ++member.num_lines));
                continue;
            }
            const uint64_t found = bit(at->second - 1);
            if ((member.needed & found) != 0) member.is_plain = true; // it stands twice there
            member.needed |= found;
            operands_.push_back(operand_of_line(at->second));
        }
        member.result = operands_.back();
        auto mention = [&](Operand operand) {
            const size_t line = operand - operand_of_line(0); // wraps for a name
            if (line >= 1 && line <= base_.size()) member.mentioned |= bit(line - 1);
        };
        mention(member.result);
        for (size_t k = member.first_line; k < lines_.size(); ++k) {
            mention(lines_[k].function);
            for (uint32_t a = 0; a < lines_[k].num_arguments; ++a) mention(lines_[k].arguments[a]);
        }
    }
    if (member.is_plain) {
        lines_.resize(member.first_line);
        member.needed = 0;
        member.num_lines = 0;
    }
    needed_ |= member.needed;
    max_lines_ = std::max<size_t>(max_lines_, member.num_lines);
    members_.push_back(member);
}

void Family::sort() {
    auto compare = [this](const Member &a, const Member &b) {
        const auto of_a = lines_of(a);
        const auto of_b = lines_of(b);
        return std::lexicographical_compare_three_way(of_a.begin(), of_a.end(), of_b.begin(),
                                                      of_b.end());
    };
    std::sort(members_.begin(), members_.end(), [&](const Member &a, const Member &b) {
        const auto order = compare(a, b);
        return order != 0 ? order < 0 : a.number < b.number;
    });
    for (size_t k = 1; k < members_.size(); ++k) {
        const auto own = lines_of(members_[k]);
        const auto before = lines_of(members_[k - 1]);
        const auto end = std::mismatch(own.begin(), own.end(), before.begin(), before.end()).first;
        members_[k].num_common = static_cast<uint32_t>(end - own.begin());
    }
}

FamilyRuns::FamilyRuns(Machine &m, const Family &family, const InputGrid &input)
    : m_(m), family_(family), input_(input) {}

FamilyRuns::Result FamilyRuns::run(size_t k) {
    const Family::Member &member = family_.members_[k];
    if (member.is_plain) return {};
    for (; seen_ < k; ++seen_)
        common_ = std::min<size_t>(common_, family_.members_[seen_ + 1].num_common);
    if (!is_ready_) start();
    if (!has_room_ || (member.needed & unknown_) != 0) return {};
    if ((member.needed & failed_) != 0 || (member.mentioned & unbound_) != 0)
        return {Outcome::runtime_error, true, false, {}};
    int64_t limit = limit_;
    for (uint64_t left = member.needed; left != 0; left &= left - 1)
        limit -= base_fuel_[std::countr_zero(left)];
    if (limit < 0) return {Outcome::out_of_fuel, true, false, {}};
    if (failed_at_ != 0 && common_ >= failed_at_ && limit <= failed_limit_)
        return {Outcome::runtime_error, true, false, {}};

    size_t num_done = std::min(common_, checkpoints_.size() - 1);
    if (!m_.return_to(checkpoints_[num_done])) {
        start();
        if (!has_room_) return {};
        num_done = 0;
    }
    checkpoints_.resize(num_done + 1);
    own_fuel_.resize(num_done + 1);
    m_.refuel(limit - own_fuel_[num_done]);
    m_.forget_hashed_closure();
    const size_t num_next =
        k + 1 < family_.members_.size() ? family_.members_[k + 1].num_common : 0;
    Result result;
    size_t line = num_done;
    const char *mark = m_.arena().scratch_mark();
    result.outcome = run_own_lines(member, &line, num_next, limit, &result.value);
    const int64_t fuel = limit - std::max<int64_t>(m_.fuel_left(), 0);
    fuel_used_ += fuel - own_fuel_[num_done];
    common_ = SIZE_MAX; // of the next one with this one
    seen_ = k;
    failed_at_ = result.outcome == Outcome::ok ? 0 : line + 1;
    failed_limit_ = result.outcome == Outcome::out_of_fuel ? limit : INT64_MAX;
    const bool is_at_rest = m_.is_at_rest(mark);
    if (!is_at_rest) is_ready_ = false;
    result.is_known =
        is_at_rest && !m_.has_hashed_closure() && result.outcome != Outcome::out_of_memory;
    result.has_fuel = fuel <= limit_ - all_base_fuel_;
    if (!result.is_known) failed_at_ = common_ = 0;
    return result;
}

void FamilyRuns::start() {
    is_ready_ = true;
    failed_ = unbound_ = unknown_ = 0;
    all_base_fuel_ = 0;
    failed_at_ = 0;
    common_ = 0;
    checkpoints_.clear();
    own_fuel_.clear();
    m_.reset(*family_.language_, family_.dialect_);
    const size_t num_names = family_.names_.size();
    const size_t count = num_names + 1 + family_.base_.size() + family_.max_lines_;
    registers_ = static_cast<Value *>(m_.arena().allocate_scratch(count * sizeof(Value)));
    has_room_ = registers_ != nullptr;
    if (!has_room_) return;
    std::copy(family_.names_.begin(), family_.names_.end(), registers_);
    has_room_ = load_input(m_, input_, &registers_[num_names]) == Outcome::ok;
    if (!has_room_) return;
    limit_ = m_.fuel_left();
    run_base();
    checkpoints_.push_back(m_.checkpoint());
    own_fuel_.push_back(0);
}

void FamilyRuns::run_base() {
    const char *mark = m_.arena().scratch_mark();
    const uint32_t max_len = m_.limits().max_len;
    for (size_t k = 0; k < family_.base_.size(); ++k) {
        if ((family_.needed_ & bit(k)) == 0) continue;
        const uint64_t needs = family_.base_needs_[k];
        if ((needs & unknown_) != 0) {
            unknown_ |= bit(k);
            continue;
        }
        if ((needs & (failed_ | unbound_)) != 0) {
            failed_ |= bit(k);
            continue;
        }
        m_.refuel(limit_);
        m_.forget_hashed_closure();
        Value value;
        const Outcome outcome = run_line(family_.base_[k], &value);
        registers_[family_.operand_of_line(k + 1)] = value;
        base_fuel_[k] = limit_ - std::max<int64_t>(m_.fuel_left(), 0);
        all_base_fuel_ += base_fuel_[k];
        if (!m_.is_at_rest(mark)) {
            has_room_ = false;
            return;
        }
        if (m_.has_hashed_closure() || outcome == Outcome::out_of_memory) {
            unknown_ |= bit(k);
        } else if (outcome != Outcome::ok) {
            failed_ |= bit(k);
        } else if (max_len != 0 && is_too_long(value, max_len)) {
            unbound_ |= bit(k);
        }
    }
    fuel_used_ += all_base_fuel_;
}

inline Outcome FamilyRuns::run_line(const Family::Line &line, Value *out) {
    TRY(m_.charge(units::kCall));
    // As many as any primitive takes are copied: to ask how many there are takes longer.
    const Value arguments[kMaxArity] = {
        registers_[line.arguments[0]], registers_[line.arguments[1]], registers_[line.arguments[2]],
        registers_[line.arguments[3]]};
    if (line.is_direct) return m_.call(static_cast<Opcode>(line.function), arguments, out);
    return m_.call(registers_[line.function], arguments, line.num_arguments, out);
}

bool FamilyRuns::mentions_unbound(const Family::Line &line) const {
    auto is_unbound = [this](Operand operand) { return registers_[operand].kind == Kind::unbound; };
    return is_unbound(line.function) ||
           std::any_of(line.arguments, line.arguments + line.num_arguments, is_unbound);
}

Outcome FamilyRuns::run_own_lines(const Family::Member &member, size_t *line, size_t num_next,
                                  int64_t limit, Value *out) {
    const uint32_t max_len = m_.limits().max_len;
    const auto lines = family_.lines_of(member);
    Value *own = registers_ + family_.operand_of_line(family_.base_.size() + 1);
    for (size_t &k = *line; k < lines.size(); ++k) {
        if (k != 0 && k <= num_next && checkpoints_.size() == k) {
            checkpoints_.push_back(m_.checkpoint());
            own_fuel_.push_back(limit - m_.fuel_left());
        }
        if (max_len != 0 && mentions_unbound(lines[k])) return Outcome::name_error;
        Value value;
        TRY(run_line(lines[k], &value));
        own[k] = max_len != 0 && is_too_long(value, max_len) ? Value() : value;
    }
    *out = registers_[member.result];
    if (out->kind == Kind::unbound) return Outcome::name_error;
    return m_.settle(out);
}

} // namespace codeit
