"""One small program for each primitive of the language, which shows what it does.

The last line is the call that is shown. Where nothing else is said here, the arguments follow from
the types of the parameters.
"""

from __future__ import annotations

from codeit.grids import Grid, check_grid
from codeit.language import Program
from codeit.language.table import Primitive

_ROWS = ("000000", "022003", "020003", "000000", "400000")
EXAMPLE_GRID: Grid = check_grid([[int(color) for color in row] for row in _ROWS], "the example")
"""The input of all examples, uint8 [5, 6]."""

_OBJECTS = "x1 = objects(I, T, F, T)"
_LARGEST = f"{_OBJECTS}; x2 = argmax(x1, size)"
_BEGINNINGS = {
    "objects": _OBJECTS,
    "largest": _LARGEST,
    "two": f"{_LARGEST}; x3 = argmin(x1, size)",
    "ints": "x1 = interval(ONE, FIVE, ONE)",
}
"""What stands in braces in the programs below."""

_BY_TYPE = {
    "Grid": "I",
    "Piece": "I",
    "Element": "I",
    "Objects": "x1",
    "Object": "x2",
    "Patch": "x2",
    "Integer": "TWO",
    "Numerical": "THREE",
    "Boolean": "T",
    "IntegerTuple": "TWO_BY_TWO",
}
"""The argument for a parameter of each of these types; x1 and x2 are those of _LARGEST."""

