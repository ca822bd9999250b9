"""The automaton that lets only programs through."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

from codeit import Program
from codeit.language import CONSTANTS, PRIMITIVES, load_seed_programs
from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.tokenizer import CompactTokenizer, load_tokenizer

SEEDS = [seed.program.text for seed in load_seed_programs()]


@pytest.fixture(scope="module", params=["compact", "codet5"])
def tokenizer(request):
    if request.param == "compact":
        return CompactTokenizer()
    return load_tokenizer(str(request.getfixturevalue("shared") / "data" / "codet5-tokenizer"))


def allowed(constraint):
    """bool [rows, len(alphabet)]: the masks, spread out."""
    bits = np.unpackbits(constraint.masks().view(np.uint8), axis=1, bitorder="little")
    return bits[:, : len(constraint.alphabet)].astype(bool)


def allowed_ids(constraint, row=0):
    return set(constraint.alphabet[allowed(constraint)[row]].tolist())


def takes(constraint, ids, max_tokens):
    """Whether a row can take all the ids, and has then finished."""
    constraint.begin(max_tokens, [0])
    for k in ids:
        is_allowed = k in allowed_ids(constraint)
        assert constraint.advance([k])[0] == is_allowed
        if not is_allowed:
            return False
    return bool(constraint.is_finished[0])


def starts(tokenizer, mode, text, names, max_tokens=500):
    """Those of the names with which the unfinished program can go on."""
    found = []
    for name in names:
        constraint = ProgramConstraint(tokenizer, mode, 1)
        constraint.begin(max_tokens)
        ids = _ids_up_to(tokenizer, text + name)
        if all(constraint.advance([k])[0] for k in ids):
            found.append(name)
    return found


def _ids_up_to(tokenizer, text):
    """The ids of a text that ends in a name."""
    line = text.split("\n")[-1]
    whole = text + ("(I)" if "(" not in line else ")")
    ids = tokenizer.encode_program(whole).tolist()
    behind = len(tokenizer.spelling().close) + 1
    if "(" not in line:
        behind += len(tokenizer.spelling().open) + 1
    return ids[:-behind]


def sampled(constraint, num_rows, max_tokens, seed, sharpness=0.0, shun=(), favor=()):
    """Random programs as lists of ids; a sharp choice prefers the same tokens again and again.

    Ids to shun are taken only where nothing else can come, those to favor a hundred times as often.
    """
    rng = np.random.default_rng(seed)
    weights = np.exp(sharpness * rng.standard_normal((num_rows, len(constraint.alphabet))))
    weights[:, np.isin(constraint.alphabet, shun)] *= 1e-9
    weights[:, np.isin(constraint.alphabet, favor)] *= 100
    constraint.begin(max_tokens)
    rows = [[] for _ in range(num_rows)]
    for _ in range(max_tokens):
        mask = allowed(constraint)
        is_running = ~constraint.is_finished
        np.testing.assert_array_equal(mask.any(axis=1), is_running)
        arrival = rng.exponential(size=mask.shape) / weights
        ids = constraint.alphabet[np.where(mask, arrival, np.inf).argmin(axis=1)]
        taken = constraint.advance(ids)
        np.testing.assert_array_equal(taken, is_running)
        for k in np.flatnonzero(taken):
            rows[k].append(int(ids[k]))
    assert constraint.is_finished.all()
    return rows


# ---- Grammar ----


def test_every_seed_program_fits_into_its_own_length_and_no_less(tokenizer):
    constraint = ProgramConstraint(tokenizer, "grammar", 1)
    for text in SEEDS:
        ids = tokenizer.encode_program(text).tolist()
        assert takes(constraint, ids, len(ids)), text
        assert not takes(constraint, ids, max(len(ids) - 1, constraint.min_tokens)) or (
            len(ids) == constraint.min_tokens
        )


def test_every_solver_of_the_original_is_let_through(tokenizer, shared):
    constraint = ProgramConstraint(tokenizer, "grammar", 1)
    for line in (shared / "data" / "arc_training_programs.jsonl").read_text().splitlines():
        ids = tokenizer.encode_program(json.loads(line)["program"]).tolist()
        assert takes(constraint, ids, len(ids)), line


@pytest.mark.parametrize("mode", ["grammar", "typed"])
@pytest.mark.parametrize("extra", [0, 1, 6, 13, 22, 100])
def test_no_random_walk_is_lost_and_each_is_a_program(tokenizer, mode, extra):
    constraint = ProgramConstraint(tokenizer, mode, 300)
    spelling = tokenizer.spelling()
    variables = {*spelling.functions[-1][:-1], *spelling.arguments[-1][:-1]}
    variables |= {ids[-1] for ids in spelling.names}
    ways = [
        {"sharpness": 0},
        {"sharpness": 4},
        {"favor": [*variables, *spelling.close], "shun": spelling.output},
    ]
    for way in ways:
        rows = sampled(constraint, 300, constraint.min_tokens + extra, seed=extra, **way)
        for ids in rows:
            text = tokenizer.decode_program(ids)
            assert tokenizer.encode_program(text).tolist() == ids
            assert Program.parse(text, "codeit").text == Program.parse(text, "arc-dsl").text


def test_what_a_walk_finds_fits_into_its_own_length(tokenizer):
    output = tokenizer.spelling().output[0]
    constraint = ProgramConstraint(tokenizer, "grammar", 100)
    one = ProgramConstraint(tokenizer, "grammar", 1)
    lengths = []
    for ids in sampled(constraint, 100, 150, seed=1, sharpness=4, shun=[output]):
        assert takes(one, ids, len(ids))
        lengths.append(len(ids))
    assert np.mean(lengths) > 140


def test_programs_of_all_variables_are_let_through_and_end(tokenizer):
    output = tokenizer.spelling().output[0]
    constraint = ProgramConstraint(tokenizer, "grammar", 20)
    rows = sampled(constraint, 20, 3000, seed=2, sharpness=3, shun=[output])
    assert {len(Program.parse(tokenizer.decode_program(ids))) for ids in rows} == {100}


def test_a_row_takes_exactly_what_its_mask_allows(tokenizer):
    ids = tokenizer.encode_program(SEEDS[5]).tolist()
    alphabet = ProgramConstraint(tokenizer, "grammar", 1).alphabet
    constraint = ProgramConstraint(tokenizer, "grammar", len(alphabet))
    for length in range(0, len(ids), 3):
        constraint.begin(len(ids) + 4)
        for k in ids[:length]:
            assert constraint.advance(np.full(len(alphabet), k)).all()
        mask = allowed(constraint)
        assert (mask == mask[0]).all()
        unused = np.arange(len(alphabet)) != np.unique(alphabet, return_index=True)[1][:, None]
        is_real = ~unused.all(axis=0)
        np.testing.assert_array_equal(constraint.advance(alphabet)[is_real], mask[0][is_real])


def test_a_variable_can_be_used_only_after_its_line(tokenizer):
    text = "x1 = trim(I)\nx2 = hconcat("
    assert starts(tokenizer, "grammar", text, ["I", "x1", "x2", "x3", "T"]) == ["I", "x1", "T"]
    assert starts(tokenizer, "grammar", "O = hconcat(", ["I", "x1", "O"]) == ["I"]


def test_variables_are_defined_in_order(tokenizer):
    for text, fits in (
        ("x1 = trim(I)\nx2 = trim(x1)\nO = trim(x2)", True),
        ("x1 = trim(I)\nO = trim(x1)", True),
    ):
        ids = tokenizer.encode_program(text).tolist()
        assert takes(ProgramConstraint(tokenizer, "grammar", 1), ids, 500) == fits
    spelling = tokenizer.spelling()
    constraint = ProgramConstraint(tokenizer, "grammar", 1)
    constraint.begin(500)
    for k in [*spelling.start, *spelling.names[0][:-1]]:
        constraint.advance([k])
    assert spelling.names[0][-1] in allowed_ids(constraint)
    assert spelling.names[1][-1] not in allowed_ids(constraint)


def test_after_a_separator_comes_an_argument(tokenizer):
    spelling = tokenizer.spelling()
    constraint = ProgramConstraint(tokenizer, "grammar", 1)
    for arguments in ("I, T", "T, I"):
        constraint.begin(500)
        text = f"x1 = trim(I)\nO = x1({arguments})"
        behind = [*spelling.arguments[188 if arguments[-1] == "I" else 161], *spelling.close]
        for k in tokenizer.encode_program(text)[: -len(behind) - 1]:
            assert constraint.advance([k])[0]
        is_told_apart = len(spelling.separator) > 0
        assert (spelling.end[0] in allowed_ids(constraint)) != is_told_apart
        assert not set(spelling.close) & allowed_ids(constraint)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("O = hconcat(I, I)", True),
        ("O = hconcat(I)", False),
        ("O = hconcat(I, I, I)", False),
        ("x1 = lbind(fill, I)\nO = x1(ONE, I)", True),
        ("x1 = lbind(fill, I)\nO = x1(ONE, I, I, I)", True),
        ("x1 = lbind(fill, I)\nO = x1(ONE, I, I, I, I)", False),
        ("x1 = trim(I)\nO = trim(I)", False),
        ("x1 = fork(fill, size, size)\nx2 = x1(I)\nO = x1(I)", False),
        ("x1 = fork(fill, size, size)\nx2 = x1(I)\nO = x1(I, I)", True),
        ("x1 = fork(fill, size, size)\nx2 = x1(I, I)\nO = x1(I)", True),
        ("x1 = canvas(ZERO, UP)\nO = canvas(ZERO, UP_RIGHT)", True),
        ("x1 = canvas(ZERO, UP_RIGHT)\nO = canvas(ZERO, UP)", True),
        ("x1 = canvas(ZERO, UP)\nO = canvas(ZERO, UP)", False),
        ("x1 = canvas(ZERO, UP_RIGHT)\nO = canvas(ZERO, UP_RIGHT)", False),
        ("O = identity(O)", False),
    ],
)
def test_arity_and_repeated_calls(tokenizer, text, fits):
    ids = tokenizer.encode_program(text).tolist()
    assert takes(ProgramConstraint(tokenizer, "grammar", 1), ids, 500) == fits


# ---- Types ----

NARROW = {
    *("Boolean", "Integer", "IntegerTuple", "IntegerSet", "Grid", "Cell", "Object", "Objects"),
    *("Indices", "IndicesSet", "Tuple", "TupleTuple", "FrozenSet", "Callable"),
}
TYPES = {name: {name} for name in NARROW} | {
    "Any": NARROW,
    "Numerical": {"Integer", "IntegerTuple"},
    "Patch": {"Object", "Indices"},
    "Element": {"Object", "Grid"},
    "Piece": {"Grid", "Object", "Indices"},
    "Tuple": {"Tuple", "TupleTuple", "Grid"},
    "TupleTuple": {"TupleTuple", "Grid"},
    "FrozenSet": {"FrozenSet", "IntegerSet", "Object", "Objects", "Indices", "IndicesSet"},
    "Container": NARROW - {"Boolean", "Integer", "Callable"},
    "ContainerContainer": {"Grid", "Objects", "IndicesSet", "Tuple", "TupleTuple"},
}


# What programs do beyond the declared types: parameters, and results.
BESIDES = {
    **{("astuple", k): NARROW for k in (0, 1)},
    ("mapply", 1): TYPES["Container"],
    **{(name, 0): {"IntegerTuple"} for name in ("minimum", "maximum")},
    **{(name, 2): {"Tuple", "TupleTuple"} for name in ("fill", "underfill")},
    **{(name, 1): {"Tuple", "TupleTuple"} for name in ("paint", "underpaint")},
}
RESULTS = {"numcolors": "Integer", "valmax": "Any", "valmin": "Any"}


def takes_type(function, position, given):
    """Whether a parameter may take a value that is declared to be of a type."""
    declared = PRIMITIVES[function].parameters[position].type
    besides = BESIDES.get((function, position), set())
    if declared == "Numerical" and given == "Boolean":
        return True
    exact = {"Tuple", "TupleTuple", "IntegerTuple"}
    fits = given in besides if besides <= exact else besides & TYPES[given]
    return bool(fits or TYPES[declared] & TYPES[given])


def is_well_typed(text):
    """Whether the types of a program's calls can agree; arities of functions apart."""
    types = {"I": "Grid"} | dict.fromkeys(PRIMITIVES, "Callable")
    types |= {name: constant.type for name, constant in CONSTANTS.items()}
    for line in text.split("\n"):
        name, call = line.split(" = ")
        function, arguments = call.rstrip(")").split("(")
        arguments = arguments.split(", ")
        types[name] = "Any"
        if function not in PRIMITIVES:
            if "Callable" not in TYPES[types[function]]:
                return False
            continue
        if not all(takes_type(function, k, types[x]) for k, x in enumerate(arguments)):
            return False
        types[name] = RESULTS.get(function, PRIMITIVES[function].returns)
        if function == "astuple" and types[arguments[0]] not in ("Integer", "Numerical"):
            types[name] = "Container"
    return "Grid" in TYPES[types["O"]]


