"""Token ids of prompts and programs, and the way back."""

import json

import numpy as np
import pytest

from codeit import Program
from codeit.language import CONSTANTS, PRIMITIVES, load_seed_programs
from codeit.policy.tokenizer import COMPACT_FILE, CompactTokenizer, load_tokenizer
from codeit.tasks import datasets

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


@pytest.mark.parametrize("bad", [CompactTokenizer().vocab_size, 1 << 20])
def test_an_id_that_only_the_model_has_is_in_no_program(compact, bad):
    ids = compact.encode_program("O = identity(I)").tolist()
    for at in range(len(ids)):
        text = compact.decode_program([*ids[:at], bad, *ids[at:]])
        with pytest.raises(ValueError, match="line 1"):
            Program.parse(text)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([4, -5], r"ids\[1\] is -5; allowed: 0 to"),
        ([4.0], "ids is of float64; allowed: integers"),
        (np.array([4, 5], "m8[s]"), "ids is of timedelta64"),
        (np.ma.masked_array([4, 5], [True, False]), "ids is a masked array"),
        ([[4]], "ids has 2 dimensions; expected 1"),
        (None, "ids has 0 dimensions; expected 1"),
    ],
)
def test_what_is_no_row_of_ids_has_no_text(tokenizer, ids, message):
    with pytest.raises(ValueError, match=message):
        tokenizer.decode_program(ids)


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


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        *(("(", r" of 'x1 = add\('"), ("7", r" of 'x1 = rot270\('"), ("=", r" of 'x1 = add\('")),
        ("|", r" that grids are written with: '\|'"),
    ],
)
def test_a_vocabulary_that_lacks_a_needed_token_is_refused(shared, tmp_path, lacking, text):
    folder = shared / "data" / "codet5-tokenizer"
    vocab = json.loads((folder / "vocab.json").read_text())
    # Whatever is spelled with it goes, too; its own number stays in use.
    vocab = {k if lacking not in k else f"<gone_{n}>": n for k, n in vocab.items()}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    merges = (folder / "merges.txt").read_text().splitlines()
    (tmp_path / "merges.txt").write_text("\n".join(m for m in merges if lacking not in m) + "\n")
    with pytest.raises(ValueError, match=f"the vocabulary lacks a token{text}"):
        load_tokenizer(str(tmp_path))


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


# ---- Both ways to the same ids ----


@pytest.fixture(params=["compact", "codet5"])
def tokenizer(request):
    return request.getfixturevalue(request.param)


def assert_both_ways_agree(encode, grids, max_tokens=1 << 20):
    ids = encode(grids, max_tokens)
    assert ids.dtype == np.uint16
    np.testing.assert_array_equal(ids, encode(grids, max_tokens, is_plain=True))


@pytest.mark.parametrize("name", ["arc1-training", "arc1-evaluation"])
def test_prompts_of_all_tasks_have_the_ids_of_their_text(tokenizer, name):
    for task in datasets.load(name):
        pairs = [*task.demonstrations, *task.tests]
        assert_both_ways_agree(tokenizer.encode_inputs, [pair.input for pair in pairs])
        assert_both_ways_agree(tokenizer.encode_outputs, [pair.output for pair in pairs])


def test_random_grids_have_the_ids_of_their_text(tokenizer):
    rng = np.random.default_rng(1)
    for _ in range(1000):
        grids = []
        for _ in range(10):
            shape = rng.integers(1, 31, (2, 2)).min(axis=0)
            is_background = rng.random(shape) < rng.random()
            grid = np.where(is_background, rng.integers(10), rng.integers(10, size=shape))
            grids.append(grid.astype(np.uint8))
        assert_both_ways_agree(tokenizer.encode_inputs, grids)


def test_prompts_are_cut_alike_at_every_length(tokenizer):
    grid = (np.arange(35, dtype=np.uint8) % 7).reshape(5, 7)
    length = len(tokenizer.encode_inputs([grid, grid], 1 << 20))
    for encode in (tokenizer.encode_inputs, tokenizer.encode_outputs):
        for max_tokens in range(length + 3):
            assert_both_ways_agree(encode, [grid, grid], max_tokens)
        assert_both_ways_agree(encode, [])


def test_a_view_of_a_grid_is_written_like_its_copy(tokenizer):
    grid = np.arange(200, dtype=np.uint8).reshape(10, 20) % 10
    for view in (grid.T, grid[::2, ::3], grid[:, ::-1], grid.astype(np.int64)):
        assert_both_ways_agree(tokenizer.encode_inputs, [view])


@pytest.mark.parametrize("is_plain", [False, True])
@pytest.mark.parametrize(
    ("grid", "fault"),
    [
        (np.zeros((31, 2), np.uint8), "31x2 array; a grid has 1 to 30 rows"),
        (np.zeros((2, 31), np.uint8), "2x31 array"),
        (np.zeros((0, 3), np.uint8), "0x3 array"),
        (np.full((2, 2), 10, np.uint8), "color 10 at row 1, column 1"),
        (np.full((2, 2), -1), "color -1 at row 1, column 1"),
        (np.full((2, 2), 257), "color 257 at row 1, column 1"),
        (np.zeros((2, 2)), "2-D array of float64"),
        (np.zeros((2, 2), "m8[s]"), r"2-D array of timedelta64\[s\]"),
        (np.zeros(4, np.uint8), "1-D array"),
        (np.ma.zeros((2, 2), np.uint8), "a masked array"),
        ([[1, 2], [3]], "row 2 has 1 columns"),
        (None, "None; a grid is a list of rows"),
    ],
)
def test_what_is_no_grid_of_arc_is_refused_by_its_number(tokenizer, grid, fault, is_plain):
    for encode in (tokenizer.encode_inputs, tokenizer.encode_outputs):
        with pytest.raises(ValueError, match=f"^grid 1(:| is) {fault}"):
            encode([[[1]], grid], 100, is_plain=is_plain)


def test_programs_have_the_ids_of_their_text(tokenizer, shared):
    path = shared / "data" / "arc_training_programs.jsonl"
    texts = [json.loads(line)["program"] for line in path.read_text().splitlines()]
    texts += [seed.program.text for seed in load_seed_programs()]
    for text in texts:
        program = Program.parse(text)
        ids = tokenizer.encode_program(program)
        np.testing.assert_array_equal(ids, tokenizer.encode_program(text))
        assert tokenizer._program_writer.write_all([program])[0] is not None


def test_more_variables_than_there_are_tokens_are_left_to_the_tokenizer(codet5):
    lines = [f"x{k} = identity({'I' if k == 1 else f'x{k - 1}'})" for k in range(1, 102)]
    text = "\n".join([*lines, "O = identity(x101)"])
    assert codet5._program_writer.write_all([Program.parse(text)]) == [None]
    assert codet5.decode_program(codet5.encode_program(text)) == text
