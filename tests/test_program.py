"""Program.parse against the rules of the language's checker, C1 to C10 in their order."""

import keyword
import pickle
import random

import numpy as np
import pytest

from codeit import Outcome, Program, ProgramError, run
from codeit.language import CONSTANTS, PRIMITIVES

C1 = "is not a variable assignment"
C2 = "does not have exactly one open parenthesis"
C3 = "does not have variable name of O"
C4 = "has a variable name that is a primitive function"
C5 = "has a variable name that has already been used"
C6 = "has a function call that has already been used"
C7 = "has a function call that is not a primitive function or a variable"
C8 = "has a function call with no arguments"
C9 = "does not have a closing parenthesis"
C10 = "has an argument"
NOT_IDENTIFIER = "has a variable name that is not an identifier"
NOT_ASCII = "has a character that is not ASCII text"

MIRRORED = """x1 = objects(I, T, F, T)
x2 = argmax(x1, size)
x3 = subgrid(x2, I)
x4 = hmirror(x3)
O = vconcat(x3, x4)"""


def refusal(text):
    """The line and the reason for which a text is refused."""
    with pytest.raises(ProgramError) as caught:
        Program.parse(text)
    return caught.value.line, caught.value.reason


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("O = hmiror(I)", "; did you mean hmirror?"),
        ("large = hmirror(I)\nO = vconcat(I, larg)", "; did you mean large?"),
        ("O = fill(I, THRE, I)", "; did you mean THREE?"),
        ("O = hmirror(vmirror(I))", "; a line has one call, of names: what it is given has lines"),
        ("O = qqqqqqqq(I)", ""),
        ("x = hmirror(I)", ""),
    ],
)
def test_a_refusal_hints_at_what_may_have_been_meant(text, hint):
    with pytest.raises(ProgramError) as caught:
        Program.parse(text)
    error = caught.value
    assert error.hint.startswith(hint)
    assert bool(error.hint) == bool(hint)
    assert str(error) == f"line {error.line} {error.reason}{error.hint}"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def value_of(text, grid=((1, 2), (3, 4))):
    result = run(Program.parse(text), grid)
    assert result.outcome == Outcome.ok
    return result.value_json()


# ---- The rules, from both sides

ACCEPTED = {
    "one line": "O = identity(I)",
    "leading blanks": "\t  O = identity(I)",
    "trailing blanks": "O = identity(I) \t\v\f",
    "a carriage return": "x1 = identity(I)\r\nO = identity(x1)\r\n",
    "trailing newlines": "O = identity(I)\n\n\n",
    "the same call but for a trailing blank": "x1 = identity(I)\nO = identity(I) ",
    "a variable as function": "x1 = rbind(add, ONE)\nO = x1(TWO)",
    "the line's own name": "O = identity(O)",
    "the line's own name as function": "O = O(I)",
    "too many arguments": "O = identity(I, I, I, I, I, I, I)",
    "a constant's name bound": "ONE = identity(TWO)\nO = canvas(ONE, UNITY)",
    "the input's name bound": "I = identity(ONE)\nO = identity(I)",
    "a primitive as argument": "O = compose(size, first)",
    "any identifier as name": "_ = size(I)\n_1a = size(_)\nmatch = size(_1a)\nO = size(match)",
}