def test_typed_walks_are_well_typed_and_others_seldom(tokenizer):
    output = tokenizer.spelling().output[0]
    shares = {}
    for mode in ("grammar", "typed"):
        constraint = ProgramConstraint(tokenizer, mode, 300)
        rows = sampled(constraint, 300, 60, seed=3, shun=[output])
        shares[mode] = np.mean([is_well_typed(tokenizer.decode_program(ids)) for ids in rows])
    assert shares["typed"] == 1
    assert shares["grammar"] < 0.05


def test_every_seed_program_is_let_through_typed(tokenizer):
    constraint = ProgramConstraint(tokenizer, "typed", 1)
    for text in SEEDS:
        ids = tokenizer.encode_program(text).tolist()
        assert takes(constraint, ids, len(ids)), text
        assert is_well_typed(text)


def test_every_solver_of_the_original_is_let_through_typed(tokenizer, shared):
    constraint = ProgramConstraint(tokenizer, "typed", 1)
    for line in (shared / "data" / "arc_training_programs.jsonl").read_text().splitlines():
        ids = tokenizer.encode_program(json.loads(line)["program"]).tolist()
        assert takes(constraint, ids, len(ids)), line


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("x1 = objects(", ["I", "T", "size"], ["I"]),
        ("x1 = objects(I, ", ["T", "ONE", "I"], ["T"]),
        ("x1 = palette(I)\nx2 = maximum(", ["x1", "I"], ["x1"]),
        ("x1 = ", ["trim", "normalize", "toindices"], ["trim"]),
        ("x1 = asobject(I)\nx2 = ", ["trim", "normalize", "toindices"], None),
        ("O = ", ["trim", "size", "identity", "compose"], ["trim", "identity"]),
        ("x1 = fork(", ["combine", "trim", "fill"], ["combine"]),
        ("x1 = rbind(", ["combine", "trim", "fill"], ["combine", "fill"]),
        ("x1 = trim(I)\nx2 = ", ["x1", "trim"], ["trim"]),
        ("x1 = rbind(fill, I)\nx2 = papply(", ["x1"], ["x1"]),
        ("x1 = rbind(fill, I)\nx2 = apply(", ["x1"], []),
        ("x1 = numcolors(I)\nx2 = ", ["increment", "minimum"], None),
        ("x1 = numcolors(I)\nx2 = minimum(", ["x1", "I"], []),
        ("x1 = astuple(ONE, I)\nx2 = hconcat(", ["x1", "I"], ["I"]),
        ("x1 = astuple(I, ONE)\nx2 = hconcat(", ["x1", "I"], None),
        ("x1 = ofcolor(I, ONE)\nx2 = mapply(trim, ", ["x1", "I", "T"], ["x1", "I"]),
        ("x1 = mpapply(", ["astuple", "trim"], ["astuple"]),
        ("x1 = even(ONE)\nx2 = invert(", ["x1", "T", "I"], ["x1", "T"]),
        ("x1 = pair(I, I)\nx2 = paint(I, ", ["x1", "I"], ["x1"]),
    ],
)
def test_types_decide_what_may_stand_where(tokenizer, text, names, expected):
    expected = names if expected is None else expected
    assert starts(tokenizer, "typed", text, names) == expected
    assert starts(tokenizer, "grammar", text, names) == names


