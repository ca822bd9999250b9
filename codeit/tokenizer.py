"""Prompts and programs as token ids: CodeT5's own tokenizer, and a compact one for the language."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import codeit._native.text as native
from codeit.arc import check_grid
from codeit.dsl import CONSTANTS, PRIMITIVES
from codeit.ranges import MAX_INT, check_elements, integers
from codeit.text import SEPARATOR, grids_to_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Grid = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.uint16]

COMPACT_FILE = "compact_tokenizer.json"
"""What a compact tokenizer leaves in a checkpoint; its vocabulary follows from the language."""

_MAX_VARIABLES = 99
_PROMPT_PIECE = re.compile(r"\d+(?=x)|x\d+|background=\d|\d=|\d+,\d+|[|\n]")


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


_VARIABLES = [f"x{k}" for k in range(1, _MAX_VARIABLES + 1)]
_TERMS = [*PRIMITIVES, *CONSTANTS, "I", *_VARIABLES]


class Tokenizer(ABC):
    """Text to ids and back. Ids fit 16 bits.

    Attributes:
        vocab_size: ids are below it.
        pad_id, end_id: padding, and the end of a program; the same where there is no padding. What
            a decoder starts with is the model's to say.
        program_ids: every id that can occur in a program, end_id included.
        is_renumbered: whether variables are written by their lines' numbers, not by their names.
    """

    vocab_size: int
    pad_id: int
    end_id: int
    program_ids: Ids
    is_renumbered: bool

    def encode_inputs(
        self, grids: Sequence[Grid], max_tokens: int, *, is_plain: bool = False
    ) -> Ids:
        """The first half of a prompt: the inputs of all demonstrations, cut to max_tokens ids.

        With is_plain, the text is written and then tokenised; otherwise its pieces' ids, which are
        known, are strung together. Both ways give the same ids.

        Raises:
            ValueError: a grid is none of ARC.
        """
        return self._encode_grids(self._openings[0], grids, max_tokens, is_plain)

    def encode_outputs(
        self, grids: Sequence[Grid], max_tokens: int, *, is_plain: bool = False
    ) -> Ids:
        """The second half: a newline and the outputs of all demonstrations, cut likewise."""
        return self._encode_grids(self._openings[1], grids, max_tokens, is_plain)

    def _encode_grids(
        self, opening: Ids, grids: Sequence[Grid], max_tokens: int, is_plain: bool
    ) -> Ids:
        if not is_plain and all(type(g) is np.ndarray and g.dtype == np.uint8 for g in grids):
            ids: Ids | None = self._prompt_writer.write(opening, grids, max_tokens)
            if ids is not None:
                return ids
        checked = [check_grid(grid, f"grid {k}") for k, grid in enumerate(grids)]
        text = self._encode(grids_to_text(checked), opens=False)
        return np.concatenate([opening, np.array(text, dtype=np.uint16)])[:max_tokens]

    @cached_property
    def _openings(self) -> tuple[Ids, Ids]:
        """What stands before the inputs, and before the outputs."""
        return (
            np.array(self._encode("", opens=True), dtype=np.uint16),
            np.array(self._encode("\n", opens=False), dtype=np.uint16),
        )

    @cached_property
    def _prompt_writer(self) -> native.PromptWriter:
        sides, places, colors = range(1, 31), range(30), range(10)
        texts = [
            *(f"{height}x{width}" for height in sides for width in sides),
            *(f" background={color}" for color in colors),
            *(f" {color}=" for color in colors),
            *(f"{i},{j}" for i in places for j in places),
            *(f" {i},{j}" for i in places for j in places),
            SEPARATOR,
        ]
        return native.PromptWriter([self._encode(text, opens=False) for text in texts])

    @abstractmethod
    def _encode(self, text: str, opens: bool) -> list[int]:
        """Ids of a part of a prompt; the start token goes before the part that opens it."""

    def encode_program(self, text: str, *, is_plain: bool = False) -> Ids:
        """Ids of a normalised program, end_id last. For is_plain see encode_inputs.

        Raises:
            ValueError: the program cannot be written with this vocabulary.
        """
        ids: Ids | None = None if is_plain else self._program_writer.write(text)
        return np.array(self._encode_program(text), dtype=np.uint16) if ids is None else ids

    @cached_property
    def _program_writer(self) -> native.ProgramWriter:
        return native.ProgramWriter(self.spelling(), self.is_renumbered)

    @abstractmethod
    def _encode_program(self, text: str) -> list[int]:
        """The plain way."""

    @abstractmethod
    def spelling(self) -> Spelling:
        """How programs are written."""

    @abstractmethod
    def decode_program(self, ids: npt.ArrayLike) -> str:
        """The text of generated ids, up to end_id or padding; it need not be a program.

        A model may have more ids than its tokenizer; they are no token of any program.

        Raises:
            ValueError: they are no integers, or one of them is negative.
        """

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write what load_tokenizer needs into a checkpoint."""

    def _until_end(self, ids: npt.ArrayLike) -> npt.NDArray[Any]:
        array = integers("ids", ids, np.int64)
        stops = np.flatnonzero((array == self.end_id) | (array == self.pad_id))
        kept = array[: stops[0]] if len(stops) else array
        check_elements("ids", kept, 0, MAX_INT)
        return kept


