"""Draws hostile values, and writes the lines of a program that make them.

A program has no literals. What lies at the ends of the range of ints is made of the constants:
2^62 is `power(double, 62)` of 1, and 62 is 6 * 10 + 2.
"""

from __future__ import annotations

import random
from typing import Any

from codeit.language import CONSTANTS, PRIMITIVES

LEAST, MOST = -(1 << 63), (1 << 63) - 1
"""The ints that the machine has."""


def _within_three_of(centers: set[int]) -> tuple[int, ...]:
    near = {n + d for n in centers for d in range(-3, 4)}
    return tuple(sorted(n for n in near if LEAST <= n <= MOST))


ENDS = _within_three_of({s << k for k in range(64) for s in (1, -1)} | {0, 30, -30})
"""All ints within 3 of a power of two, of its negative, of 0 and of 30: where a machine's widths,
tables and limits begin and end."""

_FURTHEST = tuple(n for n in ENDS if abs(n) > 1 << 61)
_LAST = (LEAST, LEAST + 1, MOST - 1, MOST)
_NAMES = {c.value: name for name, c in CONSTANTS.items() if c.type == "Integer"}
_FUNCTIONS = {n: [p.name for p in PRIMITIVES.values() if p.arity == n] for n in range(1, 5)}

# A value in canonical form, as `call_canonical` takes it.
Form = Any


# ---- Drawing