def test_a_bound_function_takes_the_arguments_that_are_left(tokenizer):
    constraint = ProgramConstraint(tokenizer, "typed", 1)
    for arguments, fits in (("I", False), ("ONE, I", True), ("ONE, I, I", False)):
        text = f"x1 = lbind(fill, I)\nO = x1({arguments})"
        assert takes(constraint, tokenizer.encode_program(text).tolist(), 500) == fits


def test_a_function_of_which_every_call_is_used_up_is_not_offered(tokenizer):
    names = ["asobject", "trim", "flip"]
    assert starts(tokenizer, "typed", "x1 = asobject(I)\nx2 = ", names) == ["trim", "flip"]
    assert starts(tokenizer, "grammar", "x1 = asobject(I)\nx2 = ", names) == names
    text = "x1 = trim(I)\nx2 = asobject(x1)\nx3 = "
    assert starts(tokenizer, "typed", text, names) == names
    # Nor is an argument after which only calls could come that are there already.
    text = "x1 = objects(I, T, T, T)\nx2 = objects(I, T, T, F)\nx3 = objects(I, T, "
    assert starts(tokenizer, "typed", text, ["T", "F"]) == ["F"]


# ---- Rows ----


def test_forced_ids_are_those_that_nothing_else_can_replace(tokenizer):
    spelling = tokenizer.spelling()
    constraint = ProgramConstraint(tokenizer, "grammar", 2)
    constraint.begin(500)
    assert constraint.forced(0) == list(spelling.start)
    ids = tokenizer.encode_program("x1 = trim(I)\nO = trim(x1)").tolist()
    at, num_forced = 0, 0
    while at < len(ids):
        ahead = constraint.forced(1)
        assert ids[at : at + len(ahead)] == ahead
        chunk, counts = constraint.advance_forced(100)
        assert chunk[1, : counts[1]].tolist() == ahead
        num_forced += len(ahead)
        at += len(ahead)
        if at < len(ids):
            assert allowed(constraint).sum(axis=1).min() > 1
            constraint.advance([ids[at]] * 2)
            at += 1
    assert constraint.is_finished.all()
    # What is chosen: two names, two functions, two arguments.
    assert len(ids) - num_forced == 6


