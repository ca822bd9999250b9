# distutils: language = c++
# cython: language_level=3, boundscheck=False, wraparound=False
"""Attention of a decoder's newest tokens on a CPU: csrc/attention."""

from libc.stdint cimport int32_t, int64_t, uint16_t


cdef extern from "attention/decode_attention.h" namespace "codeit" nogil:
    cdef cppclass FloatCache "codeit::KeyValueCache<float>":
        float *keys
        float *values
        int64_t num_heads
        int64_t size
        int64_t capacity
    cdef cppclass BFloat16:
        uint16_t bits
    cdef cppclass BFloat16Cache "codeit::KeyValueCache<codeit::BFloat16>":
        BFloat16 *keys
        BFloat16 *values
        int64_t num_heads
        int64_t size
        int64_t capacity
    void attend(const float *projected, const int32_t *rows, const int32_t *positions,
                int64_t num_tokens, const float *bias, FloatCache cache, float *out) except +
    void attend(const BFloat16 *projected, const int32_t *rows, const int32_t *positions,
                int64_t num_tokens, const float *bias, BFloat16Cache cache,
                BFloat16 *out) except +


cdef void _check(const int32_t[::1] rows, const int32_t[::1] positions, keys, values, bias,
                 projected, out) except *:
    cdef int64_t num_rows, num_heads, size, capacity, n
    num_rows, num_heads, size, capacity = keys.shape
    num_tokens = rows.shape[0]
    for name, array, wanted in (
        ("values", values, (num_rows, num_heads, capacity, size)),
        ("bias", bias, (num_heads, capacity)),
        ("projected", projected, (num_tokens, 3, num_heads, size)),
        ("positions", positions, (num_tokens,)),
        ("out", out, (num_tokens, num_heads, size)),
    ):
        shape = tuple(array.shape[k] for k in range(len(wanted)))
        if shape != wanted:
            raise ValueError(f"{name} has shape {shape}; {wanted} is needed")
    if size % 16 or capacity % 16:
        raise ValueError(f"size {size} and capacity {capacity} must be multiples of 16")
    for n in range(num_tokens):
        if not (0 <= rows[n] < num_rows and 0 <= positions[n] < capacity):
            raise ValueError(
                f"token {n}: row {rows[n]} and position {positions[n]} are outside a cache of "
                f"{num_rows} rows and {capacity} positions"
            )


def attend_float32(const float[:, :, :, ::1] projected, const int32_t[::1] rows,
                   const int32_t[::1] positions, const float[:, ::1] bias,
                   float[:, :, :, ::1] keys, float[:, :, :, ::1] values, float[:, :, ::1] out):
    """Attend, as csrc/attention/decode_attention.h says; arrays of float32.

    Args:
        projected: [T, 3, H, D]; rows, positions: [T]; bias: [H, C].
        keys: [R, H, D, C]; values: [R, H, C, D]; both are written to at the positions.
        out: [T, H, D], written.
    Raises:
        ValueError: shapes do not fit, or a row or position is outside the cache.
    """
    cdef FloatCache cache
    cache.num_heads, cache.size, cache.capacity = keys.shape[1], keys.shape[2], keys.shape[3]
    _check(rows, positions, keys, values, bias, projected, out)
    if rows.shape[0] == 0:
        return
    cache.keys = &keys[0, 0, 0, 0]
    cache.values = &values[0, 0, 0, 0]
    with nogil:
        attend(&projected[0, 0, 0, 0], &rows[0], &positions[0], rows.shape[0], &bias[0, 0], cache,
               &out[0, 0, 0])


def attend_bfloat16(const uint16_t[:, :, :, ::1] projected, const int32_t[::1] rows,
                    const int32_t[::1] positions, const float[:, ::1] bias,
                    uint16_t[:, :, :, ::1] keys, uint16_t[:, :, :, ::1] values,
                    uint16_t[:, :, ::1] out):
    """The same on bfloat16, given as uint16; the bias is float32."""
    cdef BFloat16Cache cache
    cache.num_heads, cache.size, cache.capacity = keys.shape[1], keys.shape[2], keys.shape[3]
    _check(rows, positions, keys, values, bias, projected, out)
    if rows.shape[0] == 0:
        return
    cache.keys = <BFloat16 *>&keys[0, 0, 0, 0]
    cache.values = <BFloat16 *>&values[0, 0, 0, 0]
    with nogil:
        attend(<const BFloat16 *>&projected[0, 0, 0, 0], &rows[0], &positions[0], rows.shape[0],
               &bias[0, 0], cache, <BFloat16 *>&out[0, 0, 0])
