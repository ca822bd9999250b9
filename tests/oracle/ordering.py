"""Order: comparison, selection from a stream, and sorting (language.md 3.6, 5.3 and 5.4)."""

from .machine import machine
from .sets import FrozenSet, equals


def less(a, b):
    """`a < b`; `a > b` is less(b, a)."""
    machine.charge()
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    if isinstance(a, tuple) and isinstance(b, tuple):
        for x, y in zip(a, b, strict=False):
            if not equals(x, y):
                return less(x, y)
        return len(a) < len(b)
    if isinstance(a, FrozenSet) and isinstance(b, FrozenSet):
        return len(a) < len(b) and a.is_subset(b)
    raise TypeError("these two have no order")


_NOTHING = object()


def scan_max(stream, key=None, default=_NOTHING):
    """SCANMAX: the first item whose key no later item exceeds."""
    return _scan(stream, key, default, lambda new, best: less(best, new))


def scan_min(stream, key=None, default=_NOTHING):
    """SCANMIN: the first item whose key no later item undercuts."""
    return _scan(stream, key, default, less)


def _scan(stream, key, default, is_better):
    best = best_key = _NOTHING
    for item in stream:
        item_key = item if key is None else key(item)
        if best is _NOTHING or is_better(item_key, best_key):
            best, best_key = item, item_key
    if best is not _NOTHING:
        return best
    if default is _NOTHING:
        raise ValueError("there is nothing to choose from")
    return default


def sort(items, key=None):
    """A tuple of the items, sorted by their keys as CPython 3.11 does it.

    Where keys are frozensets, `<` is a partial order and the result hangs on which pairs the
    algorithm compares; hence it is written out.
    """
    pairs = []
    for item in items:
        pairs.append((item if key is None else key(item), item))
    _Sort(pairs).run()
    return tuple(item for _, item in pairs)


def _is_less(a, b):
    return less(a[0], b[0])