def test_a_chunk_of_forced_ids_ends_where_there_is_no_more_room():
    constraint = ProgramConstraint(CompactTokenizer(), "grammar", 1)
    constraint.begin(constraint.min_tokens)
    ids, counts = constraint.advance_forced(0)
    assert (ids.shape, counts.tolist()) == ((1, 0), [0])
    assert constraint.forced(0) == [CompactTokenizer().spelling().output[0]]
    ids, counts = constraint.advance_forced(1)
    assert counts.tolist() == [1]


def test_finished_and_failed_rows_are_allowed_nothing(tokenizer):
    constraint = ProgramConstraint(tokenizer, "grammar", 2)
    assert not allowed(constraint).any()
    constraint.begin(500)
    ids = tokenizer.encode_program("O = trim(I)").tolist()
    for k in ids:
        constraint.advance([k, tokenizer.pad_id])
    assert constraint.is_finished.tolist() == [True, False]
    assert not allowed(constraint).any()
    assert not constraint.advance([ids[0], ids[0]]).any()
    constraint.begin(500, [1])
    assert allowed(constraint).any(axis=1).tolist() == [False, True]


def test_what_cannot_be_is_refused(tokenizer):
    with pytest.raises(ValueError, match="mode is 'free'"):
        ProgramConstraint(tokenizer, "free", 1)
    with pytest.raises(ValueError, match="num_rows is 0"):
        ProgramConstraint(tokenizer, "typed", 0)
    constraint = ProgramConstraint(tokenizer, "typed", 2)
    for max_tokens in (constraint.min_tokens - 1, 1 << 16):
        with pytest.raises(ValueError, match=f"max_tokens is {max_tokens}; allowed: "):
            constraint.begin(max_tokens)
    for row in (-1, 2):
        with pytest.raises(ValueError, match=rf"rows\[0\] is {row}; allowed: at least 0, below 2"):
            constraint.begin(100, [row])
        with pytest.raises(ValueError, match=f"row is {row}; allowed: 0 to 1"):
            constraint.forced(row)
    with pytest.raises(ValueError, match=r"ids has the shape \(1,\); expected \(2,\)"):
        constraint.advance([1])


