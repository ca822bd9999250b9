"""Programs to token ids and back, without a text between."""

import json

import numpy as np
import pytest

from codeit import Program, ProgramError
from codeit.language import STANDARD, load_seed_programs
from codeit.policy.tokenizer import CompactTokenizer, load_tokenizer

COMPACT = CompactTokenizer()
PROGRAMS = [seed.program for seed in load_seed_programs()]


@pytest.fixture(params=["compact", "codet5"])
def tokenizer(request):
    if request.param == "compact":
        return COMPACT
    folder = request.getfixturevalue("shared") / "data" / "codet5-tokenizer"
    return load_tokenizer(str(folder))


def rows_of(tokenizer, lists):
    """Ids [N, T], padded behind the end."""
    longest = max(map(len, lists))
    pad = tokenizer.pad_id
    rows = [np.pad(ids, (0, longest - len(ids)), constant_values=pad) for ids in lists]
    return np.array(rows, np.int64)


def what_the_text_is(tokenizer, row, dialect="codeit"):
    text = tokenizer.decode_program(row)
    try:
        return Program.parse(text, dialect, tokenizer.language)
    except ProgramError:
        return text


def test_programs_come_back_from_their_ids(tokenizer):
    ids = tokenizer.encode_programs(PROGRAMS)
    for dialect in ("codeit", "arc-dsl"):
        found = tokenizer.read_programs(rows_of(tokenizer, ids), dialect)
        assert [program.text for program in found] == [program.text for program in PROGRAMS]
        assert {program.dialect for program in found} == {dialect}
    read = tokenizer._program_reader.read_all(rows_of(tokenizer, ids), tokenizer.end_id)
    assert read == [program.code for program in PROGRAMS]  # all of them without their text


def test_the_ids_of_a_program_are_those_of_its_text(tokenizer):
    for program, ids in zip(PROGRAMS, tokenizer.encode_programs(PROGRAMS), strict=True):
        np.testing.assert_array_equal(ids, tokenizer.encode_program(program))
        np.testing.assert_array_equal(ids, tokenizer.encode_program(program, is_plain=True))
        np.testing.assert_array_equal(ids, tokenizer.encode_program(program.text))


UNUSUAL = {
    "a call twice": "x1 = trim(I)\nx2 = trim(I) \nO = hconcat(x1, x2)",
    "a name that stands for something else": "ONE = identity(TWO)\nO = canvas(ONE, UNITY)",
    "the input's name bound": "I = trim(I)\nO = trim(I) ",
    "a line's own name": "x1 = identity(x1)\nO = trim(x1)",
    "O's own name": "O = identity(O)",
    "five arguments": "O = identity(I, I, I, I, I)",
    "another number of arguments": "O = hconcat(I)",
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_programs_go_by_way_of_their_text(tokenizer, name):
    program = Program.parse(UNUSUAL[name])
    (ids,) = tokenizer.encode_programs([program])
    try:
        plain = tokenizer.encode_program(program, is_plain=True)
    except ValueError:
        assert ids is None
        return
    np.testing.assert_array_equal(ids, plain)
    rows = rows_of(tokenizer, [ids])
    assert tokenizer.read_programs(rows) == [what_the_text_is(tokenizer, ids)]


def test_what_is_read_is_what_the_text_of_the_ids_is(tokenizer):
    """Of ids of programs with a few changes, whatever they come to."""
    random = np.random.default_rng(7)
    lists = tokenizer.encode_programs(PROGRAMS[:60])
    rows = []
    for _ in range(2000):
        ids = lists[random.integers(len(lists))].astype(np.int64)
        for _ in range(random.integers(3)):
            at = random.integers(len(ids))
            kind = random.integers(5)
            if kind == 0:
                ids[at] = random.choice(tokenizer.program_ids)
            elif kind == 1:
                ids = np.delete(ids, at) if len(ids) > 1 else ids
            elif kind == 2:
                ids = np.insert(ids, at, ids[random.integers(len(ids))])
            elif kind == 3:
                ids = ids[:at] if at else ids
            else:
                ids[at] = random.choice([0, 5, 40_000, 65_535, 65_536, 1 << 40])
        rows.append(ids)
    found = tokenizer.read_programs(rows_of(tokenizer, rows))
    for program, row in zip(found, rows_of(tokenizer, rows), strict=True):
        assert program == what_the_text_is(tokenizer, row)
    num_programs = sum(isinstance(program, Program) for program in found)
    assert 500 < num_programs < 1900


def test_rows_without_an_end_and_without_ids_are_read_like_others(tokenizer):
    ids = tokenizer.encode_program(PROGRAMS[0]).astype(np.int64)
    assert tokenizer.read_programs(ids[None, :-1]) == [PROGRAMS[0]]
    assert tokenizer.read_programs(np.zeros((0, 7), np.int64)) == []
    assert tokenizer.read_programs(np.zeros((2, 0), np.int64)) == ["", ""]


def test_a_negative_id_is_refused(tokenizer):
    ids = tokenizer.encode_program(PROGRAMS[0]).astype(np.int64)
    ids[1] = -1
    with pytest.raises(ValueError, match="-1"):
        tokenizer.read_programs(ids[None])


def test_programs_that_cannot_be_written_are_none():
    lines = [f"x{k} = hmirror({f'x{k - 1}' if k > 1 else 'I'})" for k in range(1, 101)]
    long = Program.parse("\n".join([*lines, "O = hmirror(x100)"]))
    first, second = COMPACT.encode_programs([long, PROGRAMS[0]])
    assert first is None
    np.testing.assert_array_equal(second, COMPACT.encode_program(PROGRAMS[0]))
    with pytest.raises(ValueError, match="no token for 'x100'"):
        COMPACT.encode_program(long)


def test_programs_of_another_language_are_written_by_their_text():
    smaller = STANDARD.restricted(STANDARD.names[5:], "smaller")
    text = next(p.text for p in PROGRAMS if set(smaller.names) >= names_in(p.text))
    other = Program.parse(text, language=smaller)
    (native,) = COMPACT._program_writer.write_all([other])
    assert native is None
    np.testing.assert_array_equal(COMPACT.encode_program(other), COMPACT.encode_program(text))


def names_in(text):
    return {name for name in STANDARD.names if name in json.dumps(text)}


def test_a_program_without_lines_is_refused():
    with pytest.raises(TypeError, match="has no lines"):
        COMPACT._program_writer.write_all([Program.__new__(Program)])
    with pytest.raises(TypeError):
        COMPACT._program_writer.write_all(["O = trim(I)"])
