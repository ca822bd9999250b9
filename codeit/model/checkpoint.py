"""T5 models in and out of Hugging Face's format, or from a known geometry with random weights.

Queries, keys and values come from one matrix of ours, and so do a gate and what it multiplies. On
disk, and for whoever speaks of a model by transformers' names, each has its own.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import T5Config as TransformersConfig
from transformers import T5ForConditionalGeneration
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging

from codeit.model.layers import ACTIVATIONS
from codeit.model.settings import ModelSettings
from codeit.model.t5 import T5, T5Config
from codeit.tokenizer import Tokenizer
from codeit.whole_directory import whole_directory

Tensors = dict[str, torch.Tensor]


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

_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_OLD_WEIGHTS = "pytorch_model.bin"


def build_model(settings: ModelSettings, tokenizer: Tokenizer, seed: int) -> T5:
    """The policy, on the CPU in float32.

    Args:
        settings: which model, and whether its weights are loaded or drawn.
        tokenizer: its vocabulary must fit the model's; drawn weights take their ids from it.
        seed: of the random weights.
    Raises:
        ValueError: it is no T5, its weights do not fit its config, or its vocabulary or its ids
            for padding and the end not the tokenizer's.
        OSError: the hub cannot be reached, or has no such model.
    """
    if settings.pretrained:
        model = load_model(settings.name)
    else:
        model = T5(_config(settings.name, tokenizer))
        model.initialize(torch.Generator().manual_seed(seed))
    model.config.check_tokenizer(tokenizer, f"model {settings.name!r}")
    model.config = dataclasses.replace(model.config, dropout=settings.dropout)
    return model


def load_model(name: str) -> T5:
    """A model with its weights, in float32, from a directory or the hub.

    Raises:
        ValueError: it is no T5, or its weights do not fit its config; the message names the tensor.
        OSError: there is no such model.
    """
    raw = _read_config(name)
    tensors = _read_weights(name)
    head = tensors.get("lm_head.weight")
    is_tied = head is None or torch.equal(head, tensors.get("shared.weight", head))
    config = parse_config(raw, name, is_tied)
    with torch.device("meta"):
        model = T5(config)
    ours = from_transformers(model, tensors, name)
    model.load_state_dict(ours, assign=True)
    return model.requires_grad_(True)


def save_checkpoint(
    model: T5,
    tokenizer: Tokenizer,
    directory: Path,
    write_more: Callable[[Path], None] | None = None,
) -> None:
    """Write model and tokenizer in Hugging Face's format, whole or not at all.

    What was in the directory before is replaced only when everything is on disk.

    Args:
        write_more: puts further files into a directory.
    Raises:
        OSError: it cannot be written, for one thing as the disk is full; what was there before is.
    """
    try:
        with whole_directory(directory) as fresh:
            write_model(model, fresh)
            tokenizer.save(fresh)
            if write_more:
                write_more(fresh)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch's when a disk is full, too
        free = shutil.disk_usage(directory.parent.resolve()).free
        raise OSError(
            f"{directory}: the next checkpoint cannot be written, where {free:,} bytes are free: "
            f"{error}"
        ) from error


def find_device(name: str, number: int = 0) -> torch.device:
    """The device of that name; "auto" is a GPU if there is one, else the CPU.

    Args:
        number: of the GPU, if the name does not say it.
    Raises:
        ValueError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(f"cuda:{number}" if name == "cuda" else name)
        torch.empty(0, device=device)
        if device.type == "cuda":
            torch.cuda.set_device(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used: {reason}") from None
    return device


# ---- Configs ---------------------------------------------------------------------------------


def parse_config(raw: Mapping[str, Any], name: str, is_tied: bool = True) -> T5Config:
    """Our config from the content of a config.json.

    Raises:
        ValueError: it is not that of a T5 we know.
    """
    if raw.get("model_type") != "t5":
        raise ValueError(f"{name}: the model type is {raw.get('model_type')!r}; allowed: 't5'")
    kind = raw.get("feed_forward_proj", "relu")
    # The first gated models say gelu and mean its approximation.
    activation = "gelu_new" if kind == "gated-gelu" else kind.removeprefix("gated-")
    if activation not in ACTIVATIONS:
        allowed = ", ".join(ACTIVATIONS)
        raise ValueError(f"{name}: feed_forward_proj is {kind!r}; allowed: {allowed}, or one gated")
    pad_id, end_ids = raw.get("pad_token_id", 0), raw.get("eos_token_id", 1)
    end_ids = end_ids if isinstance(end_ids, list) else [end_ids]
    start_id = raw.get("decoder_start_token_id", pad_id)
    try:
        return T5Config(
            vocab_size=raw["vocab_size"],
            d_model=raw["d_model"],
            d_kv=raw["d_kv"],
            d_ff=raw["d_ff"],
            num_heads=raw["num_heads"],
            num_layers=raw["num_layers"],
            num_decoder_layers=raw.get("num_decoder_layers") or raw["num_layers"],
            activation=activation,
            is_gated=kind.startswith("gated-"),
            num_buckets=raw.get("relative_attention_num_buckets", 32),
            max_distance=raw.get("relative_attention_max_distance", 128),
            layer_norm_epsilon=raw.get("layer_norm_epsilon", 1e-6),
            dropout=raw.get("dropout_rate", 0.1),
            is_tied=is_tied,
            # Before transformers 5, untied meant unscaled, too.
            is_head_scaled=raw.get("scale_decoder_outputs", raw.get("tie_word_embeddings", True)),
            start_id=start_id,
            pad_id=pad_id,
            end_ids=tuple(k for k in end_ids if k is not None),
            raw=dict(raw),
        )
    except KeyError as error:
        raise ValueError(f"{name}: {_CONFIG} has no {error}") from None


def _config(name: str, tokenizer: Tokenizer) -> T5Config:
    """The config of a model whose weights are drawn."""
    ids = {
        "pad_token_id": tokenizer.pad_id,
        "eos_token_id": tokenizer.end_id,
        "decoder_start_token_id": tokenizer.pad_id,
    }
    geometry = GEOMETRIES.get(name)
    if geometry is None:
        return parse_config(_read_config(name) | ids, name)
    raw = {
        "architectures": ["T5ForConditionalGeneration"],
        **dataclasses.asdict(geometry),
        "vocab_size": geometry.vocab_size or tokenizer.vocab_size,
        "model_type": "t5",
        "is_encoder_decoder": True,
        "feed_forward_proj": "relu",
        **ids,
        "dtype": "float32",
    }
    return parse_config(raw, name)


def _raw_config(config: T5Config) -> dict[str, Any]:
    """What config.json says: what it said when it was read, but for what has changed since."""
    raw = dict(config.raw)
    if config.dropout != parse_config(raw, "").dropout:
        raw["dropout_rate"] = config.dropout
    for key in ("dtype", "torch_dtype"):
        if key in raw:
            raw[key] = "float32"
    return raw


def _read_config(name: str) -> dict[str, Any]:
    path = Path(_find(name, _CONFIG))
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


# ---- Weights ---------------------------------------------------------------------------------


def parameter_names(config: T5Config) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each parameter of ours, and those of transformers that it is made of, from top to bottom."""
    yield "embedding", ("shared.weight",)
    if not config.is_tied:
        yield "untied_head", ("lm_head.weight",)
    for stack, num_layers in (
        ("encoder", config.num_layers),
        ("decoder", config.num_decoder_layers),
    ):
        first = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        yield f"{stack}.position_bias.weight", (first,)
        yield f"{stack}.norm.weight", (f"{stack}.final_layer_norm.weight",)
        for k in range(num_layers):
            for ours, theirs in _block_names(stack == "decoder", config.is_gated):
                names = tuple(f"{stack}.block.{k}.layer.{name}.weight" for name in theirs)
                yield f"{stack}.blocks.{k}.{ours}.weight", names


def _block_names(is_decoder: bool, is_gated: bool) -> Iterator[tuple[str, list[str]]]:
    yield "self_attention_norm", ["0.layer_norm"]
    yield "self_attention.query_key_value", [f"0.SelfAttention.{part}" for part in "qkv"]
    yield "self_attention.output", ["0.SelfAttention.o"]
    if is_decoder:
        yield "cross_attention_norm", ["1.layer_norm"]
        yield "cross_attention.query", ["1.EncDecAttention.q"]
        yield "cross_attention.key_value", [f"1.EncDecAttention.{part}" for part in "kv"]
        yield "cross_attention.output", ["1.EncDecAttention.o"]
    last = 2 if is_decoder else 1
    parts = ["wi_0", "wi_1"] if is_gated else ["wi"]
    yield "feed_forward_norm", [f"{last}.layer_norm"]
    yield "feed_forward.inner", [f"{last}.DenseReluDense.{part}" for part in parts]
    yield "feed_forward.outer", [f"{last}.DenseReluDense.wo"]


_COPIES = {
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    "lm_head.weight",
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
}
"""In some files, though nothing reads them."""


def to_transformers(config: T5Config, ours: Mapping[str, torch.Tensor]) -> Tensors:
    """Tensors by transformers' names, on the memory of ours (weights, or their gradients)."""
    theirs: Tensors = {}
    for name, parts in parameter_names(config):
        theirs |= dict(zip(parts, ours[name].chunk(len(parts)), strict=True))
    return theirs


def from_transformers(model: T5, theirs: Mapping[str, torch.Tensor], name: str) -> Tensors:
    """Our tensors, in float32, from those of a checkpoint.

    Raises:
        ValueError: one is missing, of a wrong shape, or not known; the message names it.
    """
    shapes = {key: tensor.shape for key, tensor in model.state_dict().items()}
    expected = to_transformers(model.config, model.state_dict())
    for key, tensor in expected.items():
        if key not in theirs:
            raise ValueError(f"{name}: {key} is missing")
        if theirs[key].shape != tensor.shape:
            raise ValueError(
                f"{name}: {key} is {list(theirs[key].shape)}; by its config it is "
                f"{list(tensor.shape)}"
            )
    unknown = sorted(theirs.keys() - expected.keys() - _COPIES)
    if unknown:
        raise ValueError(f"{name}: {unknown[0]} has no place in this model")
    ours = {
        key: torch.cat([theirs[part].float() for part in parts])
        for key, parts in parameter_names(model.config)
    }
    assert shapes == {key: tensor.shape for key, tensor in ours.items()}
    return ours


def to_plain_model(model: T5) -> T5ForConditionalGeneration:
    """The model as transformers', on the same memory; good for inference until ours moves."""
    config = TransformersConfig(**_raw_config(model.config))
    with torch.device("meta"):
        plain = T5ForConditionalGeneration(config)
    weights = {key: p.detach() for key, p in model.state_dict().items()}
    theirs = to_transformers(model.config, weights)
    for copy in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
        theirs[copy] = theirs["shared.weight"]
    theirs.setdefault("lm_head.weight", theirs["shared.weight"])
    plain.load_state_dict(theirs, assign=True)
    plain.config.scale_decoder_outputs = model.config.is_head_scaled
    return plain.requires_grad_(False).eval()


def write_model(model: T5, directory: Path) -> None:
    """Write config.json and model.safetensors, in Hugging Face's format."""
    text = json.dumps(_raw_config(model.config), indent=2, sort_keys=True) + "\n"
    (directory / _CONFIG).write_text(text, "utf-8")
    theirs = to_transformers(model.config, model.state_dict())
    copies = {key: tensor.cpu().clone() for key, tensor in theirs.items()}
    save_file(copies, directory / _WEIGHTS, metadata={"format": "pt"})


def _read_weights(name: str) -> Tensors:
    """All tensors of a checkpoint, from one file or several, in the new format or the old one."""
    for file, load in ((_WEIGHTS, _load_new), (_OLD_WEIGHTS, _load_old)):
        whole = _find(name, file, is_needed=False)
        if whole is not None:
            return load(whole)
        index = _find(name, f"{file}.index.json", is_needed=False)
        if index is not None:
            parts = set(json.loads(Path(index).read_text("utf-8"))["weight_map"].values())
            return {k: t for part in sorted(parts) for k, t in load(_find(name, part)).items()}
    raise ValueError(f"{name}: there is neither {_WEIGHTS} nor {_OLD_WEIGHTS}")


def _load_new(path: str) -> Tensors:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: not weights that can be read: {error}") from None


def _load_old(path: str) -> Tensors:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: not weights that can be read: {error}") from None


def _find(name: str, file: str, is_needed: bool = True) -> Any:
    """The path of a model's file, downloaded if need be; None if it is missing and not needed."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    return cached_file(name, file, _raise_exceptions_for_missing_entries=is_needed)
