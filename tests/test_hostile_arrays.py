"""Every array, number and text that native code takes, replaced by hostile ones.

A call either refuses them or does no harm. Whether it did harm, sanitizers see better than a test
does, so that csrc/fuzz/sanitize.sh runs this file, too; it takes no torch.
"""

import contextlib
import dataclasses

import numpy as np
import pytest
from hostile import REFUSALS, attack

import codeit._native.decoding as decoding
import codeit._native.replay as replay
import codeit._native.text as text
import codeit._native.vm as vm
from codeit import Limits, Program
from codeit._native.mutation import MutationParent, mutate_many
from codeit.language import STANDARD
from codeit.policy.tokenizer import CompactTokenizer

# ---- Automaton


SPELLING = CompactTokenizer().spelling()
AUTOMATON = text.ProgramAutomaton(SPELLING, True, STANDARD)
NUM_ROWS = 5


def begun():
    rows = text.AutomatonRows(AUTOMATON, NUM_ROWS)
    rows.begin(np.arange(NUM_ROWS), np.full(NUM_ROWS, 100, np.uint16))
    return rows


ROWS_CALLS = {
    "begin": [np.arange(3), np.full(3, 40, np.uint16)],
    "advance": [np.array([193, 192, -1, 0, 70_000])],
    "masks": [np.zeros((NUM_ROWS, AUTOMATON.num_words), np.uint64)],
    "advance_forced": [np.zeros((NUM_ROWS, 4), np.int64), np.zeros(NUM_ROWS, np.int64)],
    "forced": [2],
}


@pytest.mark.parametrize("name", ROWS_CALLS)
def test_hostile_arguments_of_rows_are_refused_or_harmless(name):
    def call(*arguments):
        rows = begun()
        getattr(rows, name)(*arguments)
        walk(rows)

    assert min(attack(call, ROWS_CALLS[name])) >= 0