class _Sort:
    """One sort, in place, of a list of pairs of a key and an item."""

    def __init__(self, pairs):
        self.a = pairs
        self.runs = []  # [start, length, power], from left to right
        self.gallop = 7

    def run(self):
        n = len(self.a)
        min_run = _min_run(n)
        low = 0
        while low < n:
            length = self._count_run(low)
            if length < min_run:
                forced = min(min_run, n - low)
                self._insert_binary(low, low + forced, low + length)
                length = forced
            if self.runs:
                start, before, _ = self.runs[-1]
                power = _power(start, before, length, n)
                while len(self.runs) >= 2 and self.runs[-2][2] > power:
                    self._merge_at(len(self.runs) - 2)
                self.runs[-1][2] = power
            self.runs.append([low, length, 0])
            low += length
        while len(self.runs) >= 2:
            i = len(self.runs) - 2
            if i > 0 and self.runs[i - 1][1] < self.runs[-1][1]:
                i -= 1
            self._merge_at(i)

    def _count_run(self, low):
        """RUN: the length of the run that begins at low; a descending one is turned round."""
        a = self.a
        if low + 1 == len(a):
            return 1
        is_descending = _is_less(a[low + 1], a[low])
        end = low + 2
        while end < len(a) and _is_less(a[end], a[end - 1]) == is_descending:
            end += 1
        if is_descending:
            a[low:end] = a[low:end][::-1]
        return end - low

    def _insert_binary(self, low, high, start):
        """BINARY: the items from start on are put in place among those before them."""
        a = self.a
        for s in range(start, high):
            pivot = a[s]
            left, right = low, s
            while left < right:
                middle = (left + right) >> 1
                if _is_less(pivot, a[middle]):
                    right = middle
                else:
                    left = middle + 1
            a[left + 1 : s + 1] = a[left:s]
            a[left] = pivot

    def _merge_at(self, i):
        """MERGE_AT: run i and the one after it become one."""
        start, num_left, power = self.runs[i]
        num_right = self.runs[i + 1][1]
        self.runs[i : i + 2] = [[start, num_left + num_right, power]]
        left = self.a[start : start + num_left]
        right = self.a[start + num_left : start + num_left + num_right]
        num_in_place = _gallop_right(right[0], left, 0)
        left = left[num_in_place:]
        if not left:
            return
        right = right[: _gallop_left(left[-1], right, len(right) - 1)]
        if not right:
            return
        merge = self._merge_low if len(left) <= len(right) else self._merge_high
        start += num_in_place
        self.a[start : start + len(left) + len(right)] = merge(left, right)

    def _merge_low(self, left, right):
        """MERGE_LO: the runs are taken up from their left ends."""
        out = [right[0]]
        i, j = 0, 1  # the first item of either run that is not in `out`

        def is_over():
            return j == len(right) or i + 1 >= len(left)

        while not is_over():
            wins_left = wins_right = 0
            while wins_left < self.gallop and wins_right < self.gallop and not is_over():
                if _is_less(right[j], left[i]):
                    out.append(right[j])
                    j += 1
                    wins_left, wins_right = 0, wins_right + 1
                else:
                    out.append(left[i])
                    i += 1
                    wins_left, wins_right = wins_left + 1, 0
            if is_over():
                break
            self.gallop += 1
            wins_left = 7
            while wins_left >= 7 or wins_right >= 7:
                self.gallop = max(1, self.gallop - 1)
                wins_left = _gallop_right(right[j], left[i:], 0)
                out += left[i : i + wins_left]
                i += wins_left
                if is_over():
                    break
                out.append(right[j])
                j += 1
                if is_over():
                    break
                wins_right = _gallop_left(left[i], right[j:], 0)
                out += right[j : j + wins_right]
                j += wins_right
                if is_over():
                    break
                out.append(left[i])
                i += 1
                if is_over():
                    break
            else:
                self.gallop += 1
        return out + right[j:] + left[i:]

    def _merge_high(self, left, right):
        """MERGE_HI: the runs are taken up from their right ends; `out` is kept reversed."""
        out = [left[-1]]
        i, j = len(left) - 1, len(right)  # how many items of either run are not in `out`

        def is_over():
            return i == 0 or j <= 1

        while not is_over():
            wins_left = wins_right = 0
            while wins_left < self.gallop and wins_right < self.gallop and not is_over():
                if _is_less(right[j - 1], left[i - 1]):
                    out.append(left[i - 1])
                    i -= 1
                    wins_left, wins_right = wins_left + 1, 0
                else:
                    out.append(right[j - 1])
                    j -= 1
                    wins_left, wins_right = 0, wins_right + 1
            if is_over():
                break
            self.gallop += 1
            wins_left = 7
            while wins_left >= 7 or wins_right >= 7:
                self.gallop = max(1, self.gallop - 1)
                wins_left = i - _gallop_right(right[j - 1], left[:i], i - 1)
                out += left[i - wins_left : i][::-1]
                i -= wins_left
                if is_over():
                    break
                out.append(right[j - 1])
                j -= 1
                if is_over():
                    break
                wins_right = j - _gallop_left(left[i - 1], right[:j], j - 1)
                out += right[j - wins_right : j][::-1]
                j -= wins_right
                if is_over():
                    break
                out.append(left[i - 1])
                i -= 1
                if is_over():
                    break
            else:
                self.gallop += 1
        return right[:j] + left[:i] + out[::-1]


def _min_run(n):
    rest = 0
    while n >= 64:
        rest |= n & 1
        n >>= 1
    return n + rest


def _power(start, num_left, num_right, n):
    """POWER: how deep the boundary between two runs lies in a balanced tree of merges."""
    x = 2 * start + num_left
    y = x + num_left + num_right
    power = 0
    while True:
        power += 1
        if x >= n:
            x -= n
            y -= n
        elif y >= n:
            return power
        x *= 2
        y *= 2


def _gallop_left(x, run, hint):
    """GL: how many items come before x, to the left of equals."""
    return _gallop(lambda item: _is_less(item, x), run, hint)


def _gallop_right(x, run, hint):
    """GR: how many items come before x, to the right of equals."""
    return _gallop(lambda item: not _is_less(x, item), run, hint)


def _gallop(is_before, run, hint):
    """How many items at the start of a run are before something, sought from a hint in steps that
    double, then by halves."""
    near, far = 0, 1
    if is_before(run[hint]):
        most = len(run) - hint
        while far < most and is_before(run[hint + far]):
            near, far = far, 2 * far + 1
        low, high = hint + near + 1, hint + min(far, most)
    else:
        most = hint + 1
        while far < most and not is_before(run[hint - far]):
            near, far = far, 2 * far + 1
        low, high = hint - min(far, most) + 1, hint - near
    while low < high:
        middle = low + ((high - low) >> 1)
        if is_before(run[middle]):
            low = middle + 1
        else:
            high = middle
    return high
