"""What is known of a primitive stands in its row of csrc/lang/table.def, and nowhere else."""

import ast
import re
from pathlib import Path

import pytest

from codeit._native import lang
from codeit.language import ACCEPTED_TYPES, PRIMITIVES

ROOT = Path(__file__).parent.parent
NATIVE_FILES = sorted(
    path
    for path in [*(ROOT / "csrc").rglob("*"), *(ROOT / "codeit" / "_native").glob("*.pyx")]
    if path.suffix in (".cc", ".h", ".pyx") and path.parent.name not in ("lang", "tests")
)
PYTHON_FILES = sorted((ROOT / "codeit").rglob("*.py"))


def named(text):
    """The primitives that a native source names as opcodes or as texts."""
    words = re.findall(r'\bop_(\w+)|"([a-z0-9]+)"', re.sub(r"//.*", "", text))
    return {opcode or name for opcode, name in words} & PRIMITIVES.keys()


@pytest.mark.parametrize("path", NATIVE_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_native_source_but_the_table_names_a_primitive(path):
    found = named(path.read_text())
    if path.parent.name == "search":
        return  # its methods use primitives by what they mean (csrc/search/names.h)
    # Keys of a report; words of the language by chance.
    assert found - ({"size"} if path.name == "replay.pyx" else set()) == set()


def texts_of(node):
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & PRIMITIVES.keys()


def decisions_of(tree):
    """The primitives that are compared with, or stand in a collection of nothing else."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found |= texts_of(node)
        elif isinstance(node, ast.Dict | ast.Set):
            keys = node.keys if isinstance(node, ast.Dict) else node.elts
            names = [key.value for key in keys if isinstance(key, ast.Constant)]
            if names and set(names) <= PRIMITIVES.keys():
                found |= set(names)
        elif isinstance(node, ast.MatchValue):
            found |= texts_of(node)
    return found


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda p: str(p.relative_to(ROOT / "codeit")))
def test_no_python_source_decides_by_the_name_of_a_primitive(path):
    assert decisions_of(ast.parse(path.read_text())) == set()


def test_the_search_for_names_finds_what_it_looks_for():
    assert named("case Opcode::op_fork: // op_fill") == {"fork"}
    assert named('if (name == "rbind")') == {"rbind"}
    assert decisions_of(ast.parse("x.name == 'fork' and k == 0")) == {"fork"}
    assert decisions_of(ast.parse("ARITIES = {'papply': (2,), 'rbind': (2, 3)}")) == {
        "papply",
        "rbind",
    }
    assert decisions_of(ast.parse("callers | {'rapply'}")) == {"rapply"}
    assert decisions_of(ast.parse("draw('double', {'size': 1, 'dtype': 2})")) == set()


# ---- What rows say


def test_a_parameter_says_how_its_functions_are_called():
    calls = {
        (name, k): (parameter.called_with, parameter.or_more)
        for name, primitive in PRIMITIVES.items()
        for k, parameter in enumerate(primitive.parameters)
        if parameter.called_with
    }
    assert {place for place in calls if calls[place] == (2, False)} == {
        ("fork", 0),
        ("papply", 0),
        ("mpapply", 0),
        ("prapply", 0),
    }
    assert {place for place in calls if calls[place] == (2, True)} == {("rbind", 0), ("lbind", 0)}
    assert {
        place for place in calls if PRIMITIVES[place[0]].parameters[place[1]].type != ("Callable")
    } == {("rapply", 0)}
    callables = [p for q in PRIMITIVES.values() for p in q.parameters if p.type == "Callable"]
    assert all(parameter.called_with for parameter in callables)


@pytest.mark.parametrize(
    ("name", "arities"), [("apply", [1]), ("papply", [2]), ("rbind", [2, 3, 4]), ("size", [])]
)
def test_a_parameter_tells_which_functions_it_can_call(name, arities):
    parameter = PRIMITIVES[name].parameters[0]
    assert [n for n in range(1, 5) if parameter.can_call(n)] == arities


def test_the_relation_of_types_is_the_native_one():
    assert lang.accepted_types() == ACCEPTED_TYPES
    assert len(ACCEPTED_TYPES) == 21
    assert all(name in accepted for name, accepted in ACCEPTED_TYPES.items())
    assert ACCEPTED_TYPES["Any"] == ACCEPTED_TYPES.keys()
    assert ACCEPTED_TYPES["Numerical"] == {"Numerical", "Integer", "IntegerTuple"}
    assert ACCEPTED_TYPES["Tuple"] == {"Tuple", "Grid", "TupleTuple"}
