"""The words of a command line: the parser, and the types of arguments. Errors are one line."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from codeit.ranges import integer_of, nearest_name


class _Paragraphs(argparse.HelpFormatter):
    """Fills the paragraphs of a text, and leaves those with lines that are set in as they are:
    examples and lists."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            part if "\n " in part else super(_Paragraphs, self)._fill_text(part, width, indent)
            for part in text.strip("\n").split("\n\n")
        )


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A type of an argument."""

    def parse(text: str) -> int:
        number = integer_of(text)
        if number is None or not least <= number <= most:
            allowed = f"a whole number from {least:,} to {most:,}"
            raise argparse.ArgumentTypeError(f"{text!r}; allowed: {allowed}")
        return number

    return parse


def positive_number(most: float) -> Callable[[str], float]:
    """A type of an argument."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 < number <= most:
            allowed = f"a number above 0, at most {most:,}"
            raise argparse.ArgumentTypeError(f"{text!r}; allowed: {allowed}")
        return number

    return parse


def path_of(text: str) -> Path:
    """A type of an argument. To pathlib, an empty text is the current folder."""
    if text == "":
        raise argparse.ArgumentTypeError("''; allowed: a path")
    return Path(text)


class Parser(argparse.ArgumentParser):
    """Its errors are one line, as all others.

    Args:
        examples: calls of the command that `--help` shows; tests/test_help.py runs them.
        keywords: as of any ArgumentParser.
    """

    def __init__(self, *, examples: Sequence[str] = (), **keywords: Any) -> None:
        if examples:
            keywords["epilog"] = "\n".join(["examples:", *(f"  {line}" for line in examples)])
        super().__init__(**{"formatter_class": _Paragraphs, **keywords})
        self._words: Sequence[str] = ()
        is_command = str(keywords.get("prog", "")).startswith("codeit ")
        if is_command and self.add_help:  # `codeit.cli` has taken it away before one is parsed
            own = self.add_argument_group("primitives of your own")
            own.add_argument(
                "--primitives",
                metavar="FILE.py",
                help="run this file first, whose functions are new primitives (docs/primitives.md)",
            )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but that an unknown option is named with the nearest known one."""
        self._words = sys.argv[1:] if args is None else args
        return super().parse_args(args, namespace)

    def print_help(self, file: Any = None) -> None:
        """As argparse does, but that what cannot be written is an error."""
        stream = sys.stdout if file is None else file
        stream.write(self.format_help())

    def error(self, message: str) -> NoReturn:
        if unknown := self._unknown_option():  # argparse would name what is missing without it
            raise ValueError(self.unknown(unknown))
        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message)
        near = nearest_name(choice[1], re.findall(r"[\w.-]+", choice[2])) if choice else ""
        raise ValueError(f"{message}{near}")

    def unknown(self, option: str) -> str:
        """What there is to say of an option that the command does not have."""
        return f"unknown option {option}{nearest_name(option, self._option_string_actions)}"

    def _unknown_option(self) -> str | None:
        """The first of the words that is no option, nor begins one, but is written as one."""
        known = self._option_string_actions
        for word in self._words:
            option = word.partition("=")[0]
            if word == "--":
                break
            if option.startswith("--") and not any(name.startswith(option) for name in known):
                return option
        return None
