"""Rows of the embedding for names that the language has got since a model was trained."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from codeit.language import Language
from codeit.policy.model.t5 import T5
from codeit.policy.tokenizer import CompactTokenizer, Tokenizer


def grow_vocabulary(model: T5, tokenizer: Tokenizer) -> None:
    """Give a model a row for each id that the compact tokenizer has beyond its vocabulary, where
    all of these are primitives of one's own.

    A row is the mean of those of the primitives that return the same type: the model takes the new
    name for one of them until it learns better. Of any other tokenizer it is left as it is.
    """
    first, last = model.config.vocab_size, tokenizer.vocab_size
    if not isinstance(tokenizer, CompactTokenizer) or last <= first:
        return
    language = tokenizer.language
    ids = {name: _id_of(name, tokenizer) for name in language.primitives}
    new = {ids[name]: name for name in language.own_names if ids[name] >= first}
    if sorted(new) != list(range(first, last)):
        return
    likes = [_like(new[k], language, ids, first) for k in range(first, last)]
    tables = ["embedding"] if model.config.is_tied else ["embedding", "untied_head"]
    for name in tables:
        old = getattr(model, name).detach()
        rows = [old[like].mean(dim=0, keepdim=True) for like in likes]
        setattr(model, name, nn.Parameter(torch.cat([old, *rows])))
    raw = {**model.config.raw, "vocab_size": last}
    model.config = dataclasses.replace(model.config, vocab_size=last, raw=raw)


def _id_of(name: str, tokenizer: CompactTokenizer) -> int:
    return int(tokenizer.encode_program(f"O = {name}(I)", is_plain=True)[1])


def _like(name: str, language: Language, ids: dict[str, int], first: int) -> list[int]:
    """The ids of primitives with the same result, or of all, that the model knows."""
    known = [p for p in language.primitives.values() if ids[p.name] < first]
    same = [p for p in known if p.returns == language.primitives[name].returns]
    return [ids[p.name] for p in same or known]
