"""T5 models in and out of Hugging Face's format, or from a known geometry with random weights.

Queries, keys and values come from one matrix of ours, and so do a gate and what it multiplies. On
disk, and for whoever speaks of a model by transformers' names, each has its own.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from codeit.files.json_file import read_object
from codeit.files.whole_directory import whole_directory
from codeit.policy.model.growing import grow_vocabulary
from codeit.policy.model.layers import ACTIVATIONS
from codeit.policy.model.settings import ModelSettings
from codeit.policy.model.t5 import T5, T5Config
from codeit.policy.model.weight_files import WEIGHTS, Tensors, find_file, read_weights
from codeit.policy.tokenizer import Tokenizer

if TYPE_CHECKING:
    from transformers import T5ForConditionalGeneration


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
        config = _config(settings.name, tokenizer)
        try:
            model = T5(config)
        except RuntimeError as error:  # torch's when memory lacks, too
            raise MemoryError(f"for model {settings.name!r}: {error}") from None
        model.initialize(torch.Generator().manual_seed(seed))
    grow_vocabulary(model, tokenizer)
    model.config.check_tokenizer(tokenizer, f"model {settings.name!r}")
    model.config = dataclasses.replace(model.config, dropout=settings.dropout)
    return model


def load_model(name: str) -> T5:
    """A model with its weights, in float32, from a directory or the hub.

    Raises:
        ValueError: it is no T5, or its weights do not fit its config; the message names the tensor.
        OSError: there is no such model.
    """
    raw, path = _read_config(name)
    tensors, file = read_weights(name)
    theirs = _canonical(tensors, str(file))
    config = parse_config(raw, str(path), is_tied=_HEAD not in theirs)
    with torch.device("meta"):
        model = T5(config)
    ours = from_transformers(model, theirs, str(file))
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


def use_one_thread() -> None:
    """Make the sums inside each product on one thread, in an order that no machine changes."""
    torch.set_num_threads(1)


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
        if device.type not in ("cpu", "cuda"):
            raise RuntimeError("allowed: auto, cpu, cuda, cuda:0, cuda:1, ...")
        torch.empty(0, device=device)
        if device.type == "cuda":
            torch.cuda.set_device(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used: {reason}") from None
    return device


# ---- Configs ---------------------------------------------------------------------------------


class _Fields:
    """The content of a config.json, each value checked where it is asked for."""

    def __init__(self, raw: Mapping[str, Any], name: str) -> None:
        self._raw = raw
        self._name = name

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self._raw and default is None:
            raise ValueError(f"{self._name} has no {key!r}")
        return self._raw.get(key, default)

    def size(
        self, key: str, default: int | None = None, least: int = 1, most: int = 1 << 20
    ) -> int:
        value = self.get(key, default)
        if type(value) is not int or not least <= value <= most:
            raise self.error(key, f"a whole number from {least} to {most}")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.get(key, default)
        if type(value) not in (int, float) or not 0 <= value < 1:
            raise self.error(key, "a number from 0 to below 1")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if type(value) is not bool:
            raise self.error(key, "true or false")
        return value

    def ids(self, key: str, default: int | None) -> tuple[int, ...]:
        """One id, several in a list, or none for null."""
        value = self._raw.get(key, default)
        values = [] if value is None else value if isinstance(value, list) else [value]
        if not all(type(k) is int and k >= 0 for k in values):
            raise self.error(key, "an id")
        return tuple(values)

    def id(self, key: str, default: int | None) -> int | None:
        found = self.ids(key, default)
        if len(found) > 1:
            raise self.error(key, "one id")
        return found[0] if found else None

    def error(self, key: str, allowed: str) -> ValueError:
        raw = self._raw.get(key)
        value = repr(raw) if isinstance(raw, str) else json.dumps(raw)
        short = value if len(value) <= 60 else f"{value[:57]}..."
        return ValueError(f"{self._name}: {key} is {short}; allowed: {allowed}")


_ALIASES = {"swish": "silu", "gelu_pytorch_tanh": "gelu_new", "gelu_fast": "gelu_new"}
"""Other names of transformers for the same functions."""


def parse_config(raw: Mapping[str, Any], name: str, is_tied: bool = True) -> T5Config:
    """Our config from the content of a config.json.

    Args:
        name: of the file, for messages.
        is_tied: whether the head is the embedding, which the weights say.
    Raises:
        ValueError: it is not that of a T5 we know; the message names the key and the value.
    """
    fields = _Fields(raw, name)
    if raw.get("model_type") != "t5":
        raise ValueError(f"{name}: the model type is {raw.get('model_type')!r}; allowed: 't5'")
    kind = fields.get("feed_forward_proj", "relu")
    words = kind.split("-") if isinstance(kind, str) else []
    is_gated = words[:1] == ["gated"]
    # The first gated models say gelu and mean its approximation.
    activation = "gelu_new" if kind == "gated-gelu" else (words or [""])[-1]
    activation = _ALIASES.get(activation, activation)
    if len(words) != 1 + is_gated or activation not in ACTIVATIONS:
        allowed = ", ".join([*ACTIVATIONS, *_ALIASES])
        raise fields.error("feed_forward_proj", f"{allowed}, or one gated")
    num_layers = fields.size("num_layers", most=1024)
    is_symmetric = raw.get("num_decoder_layers") is None
    vocab_size = fields.size("vocab_size", most=(1 << 31) - 1)
    num_buckets = fields.size("relative_attention_num_buckets", 32, least=4)
    pad_id = fields.id("pad_token_id", 0)
    start_id = fields.id("decoder_start_token_id", None)
    start_id = pad_id if start_id is None else start_id
    if start_id is None or start_id >= vocab_size:
        raise fields.error("decoder_start_token_id", f"an id below {vocab_size}")
    return T5Config(
        vocab_size=vocab_size,
        d_model=fields.size("d_model"),
        d_kv=fields.size("d_kv"),
        d_ff=fields.size("d_ff"),
        num_heads=fields.size("num_heads"),
        num_layers=num_layers,
        num_decoder_layers=(
            num_layers if is_symmetric else fields.size("num_decoder_layers", most=1024)
        ),
        activation=activation,
        is_gated=is_gated,
        num_buckets=num_buckets,
        # Those up to half of the buckets have one of their own.
        max_distance=fields.size(
            "relative_attention_max_distance", 128, least=num_buckets // 2 + 1
        ),
        layer_norm_epsilon=fields.number("layer_norm_epsilon", 1e-6),
        dropout=fields.number("dropout_rate", 0.1),
        is_tied=is_tied,
        # Before transformers 5, untied meant unscaled, too.
        is_head_scaled=fields.flag(
            "scale_decoder_outputs", raw.get("tie_word_embeddings") is not False
        ),
        start_id=start_id,
        pad_id=pad_id,
        end_ids=fields.ids("eos_token_id", 1),
        raw=dict(raw),
    )


def _config(name: str, tokenizer: Tokenizer) -> T5Config:
    """The config of a model whose weights are drawn."""
    ids = {
        "pad_token_id": tokenizer.pad_id,
        "eos_token_id": tokenizer.end_id,
        "decoder_start_token_id": tokenizer.pad_id,
    }
    geometry = GEOMETRIES.get(name)
    if geometry is None:
        read, path = _read_config(name)
        return parse_config(read | ids, str(path))
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
    if config.dropout != raw.get("dropout_rate", 0.1):
        raw["dropout_rate"] = config.dropout
    for key in ("dtype", "torch_dtype"):
        if key in raw:
            raw[key] = "float32"
    return raw


def _read_config(name: str) -> tuple[dict[str, Any], Path]:
    """The content of a config.json, and where it is."""
    path = find_file(name, _CONFIG, is_needed=True)
    assert path is not None
    return read_object(path), path


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


_SHARED, _HEAD = "shared.weight", "lm_head.weight"
_EMBEDDINGS = (_SHARED, "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", _HEAD)
"""Names of the embedding, by the order in which transformers takes it; a file can have any of them,
as safetensors' `save_model` writes a tensor under the first of its names alone."""
_UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
"""In some files, though nothing reads it."""
_PREFIX = "transformer."
"""Of all names where the T5 was a part of another model of transformers."""


