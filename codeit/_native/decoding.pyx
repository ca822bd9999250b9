# distutils: language = c++
# cython: language_level=3, boundscheck=False, wraparound=False
"""A decoder's step on a CPU: csrc/decoding. Arrays of bfloat16 are uint16."""

from libc.math cimport INFINITY
from libc.stdint cimport int8_t, int32_t, int64_t, uint16_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector

import numpy as np

from codeit.ranges import integer

ctypedef fused Number:
    float
    uint16_t


cdef extern from "decoding/cells.h" namespace "codeit" nogil:
    int processor_limit


cdef extern from "decoding/attention.h" namespace "codeit" nogil:
    cdef cppclass BFloat16:
        pass
    cdef cppclass FloatCache "codeit::KeyValueCache<float>":
        float *keys
        float *values
        int64_t num_heads
        int64_t size
        int64_t capacity
    cdef cppclass BFloat16Cache "codeit::KeyValueCache<codeit::BFloat16>":
        BFloat16 *keys
        BFloat16 *values
        int64_t num_heads
        int64_t size
        int64_t capacity
    cdef cppclass FloatContext "codeit::SharedKeyValues<float>":
        const float *keys
        const float *values
        int64_t length
        int64_t capacity
        int64_t num_tokens
    cdef cppclass BFloat16Context "codeit::SharedKeyValues<codeit::BFloat16>":
        const BFloat16 *keys
        const BFloat16 *values
        int64_t length
        int64_t capacity
        int64_t num_tokens
    void c_attend "codeit::attend"(
        const float *, const int32_t *, const int32_t *, int64_t, const float *, FloatCache,
        float *) except +
    void c_attend "codeit::attend"(
        const BFloat16 *, const int32_t *, const int32_t *, int64_t, const float *, BFloat16Cache,
        BFloat16 *) except +
    void c_attend_shared "codeit::attend_shared"(
        const float *, const FloatContext *, int64_t, int64_t, int64_t, float *) except +
    void c_attend_shared "codeit::attend_shared"(
        const BFloat16 *, const BFloat16Context *, int64_t, int64_t, int64_t, BFloat16 *) except +
    void c_arrange "codeit::arrange"(
        const float *, const float *, int64_t, int64_t, int64_t, int64_t, int64_t, float *,
        float *) noexcept
    void c_arrange "codeit::arrange"(
        const BFloat16 *, const BFloat16 *, int64_t, int64_t, int64_t, int64_t, int64_t, BFloat16 *,
        BFloat16 *) noexcept


cdef extern from "decoding/norm.h" namespace "codeit" nogil:
    void c_add_and_normalize "codeit::add_and_normalize"(
        float *, const float *, const float *, float, int64_t, int64_t, float *) noexcept
    void c_add_and_normalize "codeit::add_and_normalize"(
        float *, const BFloat16 *, const float *, float, int64_t, int64_t, BFloat16 *) noexcept


cdef extern from "decoding/draw.h" namespace "codeit" nogil:
    cdef cppclass DrawLaw:
        double temperature
        int64_t top_k
        double top_p
    cdef cppclass GivenBranches "codeit::Branches<const uint64_t, const double>":
        const uint64_t *keys
        const double *log_masses
        const double *log_times
    cdef cppclass FoundBranches "codeit::Branches<uint64_t, double>":
        uint64_t *keys
        double *log_masses
        double *log_times
    void c_branch "codeit::branch"(
        const float *, const uint64_t *, const GivenBranches &, const double *, int64_t, int64_t,
        int64_t, const DrawLaw &, int64_t, int64_t *, int64_t *, const FoundBranches &) except +
    void c_find_finite "codeit::find_finite"(const float *, int64_t, int64_t, cbool *) noexcept
    void c_draw "codeit::draw"(
        const float *, const uint64_t *, const double *, int64_t, int64_t, int64_t,
        const DrawLaw &, int64_t *) except +