_OTHERS = """
add: O = add(THREE, TWO_BY_TWO)
subtract: O = subtract(FIVE, TWO)
multiply: O = multiply(THREE, TWO_BY_ZERO)
divide: O = divide(SEVEN, TWO)
halve: O = halve(SEVEN)
crement: O = crement(NEG_TWO)
sign: O = sign(NEG_TWO)
equality: O = equality(TWO, THREE)
greater: O = greater(THREE, TWO)
both: O = both(T, F)
either: O = either(T, F)
astuple: O = astuple(TWO, THREE)

identity: O = identity(I)
branch: x1 = portrait(I); O = branch(x1, ONE, TWO)
compose: x1 = compose(increment, double); O = x1(THREE)
chain: x1 = chain(increment, double, invert); O = x1(THREE)
matcher: x1 = matcher(even, T); O = x1(THREE)
fork: x1 = fork(hconcat, identity, vmirror); O = x1(I)
rbind: x1 = rbind(subtract, TWO); O = x1(FIVE)
lbind: x1 = lbind(subtract, TWO); O = x1(FIVE)
power: x1 = power(double, THREE); O = x1(ONE)

contained: {ints}; O = contained(TWO, x1)
interval: O = interval(ONE, TEN, THREE)
repeat: O = repeat(TWO, THREE)
pair: {ints}; x2 = apply(double, x1); O = pair(x1, x2)
size: {objects}; O = size(x1)
initset: O = initset(TWO)
combine: x1 = repeat(ONE, TWO); x2 = repeat(THREE, TWO); O = combine(x1, x2)
merge: {objects}; O = merge(x1)
intersection: x1 = neighbors(UNITY); x2 = neighbors(TWO_BY_TWO); O = intersection(x1, x2)
difference: x1 = neighbors(ORIGIN); x2 = dneighbors(ORIGIN); O = difference(x1, x2)
dedupe: x1 = first(I); O = dedupe(x1)
maximum: x1 = palette(I); O = maximum(x1)
minimum: x1 = palette(I); O = minimum(x1)
mostcommon: x1 = last(I); O = mostcommon(x1)
leastcommon: x1 = last(I); O = leastcommon(x1)
insert: x1 = initset(TWO); O = insert(THREE, x1)
remove: {ints}; O = remove(TWO, x1)
other: x1 = astuple(TWO, THREE); O = other(x1, TWO)
totuple: x1 = palette(I); O = totuple(x1)
first: O = first(I)
last: O = last(I)
product: x1 = interval(ZERO, TWO, ONE); O = product(x1, x1)
sizefilter: {objects}; O = sizefilter(x1, TWO)

order: {objects}; O = order(x1, size)
valmax: {objects}; O = valmax(x1, size)
valmin: {objects}; O = valmin(x1, size)
argmax: {objects}; O = argmax(x1, size)
argmin: {objects}; O = argmin(x1, size)
sfilter: {objects}; O = sfilter(x1, vline)
mfilter: {objects}; O = mfilter(x1, vline)
extract: {objects}; O = extract(x1, vline)
apply: {objects}; O = apply(color, x1)
rapply: x1 = initset(hmirror); x2 = insert(vmirror, x1); O = rapply(x2, I)
mapply: {objects}; O = mapply(backdrop, x1)
papply: {ints}; O = papply(multiply, x1, x1)
mpapply: {ints}; x2 = apply(toivec, x1); O = mpapply(astuple, x1, x1)
prapply: x1 = interval(ONE, FOUR, ONE); O = prapply(multiply, x1, x1)

colorfilter: {objects}; O = colorfilter(x1, TWO)
recolor: {largest}; O = recolor(EIGHT, x2)
replace: O = replace(I, TWO, EIGHT)
switch: O = switch(I, TWO, THREE)
index: O = index(I, UNITY)
ofcolor: O = ofcolor(I, TWO)

position: {two}; O = position(x2, x3)
manhattan: {two}; O = manhattan(x2, x3)
adjacent: {two}; O = adjacent(x2, x3)
hmatching: {two}; O = hmatching(x2, x3)
vmatching: {two}; O = vmatching(x2, x3)
gravitate: x1 = ofcolor(I, TWO); x2 = ofcolor(I, THREE); O = gravitate(x1, x2)

shift: {largest}; O = shift(x2, TWO_BY_TWO)
toobject: x1 = neighbors(UNITY); O = toobject(x1, I)
inbox: x1 = asindices(I); O = inbox(x1)

connect: O = connect(UNITY, THREE_BY_THREE)
shoot: O = shoot(TWO_BY_TWO, UP_RIGHT)

objects: O = objects(I, T, F, T)
occurrences: x1 = ofcolor(I, THREE); x2 = recolor(ZERO, x1); O = occurrences(I, x2)

crop: O = crop(I, UNITY, TWO_BY_TWO)
subgrid: {largest}; O = subgrid(x2, I)
hsplit: O = hsplit(I, THREE)
vsplit: x1 = trim(I); O = vsplit(x1, THREE)
hconcat: x1 = vmirror(I); O = hconcat(I, x1)
vconcat: x1 = hmirror(I); O = vconcat(I, x1)
canvas: O = canvas(FIVE, THREE_BY_THREE)
cellwise: x1 = vmirror(I); O = cellwise(I, x1, EIGHT)

fill: {largest}; O = fill(I, EIGHT, x2)
paint: {largest}; x3 = shift(x2, TWO_BY_TWO); O = paint(I, x3)
underfill: x1 = asindices(I); O = underfill(I, EIGHT, x1)
underpaint: x1 = asindices(I); x2 = recolor(EIGHT, x1); O = underpaint(I, x2)
move: {largest}; O = move(I, x2, TWO_BY_TWO)
"""
"""The programs that do not follow from the types, each behind its name; semicolons end lines."""


def example_of(primitive: Primitive) -> Program | None:
    """A program of which the last line calls the primitive; None for one that is not built in, or
    whose parameters need more than a small grid."""
    others = dict(line.split(": ") for line in _OTHERS.split("\n") if line)
    text = others.get(primitive.name, "").format(**_BEGINNINGS)
    if not text:
        types = [parameter.type for parameter in primitive.parameters]
        if not set(types) <= _BY_TYPE.keys():
            return None
        arguments = [_BY_TYPE[kind] for kind in types]
        before = f"{_LARGEST}; " if any(a in ("x1", "x2") for a in arguments) else ""
        text = f"{before}O = {primitive.name}({', '.join(arguments)})"
    return Program.parse(text.replace("; ", "\n"))