class CompactTokenizer(Tokenizer):
    """One token for each primitive, constant, variable, place, size and color, for small models.

    A program is written line by line as `name function argument ... newline`. Variables are named
    x1, x2, ... in order, so that two texts that differ only in their names have the same ids.
    """

    is_renumbered = True

    def __init__(self) -> None:
        special = ["<pad>", "</s>", "\n", SEPARATOR]
        program = [*PRIMITIVES, *CONSTANTS, "I", "O", *_VARIABLES]
        sides = range(1, 31)
        prompt = [
            *(f"{n}" for n in sides),
            *(f"x{n}" for n in sides),
            *(f"background={c}" for c in range(10)),
            *(f"{c}=" for c in range(10)),
            *(f"{i},{j}" for i in range(30) for j in range(30)),
        ]
        # `x3` is a variable in a program and three columns in a prompt: two tables, one id space.
        self._names = [*special, *program, *prompt]
        first_prompt_id = len(special) + len(program)
        self._program_id = {name: k for k, name in enumerate(self._names[:first_prompt_id])}
        self._prompt_id = {name: k + first_prompt_id for k, name in enumerate(prompt)}
        self._prompt_id |= {name: self._program_id[name] for name in ("\n", SEPARATOR)}
        self.vocab_size = len(self._names)
        self.pad_id = 0
        self.end_id = 1
        self._newline_id = 2
        allowed = [self.end_id, self._newline_id, *range(len(special), first_prompt_id)]
        self.program_ids = np.array(allowed, dtype=np.uint16)

    def _encode(self, text: str, opens: bool) -> list[int]:
        return [self._prompt_id[piece] for piece in _PROMPT_PIECE.findall(text)]

    def _encode_program(self, text: str) -> list[int]:
        ids: list[int] = []
        names: dict[str, str] = {}
        for number, line in enumerate(text.split("\n"), start=1):
            name, call = line.split(" = ")
            function, arguments = call.rstrip().rstrip(")").split("(")
            new_name = "O" if name == "O" else f"x{number}"
            terms = [names.get(term, term) for term in (function, *arguments.split(", "))]
            for term in (new_name, *terms):
                if term not in self._program_id:
                    raise ValueError(f"line {number}: no token for {term!r}")
                ids.append(self._program_id[term])
            names[name] = new_name
            ids.append(self._newline_id)
        ids[-1] = self.end_id
        return ids

    def spelling(self) -> Spelling:
        terms = [[self._program_id[term]] for term in _TERMS]
        return Spelling(
            start=[],
            assign=[],
            open=[],
            separator=[],
            close=[],
            newline=[self._newline_id],
            end=[self.end_id],
            output=[self._program_id["O"]],
            names=terms[-_MAX_VARIABLES:],
            functions=terms,
            first_arguments=terms,
            arguments=terms,
        )

    def decode_program(self, ids: npt.ArrayLike) -> str:
        lines: list[list[str]] = [[]]
        for k in self._until_end(ids):
            if k == self._newline_id:
                lines.append([])
            else:
                lines[-1].append(self._names[k] if k < self.vocab_size else f"<{k}>")
        return "\n".join(map(_line_text, lines))

    def save(self, directory: Path) -> None:
        (directory / COMPACT_FILE).write_text(json.dumps({"tokens": self._names}) + "\n")