cdef extern from "decoding/products.h" namespace "codeit" nogil:
    cdef cppclass FloatWeights "codeit::Weights<float>":
        const float *numbers
        int64_t num_out
        int64_t num_in
    cdef cppclass BFloat16Weights "codeit::Weights<codeit::BFloat16>":
        const BFloat16 *numbers
        int64_t num_out
        int64_t num_in
    cdef cppclass Int8Weights "codeit::Weights<int8_t>":
        const int8_t *numbers
        int64_t num_out
        int64_t num_in
        const float *scales
        const int32_t *sums
    const int64_t panel "codeit::kPanel"
    const int64_t max_int8_width "codeit::kMaxInt8Width"
    int64_t num_panels(int64_t) noexcept
    void arrange_weights(const float *, int64_t, int64_t, float *) noexcept
    void arrange_weights(const BFloat16 *, int64_t, int64_t, BFloat16 *) noexcept
    void arrange_weights(const float *, int64_t, int64_t, int8_t *, float *, int32_t *) noexcept
    void c_multiply "codeit::multiply"(
        const float *, int64_t, const FloatWeights &, bint, float *) except +
    void c_multiply "codeit::multiply"(
        const BFloat16 *, int64_t, const BFloat16Weights &, bint, BFloat16 *) except +
    void c_multiply "codeit::multiply"(
        const BFloat16 *, int64_t, const BFloat16Weights &, bint, float *) except +
    void c_multiply "codeit::multiply"(
        const BFloat16 *, int64_t, const Int8Weights &, bint, BFloat16 *) except +
    void c_multiply "codeit::multiply"(
        const BFloat16 *, int64_t, const Int8Weights &, bint, float *) except +


MAX_TOKENS = 1 << 31


def limit_processor(limit):
    """Use no kernels beyond this, as csrc/decoding/cells.h says. For tests."""
    global processor_limit
    processor_limit = integer("limit", limit, 0, 3)


