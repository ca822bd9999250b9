"""Hashes, equality, and frozensets as the tables of CPython (language.md 4 and 3.5).

A frozenset here is iterated in the order of CPython's table on every version of Python, because
nothing of Python's own sets and hashes is used.
"""

from .machine import Function, collect, machine

WORD = (1 << 64) - 1
NONE_HASH = 4238894112  # that of Python 3.12 and later

_C1 = 11400714785074694791
_C2 = 14029467366897019727
_C5 = 2870177450012600261


def signed(word):
    return word - (1 << 64) if word >> 63 else word


def hash_of(value):
    """The signed 64-bit hash of a value (language.md 4.1); a function's is its number."""
    machine.charge()
    if isinstance(value, int):
        rest = abs(value) % ((1 << 61) - 1)
        rest = -rest if value < 0 else rest
        return -2 if rest == -1 else rest
    if isinstance(value, tuple):
        acc = _C5
        for item in value:
            acc = (acc + (hash_of(item) & WORD) * _C2) & WORD
            acc = ((acc << 31 | acc >> 33) & WORD) * _C1 & WORD
        acc = (acc + (len(value) ^ _C5 ^ 3527539)) & WORD
        return 1546275796 if acc == WORD else signed(acc)
    if isinstance(value, FrozenSet):
        return value.hash()
    if value is None:
        return NONE_HASH
    assert isinstance(value, Function)
    return value.number


def equals(a, b):
    """Whether two values are equal; the question is never an error (language.md 3.5)."""
    if a is b:
        return True
    machine.charge()
    if isinstance(a, int):
        return isinstance(b, int) and a == b
    if isinstance(a, tuple):
        if not isinstance(b, tuple) or len(a) != len(b):
            return False
        for x, y in zip(a, b, strict=True):  # noqa: SIM110  a generator would take C stack
            if not equals(x, y):
                return False
        return True
    if isinstance(a, FrozenSet):
        return isinstance(b, FrozenSet) and len(a) == len(b) and a.is_subset(b)
    return False


def is_among(value, items):
    """Whether a value equals one of the items."""
    return any(equals(value, item) for item in items)


def contains(container, value):
    """`value in container` (language.md 3.8)."""
    if isinstance(container, FrozenSet):
        return container.has(value)
    if isinstance(container, tuple):
        return is_among(value, container)
    raise TypeError("only a tuple or a frozenset contains something")


def count(items, value):
    """How many items equal a value."""
    return sum(equals(item, value) for item in items)


_FUNCTION, _NONE = 1, 2


def addresses_in(value):
    """What in a value CPython hashes by its address: _FUNCTION, _NONE, both or 0."""
    if isinstance(value, int):
        return 0
    if isinstance(value, tuple):
        found = 0
        for item in value:
            found |= addresses_in(item)
        return found
    if isinstance(value, FrozenSet):
        return value.addresses
    return _NONE if value is None else _FUNCTION


_EMPTY = None
_DUMMY = (object(), None)  # no hash equals None


def probe(mask, hashed):
    """The slots to try for a hash, in order, without end (language.md 4.3)."""
    rest = hashed & WORD
    i = rest & mask
    while True:
        yield from range(i, i + 10 if i + 9 <= mask else i + 1)
        rest >>= 5
        i = (5 * i + 1 + rest) & mask


