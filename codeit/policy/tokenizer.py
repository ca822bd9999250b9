"""Prompts and programs as token ids: by a T5 model's own tokenizer, or by a compact one."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import codeit._native.text as native
from codeit.files.json_file import read_object
from codeit.grids import MAX_SIDE, NUM_COLORS, Grid, check_grid
from codeit.language import STANDARD, Language, Program, current
from codeit.language.program import Dialect
from codeit.policy.hub import check_is_to_be_had, is_reachable
from codeit.policy.spelling import MAX_VARIABLES, VARIABLES, Spelling, line_text, texts_of_all_names
from codeit.policy.text import SEPARATOR, grids_to_text
from codeit.policy.tokenizer_files import CONFIG, are_of_compact, write_tokenizer_files
from codeit.ranges import MAX_INT, check_elements, integers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = npt.NDArray[np.uint16]

LANGUAGE_FILE = "language.json"
"""What every tokenizer leaves in a checkpoint: the record of the language that it is for."""

COMPACT_FILE = "compact_tokenizer.json"
"""What a compact tokenizer leaves in a checkpoint, beside what transformers reads; its vocabulary
follows from the language."""

_PROMPT_PIECE = re.compile(r"\d+(?=x)|x\d+|background=\d|\d=|\d+,\d+|[|\n]")


class Tokenizer(ABC):
    """Text to ids and back. Ids fit 16 bits.

    Attributes:
        language: that its programs are written in.
        vocab_size: ids are below it.
        pad_id, end_id: padding, and the end of a program; the same where there is no padding. What
            a decoder starts with is the model's to say.
        program_ids: every id that can occur in a program, end_id included.
    """

    language: Language
    vocab_size: int
    pad_id: int
    end_id: int
    program_ids: Ids

    def encode_inputs(self, grids: Sequence[Grid], max_ids: int, *, is_plain: bool = False) -> Ids:
        """The first half of a prompt: the inputs of all demonstrations, cut to max_ids.

        With is_plain, the text is written and then tokenised; otherwise its pieces' ids, which are
        known, are strung together. Both ways give the same ids.

        Raises:
            ValueError: a grid is none of ARC.
        """
        return self._encode_grids(self._openings[0], grids, max_ids, is_plain)

    def encode_outputs(self, grids: Sequence[Grid], max_ids: int, *, is_plain: bool = False) -> Ids:
        """The second half: a newline and the outputs of all demonstrations, cut likewise."""
        return self._encode_grids(self._openings[1], grids, max_ids, is_plain)

    def _encode_grids(
        self, opening: Ids, grids: Sequence[Grid], max_ids: int, is_plain: bool
    ) -> Ids:
        if not is_plain:
            writer = self._prompt_writer
            ids: Ids | None = writer.write(opening, grids, max_ids) if writer else None
            if ids is not None:
                return ids
        checked = [check_grid(grid, f"grid {k}") for k, grid in enumerate(grids)]
        text = self._encode(grids_to_text(checked), opens=False)
        return np.concatenate([opening, np.array(text, dtype=np.uint16)])[:max_ids]

    @cached_property
    def _openings(self) -> tuple[Ids, Ids]:
        """What stands before the inputs, and before the outputs."""
        return (
            np.array(self._encode("", opens=True), dtype=np.uint16),
            np.array(self._encode("\n", opens=False), dtype=np.uint16),
        )

    @cached_property
    def _prompt_writer(self) -> native.PromptWriter | None:
        """None if pieces take more ids than it has room for, as the bytes of ByT5 do."""
        sides, places, colors = range(1, MAX_SIDE + 1), range(MAX_SIDE), range(NUM_COLORS)
        texts = [
            *(f"{height}x{width}" for height in sides for width in sides),
            *(f" background={color}" for color in colors),
            *(f" {color}=" for color in colors),
            *(f"{i},{j}" for i in places for j in places),
            *(f" {i},{j}" for i in places for j in places),
            SEPARATOR,
        ]
        pieces = [self._encode(text, opens=False) for text in texts]
        with suppress(ValueError):
            return native.PromptWriter(pieces)
        return None

    @abstractmethod
    def _encode(self, text: str, opens: bool) -> list[int]:
        """Ids of a part of a prompt; the start token goes before the part that opens it."""

    def encode_program(self, program: Program | str, *, is_plain: bool = False) -> Ids:
        """Ids of a program, end_id last. For is_plain see encode_inputs.

        Args:
            program: of a Program the ids are written from its code; a text goes the plain way.
        Raises:
            ValueError: the program cannot be written with this vocabulary.
        """
        if isinstance(program, Program) and not is_plain:
            ids = self._program_writer.write(program)
            if ids is not None:
                return ids
        text = program.text if isinstance(program, Program) else program
        return np.array(self._encode_program(text), dtype=np.uint16)

    def encode_programs(self, programs: Sequence[Program]) -> list[Ids | None]:
        """Ids of many programs, written without Python's lock; None for one that cannot be
        written with this vocabulary."""
        found = self._program_writer.write_all(programs)
        for k in (k for k, ids in enumerate(found) if ids is None):
            with suppress(ValueError):
                found[k] = self.encode_program(programs[k], is_plain=True)
        return found

    def read_programs(
        self, rows: npt.NDArray[np.int64], dialect: Dialect = "codeit"
    ) -> list[Program | str]:
        """What generated ids are: a program, or text that is none.

        Ids that are spelled as encode_program spells them become a program without a text between,
        and without Python's lock; of others the text is parsed.

        Args:
            rows: ids [N, T], each row up to end_id or padding; see decode_program.
        """
        codes: list[bytes | None] = [None] * len(rows)
        if self._program_reader is not None:
            codes = self._program_reader.read_all(np.ascontiguousarray(rows), self.end_id)
        found = Program.of_codes(codes, dialect, self.language)
        unread = [k for k, program in enumerate(found) if program is None]
        texts = [self.decode_program(rows[k]) for k in unread]
        parsed = dict(zip(unread, Program.parse_all(texts, dialect, self.language), strict=True))
        written = dict(zip(unread, texts, strict=True))
        programs: list[Program | str] = []
        for k, program in enumerate(found):
            other = parsed.get(k)
            read = program or (other if isinstance(other, Program) else None)
            programs.append(read if read is not None else written[k])
        return programs

    def min_program_tokens(self) -> int:
        """How many ids the shortest program takes, the end's included."""
        return min(
            len(self.encode_program(_parsed(f"O = {primitive.name}(I)", self.language)))
            for primitive in self.language.primitives.values()
            if primitive.arity == 1
        )

    @cached_property
    def _program_writer(self) -> native.ProgramWriter:
        return native.ProgramWriter(self.spelling(), self.language)

    @cached_property
    def _program_reader(self) -> native.ProgramReader | None:
        """None if there is no automaton of its spelling."""
        with suppress(ValueError):
            automaton = native.ProgramAutomaton(self.spelling(), False, self.language)
            return native.ProgramReader(automaton)
        return None

    @property
    def _terms(self) -> list[str]:
        """Whatever a call is made of, in the order of Spelling."""
        return [*self.language.names, "I", *VARIABLES]

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

    def save(self, directory: Path) -> None:
        """Write what load_tokenizer needs into a checkpoint."""
        self._save(directory)
        (directory / LANGUAGE_FILE).write_text(json.dumps(self.language.record()) + "\n")

    @abstractmethod
    def _save(self, directory: Path) -> None:
        """The same without the language's record."""

    def _until_end(self, ids: npt.ArrayLike) -> npt.NDArray[Any]:
        array = integers("ids", ids, np.int64)
        stops = np.flatnonzero((array == self.end_id) | (array == self.pad_id))
        kept = array[: stops[0]] if len(stops) else array
        if kept.size > 0 and kept.min() < 0:
            check_elements("ids", kept, 0, MAX_INT)
        return kept


