#include "core/patch_union.h"

#include <algorithm>

namespace codeit {

Outcome PatchUnion::add(const Value &v, bool *fits) {
    *fits = v.is_set();
    if (!*fits || v.set->size == 0) return Outcome::ok;
    TRY(pack(m_, v.set, fits));
    if (!*fits) return Outcome::ok;
    Kind kind = kind_of(*v.set);
    const Patch &patch = v.set->patch;
    if (is_empty()) {
        kind_ = kind;
        window_ = window_of(patch.bits);
        has_one_color_ = patch.colors == nullptr;
    } else {
        const Patch &first = sets_.items()[0].set->patch;
        *fits = kind == kind_;
        window_ = joined(window_, window_of(patch.bits));
        has_one_color_ = has_one_color_ && patch.colors == nullptr && patch.color == first.color;
    }
    chain_ = std::max<unsigned>(chain_, v.set->chain);
    return sets_.push(v);
}

Outcome PatchUnion::finish(Patch *out, uint32_t *size, bool *is_packed) {
    *out = {};
    *size = 0;
    *is_packed = true;
    if (is_empty()) return Outcome::ok;
    size_t num_elements = 0;
    for (const Value &v : sets_.items()) num_elements += v.set->size;
    *is_packed = window_.is_small() && !is_sparse(window_.height, num_elements);
    if (!*is_packed) return Outcome::ok;
    BitmapBuilder builder(m_, window_);
    TRY(builder.start());
    for (const Value &v : sets_.items()) {
        TRY(m_.charge(static_cast<uint64_t>(v.set->patch.bits.height)));
        builder.add(v.set->patch.bits);
    }
    builder.finish(&out->bits, size);
    out->color = sets_.items()[0].set->patch.color;
    if (kind_ == Kind::pair || has_one_color_) return Outcome::ok;
    *is_packed = !are_colors_sparse(out->bits, num_elements);
    if (!*is_packed) return Outcome::ok;
    TRY(m_.charge(num_elements * 3));
    return color_cells(out, is_packed);
}

// Writes the colors of all sets into one array. Cells may share a place only when they are equal:
// `colored` knows which places have been written, and what comes there again is compared.
Outcome PatchUnion::color_cells(Patch *out, bool *is_packed) {
    const Bitmap &bits = out->bits;
    const auto height = static_cast<size_t>(bits.height);
    ScratchScope scratch(m_);
    int8_t *colors;
    Row *colored;
    TRY(m_.allocate(height * static_cast<size_t>(bits.width), &colors));
    TRY(m_.allocate_scratch(height, &colored));
    std::fill_n(colored, height, Row{0});
    bool fit = true;
    for (const Value &v : sets_.items()) {
        const Patch &patch = v.set->patch;
        const auto color = static_cast<int8_t>(patch.color);
        const int8_t *from = patch.colors;
        fit = fit && (from != nullptr || color == patch.color);
        if (!fit) break;
        const int32_t down = patch.bits.top - bits.top;
        const int32_t right = patch.bits.left - bits.left;
        int8_t *to = colors + int64_t{down} * bits.width + right;
        for (int32_t i = 0; i < patch.bits.height; ++i, to += bits.width) {
            const Row row = patch.bits.rows[i];
            Row &known = colored[down + i];
            const Row old = row & known >> right;
            known |= row << right;
            if (from == nullptr) {
                for_each_bit(row ^ old, [&](int32_t j) { to[j] = color; });
                for_each_bit(old, [&](int32_t j) { fit &= to[j] == color; });
            } else {
                for_each_bit(row ^ old, [&](int32_t j) { to[j] = from[j]; });
                for_each_bit(old, [&](int32_t j) { fit &= to[j] == from[j]; });
                from += patch.stride;
            }
        }
    }
    out->colors = colors;
    out->stride = bits.width;
    *is_packed = fit;
    return Outcome::ok;
}

} // namespace codeit
