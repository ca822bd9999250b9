"""Languages with more names than the standard one, and with fewer."""

import dataclasses
import json
import pickle
import re

import numpy as np
import pytest

from codeit import Outcome, execute, run
from codeit._native import mutation as native_mutation
from codeit._native import text, vm
from codeit.execution.executor import Limits
from codeit.language import (
    CONSTANTS,
    PRIMITIVES,
    STANDARD,
    Language,
    NewPrimitive,
    Program,
    ProgramError,
    load_seed_programs,
)
from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.tokenizer import LANGUAGE_FILE, CompactTokenizer, load_tokenizer
from codeit.tasks import datasets

LIKE = ("rot90", "hmirror", "add", "objects", "fork", "first", "paint", "crop", "mapply", "size")
WEIGHTS = (0.5, 0.25, 0.25, 0.5)


def copies(count):
    """New primitives that do what standard ones do, of the same types."""
    primitives = []
    for k in range(count):
        like = PRIMITIVES[LIKE[k % len(LIKE)]]
        parameters = tuple((p.type, p.name) for p in like.parameters)
        name = f"{like.name}_{k // len(LIKE)}"
        primitives.append(NewPrimitive(name, parameters, like.returns, like.name))
    return primitives


@pytest.fixture(scope="module", params=[1, 3, 40, 500])
def larger(request):
    return STANDARD.extended(copies(request.param))


def renamed(program_text, number=0):
    """The text with copies in place of the primitives that have some."""
    lines = []
    for line in program_text.split("\n"):
        name, call = line.split(" = ")
        function, arguments = call[:-1].split("(")
        words = [function, *arguments.split(", ")]
        words = [f"{word}_{number}" if word in LIKE else word for word in words]
        lines.append(f"{name} = {words[0]}({', '.join(words[1:])})")
    return "\n".join(lines)


def rows_of(constraint):
    bits = np.unpackbits(constraint.masks().view(np.uint8), axis=1, bitorder="little")
    return bits[:, : len(constraint.alphabet)].astype(bool)


def sampled(tokenizer, mode, num_rows, max_tokens, seed):
    """Random programs as texts; what is allowed can always be taken, and comes to an end."""
    constraint = ProgramConstraint(tokenizer, mode, num_rows)
    random = np.random.default_rng(seed)
    constraint.begin(max_tokens)
    ids = [[] for _ in range(num_rows)]
    while not constraint.is_finished.all():
        allowed = rows_of(constraint)
        arrival = np.where(allowed, random.random(allowed.shape), -1).argmax(axis=1)
        chosen = constraint.alphabet[arrival].astype(np.int64)
        taken = constraint.advance(np.where(allowed.any(axis=1), chosen, -1))
        assert (taken == allowed.any(axis=1)).all()
        for k in np.flatnonzero(taken):
            ids[k].append(int(chosen[k]))
    return [tokenizer.decode_program(row) for row in ids]


# ---- Names and numbers


def test_the_standard_language_is_what_the_tables_of_names_are_views_of():
    assert STANDARD.primitives is PRIMITIVES
    assert STANDARD.constants is CONSTANTS
    assert STANDARD.names == (*PRIMITIVES, *CONSTANTS)
    assert Language("standard", STANDARD.names).digest == STANDARD.digest


def test_added_names_are_numbered_behind_all_others(larger):
    num_added = len(larger.names) - len(STANDARD.names)
    assert larger.names[:-num_added] == STANDARD.names
    added = [larger.primitives[name] for name in larger.names[-num_added:]]
    assert [p.opcode for p in added] == list(range(len(STANDARD.names), len(larger.names)))
    assert larger.digest != STANDARD.digest
    assert larger.constants == CONSTANTS


def test_codes_of_a_language_are_valid_in_one_with_more_names(larger):
    for seed in load_seed_programs()[:50]:
        program = Program.__new__(Program)
        vm.read(program, seed.program.code, False, larger)
        assert program.text == seed.program.text
        assert program.key == seed.program.key
        assert program == Program.parse(program.text, language=larger)
        assert program != seed.program  # which another language's is not