def _canonical(theirs: Mapping[str, torch.Tensor], name: str) -> Tensors:
    """Tensors by the names that a T5 of transformers has; the head only if it is not the embedding.

    Raises:
        ValueError: the stacks have different embeddings.
    """
    tensors = {key.removeprefix(_PREFIX): tensor for key, tensor in theirs.items()}
    tensors.pop(_UNUSED, None)
    found = {key: tensors.pop(key) for key in _EMBEDDINGS if key in tensors}
    if not found:
        return tensors
    first, embedding = next(iter(found.items()))
    for key, tensor in found.items():
        if not torch.equal(tensor, embedding):
            if key != _HEAD:
                raise ValueError(f"{name}: {key} differs from {first}, which is not supported")
            tensors[_HEAD] = tensor
    return tensors | {_SHARED: embedding}


def to_transformers(config: T5Config, ours: Mapping[str, torch.Tensor]) -> Tensors:
    """Tensors by transformers' names, on the memory of ours (weights, or their gradients)."""
    theirs: Tensors = {}
    for name, parts in parameter_names(config):
        theirs |= dict(zip(parts, ours[name].chunk(len(parts)), strict=True))
    return theirs


def from_transformers(model: T5, theirs: Mapping[str, torch.Tensor], name: str) -> Tensors:
    """Our tensors from those of a checkpoint, by canonical names.

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
    unknown = sorted(theirs.keys() - expected.keys())
    if unknown:
        raise ValueError(f"{name}: {unknown[0]} has no place in this model")
    ours = {
        key: torch.cat([theirs[part] for part in parts])
        for key, parts in parameter_names(model.config)
    }
    assert shapes == {key: tensor.shape for key, tensor in ours.items()}
    return ours


def to_plain_model(model: T5) -> T5ForConditionalGeneration:
    """The model as transformers', on the same memory; good for inference until ours moves."""
    from transformers import T5Config as TransformersConfig
    from transformers import T5ForConditionalGeneration

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
    save_file(copies, directory / WEIGHTS, metadata={"format": "pt"})