def walk(rows):
    """Every row goes on with random ids, some of them of no token."""
    random = np.random.default_rng(1)
    words = np.zeros((NUM_ROWS, AUTOMATON.num_words), np.uint64)
    alphabet = AUTOMATON.alphabet
    for _ in range(20):
        rows.masks(words)
        bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, : len(alphabet)]
        ids = alphabet[(bits * random.random(bits.shape)).argmax(1)].astype(np.int64)
        strays = random.random(NUM_ROWS) < 0.02
        rows.advance(np.where(strays, random.integers(-(2**63), 2**63 - 1, NUM_ROWS), ids))
    assert set(rows.conditions().tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("row", [-1, NUM_ROWS, 2**63 - 1, 1.0, True])
def test_a_row_that_is_not_there_is_refused(row):
    with pytest.raises(ValueError, match=r"row is .*; allowed: .*0 to 4"):
        begun().forced(row)
    with pytest.raises(ValueError, match=r"num_rows is .*; allowed"):
        text.AutomatonRows(AUTOMATON, -1 if row == NUM_ROWS or row is True else row * 2.5)


def test_a_start_of_which_one_row_is_wrong_starts_none():
    rows = text.AutomatonRows(AUTOMATON, 2)
    with pytest.raises(ValueError, match=r"rows\[1\] is 2; allowed: at least 0, below 2"):
        rows.begin(np.array([0, 2]), np.full(2, 40, np.uint16))
    least = AUTOMATON.min_tokens
    with pytest.raises(ValueError, match=rf"max_tokens\[1\] is {least - 1}; allowed: {least} to "):
        rows.begin(np.array([0, 1]), np.array([40, least - 1], np.uint16))
    assert rows.conditions().tolist() == [0, 0]


def test_arrays_that_are_not_of_the_rows_shape_are_refused():
    rows = begun()
    for count in (0, NUM_ROWS - 1, NUM_ROWS + 1):
        with pytest.raises(ValueError, match=rf"ids has the shape \({count},\); expected \(5,\)"):
            rows.advance(np.zeros(count, np.int64))
        with pytest.raises(ValueError, match="out has the shape"):
            rows.masks(np.zeros((count, AUTOMATON.num_words), np.uint64))
        with pytest.raises(ValueError, match="out has the shape"):
            rows.advance_forced(np.zeros((count, 9), np.int64), np.zeros(NUM_ROWS, np.int64))
        with pytest.raises(ValueError, match="counts has the shape"):
            rows.advance_forced(np.zeros((NUM_ROWS, 9), np.int64), np.zeros(count, np.int64))
    with pytest.raises(ValueError, match="out has the shape"):
        rows.masks(np.zeros((NUM_ROWS, AUTOMATON.num_words - 1), np.uint64))


def test_native_objects_cannot_be_made_without_what_they_need():
    for kind in (
        *(text.ProgramAutomaton, text.AutomatonRows, text.PromptWriter),
        *(text.ProgramReader, text.ProgramWriter),
        *(decoding.Weights, replay.PriorityBuffer, MutationParent),
    ):
        with pytest.raises(TypeError):
            kind.__new__(kind)
    with pytest.raises(TypeError):
        text.AutomatonRows(None, 1)


# ---- Spellings and prompts


PARTS = [field.name for field in dataclasses.fields(SPELLING)]


def hostile_parts(valid):
    is_list = bool(valid) and not isinstance(valid[0], int)
    one = [5] if is_list else 5
    yield from (None, 5, "text", [None], [[None]], [1.5], [[1.5]], [-1], [[-1]], [1 << 16], [one])
    yield from ([], [one] * 1000, [one] * 70_000, [[]], [[[]]], [[5] * 1000], [[5] * 70_000])
    if is_list:
        yield from (valid[:-1], [*valid, *valid], [[k] for k in range(len(valid))], valid[::-1])
        # As many different tokens as there can be, in terms as long as they can be.
        yield [[7 * k + i for i in range(7)] for k in range(len(valid))]
        yield [[], *valid[1:]]
    else:
        yield list(range(64))
        yield list(range(65_000))


@pytest.mark.parametrize("part", PARTS)
def test_hostile_spellings_are_refused_or_work(part):
    for value in hostile_parts(getattr(SPELLING, part)):
        changed = dataclasses.replace(SPELLING, **{part: value})
        with contextlib.suppress(*REFUSALS):
            rows = text.AutomatonRows(text.ProgramAutomaton(changed, False, STANDARD), 2)
            rows.begin(np.arange(2), np.full(2, 65535, np.uint16))
            for _ in range(5):
                rows.advance_forced(np.zeros((2, 500), np.int64), np.zeros(2, np.int64))
                rows.advance(np.array([193, 65_535]))
        with contextlib.suppress(*REFUSALS):
            writer = text.ProgramWriter(changed, STANDARD)
            lines = "x1 = hconcat(I, I)\nx2 = x1(x1, x1, x1, ZERO)\nO = vconcat(x1, x2)"
            writer.write_all([Program.parse(lines)])
            reader = text.ProgramReader(text.ProgramAutomaton(changed, False, STANDARD))
            for ids in ([[193, 65_535]], [[1 << 40, -1]], [[7] * 500]):
                reader.read_all(np.array(ids), 1)


def test_masks_are_as_long_as_the_tokens_of_programs_need():
    for part in ("functions", "first_arguments", "arguments"):
        terms = [list(term) for term in getattr(SPELLING, part)]
        for k in range(len(terms) - len(SPELLING.names)):
            terms[k] = [1000 + 7 * k + i for i in range(7)]
        spelling = dataclasses.replace(SPELLING, **{part: terms})
        automaton = text.ProgramAutomaton(spelling, False, STANDARD)
        assert len(automaton.alphabet) > 7 * 160
        assert automaton.num_words == -(-len(automaton.alphabet) // 64)
        rows = text.AutomatonRows(automaton, 1)
        rows.begin(np.zeros(1, np.int64), np.full(1, 100, np.uint16))
        for _ in range(100):
            masks = np.zeros((1, automaton.num_words), np.uint64)
            rows.masks(masks)
            allowed = np.flatnonzero(np.unpackbits(masks.view(np.uint8), bitorder="little"))
            if len(allowed) == 0:
                break
            assert rows.advance(automaton.alphabet[allowed[-1:]].astype(np.int64)).all()
        assert rows.conditions().tolist() == [0]


@pytest.mark.parametrize("part", ["start", "separator", "newline", "end"])
def test_parts_of_programs_that_are_too_long_are_refused(part):
    for size, is_right in ((64, True), (65, False), (70_000, False)):
        ids = list(range(1000, 1064)) if is_right else [1000] * size
        changed = dataclasses.replace(SPELLING, **{part: ids})
        if is_right:
            assert text.ProgramAutomaton(changed, False, STANDARD).min_tokens >= 4
            continue
        with pytest.raises(ValueError, match=f"takes {size} tokens; allowed are 64"):
            text.ProgramAutomaton(changed, False, STANDARD)


@pytest.mark.parametrize("part", ["functions", "first_arguments", "arguments", "names"])
def test_a_writer_of_programs_wants_all_terms(part):
    changed = dataclasses.replace(SPELLING, **{part: getattr(SPELLING, part)[:-1]})
    with pytest.raises(ValueError, match="terms; there are"):
        text.ProgramWriter(changed, STANDARD)


def test_the_last_id_of_16_bits_can_be_a_token():
    changed = dataclasses.replace(SPELLING, end=[65535])
    rows = text.AutomatonRows(text.ProgramAutomaton(changed, False, STANDARD), 1)
    rows.begin(np.array([0]), np.array([9], np.uint16))
    writer = text.ProgramWriter(changed, STANDARD)
    ids = writer.write_all([Program.parse("O = trim(I)")])[0].astype(np.int64)
    assert ids[-1] == 65535
    assert all(rows.advance(ids[k : k + 1])[0] for k in range(len(ids)))
    assert rows.conditions().tolist() == [0]


def prompt_writer():
    return CompactTokenizer()._prompt_writer


def test_hostile_prompts_are_refused_or_harmless():
    writer = prompt_writer()
    grid = (np.arange(12, dtype=np.uint8) % 10).reshape(3, 4)

    def call(opening, grid, max_ids):
        ids = writer.write(opening, [grid, grid], max_ids)
        assert ids is None or len(ids) <= max_ids

    attack(call, [np.array([1, 2], np.uint16), grid, 100])


@pytest.mark.parametrize("most", [2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**70])
def test_a_prompt_without_a_limit_is_written_whole(most):
    grid = np.array([[0, 0, 3]], np.uint8)
    opening = np.array([7], np.uint16)
    whole = prompt_writer().write(opening, [grid], 1000)
    assert len(whole) == 6
    np.testing.assert_array_equal(prompt_writer().write(opening, [grid], most), whole)


def test_pieces_of_another_number_or_size_are_refused():
    with pytest.raises(ValueError, match="1 pieces of a grid's text; expected 2721"):
        text.PromptWriter([[1]])
    with pytest.raises(ValueError, match="takes more than 8 tokens"):
        text.PromptWriter([[1] * 9] * 2721)
    for bad in (-1, 1 << 16, 1.5, True, None):
        with pytest.raises(ValueError, match=r"pieces\[1\]\[0\] is .*; allowed: .*0 to 65535"):
            text.PromptWriter([[1], [bad]])


@pytest.mark.parametrize("value", [None, 7, b"O = trim(I)", "O = trim(I)", vm.CompiledProgram()])
def test_what_is_no_program_is_not_written(value):
    writer = text.ProgramWriter(SPELLING, STANDARD)
    with pytest.raises(TypeError):
        writer.write_all([value])
    with pytest.raises(TypeError):
        writer.write_all(value)


def test_hostile_rows_of_ids_are_refused_or_read():
    reader = text.ProgramReader(text.ProgramAutomaton(SPELLING, False, STANDARD))
    ids = CompactTokenizer().encode_program(Program.parse("O = trim(I)"))
    attack(reader.read_all, [np.array([ids, ids], np.int64), CompactTokenizer().end_id])


# ---- Programs and grids


COMPILED = Program.parse("x1 = hmirror(I)\nO = vconcat(I, x1)")
GRID = np.arange(6, dtype=np.uint8).reshape(2, 3)
LIMITS = Limits(fuel=10_000)._native()
SEEDS = np.zeros(3, np.uint64)
HOSTILE_LIMITS = [(), LIMITS[:3], (*LIMITS, 1), (None,) * 4, (-1,) * 4, (2**63,) * 4, (1.5,) * 4]


def no_array(grid, k):
    raise ValueError(f"grid {k}")


VM_CALLS = {
    "run_groups": lambda grid, fuel, num_threads: vm.run_groups(
        [([COMPILED], [grid, GRID])], (fuel, *LIMITS[1:]), num_threads, True, no_array
    ),
    "run_and_print_one": lambda grid, fuel, num_values: vm.run_and_print_one(
        COMPILED, grid, (fuel, *LIMITS[1:]), True, num_values
    ),
    "explain_one": lambda grid, fuel, num_values: vm.explain_one(
        COMPILED, grid, (fuel, *LIMITS[1:]), num_values
    ),
    "mutation": lambda grid, fuel, _: mutate_many(
        Program, MutationParent(COMPILED, grid, (fuel, *LIMITS[1:])), (1,) * 4, SEEDS
    ),
}


@pytest.mark.parametrize("name", VM_CALLS)
def test_hostile_grids_and_limits_are_refused_or_harmless(name):
    attack(VM_CALLS[name], [GRID, 10_000, 2])
    for limits in HOSTILE_LIMITS:
        for call in (
            lambda limits: vm.run_groups([([COMPILED], [GRID])], limits, 1, True, no_array),
            lambda limits: vm.run_and_print_one(COMPILED, GRID, limits, True, 9),
            lambda limits: MutationParent(COMPILED, GRID, limits),
            lambda limits: vm.call_and_print_one(
                False, 0, np.zeros(1, np.int64), 0, limits, 9, STANDARD
            ),
        ):
            with contextlib.suppress(*REFUSALS):
                call(limits)


LIMIT_CALLS = [
    lambda limits: vm.run_groups([([COMPILED], [GRID])], limits, 1, True, no_array),
    lambda limits: vm.run_and_print_one(COMPILED, GRID, limits, True, 9),
    lambda limits: MutationParent(COMPILED, GRID, limits),
    lambda limits: vm.call_and_print_one(False, 0, np.zeros(1, np.int64), 0, limits, 9, STANDARD),
]


@pytest.mark.parametrize("call", LIMIT_CALLS, ids=["groups", "one", "mutation", "primitive"])
@pytest.mark.parametrize("name", ["fuel", "max_bytes", "max_depth"])
def test_limits_are_those_that_the_machine_can_count(call, name):
    """Sums of fuel must not wrap, and depth must not outgrow the stack."""
    place = list(vm.LIMIT_RANGES).index(name)
    least, most = vm.LIMIT_RANGES[name]

    def with_limit(value):
        return (*LIMITS[:place], value, *LIMITS[place + 1 :])

    for value in (least, most):
        if name != "max_bytes" or value == least:  # 32 GiB are more than some machines let one have
            call(with_limit(value))
    bound = 2**63 if name == "fuel" else 2**64 if name == "max_bytes" else 2**32
    for value in {least - 1, most + 1, bound - 1, -bound, bound}:
        with pytest.raises((ValueError, OverflowError)):
            call(with_limit(value))


@pytest.mark.parametrize("most", [-1, 2**40 + 1, 2**62, -(2**63), 2**63 - 1, 2**63])
def test_no_more_values_are_printed_than_fuel_can_be_counted_for(most):
    with pytest.raises(ValueError, match="max_values"):
        vm.run_and_print_one(COMPILED, GRID, LIMITS, True, most)


def test_hostile_calls_of_primitives_are_refused_or_harmless():
    def call(opcode, arguments, num_arguments):
        vm.call_and_print_one(False, opcode, arguments, num_arguments, LIMITS, 9, STANDARD)

    # add((1, 2), {3}), and the number that is not read.
    attack(call, [0, np.array([3, 2, 1, 1, 1, 2, 4, 1, 1, 3, 0]), 2])


@pytest.mark.parametrize("opcode", [-1, 160, 187, 188, 256, 1 << 16, 2**63, 1.5, True])
def test_an_opcode_that_is_none_is_refused(opcode):
    with pytest.raises(ValueError, match=r"opcode is .*; (allowed: .*0 to 65535|it is the number)"):
        vm.call_and_print_one(False, opcode, np.zeros(1, np.int64), 0, LIMITS, 9, STANDARD)


def test_a_program_that_may_be_in_use_is_not_filled_again():
    compiled = vm.CompiledProgram()
    assert vm.parse(compiled, b"O = hmirror(I)", False, STANDARD) is None
    parent = MutationParent(compiled, GRID, LIMITS)
    for fill in (
        lambda: vm.parse(compiled, b"x1 = hmirror(I)\nO = vmirror(x1)", False, STANDARD),
        lambda: vm.read(compiled, compiled.code, False, STANDARD),
    ):
        with pytest.raises(ValueError, match="has lines already"):
            fill()
    assert len(parent.types) == 1 + len(compiled) == 2


def test_a_program_that_was_never_filled_is_harmless():
    empty = vm.CompiledProgram()
    assert (len(empty), empty.text, empty.code) == (0, "", b"")
    assert empty == vm.CompiledProgram()
    assert empty != COMPILED


# ---- Replay


def stored(count=6):
    buffer = replay.PriorityBuffer(8)
    buffer.upsert(*columns(count))
    return buffer


def columns(count=6):
    offsets = np.arange(count + 1)
    return [
        replay.make_keys(["task"] * count, [str(k) for k in range(count)]),
        np.linspace(0, 1, count),
        np.zeros(count, np.int32),
        np.ones(count, np.uint8),
        *(np.arange(count, dtype=np.uint16), offsets),
        *(np.arange(count, dtype=np.uint16), offsets),
    ]


REPLAY_CALLS = {
    "upsert": columns(),
    "draw": [3, 1],
    **{name: [np.arange(4)] for name in ("columns", "offsets")},
    "gather": [np.array([5, 0, 0])],
    "count_priorities": [np.array([0.25, 0.5])],
    "restore_sequences": [np.arange(6, dtype=np.uint64)],
}


@pytest.mark.parametrize("name", REPLAY_CALLS)
def test_hostile_arguments_of_a_buffer_are_refused_or_harmless(name):
    def call(*arguments):
        buffer = stored()
        getattr(buffer, name)(*arguments)
        # It still holds what it says, and evicts.
        buffer.gather(np.arange(len(buffer)))
        buffer.upsert(*columns(12))
        assert len(buffer) <= 8
        assert buffer.statistics()["size"] == len(buffer)

    attack(call, REPLAY_CALLS[name])


@pytest.mark.parametrize("capacity", [1.0, 1.5, True, np.float64(2), np.timedelta64(3), "3", None])
def test_a_capacity_that_is_no_integer_is_refused(capacity):
    with pytest.raises(ValueError, match=r"capacity is .*; allowed: integers, 1 to 2147483648"):
        replay.PriorityBuffer(capacity)


@pytest.mark.parametrize("name", ["n", "seed"])
@pytest.mark.parametrize("value", [1.0, 1.5, float("nan"), True, np.timedelta64(3), "3", None])
def test_a_draw_of_what_is_no_integer_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is .*; allowed: integers, 0 "):
        stored().draw(**({"n": 1, "seed": 1} | {name: value}))


def test_the_longest_draws_are_all():
    for n in (2**63 - 1, 2**64, 10**30):
        assert len(stored().draw(n, 0)) == 6


def test_a_place_in_the_order_that_nothing_could_have_is_refused():
    buffer = stored()
    places = np.arange(6, dtype=np.uint64)
    places[3] = 2**64 - 1
    with pytest.raises(ValueError, match=r"sequences\[3\] is 18446744073709551615; allowed: 0 to"):
        buffer.restore_sequences(places)
    assert buffer.sequences().tolist() == list(range(6))


@pytest.mark.parametrize("bad", [None, 7, b"task", ["task"]])
def test_keys_are_made_of_texts(bad):
    with pytest.raises(ValueError, match=r"task_digests\[1\] is .*; allowed: texts"):
        replay.make_keys(["a", bad], ["b", "c"])
    with pytest.raises(ValueError, match=r"programs\[0\] is .*; allowed: texts"):
        replay.make_keys(["a"], [bad])
    with pytest.raises(ValueError, match="surrogates"):
        replay.make_keys(["\ud800"], ["b"])
    assert len(replay.make_keys(np.array(["a"]), np.array(["b"]))) == 1


# ---- Decoding


HEADS, SIZE, CAPACITY, TOKENS, WIDTH = 2, 16, 32, 3, 32


def numbers(*shape, kind="float32"):
    values = np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)
    return values if kind == "float32" else (values.view(np.uint32) >> 16).astype(np.uint16)


def decoding_calls(kind):
    shared = [numbers(HEADS, CAPACITY, SIZE, kind=kind) for _ in range(2)]
    states = numbers(TOKENS, WIDTH, kind=kind)

    def attend_shared(queries, keys, values, length, count, out):
        contexts = [(keys, values, length, count), (*shared, 7, TOKENS - 2)]
        decoding.attend_shared(queries, contexts, out)

    return {
        "attend": (
            decoding.attend,
            [
                numbers(TOKENS, 3, HEADS, SIZE, kind=kind),
                np.array([0, 1, 1], np.int32),
                np.array([0, 0, 31], np.int32),
                numbers(HEADS, CAPACITY),
                *(numbers(2, HEADS, CAPACITY, SIZE, kind=kind) for _ in range(2)),
                numbers(TOKENS, HEADS, SIZE, kind=kind),
            ],
        ),
        "attend_shared": (
            attend_shared,
            [
                numbers(TOKENS, HEADS, SIZE, kind=kind),
                *(*shared, 20, 2),
                numbers(TOKENS, HEADS, SIZE, kind=kind),
            ],
        ),
        "arrange": (decoding.arrange, [numbers(20, 2, HEADS, SIZE, kind=kind), *shared]),
        "add_and_normalize": (
            decoding.add_and_normalize,
            [numbers(TOKENS, WIDTH), states, numbers(WIDTH), 1e-6, states],
        ),
    }


@pytest.mark.parametrize("name", decoding_calls("float32"))
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_hostile_arguments_of_kernels_are_refused_or_harmless(name, kind):
    attack(*decoding_calls(kind)[name])


def test_hostile_scores_are_refused_or_harmless():
    scores = numbers(TOKENS, 300)
    rest = [np.array([0.0, 0.5, 0.999]), 0.9, 5, 0.9, np.zeros(TOKENS, np.int64)]

    def call(scores, allowed, uniforms, temperature, top_k, top_p, out):
        decoding.draw(scores, allowed, uniforms, temperature, top_k, top_p, out)
        out = np.asarray(out)
        assert ((out >= 0) & (out < max(np.shape(scores)[-1], 1))).all()

    attack(call, [scores, np.full((TOKENS, 5), 2**64 - 1, np.uint64), *rest])
    attack(lambda scores, *rest: call(scores, None, *rest), [numbers(TOKENS, 3000), *rest])

    def branch(*arguments):
        decoding.branch(*arguments)
        scores, counts, tokens = arguments[0], *map(np.asarray, arguments[9:11])
        assert ((counts >= 1) & (counts <= tokens.shape[1])).all()
        is_there = np.arange(tokens.shape[1]) < counts[:, None]
        assert ((tokens >= 0) & (tokens < max(np.shape(scores)[-1], 1)) | ~is_there).all()

    rest = [np.arange(TOKENS, dtype=np.uint64), -np.ones(TOKENS), np.array([-np.inf, 0.0, 1.0])]
    rest += [np.array([np.inf, 0.5, 9.0]), 0.9, 5, 0.9, np.zeros(TOKENS, np.int64)]
    rest += [np.zeros((TOKENS, 4), kind) for kind in (np.int64, np.uint64, float, float)]
    attack(branch, [scores, np.full((TOKENS, 5), 2**64 - 1, np.uint64), *rest])
    attack(lambda scores, *rest: branch(scores, None, *rest), [numbers(TOKENS, 3000), *rest])
    attack(decoding.find_finite, [scores])


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "int8"])
def test_hostile_matrices_and_tokens_are_refused_or_harmless(kind):
    matrix = numbers(33, WIDTH, kind="bfloat16" if kind == "bfloat16" else "float32")
    tokens = numbers(TOKENS, WIDTH, kind="float32" if kind == "float32" else "bfloat16")
    for out_kind in ("float32", "bfloat16") if kind != "float32" else ("float32",):
        attack(
            lambda matrix, tokens, out: decoding.Weights(matrix, kind).multiply(tokens, True, out),
            [matrix, tokens, numbers(TOKENS, 33, kind=out_kind)],
        )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_matrix_in_int8_is_finite(bad):
    matrix = np.ones((5, 16), np.float32)
    matrix[3, 2] = bad
    with pytest.raises(ValueError, match="row 3 of the matrix has a number that is not finite"):
        decoding.Weights(matrix, "int8")
    assert decoding.Weights(matrix, "float32").num_out == 5


