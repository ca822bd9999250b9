"""T5 models: loaded with their weights, or made from a known geometry with random ones."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, T5Config, T5ForConditionalGeneration
from transformers.utils import logging as transformers_logging

from codeit.model.settings import ModelSettings
from codeit.tokenizer import Tokenizer


@dataclass(frozen=True)
class Geometry:
    """The sizes of a T5 model."""

    d_model: int
    d_kv: int
    d_ff: int
    num_layers: int
    """Of the encoder, and again of the decoder."""
    num_heads: int
    vocab_size: int | None = None
    """None: as many as the tokenizer has."""


GEOMETRIES = {
    "tiny": Geometry(d_model=128, d_kv=32, d_ff=512, num_layers=2, num_heads=4),
    "Salesforce/codet5-small": Geometry(512, 64, 2048, 6, 8, 32100),
    "Salesforce/codet5p-220m": Geometry(768, 64, 3072, 12, 12, 32100),
    "Salesforce/codet5p-770m": Geometry(1024, 64, 4096, 24, 16, 32100),
}
"""Known models by name; `tiny` is ours, without pretrained weights. Source: the models' configs."""


def build_model(
    settings: ModelSettings, tokenizer: Tokenizer, seed: int
) -> T5ForConditionalGeneration:
    """The policy, on the CPU in float32.

    Args:
        settings: which model, and whether its weights are loaded or drawn.
        tokenizer: its vocabulary must fit the model's.
        seed: of the random weights.
    Raises:
        ValueError: there are no weights of that name, or the vocabulary does not fit.
        OSError: the hub cannot be reached, or has no such model.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    if settings.pretrained:
        model = T5ForConditionalGeneration.from_pretrained(settings.name, dtype=torch.float32)
    else:
        torch.manual_seed(seed)
        model = T5ForConditionalGeneration(_config(settings, tokenizer))
    if model.config.vocab_size < tokenizer.vocab_size:
        raise ValueError(
            f"the tokenizer has {tokenizer.vocab_size} ids and model {settings.name!r} only "
            f"{model.config.vocab_size}"
        )
    model.config.dropout_rate = settings.dropout
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.dropout
    return model


def _config(settings: ModelSettings, tokenizer: Tokenizer) -> T5Config:
    geometry = GEOMETRIES.get(settings.name)
    if geometry is None:
        return AutoConfig.from_pretrained(settings.name)
    config = T5Config(
        vocab_size=geometry.vocab_size or tokenizer.vocab_size,
        d_model=geometry.d_model,
        d_kv=geometry.d_kv,
        d_ff=geometry.d_ff,
        num_layers=geometry.num_layers,
        num_heads=geometry.num_heads,
        dropout_rate=settings.dropout,
        feed_forward_proj="relu",
        pad_token_id=tokenizer.pad_id,
        eos_token_id=tokenizer.end_id,
    )
    config.decoder_start_token_id = tokenizer.pad_id
    return config


def save_checkpoint(
    model: T5ForConditionalGeneration, tokenizer: Tokenizer, directory: Path
) -> None:
    """Write model and tokenizer in Hugging Face's format, whole or not at all.

    What was in the directory before is replaced only when everything is on disk.
    """
    fresh = directory.with_name(directory.name + ".new")
    stale = directory.with_name(directory.name + ".old")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    model.save_pretrained(fresh)
    tokenizer.save(fresh)
    for path in fresh.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    if directory.exists():
        directory.rename(stale)
    fresh.rename(directory)
    shutil.rmtree(stale, ignore_errors=True)


def find_device(name: str) -> torch.device:
    """The device of that name; "auto" is the first GPU if there is one, else the CPU.

    Raises:
        ValueError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used: {reason}") from None
    return device
