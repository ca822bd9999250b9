"""Triton's kernels for attention over packed sequences: one pass forward, three backward.

A program takes a block of one sequence's queries (or, for the gradients of keys and values, of its
keys) in one head, and goes through the partner's tokens tile by tile; no scores are ever written to
memory. All sums have a fixed order, so that the same input gives the same bits.

- The bias has a value for each distance, and one for all that are far. A tile reads the few values
  it needs into shared memory and from there one for each score.
- The gradient of the bias sums scores' gradients along diagonals. Tiles whose diagonals are the
  same lie on one line, and are added up whole before the one time that their rows are turned. That
  is a pass of its own, over the tiles near the diagonal; of those that are far, rows are summed.
- Scores are taken times log2(e), the bias before the kernels, for powers of 2 are what there is an
  instruction for. That keeps the bias out of the accumulators of the product, too, which Hopper's
  matrix instructions would otherwise wait for one by one; so they would for sums across warps.
- Which probabilities are dropped is drawn once, into a bit for each, by Philox from a seed and the
  place of the probability. The passes would spend more time on drawing it than on the rest.

Shape letters: N query tokens and K key tokens of all sequences, G sequences, H heads, D head width,
M distances that a bias has values for, P blocks of tokens, W words of 32 keys, E lines of tiles.
"""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)

# ---- What the kernels share ------------------------------------------------------------------


@triton.jit
def _block(blocks):
    """A row of `Plan.blocks`: the sequences that a program works on, and where in its own."""
    row = blocks + 5 * tl.program_id(0)
    first = tl.load(row).to(tl.int64)
    place = tl.load(row + 1)
    length = tl.load(row + 2)
    other = tl.load(row + 3).to(tl.int64)
    return first, place, length, other, tl.load(row + 4)


@triton.jit
def _rows(base, index, stride, is_real, WIDTH: tl.constexpr, PADDED: tl.constexpr):
    """Rows of a matrix, [index, PADDED]; zeros where there are none."""
    dim = tl.arange(0, PADDED)
    mask = is_real[:, None]
    if WIDTH < PADDED:
        mask = mask & (dim < WIDTH)[None]
    return tl.load(base + index[:, None] * stride + dim[None], mask=mask, other=0.0)


@triton.jit
def _store(base, index, stride, is_real, x, WIDTH: tl.constexpr, PADDED: tl.constexpr):
    """Put x [index, PADDED] into rows of a matrix."""
    dim = tl.arange(0, PADDED)
    mask = is_real[:, None]
    if WIDTH < PADDED:
        mask = mask & (dim < WIDTH)[None]
    tl.store(base + index[:, None] * stride + dim[None], x.to(base.dtype.element_ty), mask=mask)