cdef class Weights:
    """A matrix that tokens are multiplied with, as csrc/decoding/products.h says.

    Float weights are for tokens of float32, the others for tokens of bfloat16.
    """

    cdef object numbers, scales, sums
    cdef FloatWeights floats
    cdef BFloat16Weights halves
    cdef Int8Weights bytes
    cdef readonly str kind
    cdef readonly int64_t num_in, num_out

    def __cinit__(self, matrix not None, str kind not None):
        """`matrix`: [num_out, num_in], uint16 for kind "bfloat16", and float32 for kinds "float32"
        and "int8".

        Raises:
            ValueError: its width is no multiple of 16, or it is empty; or for int8, it is too wide
                or not finite.
        """
        cdef const float[:, ::1] floats
        cdef const uint16_t[:, ::1] halves
        cdef float[::1] out_floats, out_scales
        cdef uint16_t[::1] out_halves
        cdef int8_t[::1] out_bytes
        cdef int32_t[::1] out_sums
        self.kind = kind
        if kind == "bfloat16":
            halves = matrix
            self.num_out, self.num_in = halves.shape[0], halves.shape[1]
        elif kind == "float32" or kind == "int8":
            floats = matrix
            self.num_out, self.num_in = floats.shape[0], floats.shape[1]
        else:
            raise ValueError(f"kind is {kind!r}; allowed: float32, bfloat16, int8")
        if self.num_out == 0 or self.num_in == 0 or self.num_in % 16:
            raise ValueError(f"a matrix [{self.num_out}, {self.num_in}]: its width must be a "
                             "multiple of 16")
        cdef int64_t num_rows = num_panels(self.num_out) * panel
        size = num_rows * self.num_in
        if kind == "bfloat16":
            out_halves = self.numbers = np.empty(size, np.uint16)
            self.halves.num_out, self.halves.num_in = self.num_out, self.num_in
            self.halves.numbers = <const BFloat16 *>&out_halves[0]
            with nogil:
                arrange_weights(<const BFloat16 *>&halves[0, 0], self.num_out, self.num_in,
                                <BFloat16 *>&out_halves[0])
            return
        if kind == "float32":
            out_floats = self.numbers = np.empty(size, np.float32)
            self.floats.num_out, self.floats.num_in = self.num_out, self.num_in
            self.floats.numbers = &out_floats[0]
            with nogil:
                arrange_weights(&floats[0, 0], self.num_out, self.num_in, &out_floats[0])
            return
        if self.num_in > max_int8_width:
            raise ValueError(f"a matrix [{self.num_out}, {self.num_in}] in int8: its width must be "
                             f"at most {max_int8_width}")
        is_finite = find_finite(floats)
        if not is_finite.all():
            raise ValueError(f"row {is_finite.argmin()} of the matrix has a number that is not finite, "
                             "which int8 cannot say")
        out_bytes = self.numbers = np.empty(size, np.int8)
        out_scales = self.scales = np.empty(num_rows, np.float32)
        out_sums = self.sums = np.empty(num_rows, np.int32)
        self.bytes.num_out, self.bytes.num_in = self.num_out, self.num_in
        self.bytes.numbers, self.bytes.scales = &out_bytes[0], &out_scales[0]
        self.bytes.sums = &out_sums[0]
        with nogil:
            arrange_weights(&floats[0, 0], self.num_out, self.num_in, &out_bytes[0],
                            &out_scales[0], &out_sums[0])

    def multiply(self, tokens not None, bint is_positive, out not None):
        """Tokens [T, num_in] times the matrix, into out [T, num_out] of bfloat16 or float32; with
        is_positive, what is negative becomes 0.

        Raises:
            ValueError: shapes or types do not fit.
        """
        cdef const float[:, ::1] floats
        cdef const uint16_t[:, ::1] halves
        cdef float[:, ::1] out_floats
        cdef uint16_t[:, ::1] out_halves
        cdef int64_t num_tokens
        cdef const BFloat16 *start
        if self.kind == "float32":
            floats, out_floats = tokens, out
            num_tokens = floats.shape[0]
            self._check(num_tokens, floats.shape[1], out_floats.shape[0], out_floats.shape[1])
            if num_tokens > 0:
                with nogil:
                    c_multiply(&floats[0, 0], num_tokens, self.floats, is_positive,
                               &out_floats[0, 0])
            return
        halves = tokens
        num_tokens = halves.shape[0]
        cdef bint is_exact = isinstance(out, np.ndarray) and out.dtype == np.float32
        if is_exact:
            out_floats = out
            self._check(num_tokens, halves.shape[1], out_floats.shape[0], out_floats.shape[1])
        else:
            out_halves = out
            self._check(num_tokens, halves.shape[1], out_halves.shape[0], out_halves.shape[1])
        if num_tokens == 0:
            return
        start = <const BFloat16 *>&halves[0, 0]
        if is_exact:
            if self.kind == "bfloat16":
                with nogil:
                    c_multiply(start, num_tokens, self.halves, is_positive, &out_floats[0, 0])
            else:
                with nogil:
                    c_multiply(start, num_tokens, self.bytes, is_positive, &out_floats[0, 0])
        elif self.kind == "bfloat16":
            with nogil:
                c_multiply(start, num_tokens, self.halves, is_positive,
                           <BFloat16 *>&out_halves[0, 0])
        else:
            with nogil:
                c_multiply(start, num_tokens, self.bytes, is_positive,
                           <BFloat16 *>&out_halves[0, 0])

    cdef int _check(self, int64_t num_tokens, int64_t width, int64_t num_out_rows,
                    int64_t out_width) except -1:
        if width != self.num_in or num_out_rows != num_tokens or out_width != self.num_out:
            raise ValueError(
                f"the shapes of the arrays do not fit the matrix [{self.num_out}, {self.num_in}]: "
                f"tokens [{num_tokens}, {width}], out [{num_out_rows}, {out_width}]"
            )
        return 0