def _line_text(terms: list[str]) -> str:
    """`name = function(argument, ...)`, as far as there are terms for it."""
    if len(terms) < 2:
        return " = ".join(terms)
    return f"{terms[0]} = {terms[1]}({', '.join(terms[2:])})"


class CodeT5Tokenizer(Tokenizer):
    """The byte-level BPE of CodeT5 and CodeT5+, as Hugging Face's library runs it."""

    is_renumbered = False

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """
        Raises:
            ValueError: a program cannot be written with its vocabulary.
        """
        self._tokenizer = tokenizer
        self.vocab_size = len(tokenizer)
        self.pad_id = int(tokenizer.pad_token_id)
        self.end_id = int(tokenizer.eos_token_id)
        self._start_id = int(tokenizer.bos_token_id)
        self.program_ids = self._find_program_ids()

    def _find_program_ids(self) -> Ids:
        """Ids of everything that a program is made of, in the contexts in which it occurs."""
        names = [*PRIMITIVES, *CONSTANTS, "I"]
        variables = ["O", *_VARIABLES]
        texts = [
            *(f"x1 = {name}(" for name in [*names, *variables]),
            *(f"f({name}, {name})" for name in [*names, *variables]),
            *(f"\n{name} = " for name in variables),
            *variables,
        ]
        encoded = self._tokenizer(texts, add_special_tokens=False)["input_ids"]
        for text, found in zip(texts, encoded, strict=True):
            # What it has no token for, the library leaves out.
            if self._tokenizer.decode(found) != text:
                raise ValueError(f"the vocabulary lacks a token of {text!r}")
        ids = {k for text in encoded for k in text} | {self.end_id, self._start_id}
        return np.array(sorted(ids), dtype=np.uint16)

    def _encode(self, text: str, opens: bool) -> list[int]:
        ids = self._tokenizer.encode(text, add_special_tokens=False)
        return [self._start_id, *ids] if opens else ids

    def _encode_program(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=True)
        return ids

    def spelling(self) -> Spelling:
        def ids(text: str) -> list[int]:
            return self._encode(text, opens=False)

        terms = [ids(term) for term in _TERMS]
        terms_after_blank = [ids(f" {term}") for term in _TERMS]
        return Spelling(
            start=[self._start_id],
            assign=ids(" ="),
            open=ids("("),
            separator=ids(","),
            close=ids(")"),
            newline=ids("\n"),
            end=[self.end_id],
            output=ids("O"),
            names=terms[-_MAX_VARIABLES:],
            functions=terms_after_blank,
            first_arguments=terms,
            arguments=terms_after_blank,
        )

    def decode_program(self, ids: npt.ArrayLike) -> str:
        kept = self._until_end(ids)
        return str(self._tokenizer.decode(kept.tolist(), skip_special_tokens=True)).split("#")[0]

    def save(self, directory: Path) -> None:
        self._tokenizer.save_pretrained(directory)


def load_tokenizer(name: str) -> Tokenizer:
    """A tokenizer by name.

    Args:
        name: "compact"; a model of the Hugging Face hub such as "Salesforce/codet5-small"; or a
            directory: a checkpoint, or `vocab.json` and `merges.txt` of CodeT5's BPE alone.
    Raises:
        ValueError: a directory holds no tokenizer, or one that differs from this version's, or one
            that programs cannot be written with.
        OSError: the hub cannot be reached, or has no such model.
    """
    directory = Path(name)
    if name == "compact":
        return CompactTokenizer()
    if (directory / COMPACT_FILE).is_file():
        tokenizer = CompactTokenizer()
        saved = json.loads((directory / COMPACT_FILE).read_text())["tokens"]
        if saved != tokenizer._names:
            raise ValueError(
                f"{directory / COMPACT_FILE}: made for another version of the language"
            )
        return tokenizer
    import transformers

    if directory.is_dir() and not (directory / "tokenizer_config.json").is_file():
        vocab, merges = directory / "vocab.json", directory / "merges.txt"
        if not vocab.is_file() or not merges.is_file():
            raise ValueError(f"{name}: there is no tokenizer in this directory")
        extra = [f"<extra_id_{k}>" for k in reversed(range(100))]
        return CodeT5Tokenizer(
            transformers.RobertaTokenizerFast(
                vocab=str(vocab), merges=str(merges), additional_special_tokens=extra
            )
        )
    return CodeT5Tokenizer(transformers.AutoTokenizer.from_pretrained(name))