def test_the_standard_language_refuses_names_and_codes_of_a_larger_one(larger):
    program = Program.parse("O = rot90_0(I)", language=larger)
    with pytest.raises(ProgramError, match="'rot90_0'"):
        Program.parse(program.text)
    found = Program.parse_all([program.text] * 2, language=larger)
    assert found == [program, program]
    assert isinstance(Program.parse_all([program.text])[0], ProgramError)
    with pytest.raises(ValueError, match="line 1 calls what is no primitive"):
        vm.read(Program.__new__(Program), program.code, False, STANDARD)


def test_programs_and_languages_cross_between_processes(larger):
    program = Program.parse("x1 = rot90_0(I)\nO = vmirror(x1)", language=larger)
    again = pickle.loads(pickle.dumps(program))
    assert again == program
    assert again.language.names == larger.names
    standard = Program.parse("O = trim(I)", "arc-dsl")
    assert pickle.loads(pickle.dumps(standard)).language is STANDARD
    name, rows, digest = larger.__reduce__()[1]
    with pytest.raises(ValueError, match="another version of the language"):
        larger.__reduce__()[0](name, rows, digest[::-1])


# ---- Programs


def test_copies_of_primitives_do_what_these_do():
    language = STANDARD.extended(copies(len(LIKE)))
    tasks = {task.task_id: task for task in datasets.load("arc1-training")}
    num_renamed = 0
    for seed in load_seed_programs():
        program = Program.parse(renamed(seed.program.text), language=language)
        num_renamed += program.text != seed.program.text
        grids = [pair.input for pair in tasks[seed.task_id].demonstrations[:2]]
        theirs, ours = (execute([p], grids, threads=1) for p in (seed.program, program))
        assert (theirs.outcome == ours.outcome).all()
        for i in range(len(grids)):
            assert (theirs.grid(0, i) == ours.grid(0, i)).all()
    assert num_renamed > 100


def test_programs_of_several_languages_run_side_by_side(larger):
    texts = ["x1 = hmirror(I)\nO = vmirror(x1)", "x1 = hmirror(I)\nO = rot90(x1)"]
    programs = [Program.parse(text_) for text_ in texts]
    programs += [Program.parse(text_, language=larger) for text_ in texts]
    programs += [Program.parse("O = rot90_0(I)", language=larger)]
    grid = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    results = execute(programs * 5, [grid])
    assert (results.outcome == Outcome.ok).all()
    for k, program in enumerate(programs * 5):
        assert (results.grid(k, 0) == run(program, grid).grid).all()
        assert results.fuel[k, 0] == run(program, grid).fuel


def test_a_copy_takes_what_its_primitive_takes_for_a_tuple_too():
    """paint takes joined tuples as they are; a copy of it gets a tuple."""
    parameters = (("Grid", "grid"), ("Object", "obj"))
    language = STANDARD.extended([NewPrimitive("paints", parameters, "Grid", "paint")])
    text = (
        "x1 = asobject(I)\nx2 = repeat(x1, TWO)\nx3 = interval(ONE, THREE, ONE)\n"
        "x4 = mpapply(recolor, x3, x2)\nO = {}(I, x4)"
    )
    ours = run(Program.parse(text.format("paints"), language=language), [[1, 2], [3, 4]])
    theirs = run(Program.parse(text.format("paint")), [[1, 2], [3, 4]])
    assert theirs.outcome == ours.outcome == Outcome.ok
    assert (theirs.grid == ours.grid).all()


# ---- Mutation


def mutants(language, count=300):
    task = datasets.load("arc1-training")[0]
    seeds = np.arange(count, dtype=np.uint64)
    found = []
    for seed in load_seed_programs()[:8]:
        program = Program.parse(seed.program.text, language=language)
        grid = task.demonstrations[0].input
        parent = native_mutation.MutationParent(program, grid, Limits()._native())
        found += [p for p in native_mutation.mutate_many(Program, parent, WEIGHTS, seeds) if p]
    return found


def test_mutants_are_programs_of_the_language_of_their_parent(larger):
    found = mutants(larger)
    added = set(larger.primitives) - set(PRIMITIVES)
    num_added = sum(any(name in program.text for name in added) for program in found)
    assert num_added > len(found) * min(0.4, 0.2 * len(added) / len(larger.primitives))
    for program in found:
        assert program.language is larger
        assert program == Program.parse(program.text, language=larger)
    standard = [program.text for program in mutants(STANDARD)]
    assert not [text_ for text_ in standard if any(name in text_ for name in added)]


