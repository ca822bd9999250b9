"""Token ids of prompts and programs, and the way back."""

import json

import numpy as np
import pytest

from codeit import Program
from codeit.dsl import CONSTANTS, PRIMITIVES
from codeit.tokenizer import COMPACT_FILE, CompactTokenizer, load_tokenizer

PROGRAM = "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)"


@pytest.fixture(scope="module")
def compact():
    return CompactTokenizer()


def test_a_program_comes_back_from_its_ids(compact):
    ids = compact.encode_program(PROGRAM)
    assert compact.decode_program(ids) == PROGRAM
    assert ids[-1] == compact.end_id


def test_a_program_takes_one_id_for_each_name_and_each_line(compact):
    assert len(compact.encode_program(PROGRAM)) == (6 + 1) + (4 + 1) + (4 + 1)


def test_texts_that_differ_in_variable_names_have_the_same_ids(compact):
    other = PROGRAM.replace("x1", "things").replace("x2", "x7")
    np.testing.assert_array_equal(compact.encode_program(other), compact.encode_program(PROGRAM))


def test_a_shadowed_constant_keeps_its_meaning(compact):
    text = "ONE = identity(TWO)\nO = canvas(ONE, UNITY)"
    back = compact.decode_program(compact.encode_program(text))
    assert back == "x1 = identity(TWO)\nO = canvas(x1, UNITY)"


def test_every_name_of_the_language_has_an_id(compact):
    for name in [*PRIMITIVES, *CONSTANTS]:
        ids = compact.encode_program(f"O = astuple({name}, I)")
        assert name in compact.decode_program(ids)
        assert set(ids.tolist()) <= set(compact.program_ids.tolist())


def test_a_program_with_too_many_variables_is_refused(compact):
    lines = [f"x{k} = identity({'I' if k == 1 else f'x{k - 1}'})" for k in range(1, 101)]
    fits = "\n".join([*lines[:99], "O = identity(x99)"])
    assert compact.decode_program(compact.encode_program(fits)) == fits
    with pytest.raises(ValueError, match="line 100: no token for 'x100'"):
        compact.encode_program("\n".join([*lines, "O = identity(x100)"]))


def test_generated_ids_are_read_up_to_the_end_or_the_padding(compact):
    ids = compact.encode_program("O = identity(I)")
    junk = [7, 8, 9]
    assert compact.decode_program([*ids, *junk]) == "O = identity(I)"
    assert compact.decode_program([*ids[:-1], compact.pad_id, *junk]) == "O = identity(I)"


@pytest.mark.parametrize("num_lines", [0, 1, 3])
def test_ids_that_make_no_program_still_give_a_text(compact, num_lines):
    newline = compact.encode_program(PROGRAM)[6]
    text = compact.decode_program([newline] * num_lines)
    with pytest.raises(ValueError, match="line 1"):
        Program.parse(text)


def test_prompt_ids_name_sizes_colors_and_places(compact):
    grid = np.array([[0, 0, 3]], dtype=np.uint8)
    ids = compact.encode_inputs([grid, grid], 100)
    assert [compact._names[k] for k in ids] == [
        *("1", "x3", "background=0", "3=", "0,2"),
        "|",
        *("1", "x3", "background=0", "3=", "0,2"),
    ]
    assert [compact._names[k] for k in compact.encode_outputs([grid], 100)] == [
        *("\n", "1", "x3", "background=0", "3=", "0,2")
    ]


def test_both_halves_of_a_prompt_are_cut(compact):
    grid = np.arange(10, dtype=np.uint8).reshape(2, 5)
    whole = compact.encode_inputs([grid], 1000)
    np.testing.assert_array_equal(compact.encode_inputs([grid], 5), whole[:5])
    assert len(compact.encode_outputs([grid], 5)) == 5


def test_variables_and_columns_have_different_ids(compact):
    in_prompt = set(compact.encode_inputs([np.zeros((3, 3), np.uint8)], 10).tolist())
    in_program = set(compact.encode_program("x1 = identity(I)\nO = identity(x1)").tolist())
    assert not in_prompt & in_program


def test_a_saved_compact_tokenizer_loads_again(compact, tmp_path):
    compact.save(tmp_path)
    assert isinstance(load_tokenizer(str(tmp_path)), CompactTokenizer)


def test_a_compact_tokenizer_of_another_version_is_refused(tmp_path):
    (tmp_path / COMPACT_FILE).write_text(json.dumps({"tokens": ["<pad>"]}))
    with pytest.raises(ValueError, match="made for another version"):
        load_tokenizer(str(tmp_path))


def test_a_directory_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no tokenizer in this directory"):
        load_tokenizer(str(tmp_path))


@pytest.fixture(scope="module")
def codet5(shared):
    return load_tokenizer(str(shared / "data" / "codet5-tokenizer"))


def test_codet5_has_the_vocabulary_of_its_models(codet5):
    assert (codet5.vocab_size, codet5.pad_id, codet5.end_id) == (32100, 0, 2)


def test_codet5_writes_the_solvers_with_program_ids_and_reads_them_back(codet5, shared):
    allowed = set(codet5.program_ids.tolist())
    path = shared / "data" / "arc_training_programs.jsonl"
    lengths = []
    for line in path.read_text().splitlines():
        text = json.loads(line)["program"]
        ids = codet5.encode_program(text)
        assert set(ids.tolist()) <= allowed
        assert Program.parse(codet5.decode_program(ids)) == Program.parse(text)
        lengths.append(len(ids))
    # The lengths that SAMPLING.md reports for the original's tokenizer.
    assert (round(np.mean(lengths)), int(np.median(lengths)), max(lengths)) == (160, 116, 761)


def test_codet5_opens_a_prompt_with_the_start_token(codet5):
    grid = np.array([[0, 3]], dtype=np.uint8)
    inputs = codet5.encode_inputs([grid], 100)
    assert inputs[0] == 1
    assert codet5._tokenizer.decode(inputs[1:].tolist()) == "1x2 background=0 3=0,1"
    outputs = codet5.encode_outputs([grid], 100)
    assert codet5._tokenizer.decode(outputs.tolist()) == "\n1x2 background=0 3=0,1"
