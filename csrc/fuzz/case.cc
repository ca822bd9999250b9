#include "fuzz/case.h"

#include "fuzz/check.h"
#include "primitives/bodies.h"

#include <algorithm>
#include <map>

namespace codeit::fuzz {
namespace {

// A function is a primitive, a line counted back from the one before, or one of these.
constexpr size_t kNumFunctionLines = 64;
constexpr uint8_t kFirstValue = 224; // up to kOtherArity: then the bytes of a value
constexpr uint8_t kOtherArity = 254; // then a primitive, a number of arguments, and those
constexpr uint8_t kOtherName =
    255; // then a constant or I, whose name the line binds; then the line

// The language in numbers, as bytes name it. An argument is I, a constant, a primitive, the line's
// own name, or a line counted back from 255.
struct Names {
    const Language &language = standard_language();
    const size_t num_primitives = language.primitives().size();
    const size_t first_primitive = 1 + language.constants().size();
    const size_t own_name = first_primitive + num_primitives;

    Names() {
        CHECK(num_primitives + kNumFunctionLines <= kFirstValue);
        CHECK(own_name + kMaxLines <= UINT8_MAX);
    }
    const PrimitiveRow &primitive(size_t k) const {
        return language.row(language.primitives()[k % num_primitives]).primitive;
    }
    const ConstantRow &constant(size_t k) const {
        return language.constant(language.constants()[k]);
    }
};

const Names &names() {
    static const Names names;
    return names;
}

class Bytes {
  public:
    Bytes(const uint8_t *data, size_t size) : next_(data), end_(data + size) {}
    bool is_at_end() const { return next_ == end_; }
    uint8_t take() { return is_at_end() ? 0 : *next_++; }

  private:
    const uint8_t *next_;
    const uint8_t *end_;
};

int32_t side_of(uint8_t byte) {
    return 1 + (byte < 208 ? byte % 8 : byte % 30);
}

// Noise of a few colors, or something with more order: mirrored, in blocks, repeated, sparse.
std::vector<uint8_t> make_cells(int32_t height, int32_t width, uint8_t pattern, uint8_t seed) {
    std::vector<uint8_t> cells;
    int32_t block = 1 + (pattern >> 2 & 3) % 3;
    int32_t period = (pattern >> 4 & 1) != 0 ? 3 : 30;
    uint32_t num_colors = 2 + (seed & 3);
    for (int32_t i = 0; i < height; ++i) {
        for (int32_t j = 0; j < width; ++j) {
            int32_t row = (pattern & 1) != 0 ? std::min(i, height - 1 - i) : i;
            int32_t column = (pattern & 2) != 0 ? std::min(j, width - 1 - j) : j;
            auto place = static_cast<uint32_t>(row / block % period * 32 + column / block % period);
            uint32_t noise = (place + 1) * 0x9E3779B9u ^ (seed + 1u) * 0x85EBCA6Bu;
            noise = (noise ^ noise >> 15) * 0x2C1B3C6Du;
            noise ^= noise >> 13;
            bool is_blank = (pattern & 0x20) != 0 && noise % 4 != 0;
            uint32_t color = is_blank ? 0 : (noise >> 4) % num_colors * ((seed >> 2 & 3) + 1) % 10;
            cells.push_back(static_cast<uint8_t>(color));
        }
    }
    return cells;
}

// The name of a small int.
std::string constant(int n) {
    for (uint16_t number : names().language.constants()) {
        const ConstantRow &row = names().language.constant(number);
        if (row.type == Type::Integer && row.first == n) return row.name;
    }
    return "ZERO";
}

class Writer {
  public:
    // With `has_values` every line calls a primitive with values of its own.
    Writer(Bytes bytes, const std::vector<bool> &is_left_out, bool has_values)
        : bytes_(bytes), is_left_out_(is_left_out), has_values_(has_values) {}

    std::string write() {
        do {
            name_ = "x" + std::to_string(names_.size() + 1);
            uint8_t first = bytes_.take();
            if (first == kOtherName) {
                const size_t shadowed = bytes_.take() % names().first_primitive;
                std::string name = shadowed == 0 ? "I" : names().constant(shadowed - 1).name;
                if (std::find(names_.begin(), names_.end(), name) == names_.end()) name_ = name;
                first = bytes_.take();
            }
            bool is_value = first >= kFirstValue && first < kOtherArity;
            put(name_, has_values_ ? call_with_values(first)
                       : is_value  ? value(first - kFirstValue)
                                   : call(first));
            names_.push_back(name_);
        } while (!bytes_.is_at_end() && names_.size() < kMaxLines);
        return text_ + "O = " + unique("identity(" + name_ + ")");
    }

  private:
    void put(const std::string &name, const std::string &call) {
        bool is_left_out = is_left_out_[num_lines_++];
        text_ += name + " = " + unique(is_left_out ? "identity(I)" : call) + '\n';
    }

    // A line that only the lines of a value name.
    std::string part(const std::string &call) {
        std::string name = "v" + std::to_string(num_lines_ + 1);
        put(name, call);
        return name;
    }

    // What follows returns the last call that makes a value; the lines before it are written.

    std::string value(int kind) {
        switch (kind % 8) {
        case 0:
            return number();
        case 1:
            return place();
        case 2:
            return places();
        case 3:
            return object();
        default:
            return call_with_values(bytes_.take());
        }
    }

    // A primitive, called with such values of the types that it declares.
    std::string call_with_values(uint8_t number) {
        const PrimitiveRow &row = names().primitive(number);
        std::string text;
        for (size_t k = 0; k < row.arity(); ++k) {
            text += (k > 0 ? ", " : "") + value_of(row.parameters[k].type);
        }
        return std::string(row.name) + "(" + text + ")";
    }