def test_an_id_that_is_no_token_of_programs_fails_a_row_wherever_it_stands(tokenizer):
    """The ids of a prompt, of padding and of nothing at all, beside each token of a program."""
    ids = tokenizer.encode_program("x1 = objects(I, T, T, F)\nx2 = first(x1)\nO = fill(I, TWO, x2)")
    alphabet = set(ProgramConstraint(tokenizer, "grammar", 1).alphabet.tolist())
    foreign = sorted({*range(tokenizer.vocab_size), 1 << 15, (1 << 16) - 1} - alphabet)
    foreign += [-2, -(1 << 63), 1 << 16, (1 << 16) + int(ids[0]), 1 << 40, (1 << 63) - 1]
    foreign = foreign[:: max(1, len(foreign) // 1000)] + foreign[-8:]
    constraint = ProgramConstraint(tokenizer, "grammar", len(foreign))
    for length in range(len(ids)):
        constraint.begin(100)
        for k in ids[:length]:
            assert constraint.advance(np.full(len(foreign), k)).all()
        assert not constraint.advance(foreign).any(), length
        assert not allowed(constraint).any()
        assert not constraint.advance(np.full(len(foreign), ids[length])).any()
        assert constraint.forced(0) == []


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1.0, 2.0], "ids is of float64; allowed: integers"),
        ([True, False], "ids is of bool; allowed: integers"),
        (np.array([1, 2], "m8[s]"), r"ids is of timedelta64\[s\]; allowed: integers"),
        (np.ma.masked_array([1, 2], [True, False]), "ids is a masked array"),
        (np.array([1, 2**64 - 1], np.uint64), r"ids\[1\] is 18446744073709551615; allowed: "),
        ([1, 2**70], "ids is of object; allowed: integers"),
        ([[1, 2]], "ids has 2 dimensions; expected 1"),
        (None, "ids has 0 dimensions; expected 1"),
        ([1, None], "ids is of object; allowed: integers"),
        ([1], r"ids has the shape \(1,\); expected \(2,\)"),
    ],
)
def test_ids_that_are_not_an_integer_for_each_row_are_refused(ids, message):
    constraint = ProgramConstraint(CompactTokenizer(), "grammar", 2)
    constraint.begin(100)
    with pytest.raises(ValueError, match=message):
        constraint.advance(ids)
    assert allowed(constraint).any(axis=1).all()


