"""The modules of codeit/_native hand work to csrc, and do none while they hold Python's lock."""

import re
import sys
import threading
import time
from pathlib import Path

import pytest

from codeit import Program
from codeit.policy.tokenizer import CompactTokenizer

NATIVE = Path(__file__).parent.parent / "codeit" / "_native"
MODULES = sorted(path.name for path in NATIVE.glob("*.pyx"))

SHORT = {"reset", "resize", "Code", "make_key"}
"""What makes an object, or takes nanoseconds."""

OF_ONE_OBJECT = {
    "Code.why_not",  # the words of one program
    "self.writer.set_pieces",  # of one tokenizer
    "read_input",  # of one grid: a fraction of a microsecond, where the lock costs more
}
"""Calls that take an array, but a small one, or are made once for an object that lives long."""


def declared_blocks():
    """What the modules say that csrc has."""
    for path in sorted(NATIVE.glob("*.p[yx][xd]")):
        yield from re.findall(
            r"^cdef extern from .*\n((?: +.*\n|\n)+)", path.read_text(), flags=re.MULTILINE
        )


def bulk_functions():
    """The functions of csrc that work on an array, on a list, or on texts."""
    found = re.findall(
        r"^ +[^#\n(]*?(\w+)(?: \"[^\"]*\")?\(((?:[^()]|\n)*)\) (?:except \+|noexcept)$",
        "".join(declared_blocks()),
        flags=re.MULTILINE,
    )
    takes_many = re.compile(r"vector\[|_span\b|string_view|\*")
    return {
        name
        for name, parameters in found
        if takes_many.search(parameters) and not name.endswith(("_span", "string_view"))
    }


def code_lines(name):
    """The lines of a module that are neither declarations of csrc's functions nor text."""
    text = (NATIVE / name).read_text()
    text = re.sub(r'"""(?:.|\n)*?"""', lambda match: "\n" * match[0].count("\n"), text)
    is_declared = False
    for line in text.split("\n"):
        if line[:1].strip():
            is_declared = line.startswith(("cdef extern", "from ", "import "))
        yield "" if is_declared else line.partition("  #")[0]


def is_without_lock(lines, k):
    """Whether line k stands under a `with nogil:`."""
    indent = len(lines[k]) - len(lines[k].lstrip())
    for line in reversed(lines[:k]):
        here = len(line) - len(line.lstrip())
        if line.strip() and here < indent:
            if line.strip() == "with nogil:":
                return True
            indent = here
    return False


def test_functions_of_csrc_that_take_much_are_found():
    assert {
        "parse_all",
        "run_batch",
        "write_all",
        "masks",
        "upsert",
        "c_attend",
    } <= bulk_functions()
    assert not {"num_lines", "size", "type_name"} & bulk_functions()


@pytest.mark.parametrize("name", MODULES)
def test_work_on_arrays_is_done_without_the_lock(name):
    lines = list(code_lines(name))
    names = "|".join(sorted(bulk_functions() - SHORT))
    held = []
    for k, line in enumerate(lines):
        for call in re.findall(rf"(?<![\w.])((?:[\w.]|\(\))*?\b(?:native_)?(?:{names}))\(", line):
            if not line.lstrip().startswith(("def ", "cdef ")) and not is_without_lock(lines, k):
                held.append(f"{k + 1}: {call.replace('.get()', '')}")
    assert [call for call in held if call.partition(": ")[2] not in OF_ONE_OBJECT] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_no_loops_that_end_by_what_they_find(name):
    """Such a loop is a decision: the automaton's walk, a search, a buffer that grows."""
    lines = list(code_lines(name))
    assert [line for line in lines if re.match(r" +(while|break|continue)\b", line)] == []


def test_encoding_many_programs_lets_other_threads_run():
    tokenizer = CompactTokenizer()
    lines = [f"x{k} = hmirror({f'x{k - 1}' if k > 1 else 'I'})" for k in range(1, 60)]
    programs = [Program.parse("\n".join([*lines, "O = vmirror(x59)"]))] * 20_000
    tokenizer.encode_programs(programs[:1])
    is_done = threading.Event()
    num_woken = 0

    def wake():
        nonlocal num_woken
        while not is_done.is_set():
            time.sleep(0.001)
            num_woken += 1

    before = sys.getswitchinterval()
    thread = threading.Thread(target=wake)
    thread.start()
    try:
        sys.setswitchinterval(100)  # from now on nobody is made to let go of the lock
        begun = num_woken
        tokenizer.encode_programs(programs)
        woken = num_woken - begun
    finally:
        sys.setswitchinterval(before)
        is_done.set()
        thread.join()
    assert woken > 5
