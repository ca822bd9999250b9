"""The code of a program: what it keeps of a text, what identifies it, and what is none."""

import copy
import pickle
import random
import sys
import threading
import time

import numpy as np
import pytest
from test_program import ACCEPTED, MIRRORED, refusal

from codeit import Limits, Program, ProgramError, run
from codeit._native import mutation as native_mutation
from codeit._native import vm
from codeit.language import STANDARD, load_seed_programs
from codeit.language.program import distinct

INPUT = 0x8000
SHADOWS = 0x8000

EXAMPLES = [MIRRORED, *ACCEPTED.values()]


def words_of(program):
    return np.frombuffer(program.code, np.uint16)


def read(words, is_arc_dsl=False):
    program = Program.__new__(Program)
    vm.read(program, np.asarray(words, np.uint16).tobytes(), is_arc_dsl, STANDARD)
    return program


def key_of(text, dialect="codeit"):
    return Program.parse(text, dialect).key


# ---- What is kept of a text


def test_variables_are_numbered_and_the_names_that_a_text_gave_are_not_kept():
    program = Program.parse("bar = objects(I, T, F, T)\nfoo = first(bar)\nO = paint(I, foo)")
    assert program.text == "x1 = objects(I, T, F, T)\nx2 = first(x1)\nO = paint(I, x2)"
    assert program == Program.parse(program.text)


def test_an_error_names_what_the_text_names():
    line, reason = refusal("bar = size(I)\nfoo = size(baz)\nO = size(foo)")
    assert (line, "'baz'" in reason) == (2, True)


def test_a_name_that_stands_for_something_else_is_kept():
    # It means that again where the line's value is too long to be bound.
    text = "y = size(ONE)\nONE = identity(TWO)\nz = size(ONE) \nO = canvas(ONE, UNITY)"
    program = Program.parse(text)
    assert program.text == text.replace("y =", "x1 =").replace("z =", "x3 =")
    assert Program.parse(program.text) == program


def test_a_program_takes_a_few_dozen_bytes():
    assert len(Program.parse(MIRRORED).code) == 42
    assert max(len(seed.program.code) for seed in load_seed_programs()) < 1000


# ---- Limits, from both sides


def chain(num_lines):
    lines = [f"x{k} = add(x{k - 1}, ONE)" for k in range(2, num_lines)]
    return "\n".join(["x1 = size(I)", *lines, "O = canvas(ZERO, UNITY)"])


def test_a_program_has_at_most_32766_lines():
    program = Program.parse(chain(32_766))
    assert len(program) == 32_766
    assert Program.parse(program.text) == program
    assert refusal(chain(32_767)) == (32_767, "is one more than the 32766 that a program may have")


def test_a_call_has_at_most_32767_arguments():
    program = Program.parse(f"O = identity({', '.join(['I'] * 32_767)})")
    assert read(words_of(program)) == program
    text = f"O = identity({', '.join(['I'] * 32_768)})"
    assert refusal(text) == (1, "has more than 32767 arguments")


def test_a_program_has_at_most_2_to_the_20_words():
    # Of a line, two words and its arguments.
    def text(last):
        lines = [f"x{k} = identity({', '.join(['I'] * (32_766 - k))})" for k in range(32)]
        left = 2**20 - sum(2 + 32_766 - k for k in range(32)) - 2
        return "\n".join([*lines, f"O = identity({', '.join(['T'] * (left + last))})"])

    program = Program.parse(text(0))
    assert len(words_of(program)) == 2**20
    assert Program.parse(program.text) == program
    assert refusal(text(1)) == (33, f"ends a program of more than {2**20} names")
    with pytest.raises(ValueError, match=f"there are more than {2**20} words"):
        read(np.append(words_of(program), 0))


# ---- Keys