# ---- Tokens


def test_the_ids_of_standard_names_stay_where_they_are(larger):
    ours, theirs = CompactTokenizer(larger), CompactTokenizer()
    for seed in load_seed_programs()[:20]:
        ids = theirs.encode_program(seed.program.text)
        np.testing.assert_array_equal(ours.encode_program(seed.program.text), ids)
    assert ours.vocab_size == theirs.vocab_size + len(larger.names) - len(STANDARD.names)
    grids = [np.ones((3, 3), np.uint8)]
    np.testing.assert_array_equal(ours.encode_inputs(grids, 99), theirs.encode_inputs(grids, 99))


def test_added_names_are_written_and_read(larger):
    tokenizer = CompactTokenizer(larger)
    program = "x1 = rot90_0(I)\nx2 = rbind(rot90_0, x1)\nO = x2(x1)"
    ids = tokenizer.encode_program(program)
    np.testing.assert_array_equal(ids, tokenizer.encode_program(program, is_plain=True))
    assert tokenizer.decode_program(ids) == program
    assert set(ids.tolist()) <= set(tokenizer.program_ids.tolist())
    with pytest.raises(ValueError, match="no token for 'rot90_0'"):
        CompactTokenizer().encode_program(program)


@pytest.mark.parametrize("mode", ["grammar", "typed"])
def test_samples_are_programs_of_the_language(larger, mode):
    tokenizer = CompactTokenizer(larger)
    programs = sampled(tokenizer, mode, 40, 60, seed=5)
    for program in programs:
        Program.parse(program, language=larger)
    added = set(larger.primitives) - set(PRIMITIVES)
    words = {word for program in programs for word in program.replace("(", " ").split()}
    assert words & added or len(added) < 5
    assert words & set(PRIMITIVES)


@pytest.mark.parametrize("mode", ["grammar", "typed"])
def test_standard_programs_are_masked_alike_but_for_the_added_names(larger, mode):
    """Where a program goes on, what it may take of the standard names is the same."""
    ours, theirs = CompactTokenizer(larger), CompactTokenizer()
    constraints = [ProgramConstraint(tokenizer, mode, 1) for tokenizer in (ours, theirs)]
    added = np.arange(theirs.vocab_size, ours.vocab_size)
    is_standard = ~np.isin(constraints[0].alphabet, added)
    np.testing.assert_array_equal(constraints[0].alphabet[is_standard], constraints[1].alphabet)
    for seed in load_seed_programs()[:60]:
        ids = theirs.encode_program(seed.program.text)
        for constraint in constraints:
            constraint.begin(len(ids) + 40)
        for k in ids.tolist():
            wide, narrow = (rows_of(constraint)[0] for constraint in constraints)
            np.testing.assert_array_equal(wide[is_standard], narrow)
            for constraint in constraints:
                constraint.advance([k])
        assert all(constraint.is_finished.all() for constraint in constraints)


@pytest.mark.parametrize("mode", ["grammar", "typed"])
def test_a_copy_may_stand_where_its_primitive_may(mode):
    language = STANDARD.extended(copies(len(LIKE)))
    tokenizer = CompactTokenizer(language)
    constraint = ProgramConstraint(tokenizer, mode, 1)
    places = {int(k): n for n, k in enumerate(constraint.alphabet)}
    of_name = {
        name: int(tokenizer.encode_program(f"O = {name}(I)")[1])
        for name in language.names
        if name in language.primitives
    }
    pairs = [
        (places[of_name[name]], places[of_name[f"{name}_0"]])
        for name in LIKE
        if name not in ("fork", "paint", "mapply")
    ]  # whose rows say more than their types
    num_seen = 0
    for seed in load_seed_programs()[:40]:
        ids = tokenizer.encode_program(seed.program.text)
        constraint.begin(len(ids) + 60)
        for k in ids.tolist():
            mask = rows_of(constraint)[0]
            for old, new in pairs:
                num_seen += mask[old]
                assert mask[old] == mask[new]
            constraint.advance([k])
    assert num_seen > 1000