@pytest.mark.parametrize("value", [1.0, 40.5, True, None, "40", np.timedelta64(40)])
def test_what_counts_tokens_or_rows_is_an_integer(value):
    constraint = ProgramConstraint(CompactTokenizer(), "grammar", 2)
    for name, call in {
        "max_tokens": constraint.begin,
        "row": constraint.forced,
        "max_ids": constraint.advance_forced,
        "num_rows": lambda value: ProgramConstraint(CompactTokenizer(), "grammar", value),
    }.items():
        with pytest.raises(ValueError, match=f"{name} is .*; allowed: integers, "):
            call(value)
    for rows in ([0, 1.5], [True], np.array([1], "m8[s]")):
        with pytest.raises(ValueError, match=r"rows is of .*; allowed: integers"):
            constraint.begin(40, rows)


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("end", [], "the end of a program has no token"),
        ("output", [], "O has no token"),
        ("names", [[5]] * 99, "two variables end in the same token"),
        ("names", [], "programs have 1 to 99 variables, not 0"),
        ("separator", [2], "the end of a call begins like one more argument"),
    ],
)
def test_a_vocabulary_without_what_programs_need_is_refused(part, value, reason):
    class Other(CompactTokenizer):
        def spelling(self):
            return dataclasses.replace(super().spelling(), **{part: value})

    with pytest.raises(ValueError, match=reason):
        ProgramConstraint(Other(), "grammar", 1)


def test_two_terms_with_one_spelling_are_refused():
    class Other(CompactTokenizer):
        def spelling(self):
            spelling = super().spelling()
            functions = list(itertools.chain(spelling.functions))
            functions[1] = functions[0]
            return dataclasses.replace(spelling, functions=functions)

    with pytest.raises(ValueError, match="subtract is written like add"):
        ProgramConstraint(Other(), "grammar", 1)