REFUSED = {
    "no text": ("", 1, C1),
    "no blanks around =": ("O=identity(I)", 1, C1),
    "no blank before =": ("O= identity(I)", 1, C1),
    "no blank after =": ("O =identity(I)", 1, C1),
    "two assignments": ("O = x = identity(I)", 1, C1),
    "a blank line": ("x1 = identity(I)\n\nO = identity(x1)", 2, C1),
    "a line of blanks": ("x1 = identity(I)\n  \nO = identity(x1)", 2, C1),
    "a leading newline": ("\nO = identity(I)", 1, C1),
    "blanks on a line at the end": ("O = identity(I)\n ", 2, C1),
    "a comment line": ("# swap\nO = identity(I)", 1, C1),
    "a name that begins with the separator": (" = identity(I)", 1, C1),
    "no parenthesis": ("O = identity", 1, C2),
    "nested calls": ("O = identity(identity(I))", 1, C2),
    "another name on the last line": ("x1 = identity(I)", 1, C3),
    "a blank after the name": ("O  = identity(I)", 1, C3),
    "a primitive's name": ("size = identity(I)\nO = identity(I)", 1, C4),
    "a name bound twice": ("x1 = size(I)\nx1 = first(I)\nO = size(x1)", 2, C5),
    "O bound before": ("O = size(I)\nO = first(I)", 2, C5),
    "the same call": ("x1 = size(I)\nO = size(I)", 2, C6),
    "the same call, both with a blank": ("x1 = size(I) \nO = size(I) ", 2, C6),
    "an unknown function": ("O = sort(I)", 1, C7),
    "a constant as function": ("O = ONE(I)", 1, C7),
    "the input as function": ("O = I(I)", 1, C7),
    "a blank after the function": ("O = identity (I)", 1, C7),
    "a later name as function": ("x1 = x2(I)\nx2 = size(I)\nO = size(x1)", 1, C7),
    "nothing after the parenthesis": ("O = identity(", 1, C8),
    "nothing but blanks after the parenthesis": ("O = identity(  ", 1, C8),
    "no closing parenthesis": ("O = identity(I", 1, C9),
    "a trailing comment": ("O = identity(I) # same", 1, C9),
    "a semicolon": ("O = identity(I);", 1, C9),
    "no arguments": ("O = identity()", 1, C10),
    "no blank after a comma": ("O = add(ONE,TWO)", 1, C10),
    "two blanks after a comma": ("O = add(ONE,  TWO)", 1, C10),
    "a blank before an argument": ("O = identity( I)", 1, C10),
    "a blank after an argument": ("O = identity(I )", 1, C10),
    "a trailing comma": ("O = identity(I, )", 1, C10),
    "a literal": ("O = canvas(0, UNITY)", 1, C10),
    "an unknown argument": ("O = identity(x1)", 1, C10),
    "a later name as argument": ("x1 = size(x2)\nx2 = size(I)\nO = size(x1)", 1, C10),
    "two closing parentheses": ("O = identity(I))", 1, C10),
    "a number as name": ("5 = size(I)\nO = canvas(5, UNITY)", 1, NOT_IDENTIFIER),
    "a keyword as name": ("if = size(I)\nO = identity(if)", 1, NOT_IDENTIFIER),
    "True as name": ("True = size(I)\nO = identity(True)", 1, NOT_IDENTIFIER),
    "a blank in a name": ("x 1 = size(I)\nO = identity(I)", 1, NOT_IDENTIFIER),
    "an = in a name": ("x=1 = size(I)\nO = identity(I)", 1, NOT_IDENTIFIER),
    "a letter that is not ASCII": ("é = size(I)\nO = identity(I)", 1, NOT_ASCII),
    "a blank that is not ASCII": ("x1 = size(I)\nO =\u00a0identity(I)", 2, NOT_ASCII),
    "a lone surrogate": ("O = identity(\ud800)", 1, NOT_ASCII),
    "a zero byte": ("x1 = size(I)\nO = identity(I)\0", 2, NOT_ASCII),
}