def attend(const Number[:, :, :, ::1] projected not None, const int32_t[::1] rows not None,
           const int32_t[::1] positions not None, const float[:, ::1] bias not None,
           Number[:, :, :, ::1] keys not None, Number[:, :, :, ::1] values not None,
           Number[:, :, ::1] out not None):
    """Attend, as csrc/decoding/attention.h says.

    Args:
        projected: [T, 3, H, D]; rows, positions: [T]; bias: [H, C].
        keys, values: [R, H, C, D], in that file's order; written to at the positions.
        out: [T, H, D], written.
    Raises:
        ValueError: shapes do not fit, or a row or position is outside the cache.
    """
    cdef FloatCache floats
    cdef BFloat16Cache halves
    cdef int64_t num_tokens = rows.shape[0]
    cdef int64_t num_rows = keys.shape[0], num_heads = keys.shape[1]
    cdef int64_t capacity = keys.shape[2], size = keys.shape[3]
    cdef int64_t n
    cdef vector[int32_t] own_rows, own_positions
    cdef bint is_fitting = (
        values.shape[0] == num_rows and values.shape[1] == num_heads
        and values.shape[2] == capacity and values.shape[3] == size
        and bias.shape[0] == num_heads and bias.shape[1] == capacity
        and projected.shape[0] == num_tokens and projected.shape[1] == 3
        and projected.shape[2] == num_heads and projected.shape[3] == size
        and positions.shape[0] == num_tokens
        and out.shape[0] == num_tokens and out.shape[1] == num_heads and out.shape[2] == size
    )
    if not is_fitting:
        raise ValueError("the shapes of the arrays do not fit together")
    if size % 16 or capacity % 16:
        raise ValueError(f"size {size} and capacity {capacity} must be multiples of 16")
    if num_tokens == 0:
        return
    # What is checked must be what is used, whoever writes to the arrays meanwhile.
    own_rows.assign(&rows[0], &rows[0] + num_tokens)
    own_positions.assign(&positions[0], &positions[0] + num_tokens)
    for n in range(num_tokens):
        if not (0 <= own_rows[n] < num_rows and 0 <= own_positions[n] < capacity):
            raise ValueError(
                f"token {n}: row {own_rows[n]} and position {own_positions[n]} are outside a cache "
                f"of {num_rows} rows and {capacity} positions"
            )
    if Number is float:
        floats.num_heads, floats.size, floats.capacity = num_heads, size, capacity
        floats.keys, floats.values = &keys[0, 0, 0, 0], &values[0, 0, 0, 0]
        with nogil:
            c_attend(&projected[0, 0, 0, 0], own_rows.data(), own_positions.data(), num_tokens,
                     &bias[0, 0], floats, &out[0, 0, 0])
    else:
        halves.num_heads, halves.size, halves.capacity = num_heads, size, capacity
        halves.keys = <BFloat16 *>&keys[0, 0, 0, 0]
        halves.values = <BFloat16 *>&values[0, 0, 0, 0]
        with nogil:
            c_attend(<const BFloat16 *>&projected[0, 0, 0, 0], own_rows.data(), own_positions.data(),
                     num_tokens, &bias[0, 0], halves, <BFloat16 *>&out[0, 0, 0])


cdef int64_t _count(str name, value, int64_t least, int64_t most) except -1:
    """The same as `integer`, without a call for what is right."""
    if type(value) is int and least <= value <= most:
        return value
    return integer(name, value, least, most)


def attend_shared(const Number[:, :, ::1] queries not None, contexts not None,
                  Number[:, :, ::1] out not None):
    """Attend to what consecutive tokens share.

    Args:
        queries: [T, H, D]
        contexts: tuples of keys and values, [H, C, D] as `arrange` makes them, how many positions
            of them mean something, and how many tokens attend to them.
        out: [T, H, D], written.
    Raises:
        ValueError: shapes do not fit.
    """
    cdef vector[FloatContext] floats
    cdef vector[BFloat16Context] halves
    cdef FloatContext some_floats
    cdef BFloat16Context some_halves
    cdef const Number[:, :, ::1] keys
    cdef const Number[:, :, ::1] values
    cdef int64_t num_heads = queries.shape[1], size = queries.shape[2]
    cdef int64_t length, count, num_tokens = 0
    held = []  # whatever `contexts` does meanwhile
    for some_keys, some_values, some_length, some_count in contexts:
        held.append((some_keys, some_values))
        keys, values = some_keys, some_values
        if not (
            keys is not None and values is not None
            and keys.shape[0] == values.shape[0] == num_heads
            and keys.shape[2] == values.shape[2] == size
            and keys.shape[1] == values.shape[1] and keys.shape[1] % 16 == 0
        ):
            raise ValueError("the shapes of a context do not fit the queries")
        length = _count("length of a context", some_length, 1, keys.shape[1])
        count = _count("tokens of a context", some_count, 0, MAX_TOKENS)
        num_tokens += count
        if Number is float:
            some_floats.keys, some_floats.values = &keys[0, 0, 0], &values[0, 0, 0]
            some_floats.length, some_floats.capacity = length, keys.shape[1]
            some_floats.num_tokens = count
            floats.push_back(some_floats)
        else:
            some_halves.keys = <const BFloat16 *>&keys[0, 0, 0]
            some_halves.values = <const BFloat16 *>&values[0, 0, 0]
            some_halves.length, some_halves.capacity = length, keys.shape[1]
            some_halves.num_tokens = count
            halves.push_back(some_halves)
    if num_tokens != queries.shape[0] or num_tokens != out.shape[0] or size % 16:
        raise ValueError(f"the contexts are for {num_tokens} tokens of {queries.shape[0]}")
    if out.shape[1] != num_heads or out.shape[2] != size:
        raise ValueError("out does not have the shape of the queries")
    if num_tokens == 0:
        return
    if Number is float:
        with nogil:
            c_attend_shared(&queries[0, 0, 0], floats.data(), floats.size(), num_heads, size,
                            &out[0, 0, 0])
    else:
        with nogil:
            c_attend_shared(<const BFloat16 *>&queries[0, 0, 0], halves.data(), halves.size(),
                            num_heads, size, <BFloat16 *>&out[0, 0, 0])


