"""Charts as they are laid out: where lines, ticks and labels stand. The templates only draw them.

One unit is one pixel of a chart shown at its own size; y points down. A chart is small enough to be
read on a phone, where it is shrunk a little, and lines are named at their ends, not by color alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

WIDTH, HEIGHT = 460, 290
LEFT, RIGHT, TOP, BOTTOM = 46, 144, 14, 46
NUM_COLORS = 6  # of the palette in style.css
_LABEL_HEIGHT = 15
_MOST_MARKED = 24  # points of a line that are drawn as such, too
_BAR_HEIGHT = 22
_BAR_LEFT, _BAR_RIGHT = 130, 92
_LETTER_WIDTH = 7.3  # of a figure, about
_NAME_LETTER_WIDTH = 8.2  # of a line's name, which is bold
_NAME_LEFT = 9  # from the end of the axis

Number = int | float


@dataclass(frozen=True)
class Series:
    """A line: its name stands at its end.

    Attributes:
        points: x and y, by x.
        color: of the palette, counted from 1; 0 is that of the text.
        is_reference: whether it comes from elsewhere, and is drawn with dashes.
    """

    name: str
    points: Sequence[tuple[Number, Number]]
    color: int
    is_reference: bool = False


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Label:
    """The name of a line: its y, and that of the end of the line."""

    text: str
    color: int
    y: float
    end: tuple[float, float]


@dataclass(frozen=True)
class LineChart:
    """Lines over a common axis.

    Attributes:
        x_label, y_label: what the axes are, with their units.
        note: what has to be known to read it.
        is_log: whether x goes by powers of ten.
        is_share: whether y is a share, shown in percent.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Series]
    note: str = ""
    is_log: bool = False
    is_share: bool = False

    kind = "lines"
    width, height = WIDTH, HEIGHT
    left, top, bottom = LEFT, TOP, HEIGHT - BOTTOM
    name_left = _NAME_LEFT

    @cached_property
    def right(self) -> int:
        """Where the axis ends, so that the names behind it have room."""
        longest = max((len(self._label(line)) for line in self.lines if line.points), default=0)
        return WIDTH - max(RIGHT, _NAME_LEFT + math.ceil(_NAME_LETTER_WIDTH * longest))

    def _label(self, line: Series) -> str:
        return f"{line.name} {self.number(line.points[-1][1])}"

    @property
    def is_empty(self) -> bool:
        return not any(line.points for line in self.lines)

    @cached_property
    def _x_range(self) -> tuple[float, float]:
        some = [x for line in self.lines for x, _ in line.points]
        low, high = min(some, default=0), max(some, default=1)
        if self.is_log:
            low, high = math.log10(max(low, 1)), math.log10(max(high, 1))
        if low == high:
            return low - 0.5, high + 0.5
        return low, high

    @cached_property
    def _y_most(self) -> float:
        most = max((y for line in self.lines for _, y in line.points), default=1)
        step = _step(most or 1, 4)
        return step * max(math.ceil((most or 1) / step - 1e-9), 1)

    def x(self, value: Number) -> float:
        low, high = self._x_range
        at = math.log10(max(value, 1)) if self.is_log else value
        return round(self.left + (at - low) / (high - low) * (self.right - self.left), 1)

    def y(self, value: Number) -> float:
        return round(self.bottom - value / self._y_most * (self.bottom - self.top), 1)

    def number(self, value: Number) -> str:
        """A y, as it is shown."""
        if self.is_share:
            return f"{value:.2%}" if 0 < value < 0.01 else f"{value:.1%}"
        return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"

    def path(self, line: Series) -> str:
        """The points of a polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in line.points)

    def marks(self, line: Series) -> list[tuple[float, float, str]]:
        """Where points are drawn, and what each says."""
        if len(line.points) > _MOST_MARKED:
            return []
        return [
            (self.x(x), self.y(y), f"{line.name}: {self.number(y)} at {x:,}")
            for x, y in line.points
        ]

    @property
    def x_ticks(self) -> list[Tick]:
        low, high = self._x_range
        values: Sequence[Number] = ()
        if self.is_log:
            powers = range(math.floor(low), math.floor(high + 1e-9) + 1)
            # Where there are few powers, with what lies between them.
            steps = (1,) if high - low > 1.5 else (1, 2, 5)
            low, high = 10**low, 10**high
            some = (step * 10**k for k in powers for step in steps)
            values = [n for n in some if low * (1 - 1e-9) <= n <= high * (1 + 1e-9)]
        if len(values) < 2:
            is_whole = all(x == round(x) for line in self.lines for x, _ in line.points)
            step = max(_step(high - low, 4), is_whole)
            first = math.ceil(low / step - 1e-9)
            values = [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
        return [Tick(self.x(value), short(value)) for value in values]

    @property
    def y_ticks(self) -> list[Tick]:
        step = _step(self._y_most, 4)
        count = round(self._y_most / step)
        values = [step * k for k in range(count + 1)]
        texts = [short(value) for value in values]
        if self.is_share:
            texts = [f"{100 * value:.3g}%" for value in values]
        return [Tick(self.y(v), text) for v, text in zip(values, texts, strict=True)]

    @property
    def labels(self) -> list[Label]:
        """The names at the ends of the lines, none over another."""
        ends = [(self.y(s.points[-1][1]), s) for s in self.lines if s.points]
        ends.sort(key=lambda end: end[0])
        ys: list[float] = []
        for y, _ in ends:
            ys.append(max(y, ys[-1] + _LABEL_HEIGHT) if ys else y)
        over = max((ys[-1] if ys else 0) - self.bottom, 0)
        for k in reversed(range(len(ys))):  # push up again what has left the chart
            limit = self.bottom - (len(ys) - 1 - k) * _LABEL_HEIGHT
            ys[k] = min(ys[k], limit) if over else ys[k]
        return [
            Label(self._label(s), s.color, y, (self.x(s.points[-1][0]), at))
            for y, (at, s) in zip(ys, ends, strict=True)
        ]

    @property
    def table(self) -> tuple[list[str], list[list[str]]]:
        """All its figures: the names of the columns, and the rows."""
        xs = sorted({x for line in self.lines for x, _ in line.points})
        known = [{x: self.number(y) for x, y in line.points} for line in self.lines]
        names = [self.x_label, *(line.name for line in self.lines)]
        return names, [[f"{x:,}", *(some.get(x, "") for some in known)] for x in xs]


@dataclass(frozen=True)
class Part:
    """A part of a bar, which begins where the one before ends.

    Attributes:
        text: what it amounts to.
        shade: how strong its color is, as the style has it; 0 is the faintest.
    """

    name: str
    length: float
    text: str
    shade: int


@dataclass(frozen=True)
class Bar:
    """A bar from `begin` to `end`, and what stands behind it.

    Attributes:
        parts: what it is made of, all of the same names in a chart; empty for a plain bar.
    """

    name: str
    begin: float
    end: float
    text: str
    color: int = 1
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class BarChart:
    """Bars below each other: amounts, or when something went on."""

    title: str
    x_label: str
    bars: Sequence[Bar]
    note: str = ""

    kind = "bars"
    width, left = WIDTH, _BAR_LEFT

    @property
    def right(self) -> int:
        """Where the longest bar may end, so that what stands behind it has room."""
        longest = max((len(bar.text) for bar in self.bars), default=0)
        return self.width - max(_BAR_RIGHT, 10 + math.ceil(_LETTER_WIDTH * longest))

    @property
    def is_empty(self) -> bool:
        return not self.bars

    @property
    def height(self) -> int:
        return _BAR_HEIGHT * len(self.bars) + BOTTOM

    @property
    def bottom(self) -> int:
        return self.height - BOTTOM + 4

    @cached_property
    def _most(self) -> float:
        return max((bar.end for bar in self.bars), default=0) or 1

    def x(self, value: float) -> float:
        return round(self.left + value / self._most * (self.right - self.left), 1)

    def y(self, number: int) -> float:
        return number * _BAR_HEIGHT + 4

    def rows(self, bar: Bar) -> list[tuple[float, float, int | None, str]]:
        """Where its rectangles begin, how long they are, at least as much as can be seen, their
        shades, and what they say."""
        if not bar.parts:
            begin = self.x(bar.begin)
            return [(begin, max(self.x(bar.end) - begin, 1.5), None, "")]
        places = [self.x(at) for at in accumulate((p.length for p in bar.parts), initial=bar.begin)]
        return [
            (begin, max(end - begin, 1.0), part.shade, f"{part.name}: {part.text}")
            for part, (begin, end) in zip(bar.parts, pairwise(places), strict=True)
            if part.length
        ]

    @property
    def legend(self) -> list[tuple[str, int]]:
        """The names of the parts, and their shades."""
        return [(part.name, part.shade) for part in (self.bars[0].parts if self.bars else ())]

    @property
    def x_ticks(self) -> list[Tick]:
        step = _step(self._most, 3)
        count = math.floor(self._most / step + 1e-9)
        return [Tick(self.x(k * step), short(k * step)) for k in range(count + 1)]

    @property
    def table(self) -> tuple[list[str], list[list[str]]]:
        names = [name for name, _ in self.legend]
        rows = [[bar.name, *(p.text for p in bar.parts), bar.text] for bar in self.bars]
        return ["", *names, "all" if names else self.x_label], rows


Chart = LineChart | BarChart


def short(value: Number) -> str:
    """A number in little room."""
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power:
            return f"{value / power:.3g}{letter}"
    return f"{value:.3g}"


def _step(extent: float, count: int) -> float:
    """A round number that fits about so many times."""
    raw = extent / count
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= raw * 0.999)