FIRST_RULE_WINS = {
    "C1 before C2": ("O = x = identity", C1),
    "C2 before C3": ("x1 = identity", C2),
    "C3 before C4": ("size = identity(I)", C3),
    "C4 before C5": ("size = first(I)\nO = size(I)", C4),
    "C5 before C6": ("x1 = size(I)\nx1 = size(I)\nO = size(x1)", C5),
    "C7 before C8": ("O = nosuch(", C7),
    "C8 before C9": ("O = size(", C8),
    "C9 before C10": ("O = size(nosuch", C9),
    "the first line before the second": ("x1 = size(nosuch)\nO", C10),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(text):
    Program.parse(text)


@pytest.mark.parametrize(("text", "line", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(text, line, reason):
    got_line, got_reason = refusal(text)
    assert got_line == line
    assert got_reason.startswith(reason)


@pytest.mark.parametrize(("text", "reason"), FIRST_RULE_WINS.values(), ids=FIRST_RULE_WINS.keys())
def test_the_first_rule_wins(text, reason):
    assert refusal(text)[1].startswith(reason)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_no_primitive_can_be_bound(name):
    assert refusal(f"{name} = identity(I)\nO = identity(I) ")[1].startswith(C4)
    Program.parse(f"{name}_ = identity(I)\nO = identity(I) ")


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_constant_is_known_and_can_be_bound(name):
    Program.parse(f"O = identity({name})")
    assert refusal(f"O = identity({name}_)")[1].startswith(C10)
    Program.parse(f"{name} = identity(I)\nO = identity({name})")


@pytest.mark.parametrize("name", keyword.kwlist)
def test_no_keyword_can_be_bound(name):
    assert refusal(f"{name} = identity(I)\nO = identity(I) ")[1].startswith(NOT_IDENTIFIER)


def test_an_argument_that_breaks_a_rule_is_named():
    assert refusal("O = add(ONE, nosuch)") == (
        1,
        "has an argument 'nosuch' that is not a variable, primitive function, primitive constant,"
        " or input",
    )


def test_a_long_name_is_shown_cut():
    reason = refusal(f"O = identity({'y' * 5000})")[1]
    assert len(reason) < 200
    assert "yyy..." in reason


def verdict(text):
    """(line, reason) or None: the rules written down once more, plainly."""
    names, calls = [], []
    lines = text.rstrip("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        pieces = line.lstrip().split(" = ")
        if len(pieces) != 2:
            return number, C1
        name, call = pieces
        parts = call.rstrip().split("(")
        if len(parts) != 2:
            return number, C2
        function, rest = parts
        if number == len(lines) and name != "O":
            return number, C3
        if name in PRIMITIVES:
            return number, C4
        if name in names:
            return number, C5
        if not name.isidentifier() or keyword.iskeyword(name):
            return number, NOT_IDENTIFIER
        if call in calls:
            return number, C6
        names.append(name)
        calls.append(call)
        if function not in PRIMITIVES and function not in names:
            return number, C7
        if rest == "":
            return number, C8
        if rest[-1] != ")":
            return number, C9
        inner = rest[:-1]
        for argument in inner.split(", ") if "," in inner else [inner]:
            if not (argument in names or argument in PRIMITIVES or argument in [*CONSTANTS, "I"]):
                return number, C10
    return None


def test_changed_texts_get_the_verdict_of_the_rules():
    seed = 20_240
    print(f"seed {seed}")
    rng = random.Random(seed)
    pieces = [" ", "  ", "=", " = ", "(", ")", ",", ", ", "\n", "\t", "\r", "O", "I", "x1", "x2"]
    pieces += ["size", "ONE", "x", "5", "add(", "size(I)", "\nO = size(I)"]
    num_accepted = 0
    for _ in range(8000):
        text = MIRRORED
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            at = rng.randrange(len(text) + 1)
            cut = rng.choice([0, 0, 1, 1, 2, 5, 20])
            text = text[:at] + rng.choice(["", *pieces]) + text[at + cut :]
        expected = verdict(text)
        if expected is None:
            num_accepted += 1
            assert Program.parse(Program.parse(text).text).text == Program.parse(text).text
        else:
            line, reason = refusal(text)
            assert line == expected[0], text
            assert reason.startswith(expected[1]), text
    assert 1000 < num_accepted < 7000


# ---- Errors


def test_the_message_holds_line_and_reason():
    with pytest.raises(ProgramError, match=r"^line 2 is not a variable assignment$") as caught:
        Program.parse("x1 = size(I)\nO")
    assert isinstance(caught.value, ValueError)


def test_an_error_survives_pickling():
    with pytest.raises(ProgramError) as caught:
        Program.parse("O")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.line, copy.reason, str(copy)) == (1, C1, str(caught.value))


def test_an_unknown_dialect_is_refused():
    with pytest.raises(ValueError, match=r"dialect 'arc': allowed are 'codeit' or 'arc-dsl'"):
        Program.parse("O = identity(I)", dialect="arc")


def test_text_must_be_a_str():
    with pytest.raises((TypeError, AttributeError)):
        Program.parse(b"O = identity(I)")


# ---- Large and strange texts


def test_random_characters_are_refused():
    seed = 5
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(300):
        data = bytes(rng.randrange(256) for _ in range(rng.randrange(200)))
        line, _ = refusal(data.decode("latin-1"))
        assert 1 <= line <= data.count(b"\n") + 1


def test_every_prefix_of_a_program_is_accepted_or_refused():
    for end in range(len(MIRRORED)):
        assert refusal(MIRRORED[:end])[0] == MIRRORED[:end].rstrip("\n").count("\n") + 1


TEN_MB = 10_000_000


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("x" * TEN_MB, 1, C1),
        ("\n" * TEN_MB + "x", 1, C1),
        ("O = " + "(" * TEN_MB, 1, C2),
        ("O = identity(" + "I, " * (TEN_MB // 3) + ")", 1, "has more than 32767 arguments"),
        ("O = identity(I" + " " * TEN_MB, 1, C9),
        ("O = identity(" + "," * TEN_MB + ")", 1, C10),
        ("y" * TEN_MB + " = identity(I)\nO = identity(z)", 2, C10),
        (" = " * (TEN_MB // 3), 1, C1),
        ("\0" * TEN_MB, 1, NOT_ASCII),
        ("\xff" * TEN_MB, 1, NOT_ASCII),
        ("x1 = size(I)\n" * (TEN_MB // 13), 2, C5),
        ("x1 = size(I)\r" * (TEN_MB // 13), 1, C1),
    ],
    ids=lambda v: repr(v[:14]) if isinstance(v, str) else None,
)
def test_ten_megabytes_end_in_an_error(text, line, reason):
    got_line, got_reason = refusal(text)
    assert (got_line, got_reason[: len(reason)]) == (line, reason)


def test_ten_megabytes_of_program_are_refused_where_there_are_too_many_lines():
    count = 420_000
    lines = ["x000000 = size(I)", *(f"x{k:06} = size(x{k - 1:06})" for k in range(1, count))]
    text = "\n".join(lines)
    assert len(text) > TEN_MB
    line, reason = refusal(text)
    assert (line, reason) == (32_767, "is one more than the 32766 that a program may have")


def test_a_text_of_more_than_64_mib_is_refused_unread():
    most = 64 << 20
    assert refusal("x" * most)[1] == C1
    assert refusal("x" * (most + 1)) == (1, f"begins a text of more than {most} bytes")


def test_a_call_may_be_repeated_255_times():
    def repeated(times):
        lines = [f"x{k} = size(I)" + " " * k for k in range(times)]
        return "\n".join([*lines, "O = size(I)" + " " * times])

    assert len(Program.parse(repeated(255))) == 256
    line, reason = refusal(repeated(256))
    assert line == 257
    assert reason.startswith(C6)


# ---- Normalised text


def test_blanks_are_taken_out():
    program = Program.parse(" \tx1 = identity(I)\t \r\n   O = size(x1)\n\n")
    assert program.text == "x1 = identity(I)\nO = size(x1)"


def test_a_repeated_call_carries_a_blank_for_each_earlier_one():
    text = "x1 = size(I)\t\nx2 = size(I)\nx3 = first(I)  \nx4 = size(I) \nO = first(I)"
    program = Program.parse(text)
    assert program.text == (
        "x1 = size(I)\nx2 = size(I) \nx3 = first(I)\nx4 = size(I)  \nO = first(I) "
    )


@pytest.mark.parametrize("text", [MIRRORED, *ACCEPTED.values()])
def test_the_normalised_text_parses_to_itself(text):
    program = Program.parse(text)
    assert Program.parse(program.text).text == program.text
    assert Program.parse(program.text) == program


# ---- A Program as a Python value


def test_len_is_the_number_of_lines():
    assert len(Program.parse(MIRRORED)) == 5
    assert len(Program.parse("O = identity(I)\n\n")) == 1


def test_programs_are_equal_when_text_and_dialect_are():
    program = Program.parse("O = identity(I)")
    assert program == Program.parse("  O = identity(I)\n")
    assert hash(program) == hash(Program.parse("  O = identity(I)\n"))
    assert program != Program.parse("O = identity(T)")
    assert program != Program.parse("O = identity(I)", dialect="arc-dsl")
    assert program != "O = identity(I)"
    assert len({program, Program.parse("O = identity(I) "), Program.parse(MIRRORED)}) == 2


@pytest.mark.parametrize("dialect", ["codeit", "arc-dsl"])
def test_a_program_survives_pickling(dialect):
    program = Program.parse(MIRRORED, dialect=dialect)
    copy = pickle.loads(pickle.dumps(program))
    assert copy == program
    assert copy.dialect == dialect
    assert run(copy, [[1, 0], [1, 0], [0, 0]]).grid.tolist() == [[1]] * 4


def test_str_is_the_text_and_repr_makes_it_again():
    for dialect in ("codeit", "arc-dsl"):
        program = Program.parse(MIRRORED, dialect=dialect)
        assert str(program) == MIRRORED
        assert eval(repr(program)) == program


# ---- What names mean


def test_a_bound_name_hides_a_constant_from_then_on():
    assert value_of("ONE = identity(TWO)\nO = canvas(ONE, UNITY)") == ["t", ["t", 2]]
    assert value_of("x1 = identity(ONE)\nONE = size(I)\nO = astuple(x1, ONE)") == ["t", 1, 2]


def test_a_bound_name_hides_the_input_from_then_on():
    text = "x1 = size(I)\nI = identity(NINE)\nO = astuple(x1, I)"
    assert value_of(text) == ["t", 2, 9]


def test_a_line_that_binds_a_constant_s_name_still_sees_the_constant():
    assert value_of("TWO = add(TWO, TWO)\nO = add(TWO, ONE)") == 5
    assert value_of("I = first(I)\nO = first(I) ") == 1


def test_a_bound_name_hides_a_constant_as_function_too():
    assert value_of("ONE = rbind(add, TEN)\nO = ONE(TWO)") == 12


@pytest.mark.parametrize("text", ["O = identity(O)", "O = O(I)", "x1 = size(x1)\nO = identity(I)"])
def test_a_line_that_mentions_its_own_name_is_a_name_error(text):
    result = run(Program.parse(text), [[1]])
    assert result.outcome == Outcome.name_error
    assert result.exception == "NameError"
    assert result.line == 1


def test_names_are_looked_up_before_the_call_is_made():
    # identity takes one argument, but the unbound second one is met first.
    assert run(Program.parse("O = identity(I, O)"), [[1]]).exception == "NameError"
    assert run(Program.parse("O = identity(I, I, I, I, I, O)"), [[1]]).exception == "NameError"
    assert run(Program.parse("O = identity(I, I, I, I, I, I)"), [[1]]).exception == "TypeError"


def test_a_program_is_made_by_parsing_alone():
    with pytest.raises(TypeError, match=r"made by Program\.parse"):
        Program()


@pytest.mark.parametrize("dialect", [np.zeros(2), ["codeit"], None, "c" * 1000, 7])
def test_what_is_no_dialect_is_refused_on_one_short_line(dialect):
    with pytest.raises(ValueError, match=r"^dialect .{1,60}: allowed are 'codeit' or 'arc-dsl'$"):
        Program.parse("O = vmirror(I)", dialect)