def arrange(const Number[:, :, :, ::1] keys_values not None, Number[:, :, ::1] keys not None,
            Number[:, :, ::1] values not None):
    """Bring keys and values [S, 2, H, D] into the order of a context: [H, C, D] each, C >= S.

    Raises:
        ValueError: shapes do not fit.
    """
    cdef int64_t length = keys_values.shape[0], num_heads = keys_values.shape[2]
    cdef int64_t size = keys_values.shape[3], capacity = keys.shape[1]
    cdef int64_t stride = 2 * num_heads * size
    if not (
        keys_values.shape[1] == 2 and 0 < length <= capacity and capacity % 16 == 0
        and size % 16 == 0 and keys.shape[0] == values.shape[0] == num_heads
        and values.shape[1] == capacity and keys.shape[2] == values.shape[2] == size
    ):
        raise ValueError("the shapes of the arrays do not fit together")
    if Number is float:
        with nogil:
            c_arrange(&keys_values[0, 0, 0, 0], &keys_values[0, 1, 0, 0], stride, length, num_heads,
                      size, capacity, &keys[0, 0, 0], &values[0, 0, 0])
    else:
        with nogil:
            c_arrange(<const BFloat16 *>&keys_values[0, 0, 0, 0],
                      <const BFloat16 *>&keys_values[0, 1, 0, 0], stride, length, num_heads, size,
                      capacity, <BFloat16 *>&keys[0, 0, 0], <BFloat16 *>&values[0, 0, 0])


def add_and_normalize(float[:, ::1] sums not None, added, const float[::1] weight not None,
                      float epsilon, Number[:, ::1] out not None):
    """Add what a layer returned, and normalize, as csrc/decoding/norm.h says.

    Args:
        sums: [T, M], changed; added: [T, M] in the type of out, or None.
        weight: [M]; out: [T, M], written.
    Raises:
        ValueError: shapes do not fit.
    """
    cdef const Number[:, ::1] some
    cdef const Number *start = NULL
    cdef int64_t num_tokens = sums.shape[0], width = sums.shape[1]
    if added is not None:
        some = added
        if some.shape[0] != num_tokens or some.shape[1] != width:
            raise ValueError("what is added does not have the shape of the sums")
    if out.shape[0] != num_tokens or out.shape[1] != width or weight.shape[0] != width or width % 16:
        raise ValueError("the shapes of the arrays do not fit together")
    if num_tokens == 0:
        return
    if added is not None:
        start = &some[0, 0]
    if Number is float:
        with nogil:
            c_add_and_normalize(&sums[0, 0], start, &weight[0], epsilon, num_tokens, width,
                                &out[0, 0])
    else:
        with nogil:
            c_add_and_normalize(&sums[0, 0], <const BFloat16 *>start, &weight[0], epsilon,
                                num_tokens, width, <BFloat16 *>&out[0, 0])


cdef DrawLaw _law(double temperature, top_k, double top_p) except *:
    cdef DrawLaw law
    law.temperature, law.top_p = temperature, top_p
    law.top_k = integer("top_k", top_k, 0, MAX_TOKENS)
    if not (0 < temperature < INFINITY and 0 < top_p <= 1):
        raise ValueError(f"temperature is {temperature}, top_p {top_p}; allowed: finite, above 0, "
                         "and above 0, at most 1")
    return law