    std::string value_of(Type type) {
        switch (type) {
        case Type::Integer:
        case Type::Numerical:
            return part(number());
        case Type::IntegerTuple:
            return part(place());
        case Type::Indices:
            return part(places());
        case Type::Object:
            return part(object());
        case Type::Patch:
        case Type::Piece:
        case Type::Element:
            return part((bytes_.take() & 1) == 0 ? places() : object());
        case Type::Grid:
            return "I";
        default:
            return known_argument();
        }
    }

    // An int within 3 of a power of two, of its negative, or of 30; often one of the last.
    std::string number() {
        uint8_t byte = bytes_.take();
        uint8_t shape = bytes_.take();
        int exponent = byte < 160 ? byte % 64 : 63;
        if (byte >= 192) shape &= 3; // one or two from the end
        bool is_negative = (shape & 1) != 0;
        int distance = shape >> 1 & 3;
        std::string step = (shape & 8) != 0 ? "add(" : "subtract(";
        if (exponent == 0) {
            return step + part("multiply(THREE, TEN)") + ", " + constant(distance) + ")";
        }
        std::string times = constant(exponent);
        if (exponent > 10) {
            times = part("multiply(TEN, " + constant(exponent / 10) + ")");
            times = part("add(" + times + ", " + constant(exponent % 10) + ")");
        }
        std::string doublings = part("power(double, " + times + ")");
        if (exponent == 63) { // 2^63 itself is out of range
            std::string least = part(doublings + "(NEG_ONE)");
            if (is_negative) return "add(" + least + ", " + constant(distance) + ")";
            return "invert(" + part("add(" + least + ", " + constant(distance + 1) + ")") + ")";
        }
        std::string power = part(doublings + (is_negative ? "(NEG_ONE)" : "(ONE)"));
        return step + power + ", " + constant(distance) + ")";
    }

    std::string place() {
        std::string i = part(number());
        return "astuple(" + i + ", " + part(number()) + ")";
    }

    std::string object() {
        std::string color = known_argument();
        return "recolor(" + color + ", " + part(places()) + ")";
    }

    // One place, and maybe another beside it.
    std::string places() {
        std::string first = part(place());
        std::string only = "initset(" + first + ")";
        std::string offset = known_argument();
        if (offset == "I") return only;
        std::string second = part("add(" + first + ", " + offset + ")");
        return "insert(" + second + ", " + part(only) + ")";
    }

    // Any but the name of the line itself, which has no value before it.
    std::string known_argument() {
        uint8_t byte = bytes_.take();
        return argument(byte == names().own_name ? uint8_t{0} : byte);
    }

    std::string call(uint8_t first) {
        std::string function;
        size_t num_arguments;
        if (first == kOtherArity) {
            function = names().primitive(bytes_.take()).name;
            num_arguments = 1 + bytes_.take() % 6;
        } else if (const size_t num_primitives = names().num_primitives;
                   first >= num_primitives && first - num_primitives < names_.size()) {
            function = names_[names_.size() - 1 - (first - num_primitives)];
            num_arguments = 1 + bytes_.take() % kMaxArity;
        } else {
            const PrimitiveRow &row = names().primitive(first);
            function = row.name;
            num_arguments = row.arity();
        }
        std::string text = function + "(";
        for (size_t k = 0; k < num_arguments; ++k) {
            if (k > 0) text += ", ";
            text += argument(bytes_.take());
        }
        return text + ")";
    }

    // A call with a blank for each earlier one like it, which is how the language tells them apart.
    std::string unique(std::string call) {
        size_t repeats = num_calls_[call]++;
        return call.append(repeats, ' ');
    }

    std::string argument(uint8_t byte) {
        if (byte == names().own_name) return name_;
        if (byte > names().own_name) {
            size_t back = UINT8_MAX - byte;
            return back < names_.size() ? names_[names_.size() - 1 - back] : "I";
        }
        if (byte >= names().first_primitive)
            return names().primitive(byte - names().first_primitive).name;
        return byte == 0 ? "I" : names().constant(byte - 1u).name;
    }

    Bytes bytes_;
    const std::vector<bool> &is_left_out_;
    bool has_values_;
    std::string text_;
    std::string name_; // of this line
    std::vector<std::string> names_;
    size_t num_lines_ = 0; // written so far
    std::map<std::string, size_t> num_calls_;
};

} // namespace

Case make_case(const uint8_t *data, size_t size, const std::vector<bool> &is_left_out) {
    static constexpr int64_t kFuel[] = {120'000, 1'000, 12'000, 700'000};
    static constexpr uint64_t kMaxBytes[] = {1 << 22, 1 << 13, 1 << 16, 1 << 25};
    static constexpr uint32_t kMaxDepth[] = {997, 3, 40, 4'000};
    static constexpr uint32_t kMaxLen[] = {0, 0, 4, 1'000};
    Bytes bytes(data, size);
    uint8_t limits = bytes.take();
    uint8_t flags = bytes.take();
    Case out;
    out.limits = {kFuel[limits & 3], kMaxBytes[limits >> 2 & 3], kMaxDepth[limits >> 4 & 3],
                  kMaxLen[limits >> 6]};
    out.dialect = (flags & 1) == 0 ? Dialect::codeit : Dialect::arc_dsl;
    out.check = flags >> 1 & 3;
    out.max_left_out = 1 + (flags >> 5) * 2;
    out.detail = bytes.take();
    out.height = side_of(bytes.take());
    out.width = side_of(bytes.take());
    uint8_t pattern = bytes.take();
    uint8_t seed = bytes.take();
    out.cells = make_cells(out.height, out.width, pattern, seed);
    out.text = Writer(bytes, is_left_out, (flags >> 3 & 3) == 3).write();
    return out;
}

} // namespace codeit::fuzz