@triton.jit
def _is_kept(words, is_query, KEYS: tl.constexpr, KEY_AXIS: tl.constexpr):
    """Bits of a tile, [queries, KEYS] or turned; words are where those of each query begin."""
    key = tl.arange(0, KEYS)
    bits = tl.zeros([1, 1], tl.int32)
    for k in tl.static_range(KEYS // 32):
        word = tl.expand_dims(tl.load(words + k, mask=is_query, other=0), KEY_AXIS)
        bits = tl.where(tl.expand_dims(key // 32, 1 - KEY_AXIS) == k, word, bits)
    return ((bits >> tl.expand_dims(key % 32, 1 - KEY_AXIS)) & 1) != 0


@triton.jit
def _added(bias, longest, nearest, ROWS: tl.constexpr, COLUMNS: tl.constexpr, BY_KEY: tl.constexpr):
    """The bias of a tile of queries by keys, or of keys by queries.

    Args:
        bias: a head's [2 * longest - 1].
        nearest: the distance, key minus query, at the tile's corner.
    """
    window = tl.arange(0, 2 * ROWS) - (ROWS - 1)
    distance = nearest - window if BY_KEY else nearest + window
    index = tl.minimum(tl.maximum(longest - 1 - distance, 0), 2 * longest - 2)
    values = tl.load(bias + index)
    cell = tl.arange(0, ROWS * COLUMNS)
    values = tl.gather(values, cell % COLUMNS - cell // COLUMNS + (ROWS - 1), 0)
    return tl.reshape(values, [ROWS, COLUMNS])


# ---- Forward ---------------------------------------------------------------------------------


@triton.jit(do_not_specialize=["low", "high", "num_dropped"])
def draw(
    words,
    blocks,
    low,
    high,
    num_dropped,
    num_queries,
    num_words,
    ROWS: tl.constexpr,
):
    """A bit for each probability, set where it is kept: 16 of Philox's bits decide."""
    head = tl.program_id(1)
    first, place, length, _, num_keys = _block(blocks)
    i = place + tl.arange(0, ROWS)
    token = (first + i)[:, None]
    words += (head.to(tl.int64) * num_queries + token) * num_words
    for begin in range(0, tl.cdiv(num_keys, 32), 4):
        w = begin + tl.arange(0, 4)[None]
        word = tl.zeros([ROWS, 4], tl.int32)
        # Counters are as wide as the tile: the generator works on them as they are.
        counter = tl.zeros([ROWS, 4], tl.int32)
        for k in tl.static_range(4):
            query = counter + token.to(tl.int32)
            drawn = tl.philox(low, query, counter + 4 * w + k, counter + head, counter + high, 7)
            for m in tl.static_range(8):
                half = (drawn[m // 2] >> (16 * (m % 2))) & 0xFFFF
                is_kept = half.to(tl.int32) >= num_dropped
                word |= is_kept.to(tl.int32) << (8 * k + m)
        tl.store(words + w, word, mask=(i < length)[:, None] & (w < num_words))


@triton.jit
def forward(
    query,
    key,
    value,
    bias,
    words,
    out,
    log_sums,
    blocks,
    query_stride,
    query_head,
    key_stride,
    key_head,
    value_stride,
    value_head,
    num_queries,
    num_heads,
    longest,
    num_words,
    scale,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
):
    head = tl.program_id(1).to(tl.int64)
    first, place, length, first_key, num_keys = _block(blocks)
    i = place + tl.arange(0, ROWS)
    is_query = i < length
    query += first * query_stride + head * query_head
    key += first_key * key_stride + head * key_head
    value += first_key * value_stride + head * value_head
    bias += head * (2 * longest - 1)
    word_rows = words + (head * num_queries + first + i) * num_words
    queries = _rows(query, i, query_stride, is_query, WIDTH, PADDED)

    highest = tl.full([ROWS], float("-inf"), tl.float32)
    sums = tl.zeros([ROWS], tl.float32)
    mixed = tl.zeros([ROWS, PADDED], tl.float32)
    for begin in range(0, num_keys, COLUMNS):
        j = begin + tl.arange(0, COLUMNS)
        is_key = j < num_keys
        keys = _rows(key, j, key_stride, is_key, WIDTH, PADDED)
        values = _rows(value, j, value_stride, is_key, WIDTH, PADDED)
        scores = tl.dot(queries, tl.trans(keys), input_precision="ieee")
        if HAS_BIAS:
            added = _added(bias, longest, begin - place, ROWS, COLUMNS, False)
            scores = tl.where(is_key[None], scores * LOG2_E + added, float("-inf"))
        else:
            scores = tl.where(is_key[None], scores * LOG2_E, float("-inf"))
        new_highest = tl.maximum(highest, tl.max(scores, 1))
        # A row may have seen nothing yet.
        base = tl.where(new_highest == float("-inf"), 0.0, new_highest)
        exponentials = tl.exp2(scores - base[:, None])
        rescale = tl.exp2(highest - base)
        highest = new_highest
        sums = sums * rescale + tl.sum(exponentials, 1)
        if HAS_DROPOUT:
            is_kept = _is_kept(word_rows + begin // 32, is_query, COLUMNS, 1)
            exponentials = tl.where(is_kept, exponentials, 0.0)
        mixed = mixed * rescale[:, None]
        mixed = tl.dot(exponentials.to(values.dtype), values, mixed, input_precision="ieee")

    mixed *= (scale / sums)[:, None]
    out += (first * num_heads + head) * WIDTH
    _store(out, i, num_heads * WIDTH, is_query, mixed, WIDTH, PADDED)
    tl.store(log_sums + head * num_queries + first + i, highest + tl.log2(sums), mask=is_query)


# ---- Backward --------------------------------------------------------------------------------


@triton.jit
def backward_queries(
    query,
    key,
    value,
    bias,
    words,
    out,
    gradient,
    log_sums,
    means,
    d_query,
    far,
    blocks,
    query_stride,
    query_head,
    key_stride,
    key_head,
    value_stride,
    value_head,
    num_queries,
    num_heads,
    longest,
    num_words,
    scale,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
    HAS_FAR: tl.constexpr,
):
    """The gradients of queries; before that, `means`.

    These are the same for every key of a query: the sum of its probabilities times their gradients.
    The bias's gradient in far tiles goes to `far` [P, H, 2], before and after the query.
    """
    head = tl.program_id(1).to(tl.int64)
    first, place, length, first_key, num_keys = _block(blocks)
    i = place + tl.arange(0, ROWS)
    is_query = i < length
    query += first * query_stride + head * query_head
    key += first_key * key_stride + head * key_head
    value += first_key * value_stride + head * value_head
    bias += head * (2 * longest - 1)
    word_rows = words + (head * num_queries + first + i) * num_words
    own = (first * num_heads + head) * WIDTH
    own_stride = num_heads * WIDTH
    queries = _rows(query, i, query_stride, is_query, WIDTH, PADDED)
    gradients = _rows(gradient + own, i, own_stride, is_query, WIDTH, PADDED)
    outs = _rows(out + own, i, own_stride, is_query, WIDTH, PADDED)
    mean = tl.sum(outs.to(tl.float32) * gradients.to(tl.float32), 1)
    of_row = head * num_queries + first + i
    tl.store(means + of_row, mean, mask=is_query)
    # What is no query has no probabilities.
    log_sum = tl.load(log_sums + of_row, mask=is_query, other=float("inf"))

    before = tl.zeros([ROWS], tl.float32)
    after = tl.zeros([ROWS], tl.float32)
    d_queries = tl.zeros([ROWS, PADDED], tl.float32)
    for begin in range(0, num_keys, COLUMNS):
        j = begin + tl.arange(0, COLUMNS)
        is_key = j < num_keys
        keys = _rows(key, j, key_stride, is_key, WIDTH, PADDED)
        values = _rows(value, j, value_stride, is_key, WIDTH, PADDED)
        scores = tl.dot(queries, tl.trans(keys), input_precision="ieee")
        if HAS_BIAS:
            added = _added(bias, longest, begin - place, ROWS, COLUMNS, False)
            scores = tl.where(is_key[None], scores * LOG2_E + added, float("-inf"))
        else:
            scores = tl.where(is_key[None], scores * LOG2_E, float("-inf"))
        probabilities = tl.exp2(scores - log_sum[:, None])
        d_probabilities = tl.dot(gradients, tl.trans(values), input_precision="ieee")
        if HAS_DROPOUT:
            is_kept = _is_kept(word_rows + begin // 32, is_query, COLUMNS, 1)
            d_probabilities = tl.where(is_kept, d_probabilities * scale, 0.0)
        d_scores = probabilities * (d_probabilities - mean[:, None])
        d_queries = tl.dot(d_scores.to(keys.dtype), keys, d_queries, input_precision="ieee")
        if HAS_FAR:
            # Of the square tiles that `backward_bias` knows.
            sums = tl.sum(d_scores, 1)
            corner = begin - i // COLUMNS * COLUMNS
            before += tl.where(corner + COLUMNS <= 2 - longest, sums, 0.0)
            after += tl.where(corner - COLUMNS >= longest - 2, sums, 0.0)
    if HAS_FAR:
        far += 2 * (tl.program_id(0).to(tl.int64) * tl.num_programs(1) + head)
        tl.store(far, tl.sum(before, 0))
        tl.store(far + 1, tl.sum(after, 0))
    _store(d_query + own, i, own_stride, is_query, d_queries, WIDTH, PADDED)


@triton.jit
def backward_bias(
    query,
    key,
    value,
    bias,
    words,
    gradient,
    log_sums,
    means,
    diagonals,
    sequences,
    query_stride,
    query_head,
    key_stride,
    key_head,
    value_stride,
    value_head,
    num_queries,
    num_heads,
    longest,
    num_words,
    scale,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    SIZE: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
):
    """What one sequence adds to the bias's gradient along one line of tiles.

    `diagonals` [G, H, E, 2 * SIZE] are the sums for the distances from (line - 1) * SIZE on.
    """
    head = tl.program_id(1).to(tl.int64)
    line = tl.program_id(2) - tl.num_programs(2) // 2
    first, _, length, first_key, num_keys = _block(sequences)
    query += first * query_stride + head * query_head
    key += first_key * key_stride + head * key_head
    value += first_key * value_stride + head * value_head
    gradient += (first * num_heads + head) * WIDTH
    added = _added(bias + head * (2 * longest - 1), longest, line * SIZE, SIZE, SIZE, False)
    row = tl.arange(0, SIZE)

    total = tl.zeros([SIZE, SIZE], tl.float32)
    end = tl.minimum(tl.cdiv(length, SIZE), tl.cdiv(num_keys, SIZE) - line)
    for tile in range(tl.maximum(-line, 0), end):
        i = tile * SIZE + row
        j = i + line * SIZE
        is_query = i < length
        is_key = j < num_keys
        of_row = head * num_queries + first + i
        queries = _rows(query, i, query_stride, is_query, WIDTH, PADDED)
        keys = _rows(key, j, key_stride, is_key, WIDTH, PADDED)
        values = _rows(value, j, value_stride, is_key, WIDTH, PADDED)
        gradients = _rows(gradient, i, num_heads * WIDTH, is_query, WIDTH, PADDED)
        log_sum = tl.load(log_sums + of_row, mask=is_query, other=float("inf"))
        mean = tl.load(means + of_row, mask=is_query, other=0.0)
        scores = tl.dot(queries, tl.trans(keys), input_precision="ieee")
        scores = tl.where(is_key[None], scores * LOG2_E + added, float("-inf"))
        probabilities = tl.exp2(scores - log_sum[:, None])
        d_probabilities = tl.dot(gradients, tl.trans(values), input_precision="ieee")
        if HAS_DROPOUT:
            word = words + of_row * num_words + (tile + line) * (SIZE // 32)
            is_kept = _is_kept(word, is_query, SIZE, 1)
            d_probabilities = tl.where(is_kept, d_probabilities * scale, 0.0)
        total += probabilities * (d_probabilities - mean[:, None])

    # Column d then holds the diagonal d, and what was turned around the one SIZE below.
    turned = row[None] + row[:, None]
    upright = tl.gather(total, turned % SIZE, 1)
    program = (tl.program_id(0).to(tl.int64) * tl.num_programs(1) + head) * tl.num_programs(2)
    sums = diagonals + (program + tl.program_id(2)) * (2 * SIZE) + row
    tl.store(sums, tl.sum(tl.where(turned < SIZE, 0.0, upright), 0))
    tl.store(sums + SIZE, tl.sum(tl.where(turned < SIZE, upright, 0.0), 0))


@triton.jit
def backward_keys(
    query,
    key,
    value,
    bias,
    words,
    gradient,
    log_sums,
    means,
    d_key,
    d_value,
    blocks,
    query_stride,
    query_head,
    key_stride,
    key_head,
    value_stride,
    value_head,
    num_queries,
    num_heads,
    longest,
    num_words,
    scale,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
):
    """The gradients of keys and values; tiles are [keys, queries]."""
    head = tl.program_id(1).to(tl.int64)
    first, place, length, first_query, query_length = _block(blocks)
    j = place + tl.arange(0, ROWS)
    is_key = j < length
    query += first_query * query_stride + head * query_head
    key += first * key_stride + head * key_head
    value += first * value_stride + head * value_head
    bias += head * (2 * longest - 1)
    gradient += (first_query * num_heads + head) * WIDTH
    keys = _rows(key, j, key_stride, is_key, WIDTH, PADDED)
    values = _rows(value, j, value_stride, is_key, WIDTH, PADDED)

    d_keys = tl.zeros([ROWS, PADDED], tl.float32)
    d_values = tl.zeros([ROWS, PADDED], tl.float32)
    for begin in range(0, query_length, COLUMNS):
        i = begin + tl.arange(0, COLUMNS)
        is_query = i < query_length
        of_row = head * num_queries + first_query + i
        queries = _rows(query, i, query_stride, is_query, WIDTH, PADDED)
        gradients = _rows(gradient, i, num_heads * WIDTH, is_query, WIDTH, PADDED)
        # What is no query has no probabilities; what is no key is never stored.
        log_sum = tl.load(log_sums + of_row, mask=is_query, other=float("inf"))
        mean = tl.load(means + of_row, mask=is_query, other=0.0)
        scores = tl.dot(keys, tl.trans(queries), input_precision="ieee") * LOG2_E
        if HAS_BIAS:
            scores += _added(bias, longest, place - begin, ROWS, COLUMNS, True)
        probabilities = tl.exp2(scores - log_sum[None])
        d_probabilities = tl.dot(values, tl.trans(gradients), input_precision="ieee")
        kept = probabilities
        if HAS_DROPOUT:
            is_kept = _is_kept(words + of_row * num_words + place // 32, is_query, ROWS, 0)
            kept = tl.where(is_kept, probabilities, 0.0)
            d_probabilities = tl.where(is_kept, d_probabilities * scale, 0.0)
        d_values = tl.dot(kept.to(gradients.dtype), gradients, d_values, input_precision="ieee")
        d_scores = probabilities * (d_probabilities - mean[None])
        d_keys = tl.dot(d_scores.to(queries.dtype), queries, d_keys, input_precision="ieee")

    own = (first * num_heads + head) * WIDTH
    _store(d_key + own, j, num_heads * WIDTH, is_key, d_keys, WIDTH, PADDED)
    _store(d_value + own, j, num_heads * WIDTH, is_key, d_values * scale, WIDTH, PADDED)