def draw(const float[:, ::1] scores not None, allowed, const double[::1] uniforms not None,
         double temperature, top_k, double top_p, int64_t[::1] out not None):
    """Draw, as csrc/decoding/draw.h says.

    Args:
        scores: [T, V]; uniforms, out: [T].
        allowed: uint64 [T, W], or None.
    Raises:
        ValueError: shapes do not fit, or there is no such law, or a uniform number is none.
    """
    cdef const uint64_t[:, ::1] words
    cdef const uint64_t *start = NULL
    cdef int64_t num_rows = scores.shape[0], num_words = 0
    cdef DrawLaw law = _law(temperature, top_k, top_p)
    cdef int64_t n
    if uniforms.shape[0] != num_rows or out.shape[0] != num_rows or scores.shape[1] == 0:
        raise ValueError("the shapes of the arrays do not fit together")
    for n in range(num_rows):
        if not 0 <= uniforms[n] < 1:
            raise ValueError(f"uniforms[{n}] is {uniforms[n]}; allowed: at least 0, below 1")
    if num_rows == 0:
        return
    if allowed is not None:
        words = allowed
        num_words = words.shape[1]
        if words.shape[0] != num_rows or num_words == 0:
            raise ValueError("allowed does not have a row for each of the scores'")
        start = &words[0, 0]
    with nogil:
        c_draw(&scores[0, 0], start, &uniforms[0], num_rows, scores.shape[1], num_words, law,
               &out[0])


def branch(const float[:, ::1] scores not None, allowed, const uint64_t[::1] keys not None,
           const double[::1] log_masses not None, const double[::1] log_times not None,
           const double[::1] log_limits not None, double temperature, top_k, double top_p,
           int64_t[::1] counts not None, int64_t[:, ::1] tokens not None,
           uint64_t[:, ::1] out_keys not None, double[:, ::1] out_log_masses not None,
           double[:, ::1] out_log_times not None):
    """Branch, as csrc/decoding/draw.h says.

    Args:
        scores: [T, V]; keys, log_masses, log_times, log_limits, counts: [T].
        tokens, out_keys, out_log_masses, out_log_times: [T, N], N the most branches of each.
        allowed: uint64 [T, W], or None.
    Raises:
        ValueError: shapes do not fit, or there is no such law.
    """
    cdef const uint64_t[:, ::1] words
    cdef const uint64_t *start = NULL
    cdef int64_t num_rows = scores.shape[0], most = tokens.shape[1], num_words = 0
    cdef DrawLaw law = _law(temperature, top_k, top_p)
    cdef GivenBranches given
    cdef FoundBranches found
    for count in (keys.shape[0], log_masses.shape[0], log_times.shape[0], log_limits.shape[0],
                  counts.shape[0], tokens.shape[0], out_keys.shape[0], out_log_masses.shape[0],
                  out_log_times.shape[0]):
        if count != num_rows:
            raise ValueError("the shapes of the arrays do not fit together")
    for count in (out_keys.shape[1], out_log_masses.shape[1], out_log_times.shape[1]):
        if count != most or most == 0 or scores.shape[1] == 0:
            raise ValueError("the shapes of the arrays do not fit together")
    if num_rows == 0:
        return
    if allowed is not None:
        words = allowed
        num_words = words.shape[1]
        if words.shape[0] != num_rows or num_words == 0:
            raise ValueError("allowed does not have a row for each of the scores'")
        start = &words[0, 0]
    given.keys, given.log_masses, given.log_times = &keys[0], &log_masses[0], &log_times[0]
    found.keys, found.log_masses = &out_keys[0, 0], &out_log_masses[0, 0]
    found.log_times = &out_log_times[0, 0]
    with nogil:
        c_branch(&scores[0, 0], start, given, &log_limits[0], num_rows, scores.shape[1], num_words,
                 law, most, &counts[0], &tokens[0, 0], found)


def find_finite(const float[:, ::1] scores not None):
    """Whether all scores of each row are finite: bool [T], from [T, V]."""
    found = np.ones(scores.shape[0], np.bool_)
    cdef cbool[::1] out = found
    if scores.shape[0] > 0 and scores.shape[1] > 0:
        with nogil:
            c_find_finite(&scores[0, 0], scores.shape[0], scores.shape[1], &out[0])
    return found
