"""Every primitive against the rows of primitives/*.txt, one file per group of the language.

A row is one behaviour, `call = value` or `call ! outcome`, with a `#` comment where it needs one:

    fill([[0, 0], [0, 0]], 3, {(0, 1)})  = [[0, 3], [0, 0]]
    fill(4, 3, {(0, 1)})                 ! type_error
    arc-dsl: normalize(())               = ()

A row holds in both dialects unless it begins with the name of one.

Values are ints, True, False, None, tuples (1, 2), grids [[1, 2]] (brackets are tuples too), sets
{1, 2}, which an argument builds by inserting from left to right, and primitives by name. A call
among the arguments stands for what it returns: rbind(subtract, 1). A call of a call tries a
function: compose(size, first)(((1, 2),)). It is made inside `apply` or `papply`, so that a
stop_iteration turns into a runtime_error.

An expected set is compared as a set, types included; its order shows in rows that begin with
totuple. `fn` stands for any function.

A row is about the primitive that it begins with, except that `totuple`, `size` and `contained`
around another call only look at that call's result.
"""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import codeit
from codeit.execution.executor import call_canonical
from codeit.language import CONSTANTS, PRIMITIVES

FOLDER = Path(__file__).parent / "primitives"
DIALECTS = ("codeit", "arc-dsl")
LOOKS_AT_RESULT = ("totuple", "size", "contained")
ROW = re.compile(r"(?:(codeit|arc-dsl): )?(\S.*?) +([=!]) +(\S.*?)(?: +#.*)?")


@dataclass(frozen=True)
class Row:
    file: str
    line: int
    dialects: tuple[str, ...]
    call: str
    sign: str
    expected: str

    @property
    def id(self):
        return f"{self.file}:{self.line} {self.call[:60]}"


def read_rows(path):
    for line, text in enumerate(path.read_text().splitlines(), start=1):
        if not text or text.startswith("#"):
            continue
        match = ROW.fullmatch(text)
        assert match, f"{path.name}, line {line}: {text!r} is no row"
        dialect, call, sign, expected = match.groups()
        yield Row(path.stem, line, (dialect,) if dialect else DIALECTS, call, sign, expected)


ROWS = [row for path in sorted(FOLDER.glob("*.txt")) for row in read_rows(path)]


def to_canonical(node):
    """A value as written, in the canonical form that `call_canonical` takes."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return ["t", *map(to_canonical, items)]
        case ast.Set(elts=items):
            return ["s", *map(to_canonical, items)]
        case ast.Dict(keys=[]):
            return ["s"]
        case ast.Name(id="fn"):
            return "fn"
        case ast.Name(id=name):
            return {"fn": name}
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return {"fn": [name, *map(to_canonical, arguments)]}
        case ast.Call(func=function, args=arguments):
            apply = {1: "apply", 2: "papply"}[len(arguments)]
            tuples = [["t", to_canonical(argument)] for argument in arguments]
            return {"fn": ["first", {"fn": [apply, to_canonical(function), *tuples]}]}
    raise AssertionError(f"{ast.unparse(node)} is not in the notation")


def parse(text):
    return to_canonical(ast.parse(text, mode="eval").body)


def subject(call):
    """The primitive that a call is about."""
    name, *arguments = call["fn"]
    inner = [argument for argument in arguments if isinstance(argument, dict)]
    inner = [argument for argument in inner if isinstance(argument["fn"], list)]
    if name in LOOKS_AT_RESULT and inner:
        return subject(inner[-1])
    if name == "first" and inner and inner[0]["fn"][0] in ("apply", "papply"):
        return inner[0]["fn"][1]["fn"][0]  # the call of a call
    return name


def unordered(value):
    """A text that is equal for equal values of equal types, whatever the order of their sets."""
    if not isinstance(value, list):
        return repr(value)
    kind, *items = value
    parts = [unordered(item) for item in items]
    return f"{kind}({', '.join(sorted(parts) if kind == 's' else parts)})"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row(row):
    name, *arguments = parse(row.call)["fn"]
    for dialect in row.dialects:
        result = call_canonical(name, arguments, dialect=dialect)
        if row.sign == "!":
            assert result.outcome.name == row.expected, dialect
        else:
            assert result.outcome.name == "ok", dialect
            assert unordered(result.value_json()) == unordered(parse(row.expected)), dialect


def test_every_primitive_has_at_least_two_rows():
    counts = Counter(subject(parse(row.call)) for row in ROWS)
    assert [name for name in PRIMITIVES if counts[name] < 2] == []
    assert len(ROWS) >= 4 * len(PRIMITIVES)


def test_every_row_is_about_a_primitive_of_its_file_s_group():
    for row in ROWS:
        name = subject(parse(row.call))
        assert name in PRIMITIVES, row.id
        assert PRIMITIVES[name].group == row.file, row.id


def test_every_group_has_a_file():
    files = {path.stem for path in FOLDER.glob("*.txt")}
    assert files == {primitive.group for primitive in PRIMITIVES.values()}


def test_arity_is_checked_when_a_primitive_is_called():
    value = 1
    for name, primitive in PRIMITIVES.items():
        for count in {0, primitive.arity - 1, primitive.arity + 1, 5} - {primitive.arity}:
            assert call_canonical(name, [value] * count).exception == "TypeError", (name, count)


# ---- The table of the language


def test_the_language_has_the_original_160_primitives_and_28_constants():
    assert len(PRIMITIVES) >= 160
    assert len(CONSTANTS) >= 28
    assert [primitive.opcode for primitive in PRIMITIVES.values()] == list(range(len(PRIMITIVES)))


@pytest.mark.parametrize("constant", CONSTANTS.values(), ids=CONSTANTS.keys())
def test_constants_have_their_value(constant):
    program = codeit.Program.parse(f"O = identity({constant.name})")
    value = codeit.run(program, [[1]]).value_json()
    expected = ["t", *constant.value] if isinstance(constant.value, tuple) else constant.value
    assert repr(value) == repr(expected)


def test_some_constants_written_out():
    named = {name: constant.value for name, constant in CONSTANTS.items()}
    assert [named[n] for n in ("F", "T", "ZERO", "TEN", "NEG_TWO")] == [False, True, 0, 10, -2]
    assert named["DOWN"] == (1, 0)
    assert named["RIGHT"] == (0, 1)
    assert named["UP_RIGHT"] == (-1, 1)
    assert named["ZERO_BY_TWO"] == (0, 2)
    assert named["THREE_BY_THREE"] == (3, 3)


def test_signatures_read_as_in_the_reference_page():
    crop = PRIMITIVES["crop"]
    assert crop.arity == 3
    assert crop.signature == "crop(grid: Grid, start: IntegerTuple, dims: IntegerTuple) -> Grid"