def _parsed(text: str, language: Language) -> Program:
    return Program.parse(text, language=language)


class CompactTokenizer(Tokenizer):
    """One token for each primitive, constant, variable, place, size and color, for small models.

    A program is written line by line as `name function argument ... newline`. Variables are named
    x1, x2, ... in order, so that two texts that differ only in their names have the same ids. Names
    that the standard language lacks come behind everything else: what has learned the other ids
    keeps them.
    """

    def __init__(self, language: Language | None = None) -> None:
        self.language = language = language or current()
        special = ["<pad>", "</s>", "\n", SEPARATOR]
        standard = [name for name in language.names if name in STANDARD.names]
        added = [name for name in language.names if name not in STANDARD.names]
        program = [*standard, "I", "O", *VARIABLES]
        sides = range(1, 31)
        prompt = [
            *(f"{n}" for n in sides),
            *(f"x{n}" for n in sides),
            *(f"background={c}" for c in range(10)),
            *(f"{c}=" for c in range(10)),
            *(f"{i},{j}" for i in range(MAX_SIDE) for j in range(MAX_SIDE)),
        ]
        # `x3` is a variable in a program and three columns in a prompt: two tables, one id space.
        self._names = [*special, *program, *prompt, *added]
        first_prompt_id = len(special) + len(program)
        first_added_id = first_prompt_id + len(prompt)
        self._program_id = {name: k for k, name in enumerate(self._names[:first_prompt_id])}
        self._program_id |= {name: k + first_added_id for k, name in enumerate(added)}
        self._prompt_id = {name: k + first_prompt_id for k, name in enumerate(prompt)}
        self._prompt_id |= {name: self._program_id[name] for name in ("\n", SEPARATOR)}
        self.vocab_size = len(self._names)
        self.pad_id = 0
        self.end_id = 1
        self._newline_id = 2
        allowed = [self.end_id, self._newline_id, *range(len(special), first_prompt_id)]
        allowed += range(first_added_id, self.vocab_size)
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
        terms = [[self._program_id[term]] for term in self._terms]
        return Spelling(
            start=[],
            assign=[],
            open=[],
            separator=[],
            close=[],
            newline=[self._newline_id],
            end=[self.end_id],
            output=[self._program_id["O"]],
            names=terms[-MAX_VARIABLES:],
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
                # A model can have more ids than its tokenizer.
                lines[-1].append(self._names[k] if k < self.vocab_size else f"<{k}>")
        return "\n".join(map(line_text, lines))

    def _save(self, directory: Path) -> None:
        (directory / COMPACT_FILE).write_text(json.dumps({"tokens": self._names}) + "\n")
        write_tokenizer_files(directory, self._program_id, self._prompt_id, *self._names[:2])


class HubTokenizer(Tokenizer):
    """A tokenizer of Hugging Face's library, as that runs it: the byte-level BPE of CodeT5 and
    CodeT5+, the bytes of ByT5."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, language: Language | None = None
    ) -> None:
        """
        Raises:
            ValueError: a program or a grid cannot be written with its vocabulary.
        """
        self.language = language or current()
        self._tokenizer = tokenizer
        self._vocabulary: dict[str, int] = tokenizer.get_vocab()
        self.vocab_size = max(len(tokenizer), 1 + max(self._vocabulary.values()))
        if self.vocab_size > _MAX_VOCABULARY:
            raise ValueError(
                f"the tokenizer has {self.vocab_size} ids; no more than {_MAX_VOCABULARY} are "
                "supported, as ids are stored in 16 bits"
            )
        if tokenizer.eos_token_id is None:
            raise ValueError("the tokenizer has no token that ends a text (eos_token)")
        self.end_id = int(tokenizer.eos_token_id)
        pad_id = tokenizer.pad_token_id
        self.pad_id = self.end_id if pad_id is None else int(pad_id)
        # What it puts before a text; T5's puts nothing there.
        frame = [int(k) for k in tokenizer.encode("")]
        self._start_ids = frame[: frame.index(self.end_id)] if self.end_id in frame else frame
        self.program_ids = self._find_program_ids()
        self._check_parts()

    def _ids_of(self, text: str) -> list[int]:
        """Of a text, with nothing before or after it."""
        # Texts may be longer than a model was trained on; prompts are cut later.
        ids = self._tokenizer.encode(text, add_special_tokens=False, verbose=False)
        return [int(k) for k in ids]

    def _text_of(self, ids: list[int]) -> str:
        """Of ids that it has."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))

    def _find_program_ids(self) -> Ids:
        """Ids of everything that a program is made of, in the contexts in which it occurs."""
        names = [*self.language.names, "I"]
        variables = ["O", *VARIABLES]
        texts = [
            *(f"x1 = {name}(" for name in [*names, *variables]),
            *(f"f({name}, {name})" for name in [*names, *variables]),
            *(f"\n{name} = " for name in variables),
            *variables,
        ]
        ids = {self.end_id, *self._start_ids}
        for text in texts:
            found = self._ids_of(text)
            # What it has no token for, the library leaves out.
            if self._text_of(found) != text:
                raise ValueError(f"the vocabulary lacks a token of {text!r}")
            ids.update(found)
        return np.array(sorted(ids), dtype=np.uint16)

    def _check_parts(self) -> None:
        """Raise ValueError unless grids can be written, and the ids of a text are those of its
        parts, one after the other."""
        programs = [_parsed(text, self.language) for text in texts_of_all_names(self.language)]
        grids = [np.arange(side * 30, dtype=np.uint8).reshape(side, 30) % 10 for side in (1, 8)]
        prompt = grids_to_text(grids)
        written = self._text_of(self._ids_of(prompt))
        if written != prompt:
            lacking = "".join(sorted(set(prompt) - set(written)))
            raise ValueError(
                f"the vocabulary lacks a token that grids are written with: {lacking!r}"
            )
        by_parts = [
            *(self.encode_program(program) for program in programs),
            self.encode_inputs(grids, 1 << 14),
        ]
        plainly = [
            *(self.encode_program(program, is_plain=True) for program in programs),
            self.encode_inputs(grids, 1 << 14, is_plain=True),
        ]
        if not all(map(np.array_equal, by_parts, plainly)):
            raise ValueError("the tokenizer's tokens reach from one part of a text into the next")

    def _encode(self, text: str, opens: bool) -> list[int]:
        ids = self._ids_of(text)
        return [*self._start_ids, *ids] if opens else ids

    def _encode_program(self, text: str) -> list[int]:
        return [*self._start_ids, *self._ids_of(text), self.end_id]

    def spelling(self) -> Spelling:
        def ids(text: str) -> list[int]:
            return self._encode(text, opens=False)

        terms = [ids(term) for term in self._terms]
        terms_after_blank = [ids(f" {term}") for term in self._terms]
        return Spelling(
            start=self._start_ids,
            assign=ids(" ="),
            open=ids("("),
            separator=ids(","),
            close=ids(")"),
            newline=ids("\n"),
            end=[self.end_id],
            output=ids("O"),
            names=terms[-MAX_VARIABLES:],
            functions=terms_after_blank,
            first_arguments=terms,
            arguments=terms_after_blank,
        )

    def decode_program(self, ids: npt.ArrayLike) -> str:
        kept = [int(k) for k in self._until_end(ids)]
        # A model can have more ids than its tokenizer.
        foreign = next((n for n, k in enumerate(kept) if k >= self.vocab_size), len(kept))
        rest = "".join(f"<{k}>" for k in kept[foreign : foreign + 1])
        return (self._text_of(kept[:foreign]) + rest).split("#")[0]

    def _save(self, directory: Path) -> None:
        self._tokenizer.save_pretrained(directory)


class PieceTokenizer(HubTokenizer):
    """The vocabulary of a tokenizer that would not write programs as they are, such as T5's.

    T5's sentencepiece makes blanks of newlines, begins every text with a blank and joins what
    stands together. Here a text is divided into words, numbers and signs, each with the blank
    before it; each is written in the fewest pieces of the vocabulary, and read by joining pieces.
    Where there is no newline, a spare token of T5's, <extra_id_0>, stands for it.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, language: Language | None = None
    ) -> None:
        special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        self._pieces = {
            piece.replace("\u2581", " "): k for piece, k in vocabulary.items() if k not in special
        }
        newlines = [vocabulary[name] for name in _NEWLINES if name in vocabulary]
        if not newlines:
            raise ValueError("the vocabulary has no newline, nor <extra_id_0> to stand for one")
        self._pieces["\n"] = newlines[0]
        self._texts = {k: name for name, k in vocabulary.items()}
        self._texts |= {k: piece for piece, k in self._pieces.items()}
        self._known: dict[str, list[int]] = {}
        super().__init__(tokenizer, language)

    def _ids_of(self, text: str) -> list[int]:
        ids: list[int] = []
        for part in _PART.findall(text):
            if part not in self._known:
                self._known[part] = self._fewest_pieces(part)
            ids += self._known[part]
        return ids

    def _fewest_pieces(self, part: str) -> list[int]:
        """Of those with as few, the one whose pieces are longer first."""
        best: list[list[int] | None] = [[]]  # of what is left behind a place, from the end
        for start in range(len(part) - 1, -1, -1):
            rests = [
                [self._pieces[part[start:end]], *rest]
                for end in range(len(part), start, -1)
                if part[start:end] in self._pieces and (rest := best[len(part) - end]) is not None
            ]
            best.append(min(rests, key=len, default=None))
        found = best[-1]
        if found is None:
            raise ValueError(f"the vocabulary has no pieces for {part!r}")
        return found

    def _text_of(self, ids: list[int]) -> str:
        return "".join(self._texts.get(k, f"<{k}>") for k in ids)


_MAX_VOCABULARY = 1 << 16
_NEWLINES = ("\n", "<0x0A>", "<extra_id_0>")
_PART = re.compile(r" ?(?:[A-Za-z_]+|[0-9]+|[^\sA-Za-z0-9_])|\s")


def _hub_tokenizer(
    name: str, make: Callable[[], PreTrainedTokenizerBase], language: Language
) -> Tokenizer:
    """What the library makes, as it is if that writes programs, else piece by piece."""
    try:
        tokenizer = make()
    except MemoryError:
        raise
    except OSError as error:
        if error.errno is None:  # the library's own, of several lines
            reason = str(error).strip().split("\n")[0]
            raise OSError(f"{name}: its tokenizer is not to be had: {reason}") from None
        raise
    except Exception as error:  # each class of the library has its own for a damaged file
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(f"{name}: not a tokenizer that can be read: {reason}") from None
    try:
        return HubTokenizer(tokenizer, language)
    except ValueError as error:
        why_not = error
    try:
        return PieceTokenizer(tokenizer, language)
    except ValueError as error:
        also = "" if str(error) == str(why_not) else f"; {error}"
        raise ValueError(f"{name}: {why_not}{also}") from None


def load_tokenizer(name: str, language: Language | None = None) -> Tokenizer:
    """A tokenizer by name.

    Args:
        name: "compact"; a model of the Hugging Face hub such as "Salesforce/codet5-small"; or a
            directory: a checkpoint, or `vocab.json` and `merges.txt` of CodeT5's BPE alone.
        language: whose names it writes; None: those of this process. Of a checkpoint those that it
            was made with, which the language must have, and new primitives of one's own.
    Raises:
        ValueError: a directory holds no tokenizer, or a damaged one, or one that programs cannot be
            written with, or one for names that the language lacks or that mean something else.
        OSError: the hub cannot be reached, or has no such model.
    """
    directory, language = Path(name), language or current()
    if name == "compact":
        return CompactTokenizer(language)
    check_is_to_be_had(name)
    if (directory / LANGUAGE_FILE).is_file():
        record = read_object(directory / LANGUAGE_FILE)
        try:
            language = language.of_record(record).with_own_of(language)
        except ValueError as error:
            raise ValueError(f"{directory / LANGUAGE_FILE}: {error}") from None
    if (directory / COMPACT_FILE).is_file():
        return _compact_tokenizer(directory / COMPACT_FILE, language)
    if (directory / CONFIG).is_file() and are_of_compact(read_object(directory / CONFIG)):
        what = f"there is no tokenizer in this directory, as {COMPACT_FILE} is missing"
        raise ValueError(f"{name}: {what}")
    import transformers

    if directory.is_dir() and not (directory / CONFIG).is_file():
        vocab, merges = directory / "vocab.json", directory / "merges.txt"
        if not vocab.is_file() or not merges.is_file():
            raise ValueError(f"{name}: there is no tokenizer in this directory")
        extra = [f"<extra_id_{k}>" for k in reversed(range(100))]
        return _hub_tokenizer(
            name,
            lambda: transformers.RobertaTokenizerFast(
                vocab=str(vocab), merges=str(merges), additional_special_tokens=extra
            ),
            language,
        )
    return _hub_tokenizer(
        name,
        lambda: transformers.AutoTokenizer.from_pretrained(
            name,
            trust_remote_code=False,
            local_files_only=not directory.is_dir() and not is_reachable(),
        ),
        language,
    )


def _compact_tokenizer(path: Path, language: Language) -> CompactTokenizer:
    """That of a file, whose tokens are those of the language. A file from before languages had
    records may have fewer names."""
    saved = read_object(path).get("tokens")
    if not isinstance(saved, list):
        raise ValueError(f'{path}: there is no list "tokens"')
    if not (path.parent / LANGUAGE_FILE).is_file():
        known = {token for token in saved if isinstance(token, str)}
        names = [name for name in language.names if name in known]
        with suppress(ValueError):  # which the comparison tells
            language = language.restricted(names, language.name).with_own_of(language)
    tokenizer = CompactTokenizer(language)
    names = tokenizer._names
    if saved != names[: len(saved)] or not language.own_names.issuperset(names[len(saved) :]):
        raise ValueError(f"{path}: made for another version of the language")
    return tokenizer