def test_the_automaton_in_tensors_has_as_many_terms_as_the_language(larger):
    torch = pytest.importorskip("torch")
    from codeit.policy.sampling.static_grammar import StaticGrammar, why_not

    tokenizer = CompactTokenizer(larger)
    native = ProgramConstraint(tokenizer, "grammar", 20)
    assert why_not(native.tables()) is None
    num_tokens = len(native.alphabet)
    ours = StaticGrammar(native.tables(), num_tokens, 20, torch.device("cpu"))
    random = np.random.default_rng(1)
    native.begin(50)
    slots = torch.arange(20)
    ours.begin(slots, 50)
    left = 50
    while not native.is_finished.all():
        allowed = rows_of(native)
        is_running = allowed.any(axis=1)
        np.testing.assert_array_equal(ours.masks(slots).numpy()[is_running], allowed[is_running])
        chosen = np.where(allowed, random.random(allowed.shape), -1).argmax(axis=1)
        native.advance(np.where(is_running, native.alphabet[chosen].astype(np.int64), -1))
        left -= 1
        at = torch.where(torch.from_numpy(is_running), slots, 20)
        ours.advance(at, torch.from_numpy(chosen), torch.full((20,), left))
    assert left < 48


def test_more_places_in_the_tables_than_16_bits_number_are_refused():
    language = STANDARD.extended(
        [NewPrimitive(f"copy_{k}", (("Grid", "grid"),), "Grid", "trim") for k in range(3200)]
    )
    spelling = CompactTokenizer(language).spelling()
    num_fixed = len(spelling.arguments) - 99
    changes = {}
    for number, name in enumerate(("functions", "first_arguments", "arguments")):
        firsts = [21 * k + 7 * number for k in range(num_fixed)]
        terms = [[400 + (first + i) % 65_000 for i in range(7)] for first in firsts]
        changes[name] = [*terms, *spelling.names]
    with pytest.raises(ValueError, match="too many different tokens"):
        text.ProgramAutomaton(dataclasses.replace(spelling, **changes), False, language)


# ---- Rows that are none


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "fill"}, "'fill' is a name of the language already"),
        ({"name": "x7"}, "'x7' stands for something else in every program"),
        ({"name": "I"}, "'I' stands for something else"),
        ({"name": "O"}, "'O' stands for something else"),
        ({"name": ""}, "'' is no name of a primitive"),
        ({"name": "a b"}, "'a b' is no name of a primitive"),
        ({"name": "lambda"}, "'lambda' is no name"),
        ({"name": "f(x"}, "is no name of a primitive"),
        ({"name": "\u00e9"}, "is no name of a primitive"),
        ({"name": "a" * 65}, "allowed are 1 to 64 ASCII letters"),
        ({"returns": "Grids"}, "'new' returns 'Grids', which is no type"),
        ({"parameters": (("grid", "g"),)}, "'new' takes 'grid', which is no type"),
        ({"parameters": ()}, "'new' has 0 parameters; allowed are 1 to 4"),
        ({"parameters": (("Any", "a"),) * 5}, "'new' has 5 parameters; allowed are 1 to 4"),
        ({"like": "flop"}, "'new' is to be run like 'flop', which is no primitive of as many"),
        ({"like": "ONE"}, "'new' is to be run like 'ONE', which is no primitive of as many"),
        ({"like": "fill"}, "'new' is to be run like 'fill', which is no primitive of as many"),
    ],
)
def test_a_new_primitive_that_is_none_is_refused_by_name(change, message):
    values = {"name": "new", "parameters": (("Grid", "g"),), "returns": "Grid", "like": "trim"}
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        STANDARD.extended([NewPrimitive(**(values | change))])
    assert "\n" not in str(refusal.value)


def test_a_language_has_no_more_names_than_codes_have_numbers():
    def language(count):
        return STANDARD.extended(
            [NewPrimitive(f"copy_{k}", (("Grid", "grid"),), "Grid", "trim") for k in range(count)]
        )

    most = 32_767 - len(STANDARD.names)
    program = Program.parse(f"O = copy_{most - 1}(I)", language=language(most))
    assert run(program, np.ones((3, 3), np.uint8)).grid.shape == (1, 1)
    with pytest.raises(ValueError, match="a language has at most 32767 names, not 32768"):
        language(most + 1)


# ---- Checkpoints


@pytest.fixture
def made_with_two(tmp_path):
    """A checkpoint's tokenizer files, made in a language with two names more."""
    language = STANDARD.extended(copies(2))
    CompactTokenizer(language).save(tmp_path)
    return tmp_path