def draw_int(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.2:
        return source.randint(-2, 10)
    return source.choice(_LAST if kind < 0.4 else _FURTHEST if kind < 0.5 else ENDS)


def draw(source: random.Random, wanted: str) -> Form:
    """A value of a type of the language, in canonical form; now and then of another type."""
    if source.random() < 0.03:
        wanted = source.choice(tuple(_DRAWN))
    return _DRAWN.get(wanted, _any)(source)


def _near(source: random.Random, n: int) -> int:
    return min(max(n + source.randint(-3, 3), LEAST), MOST)


def _place(i: int, j: int) -> Form:
    return ["t", i, j]


def _color(source: random.Random) -> int:
    return source.randint(0, 9) if source.random() < 0.8 else draw_int(source)


def _places(source: random.Random) -> list[Form]:
    """Some places around one, or on the other side of the plane."""
    i, j = draw_int(source), draw_int(source)
    places = [_place(i, j)]
    for _ in range(source.choice((0, 0, 1, 1, 2, 4))):
        kind = source.random()
        if kind < 0.7:
            places.append(_place(_near(source, i), _near(source, j)))
        elif kind < 0.85:
            places.append(_place(min(-i, MOST), j))
        else:
            places.append(_place(draw_int(source), draw_int(source)))
    return places


def _boolean(source: random.Random) -> Form:
    return source.random() < 0.5


def _pair(source: random.Random) -> Form:
    return _place(draw_int(source), draw_int(source))


def _cell(source: random.Random) -> Form:
    return ["t", _color(source), _pair(source)]


def _indices(source: random.Random) -> Form:
    return ["s", *_places(source)] if source.random() < 0.97 else ["s"]


def _object(source: random.Random) -> Form:
    color = _color(source)
    has_one = source.random() < 0.6
    cells = [["t", color if has_one else _color(source), at] for at in _places(source)]
    return ["s", *cells] if source.random() < 0.97 else ["s"]


def _patch(source: random.Random) -> Form:
    return (_indices if source.random() < 0.5 else _object)(source)


def _objects(source: random.Random) -> Form:
    return ["s", *(_object(source) for _ in range(source.randint(0, 3)))]


def _indices_set(source: random.Random) -> Form:
    return ["s", *(_indices(source) for _ in range(source.randint(0, 3)))]


def _grid(source: random.Random) -> Form:
    height, width = source.randint(1, 3), source.randint(1, 3)
    color = source.randint(0, 9)
    rows = [["t", *[color] * width] for _ in range(height)]
    if source.random() < 0.7:
        rows[source.randrange(height)] = ["t", *(_color(source) for _ in range(width))]
    return ["t", *rows]


def _ints(source: random.Random) -> Form:
    tag = source.choice("ts")
    return [tag, *(draw_int(source) for _ in range(source.randint(0, 3)))]


def _tuple(source: random.Random) -> Form:
    maker = source.choice((draw_int, _pair, _cell, _indices, _ints))
    return ["t", *(maker(source) for _ in range(source.randint(0, 3)))]


def _function(source: random.Random) -> Form:
    kind = source.random()
    if kind < 0.4:
        return {"fn": source.choice(_FUNCTIONS[1])}
    if kind < 0.6:
        return {"fn": source.choice(_FUNCTIONS[2])}
    if kind < 0.8:
        bind = source.choice(("lbind", "rbind"))
        return {"fn": [bind, {"fn": source.choice(_FUNCTIONS[2])}, _any(source)]}
    if kind < 0.9:
        step = source.choice(("double", "increment", "decrement", "halve", "invert"))
        return {"fn": ["power", {"fn": step}, source.randint(1, 64)]}
    parts = [{"fn": source.choice(_FUNCTIONS[1])} for _ in range(2)]
    return {"fn": ["compose", *parts]}


def _any(source: random.Random) -> Form:
    makers = (draw_int, _boolean, _pair, _cell, _indices, _object, _objects, _grid, _ints, _tuple)
    return source.choice(makers)(source)


def _container(source: random.Random) -> Form:
    makers = (_indices, _object, _objects, _indices_set, _grid, _ints, _tuple)
    return source.choice(makers)(source)


def _piece(source: random.Random) -> Form:
    return (_grid if source.random() < 0.3 else _patch)(source)


def _numerical(source: random.Random) -> Form:
    return (draw_int if source.random() < 0.5 else _pair)(source)


_DRAWN = {
    "Any": _any,
    "Boolean": _boolean,
    "Callable": _function,
    "Cell": _cell,
    "Container": _container,
    "ContainerContainer": _objects,
    "Element": _piece,
    "FrozenSet": _container,
    "Grid": _grid,
    "Indices": _indices,
    "IndicesSet": _indices_set,
    "Integer": draw_int,
    "IntegerSet": _ints,
    "IntegerTuple": _pair,
    "Numerical": _numerical,
    "Object": _object,
    "Objects": _objects,
    "Patch": _patch,
    "Piece": _piece,
    "Tuple": _tuple,
    "TupleTuple": _tuple,
}


# ---- Writing


class ValueWriter:
    """Writes lines that make values; each value, and each part of one, is made once.

    Attributes:
        lines: what has been written so far, ready to be followed by others.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}

    def name_of(self, form: Form) -> str:
        """The name of a value in canonical form, whose lines are written if it is new."""
        if isinstance(form, dict) and isinstance(form["fn"], str):
            return str(form["fn"])
        key = repr(form)
        if key not in self._names:
            self._names[key] = self._write(form)
        return self._names[key]

    def call(self, function: str, *names: str) -> str:
        """The name of what a function returns for values that have names."""
        key = f"{function}({', '.join(names)})"
        if key not in self._names:
            self._names[key] = f"v{len(self.lines) + 1}"
            self.lines.append(f"{self._names[key]} = {key}")
        return self._names[key]

    def _write(self, form: Form) -> str:
        if form is None:
            return self.call("index", "I", "NEG_UNITY")
        if isinstance(form, bool):
            return "T" if form else "F"
        if isinstance(form, int):
            return self._int(form)
        if isinstance(form, dict):
            name, *parts = form["fn"]
            return self.call(name, *map(self.name_of, parts))
        tag, *items = form
        return self._tuple(items) if tag == "t" else self._set(items)

    def _int(self, n: int) -> str:
        if n in _NAMES:
            return _NAMES[n]
        sign = 1 if n > 0 else -1
        for d in range(-3, 4):
            power = abs(n) - d
            if power > 8 and power & (power - 1) == 0:
                return self._near_power(sign, power.bit_length() - 1, d)
        tens, rest = divmod(abs(n), 10)  # away from zero, so that nothing leaves the range
        ten_times = self.call("multiply", self.name_of(sign * tens), "TEN")
        return self._plus(ten_times, sign * rest)

    def _near_power(self, sign: int, exponent: int, d: int) -> str:
        """sign * (2^exponent + d)"""
        if exponent == 63 and d < 0:  # 2^63 itself may be out of range
            half = self._near_power(sign, 62, -2)
            return self._plus(self.call("double", half), sign * (4 + d))
        doublings = self.call("power", "double", self.name_of(exponent))
        return self._plus(self.call(doublings, _NAMES[sign]), sign * d)

    def _plus(self, name: str, d: int) -> str:
        if d == 0:
            return name
        return self.call("add" if d > 0 else "subtract", name, _NAMES[abs(d)])

    def _tuple(self, items: list[Form]) -> str:
        if not items:
            return self.call("repeat", "ZERO", "ZERO")
        names = [self.name_of(item) for item in items]
        if all(name == names[0] for name in names):
            return self.call("repeat", names[0], self.name_of(len(names)))
        if len(names) == 2:
            return self.call("astuple", *names)
        return self.call("combine", self._tuple(items[:2]), self._tuple(items[2:]))

    def _set(self, items: list[Form]) -> str:
        if not items:
            one = self.call("initset", "ZERO")
            return self.call("difference", one, one)
        made = self.call("initset", self.name_of(items[0]))
        for item in items[1:]:
            made = self.call("insert", self.name_of(item), made)
        return made