SAME = {
    "other names": "a = objects(I, T, F, T)\nb = argmax(a, size)\nO = subgrid(b, I)",
    "a line that is not needed": (
        "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nx3 = size(x1)\nO = subgrid(x2, I)"
    ),
    "lines that are not needed and need each other": (
        "x1 = size(I)\nx2 = add(x1, x1)\nx3 = objects(I, T, F, T)\nx4 = argmax(x3, size)\n"
        "O = subgrid(x4, I)"
    ),
    "a call that stands twice": (
        "x1 = objects(I, T, F, T)\nx2 = objects(I, T, F, T) \nx3 = argmax(x2, size)\n"
        "O = subgrid(x3, I)"
    ),
}
BASE = "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)"
OTHERS = {
    "another constant": "x1 = objects(I, F, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)",
    "another function": "x1 = objects(I, T, F, T)\nx2 = argmin(x1, size)\nO = subgrid(x2, I)",
    "another argument": "x1 = objects(I, T, F, T)\nx2 = argmax(x1, width)\nO = subgrid(x2, I)",
    "another order": "x1 = objects(I, F, T, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)",
    "one more argument": "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I, I)",
    "less": "x1 = objects(I, T, F, T)\nO = argmax(x1, size)",
    "a line's own name": "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, O)",
    "a name that stands for something else": (
        "ONE = objects(I, T, F, T)\nx2 = argmax(ONE, size)\nO = subgrid(x2, I)"
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_a_key_does_not_depend_on_how_a_program_is_written(name):
    assert key_of(SAME[name]) == key_of(BASE)


def test_a_key_does_not_depend_on_the_order_of_lines():
    one = "x1 = hmirror(I)\nx2 = vmirror(I)\nO = hconcat(x1, x2)"
    other = "x1 = vmirror(I)\nx2 = hmirror(I)\nO = hconcat(x2, x1)"
    assert key_of(one) == key_of(other)
    assert key_of(one) != key_of(one.replace("hconcat(x1, x2)", "hconcat(x2, x1)"))


@pytest.mark.parametrize("name", OTHERS)
def test_other_programs_have_other_keys(name):
    keys = [key_of(text) for text in OTHERS.values()]
    assert len({key_of(BASE), *keys}) == len(keys) + 1, name


def test_a_key_tells_the_dialects_apart():
    assert key_of(BASE) != key_of(BASE, "arc-dsl")


def test_a_key_is_made_of_names_and_not_of_their_numbers():
    # So it stays as it is when names are added; and files may hold it.
    assert key_of("O = identity(I)") == KEY_OF_IDENTITY
    assert key_of("x1 = objects(I, T, F, T)\nO = size(x1)", "arc-dsl") == KEY_OF_SIZE


KEY_OF_IDENTITY = "d0f990f4984a0053eb1087a04554ae09"
KEY_OF_SIZE = "1e19268d0cca2c80692f6f89108845cf"


def test_every_change_of_a_needed_word_changes_the_key_of_a_seed_program():
    program = Program.parse(MIRRORED)
    words = words_of(program)
    keys = {program.key}
    num_programs = 1
    for at in range(len(words)):
        for value in (*range(0, 188, 7), *range(INPUT, INPUT + 6)):
            changed = words.copy()
            changed[at] = value
            if value != words[at] and accepted(changed) is not None:
                keys.add(accepted(changed).key)
                num_programs += 1
    assert num_programs > 200
    # All lines of it are needed; some changes make a line that is not, or one that stands twice.
    assert len(keys) > num_programs * 0.8


def test_of_programs_of_one_key_the_one_with_the_fewest_lines_stands_for_all():
    long = "x1 = size(I)\nx2 = size(x1)\n" + BASE.replace("x1", "a").replace("x2", "b")
    texts = [SAME["a line that is not needed"], "O = hmirror(I)", BASE, long, SAME["other names"]]
    programs = [Program.parse(text) for text in texts]
    kept = distinct(programs)
    assert kept == [programs[2], programs[1]]
    assert kept[0] is programs[2]  # not the one of as few lines that comes later


# ---- Codes from outside


def accepted(words):
    try:
        return read(words)
    except ValueError:
        return None


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_code_is_read_back_as_it_was(text):
    for dialect in ("codeit", "arc-dsl"):
        program = Program.parse(text, dialect)
        again = read(words_of(program), is_arc_dsl=dialect == "arc-dsl")
        assert again == program == copy.copy(program) == pickle.loads(pickle.dumps(program))
        assert (again.text, again.key, again.dialect) == (program.text, program.key, dialect)
        assert hash(again) == hash(program)


IDENTITY, ONE = (STANDARD.names.index(name) for name in ("identity", "ONE"))
X1 = INPUT + 1

NO_CODES = {
    "no words": ([], "there are no lines"),
    "half a line": ([IDENTITY], "line 1 is cut off"),
    "a line without its argument": ([IDENTITY, 1], "line 1 is cut off"),
    "a line without what it shadows": (
        [IDENTITY, SHADOWS, IDENTITY],
        "line 1 shadows what is no constant nor I",
    ),
    "a second line that is cut off": ([IDENTITY, 1, INPUT, IDENTITY, 2, INPUT], "line 2 is cut"),
    "no arguments": ([IDENTITY, 0], "line 1 has no arguments"),
    "a name that is none": ([IDENTITY, 1, 188], "line 1 has an argument that is no name"),
    "the last number of a name": ([IDENTITY, 1, INPUT - 1], "line 1 has an argument"),
    "a later line": ([IDENTITY, 1, INPUT + 2, IDENTITY, 1, INPUT], "line 1 has an argument"),
    "the term that is none": ([IDENTITY, 1, 0xFFFF], "line 1 has an argument"),
    "a function that is a constant": ([ONE, 1, INPUT], "line 1 calls what is no primitive"),
    "a function that is the input": ([INPUT, 1, INPUT], "line 1 calls what is no primitive"),
    "a function that is a later line": ([X1 + 1, 1, INPUT], "line 1 calls what is no primitive"),
    "a function that is none": ([188, 1, INPUT], "line 1 calls what is no primitive"),
    "O that shadows": ([IDENTITY, SHADOWS + 1, ONE, INPUT], "line 1 shadows something, although"),
    "a primitive shadowed": (
        [IDENTITY, SHADOWS + 1, IDENTITY, INPUT, IDENTITY, 1, X1],
        "line 1 shadows what is no constant nor I",
    ),
    "a constant shadowed twice": (
        [IDENTITY, SHADOWS + 1, ONE, INPUT, IDENTITY, SHADOWS + 1, ONE, X1, IDENTITY, 1, INPUT],
        "line 2 shadows what",
    ),
    "a mention of what is shadowed": (
        [IDENTITY, SHADOWS + 1, ONE, INPUT, IDENTITY, 1, ONE],
        "line 2 has an argument",
    ),
    "a mention of the input that is shadowed": (
        [IDENTITY, SHADOWS + 1, INPUT, INPUT, IDENTITY, 1, INPUT],
        "line 2 has an argument",
    ),
    "a line that shadows and names itself": (
        [IDENTITY, SHADOWS + 1, ONE, X1, IDENTITY, 1, INPUT],
        "line 1 has an argument",
    ),
    "a call repeated too often": (
        [IDENTITY, 1, INPUT] * 257,
        "line 257 repeats a call more than 255 times",
    ),
    "too many lines": (
        [IDENTITY, 1, INPUT] * 32_767,
        "there are more than 32766 lines",
    ),
}


@pytest.mark.parametrize("name", NO_CODES)
def test_what_is_no_code_is_refused_with_the_reason(name):
    words, reason = NO_CODES[name]
    with pytest.raises(ValueError, match=f"^no code of a program: {reason}"):
        read(words)


def test_a_call_may_be_repeated_255_times():
    assert len(read([IDENTITY, 1, INPUT] * 256)) == 256


def test_half_a_word_is_refused():
    with pytest.raises(ValueError, match="odd number of bytes, 5"):
        vm.read(Program.__new__(Program), bytes(5), False, STANDARD)


def test_a_code_of_another_version_of_the_language_is_refused():
    make, (code, dialect, language) = Program.parse(MIRRORED).__reduce__()
    assert make(code, dialect, language) == Program.parse(MIRRORED)
    make_language, (title, rows, digest) = language.__reduce__()
    assert make_language(title, rows, digest) is language
    with pytest.raises(ValueError, match="another version of the language"):
        make_language(title, rows, digest[::-1])
    with pytest.raises(ValueError, match="no code of a program"):
        make(code[:-2], dialect, language)
    with pytest.raises(ValueError, match="dialect 'arc'"):
        make(code, "arc", language)


def test_changed_codes_are_refused_or_are_what_their_text_is():
    seed = 20_241
    print(f"seed {seed}")
    source = random.Random(seed)
    codes = [words_of(Program.parse(text)) for text in EXAMPLES]
    codes += [words_of(seed.program) for seed in load_seed_programs()[:40]]
    grid = np.arange(6, dtype=np.uint8).reshape(2, 3)
    num_accepted = 0
    for _ in range(20_000):
        words = source.choice(codes).tolist()
        for _ in range(source.choice((1, 1, 2, 4))):
            at = source.randrange(len(words) + 1)
            some = source.choice(
                (
                    [],
                    [source.randrange(188)],
                    [source.randrange(6)],
                    [INPUT + source.randrange(9)],
                    [SHADOWS + source.randrange(4)],
                    [source.getrandbits(16)],
                )
            )
            words[at : at + source.choice((0, 1, 1, 1, 3))] = some
        program = accepted(words)
        if program is None:
            continue
        num_accepted += 1
        assert words_of(program).tolist() == words
        assert Program.parse(program.text) == program
        assert Program.parse(program.text).key == program.key
        if num_accepted % 10 == 0:
            assert run(program, grid).outcome.name != "internal_error"
    assert num_accepted > 2000


# ---- Many at once


def test_many_texts_are_parsed_as_each_alone():
    texts = [*EXAMPLES, "O = nosuch(I)", "", "x1 = size(I)", "O = identity(\ud800)"]
    for dialect in ("codeit", "arc-dsl"):
        for text, found in zip(texts, Program.parse_all(texts, dialect), strict=True):
            try:
                expected = Program.parse(text, dialect)
            except ProgramError as error:
                expected = ProgramError(error.line, error.reason)  # no hint at what was meant
            assert type(found) is type(expected)
            assert str(found) == str(expected)
    assert Program.parse_all([]) == []
    with pytest.raises(TypeError):
        vm.parse_all(Program, ["O = identity(I)"], False, STANDARD)
    with pytest.raises(TypeError):
        vm.parse_all(Program, [None], False, STANDARD)
    with pytest.raises(TypeError):
        vm.parse_all(list, [b"O = identity(I)"], False, STANDARD)


TEXT = chain(300)
MANY = {
    "parse_all": lambda: vm.parse_all(Program, [TEXT.encode()] * 4000, False, STANDARD),
    "parse": lambda: vm.parse(vm.CompiledProgram(), chain(30_000).encode(), False, STANDARD),
    "mutate_many": lambda: native_mutation.mutate_many(
        Program,
        native_mutation.MutationParent(
            Program.parse(TEXT), np.ones((1, 1), np.uint8), Limits()._native()
        ),
        (0.5, 0.25, 0.25, 0.5),
        np.arange(4000, dtype=np.uint64),
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_other_threads_run_while_many_programs_are_made(name):
    before = sys.getswitchinterval()
    done = []

    def work():
        MANY[name]()
        done.append(name)

    # A thread that does not let go of Python's lock keeps it until it ends.
    sys.setswitchinterval(3600)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        num_turns = 0
        while not done:
            num_turns += 1
            time.sleep(0.0001)
        thread.join()
    finally:
        sys.setswitchinterval(before)
    assert num_turns > 3