def test_a_matrix_in_int8_is_no_wider_than_its_sums_can_hold():
    weights = decoding.Weights(np.ones((1, 1 << 16), np.float32), "int8")
    out = np.zeros((1, 1), np.float32)
    # Tokens of 1 are 127 steps, and 255 when they have been moved: the largest sums there are.
    weights.multiply(np.full((1, 1 << 16), 0x3F80, np.uint16), False, out)
    assert out[0, 0] == pytest.approx(1 << 16, rel=1e-6)
    with pytest.raises(ValueError, match="its width must be at most 65536"):
        decoding.Weights(np.ones((1, (1 << 16) + 16), np.float32), "int8")


def test_contexts_for_more_tokens_than_can_be_counted_are_refused():
    """Their number, added up, is once more that of the queries."""
    keys = np.zeros((1, 16, 16), np.float32)
    queries, out = np.zeros((3, 1, 16), np.float32), np.zeros((3, 1, 16), np.float32)
    for counts in ([2**63 - 1, 2**63 - 1, 5], [2**62] * 4 + [3], [-1, 4]):
        with pytest.raises(ValueError, match=r"tokens of a context is -?\d+; allowed: 0 to"):
            decoding.attend_shared(queries, [(keys, keys, 16, n) for n in counts], out)
    with pytest.raises(ValueError, match="the contexts are for 4 tokens of 3"):
        decoding.attend_shared(queries, [(keys, keys, 16, 4)], out)


