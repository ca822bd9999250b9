"""How a tokenizer spells programs, and programs that tell whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from codeit.language import Language

MAX_VARIABLES = 99
"""As many as a program that is written by a spelling has."""

VARIABLES = [f"x{k}" for k in range(1, MAX_VARIABLES + 1)]


@dataclass(frozen=True)
class Spelling:
    """The ids of everything that a program is made of, in each context in which it occurs.

    A program's ids are those of its parts, one after the other: `start`, for every line its name,
    `assign`, the function, `open`, the arguments with `separator` between them and `close`; then
    `newline`, or after the last line `end`. Parts may be empty.

    Attributes:
        output, names: `O` and the variables x1, x2, ... at the head of a line.
        functions, first_arguments, arguments: primitives, constants, `I` and the variables, as the
            function of a call, as its first argument, and as another one.
    """

    start: Sequence[int]
    assign: Sequence[int]
    open: Sequence[int]
    separator: Sequence[int]
    close: Sequence[int]
    newline: Sequence[int]
    end: Sequence[int]
    output: Sequence[int]
    names: Sequence[Sequence[int]]
    functions: Sequence[Sequence[int]]
    first_arguments: Sequence[Sequence[int]]
    arguments: Sequence[Sequence[int]]


def texts_of_all_names(language: Language) -> list[str]:
    """Programs that have every name and variable wherever one can stand, twice as an argument."""
    one = next(iter(language.primitives))
    calls = [f"{name}({name}, {name})" for name in language.primitives]
    calls += [f"{one}({name}, {name})" for name in language.constants]
    size = MAX_VARIABLES
    parts = [calls[begin : begin + size] for begin in range(0, len(calls), size)]
    parts.append([f"{one}(I)", *(f"{x}({x}, {x})" for x in VARIABLES[:-1])])
    last = VARIABLES[-1]
    ends = [*(f"{one}(I, I)" for _ in parts[1:]), f"{last}({last}, {last})"]
    return [
        "\n".join([*(f"x{k} = {call}" for k, call in enumerate(part, start=1)), f"O = {end}"])
        for part, end in zip(parts, ends, strict=True)
    ]


def line_text(terms: list[str]) -> str:
    """`name = function(argument, ...)`, as far as there are terms for it."""
    if len(terms) < 2:
        return " = ".join(terms)
    return f"{terms[0]} = {terms[1]}({', '.join(terms[2:])})"