def test_a_tokenizer_names_the_language_that_it_was_made_with(made_with_two):
    record = json.loads((made_with_two / LANGUAGE_FILE).read_text())
    language = STANDARD.extended(copies(2))
    assert record == {
        "title": "standard+2",
        "digest": language.digest,
        "names": [*STANDARD.names, "rot90_0", "hmirror_0"],
    }


def test_a_language_with_more_names_loads_it_and_writes_with_those_it_was_made_with(made_with_two):
    larger = STANDARD.extended(copies(7))
    tokenizer = load_tokenizer(str(made_with_two), larger)
    assert tokenizer.language.names == (*STANDARD.names, "rot90_0", "hmirror_0")
    assert tokenizer.language.digest == STANDARD.extended(copies(2)).digest
    assert tokenizer.vocab_size == CompactTokenizer().vocab_size + 2
    for program in sampled(tokenizer, "typed", 10, 40, seed=1):
        Program.parse(program, language=larger)


def test_a_standard_one_is_loaded_by_all(tmp_path, larger):
    CompactTokenizer().save(tmp_path)
    assert load_tokenizer(str(tmp_path)).language is STANDARD
    assert load_tokenizer(str(tmp_path), larger).language is STANDARD


def test_a_language_that_lacks_a_name_refuses_it_in_a_line(made_with_two):
    with pytest.raises(ValueError, match="language 'standard' has no 'rot90_0' and 1 more") as e:
        load_tokenizer(str(made_with_two))
    assert str(made_with_two) in str(e.value)
    assert "\n" not in str(e.value)


def test_a_language_whose_row_differs_refuses_it_in_a_line(made_with_two):
    other = copies(2)
    other[1] = NewPrimitive("hmirror_0", (("Piece", "piece"),), "Grid", "hmirror")
    with pytest.raises(ValueError, match="so that one of them means something else") as refusal:
        load_tokenizer(str(made_with_two), STANDARD.extended(other))
    assert "\n" not in str(refusal.value)


def test_one_from_before_languages_had_records_is_loaded(tmp_path, larger):
    CompactTokenizer().save(tmp_path)
    (tmp_path / LANGUAGE_FILE).unlink()
    assert load_tokenizer(str(tmp_path), larger).language is STANDARD
    tokens = json.loads((tmp_path / "compact_tokenizer.json").read_text())
    tokens["tokens"].remove("fill")
    (tmp_path / "compact_tokenizer.json").write_text(json.dumps(tokens))
    smaller = load_tokenizer(str(tmp_path)).language
    assert smaller.names == tuple(name for name in STANDARD.names if name != "fill")


def test_a_primitive_that_the_table_gets_later_is_no_reason_to_refuse_it(tmp_path):
    """A checkpoint of a language without `fill` is one from before `fill` was added."""
    names = [name for name in STANDARD.names if name != "fill"]
    before = STANDARD.restricted(names, "standard")
    tokenizer = CompactTokenizer(before)
    tokenizer.save(tmp_path)
    again = load_tokenizer(str(tmp_path))
    assert again.language.digest == before.digest
    assert again.language.names == tuple(names)
    for program in sampled(again, "typed", 30, 60, seed=2):
        assert "fill(" not in program.replace("underfill(", "")
        Program.parse(program)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, 'texts "title" and "digest" and a list "names" are needed'),
        ({"title": "a", "digest": 5, "names": []}, "no record of a language"),
        ({"title": "a", "digest": "b", "names": [5]}, "no record of a language"),
        ({"title": "a", "digest": "b", "names": []}, "no primitive has one parameter"),
        ({"title": "a", "digest": "b", "names": ["fill", "fill", "trim"]}, "'fill' is a name"),
        ({"title": "a", "digest": "b", "names": ["trim"]}, "means something else"),
    ],
)
def test_a_damaged_record_is_refused_in_a_line(tmp_path, record, message):
    CompactTokenizer().save(tmp_path)
    (tmp_path / LANGUAGE_FILE).write_text(json.dumps(record))
    with pytest.raises(ValueError, match=message) as refusal:
        load_tokenizer(str(tmp_path))
    assert str(tmp_path / LANGUAGE_FILE) in str(refusal.value)
    assert "\n" not in str(refusal.value)