class FrozenSet:
    """The simulated table. It changes only while it is built.

    Invariant: `table` has mask + 1 slots, a power of two; each is _EMPTY, _DUMMY or a pair of an
    element and its hash. `used` counts elements, `fill` counts elements and dummies.

    Attributes:
        addresses: what the order hangs on besides hashes of numbers (`addresses_in` of all that
            was ever put in).
    """

    __slots__ = ("_hash", "addresses", "fill", "mask", "table", "used")

    def __init__(self):
        self.table = [_EMPTY] * 8
        self.mask = 7
        self.used = 0
        self.fill = 0
        self.addresses = 0
        self._hash = None

    # ---- The ways to build one (language.md 4.5 and 4.6)

    @classmethod
    def of(cls, stream):
        """GEN: the items are inserted as they come."""
        made = cls()
        for item in stream:
            made.add(item)
        return made

    @classmethod
    def literal(cls, stream):
        """LIT: a copy of what GEN builds."""
        return cls.of(stream).copy()

    def copy(self):
        """COPY"""
        made = FrozenSet()
        made.merge(self)
        return made

    def union(self, other):
        """OR"""
        made = self.copy()
        if other is not self:
            made.merge(other)
        return made

    def __and__(self, other):
        """AND"""
        if not isinstance(other, FrozenSet):
            return NotImplemented
        if self is other:
            return self.copy()
        small, big = (self, other) if len(other) > len(self) else (other, self)
        made = FrozenSet()
        for element, hashed in small._live_slots():
            if big._find(element, hashed) is not None:
                made._add(element, hashed)
        return made

    def __sub__(self, other):
        """SUB"""
        if not isinstance(other, FrozenSet):
            return NotImplemented
        if len(self) >> 2 > len(other):
            made = self.copy()
            for element, hashed in other._live_slots():
                slot = made._find(element, hashed)
                if slot is not None:
                    made.table[slot] = _DUMMY
                    made.used -= 1
            if made.fill - made.used > made.mask >> 2:
                made._resize(made._roomy())
            return made
        made = FrozenSet()
        for element, hashed in self._live_slots():
            if other._find(element, hashed) is None:
                made._add(element, hashed)
        return made

    def add(self, element):
        """ADD; the element that is there already is kept."""
        self._add(element, hash_of(element))

    def merge(self, other):
        """MERGE, the union in place."""
        if other is self or other.used == 0:
            return
        self.addresses |= other.addresses
        if 5 * (self.fill + other.used) >= 3 * self.mask:
            self._resize(2 * (self.used + other.used))
        if self.fill == 0 and self.mask == other.mask and other.fill == other.used:
            machine.charge(other.used)
            self.table = list(other.table)
            self.used = self.fill = other.used
        elif self.fill == 0:
            for pair in other._live_slots():
                self._put_clean(pair)
            self.used = self.fill = other.used
        else:
            for element, hashed in other._live_slots():
                self._add(element, hashed)

    # ---- Questions

    def __len__(self):
        return self.used

    def __iter__(self):
        for element, _ in self._live_slots():
            yield element

    def has(self, value):
        return self._find(value, hash_of(value)) is not None

    def is_subset(self, other):
        for pair in self.table:
            is_live = pair is not _EMPTY and pair is not _DUMMY
            if is_live and other._find(pair[0], pair[1]) is None:
                return False
        return True

    def hash(self):
        if self._hash is None:
            x = 0
            for pair in self.table:
                if pair is not _EMPTY and pair is not _DUMMY:
                    h = pair[1] & WORD
                    x ^= ((h ^ 89869747) ^ (h << 16 & WORD)) * 3644798167 & WORD
            x ^= (self.used + 1) * 1927868237 & WORD
            x ^= x >> 11 ^ x >> 25
            x = (x * 69069 + 907133923) & WORD
            self._hash = 590923713 if x == WORD else signed(x)
        return self._hash

    def __repr__(self):
        return f"fs({', '.join(map(repr, self))})"

    # ---- The table (language.md 4.2 to 4.4)

    def _live_slots(self):
        """Elements and their hashes in the order of iteration, slot 0 upward."""
        if self.used > 1:
            machine.has_ordered_functions |= bool(self.addresses & _FUNCTION)
            machine.has_ordered_none |= bool(self.addresses & _NONE)
        for pair in self.table:
            if pair is not _EMPTY and pair is not _DUMMY:
                yield pair

    def _find(self, element, hashed):
        """The slot that holds an element, or None."""
        for i in probe(self.mask, hashed):
            pair = self.table[i]
            if pair is _EMPTY:
                return None
            if pair[1] == hashed and equals(pair[0], element):
                return i

    def _add(self, element, hashed):
        machine.charge()
        for i in probe(self.mask, hashed):
            pair = self.table[i]
            if pair is _EMPTY:
                break
            if pair[1] == hashed and equals(pair[0], element):
                return
        self.table[i] = (element, hashed)
        self.used += 1
        self.fill += 1
        self.addresses |= addresses_in(element)
        if 5 * self.fill >= 3 * self.mask:
            self._resize(self._roomy())

    def _roomy(self):
        return 2 * self.used if self.used > 50000 else 4 * self.used

    def _resize(self, least):
        """A table of the smallest power of two above `least`, filled anew."""
        size = 8
        while size <= least:
            size *= 2
        if size == 8 and self.mask == 7 and self.fill == self.used:
            return
        pairs = list(self._live_slots())
        machine.charge(size)
        self.table = [_EMPTY] * size
        self.mask = size - 1
        self.fill = self.used
        for pair in pairs:
            self._put_clean(pair)

    def _put_clean(self, pair):
        """CLEAN: the element is known not to be there."""
        machine.charge()
        for i in probe(self.mask, pair[1]):
            if self.table[i] is _EMPTY:
                self.table[i] = pair
                return


def like(container, stream):
    """LIKE: the items of a stream as a container of the same kind (language.md 3.11)."""
    if isinstance(container, tuple):
        return collect(stream)
    if isinstance(container, FrozenSet):
        return FrozenSet.of(stream)
    raise TypeError("only a tuple or a frozenset can be rebuilt")
