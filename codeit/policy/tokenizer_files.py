r"""The compact tokenizer as the files that transformers' `AutoTokenizer` opens.

`tokenizer.json` holds rules of the `tokenizers` library, which reads a text piece by piece and
joins pieces by regular expressions; it cannot rename variables. So the ids are those of
`CompactTokenizer` for every program whose variables are x1, x2, ... line by line, as decoded ids
have them, and for the text of every prompt.

    text     x2 = fill(I, x1)        1x3 background=0 3=0,2 0,1
    pieces   x2 fill I x1            1x 3 background=0 3= 0,2 0,1

A decoder joins pieces with blanks, and then makes signs of some of them. The token for three
columns is `x3` in `CompactTokenizer`, which a variable is called, too; in these files it is `3`,
and the one for three rows `3x`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
_OURS = "codeit_tokenizer"
"""A key of the config, which says that these are the files of a compact tokenizer."""

_SIGNS = r" = |, |[() ]"
"""Stand between pieces, and are no token."""
_PIECES = r"background=\d|[A-Za-z_]\w*|\d+x(?=\d)|\d+,\d+|\d=|\d+|[|\n]"
_JOINS = [
    (r" (?=</s>|<pad>)", ""),
    (r" ?\n ?", "\n"),
    # Of a grid: `10x 3 background=0 3= 0,2 | 1x 1`.
    (r" \| ", "|"),
    (r"(?<!\w)\d+x\K (?=\d)", ""),
    (r"(?<=\d=) ", ""),
    # Of a program: `x2 fill I x1` becomes `x2 = fill I x1`, `x2 = fill(I x1`, `x2 = fill(I, x1`.
    (r"(?:\A|\n)[A-Za-z_]\w*\K (?=[A-Za-z_])", " = "),
    (r" = \w+\K(?: |(?=\n|<|\z))", "("),
    (r"(?<!=) (?=[A-Za-z_])(?!background=)", ", "),
    (r"\([^\n<]*\K(?=\n|<|\z)", ")"),
]
"""What a decoder replaces, one after the other, in pieces that are joined with blanks."""


def write_tokenizer_files(
    directory: Path, programs: Mapping[str, int], prompts: Mapping[str, int], pad: str, end: str
) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`.

    Args:
        programs, prompts: the ids of all tokens; those of prompts with their names in
            `CompactTokenizer`.
        pad, end: the tokens for padding and for the end, which is added to every text.
    """
    ids = {**programs, **{_piece(name): k for name, k in prompts.items()}}
    (directory / TOKENIZER).write_text(json.dumps(_rules(ids, pad, end)) + "\n", "utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": pad,
        "eos_token": end,
        "clean_up_tokenization_spaces": False,
        _OURS: "compact",
    }
    (directory / CONFIG).write_text(json.dumps(config, indent=1) + "\n", "utf-8")


def are_of_compact(config: Mapping[str, Any]) -> bool:
    """Whether a `tokenizer_config.json` is one that `write_tokenizer_files` wrote."""
    return _OURS in config


def _piece(name: str) -> str:
    """How a token of a prompt is called here."""
    if name.isdecimal():
        return f"{name}x"
    return name[1:] if re.fullmatch(r"x\d+", name) else name


def _rules(ids: Mapping[str, int], pad: str, end: str) -> dict[str, Any]:
    added: list[dict[str, Any]] = [
        {
            "id": ids[token],
            "content": token,
            "special": True,
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
        }
        for token in (pad, end)
    ]
    last = {"SpecialToken": {"id": end, "type_id": 0}}
    parts = [[{"Sequence": {"id": name, "type_id": 0}}, last] for name in ("A", "B")]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [_split(_SIGNS, "Removed"), _split(_PIECES, "Isolated")],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": parts[0],
            "pair": [*parts[0], *parts[1]],
            "special_tokens": {end: {"id": end, "ids": [ids[end]], "tokens": [end]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                # Puts a blank before every piece but the first; no piece begins with the prefix.
                {"type": "WordPiece", "prefix": "\0", "cleanup": False},
                {"type": "Fuse"},
                *(_replacement(pattern, text) for pattern, text in _JOINS),
            ],
        },
        # No token has this name: a word that is none is an error.
        "model": {"type": "WordLevel", "vocab": dict(ids), "unk_token": "<unk>"},
    }


def _split(pattern: str, behavior: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}


def _replacement(pattern: str, text: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": text}
