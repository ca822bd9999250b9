"""Hostile values in the place of what native code takes."""

import itertools

import numpy as np

REFUSALS = (ValueError, TypeError, BufferError, OverflowError, MemoryError)

NUMBERS = [
    *(-1, -(2**31), -(2**63), -(2**70), 2**31, 2**32 + 1, 2**62, 2**63 - 1, 2**63, 2**64, 2**70),
    *(1.5, -0.5, 1e300, float("nan"), float("inf"), -float("inf")),
    *(True, None, "1", b"1", [], [1], object(), 1j),
    *(np.timedelta64(1, "s"), np.datetime64(1, "s"), np.float32(1.5), np.array([1])),
]
"""In the place of a number."""

EXTREMES = {
    "i": [-1, 1 << 62, (1 << 63) - 1, -(1 << 63)],
    "u": [(1 << 64) - 1, (1 << 63) - 1],
    "f": [np.nan, np.inf, -np.inf, 1e300, -1e300, -1.0, 0.0, 5e-324],
}


def hostile_arrays(valid):
    """In the place of an array: others that are like it but for one thing."""
    for dtype in ("b", "B", "h", "H", "i", "I", "q", "Q", "e", "f", "d", "?", "F", "O", "S1", "U1"):
        with np.errstate(all="ignore"):
            yield valid.astype(dtype)
    yield valid.astype("i8").view("m8[s]")
    yield valid.astype("i8").view("M8[s]")
    yield valid.astype(valid.dtype.newbyteorder())
    yield np.ma.masked_array(valid, mask=np.ones(valid.shape, bool))
    yield np.zeros(valid.shape, [("a", valid.dtype)])
    for axis in range(valid.ndim):
        yield valid.take(range(valid.shape[axis] - 1), axis) if valid.shape[axis] else valid
        yield np.concatenate([valid, valid.take([0], axis)], axis) if valid.size else valid
        yield valid.take([], axis)
        yield np.repeat(valid, 2, axis)[tuple([slice(None)] * axis + [slice(None, None, 2)])]
        yield np.flip(valid, axis)
    yield valid[None]
    yield valid.ravel()
    yield valid.reshape(-1)[:1].reshape(()) if valid.size else valid
    yield np.asfortranarray(valid)
    yield (
        np.broadcast_to(valid.ravel()[:1].reshape([1] * valid.ndim), valid.shape)
        if valid.size
        else valid
    )
    kept = valid.copy()
    kept.setflags(write=False)
    yield kept
    kind = valid.dtype.kind
    for value in EXTREMES[kind]:
        if kind != "f":
            limits = np.iinfo(valid.dtype)
            value = min(max(value, limits.min), limits.max)
        for places in (slice(None), slice(0, 1), slice(-1, None)):
            changed = valid.copy()
            with np.errstate(over="ignore"):
                changed.reshape(-1)[places] = value
            yield changed
    yield from (None, 7, "text", b"bytes", [], [[1, 2], [3]], valid.tolist(), object())


def hostile(valid):
    return hostile_arrays(valid) if isinstance(valid, np.ndarray) else NUMBERS


def attack(call, arguments):
    """Calls with one argument replaced, then with two; arrays are copies each time.

    Returns:
        How many calls were refused, and how many did what they could.
    """

    def fresh(value):
        return value.copy() if type(value) is np.ndarray and value.flags.writeable else value

    def attempt(changed):
        try:
            call(*map(fresh, changed))
        except REFUSALS:
            counts[0] += 1
        else:
            counts[1] += 1

    counts = [0, 0]
    call(*map(fresh, arguments))  # what all is measured by is right itself
    for at, valid in enumerate(arguments):
        for value in hostile(valid):
            attempt([*arguments[:at], value, *arguments[at + 1 :]])
    random = np.random.default_rng(1)
    for one, other in itertools.combinations(range(len(arguments)), 2):
        pairs = [list(hostile(arguments[k])) for k in (one, other)]
        for _ in range(40):
            changed = list(arguments)
            for k, values in zip((one, other), pairs, strict=True):
                changed[k] = values[random.integers(len(values))]
            attempt(changed)
    return counts