def test_contexts_that_nobody_else_holds_are_held():
    queries = np.ones((4, 1, 16), np.float32)
    found = []
    for make in (list, iter):
        out = np.zeros((4, 1, 16), np.float32)
        contexts = (
            (*(np.full((1, 16, 16), k, np.float32) for _ in range(2)), 9, 1) for k in range(4)
        )
        decoding.attend_shared(queries, make(contexts), out)
        found.append(out)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0][:, 0, 0].tolist() == pytest.approx([0, 1, 2, 3])


@pytest.mark.parametrize("value", [-1.0, 1.0, float("nan"), float("inf")])
def test_a_number_to_draw_by_is_at_least_0_and_below_1(value):
    uniforms = np.array([0.5, value])
    with pytest.raises(
        ValueError, match=rf"uniforms\[1\] is {value}; allowed: at least 0, below 1"
    ):
        decoding.draw(numbers(2, 9), None, uniforms, 1.0, 0, 1.0, np.zeros(2, np.int64))


@pytest.mark.parametrize(
    "law", [(0.0, 0, 1.0), (float("nan"), 0, 1.0), (1.0, -1, 1.0), (1.0, 1.5, 1.0), (1.0, 0, 0.0)]
)
def test_a_law_that_there_is_none_of_is_refused(law):
    with pytest.raises(ValueError, match="allowed"):
        decoding.draw(numbers(1, 9), None, np.array([0.5]), *law, np.zeros(1, np.int64))
