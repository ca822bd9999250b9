"""A model's files: where they are, and the tensors in them, whatever else they may hold.

What is wrong with a file is a ValueError that names it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from codeit.files.json_file import read_object
from codeit.policy.hub import check_is_to_be_had, is_reachable
from codeit.policy.model.finite import first_not_finite

Tensors = dict[str, torch.Tensor]

WEIGHTS = "model.safetensors"
_OLD_WEIGHTS = "pytorch_model.bin"


def find_file(name: str, file: str, is_needed: bool = False) -> Path | None:
    """The path of a model's file, downloaded if need be; None if the model has none of that name.

    Args:
        name: a directory, or a model of the hub.
        is_needed: whether it is an error that it is not there.
    Raises:
        ValueError: it is needed, and not in the directory, or nothing can be named so.
        OSError: it is needed, and the hub cannot be reached, or has no such model.
    """
    check_is_to_be_had(name)
    if Path(name).is_dir():
        path = Path(name) / file
        if is_needed and not path.exists():
            raise ValueError(f"{path}: there is no such file")
        return path if path.exists() else None
    from transformers.utils import cached_file
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    found = cached_file(
        name,
        file,
        local_files_only=not is_reachable(),
        _raise_exceptions_for_missing_entries=is_needed,
    )
    return None if found is None else Path(found)


def read_weights(name: str) -> tuple[Tensors, Path]:
    """All tensors of a model, in float32, and the file that lists them.

    It is one file or several, in the new format or the old one.

    Raises:
        ValueError: there is none, or one is damaged or holds anything but weights that are finite.
    """
    for file, load in ((WEIGHTS, load_file), (_OLD_WEIGHTS, _load_old)):
        whole = find_file(name, file)
        if whole is not None:
            return _read_file(whole, load), whole
        index = find_file(name, f"{file}.index.json")
        if index is not None:
            return _read_parts(name, index, load), index
    where = "" if Path(name).is_dir() else " to be had; can the hub be reached?"
    raise ValueError(f"{name}: there is neither {WEIGHTS} nor {_OLD_WEIGHTS}{where}")


def _read_parts(name: str, index: Path, load: Callable[[Path], Any]) -> Tensors:
    weight_map = read_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError(f'{index}: there is no object "weight_map" of tensors and their files')
    tensors: Tensors = {}
    for part in sorted(set(map(str, weight_map.values()))):
        if Path(part).name != part:
            raise ValueError(f"{index}: {part!r} is no name of a file beside it")
        path = find_file(name, part)
        if path is None:
            raise ValueError(f"{index}: its file {part} is missing")
        tensors |= _read_file(path, load)
    missing = sorted(weight_map.keys() - tensors.keys())
    if missing:
        raise ValueError(f"{index}: {missing[0]} is not in {weight_map[missing[0]]}")
    return tensors


def _read_file(path: Path, load: Callable[[Path], Any]) -> Tensors:
    if not path.is_file():
        raise ValueError(f"{path}: this is no file")
    try:
        with warnings.catch_warnings():
            # Of what is refused below, or of nothing that matters here.
            warnings.simplefilter("ignore")
            content = load(path)
    except MemoryError:
        raise
    except Exception as error:  # each library has its own, and passes on those of others
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"{path}: not weights that can be read: {reason}") from None
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: holds a {type(content).__name__}, not tensors by their names")
    tensors: Tensors = {}
    for key, tensor in content.items():
        if not isinstance(key, str) or not isinstance(tensor, torch.Tensor):
            what = f"the entry {key!r:.60} is a {type(tensor).__name__}"
            raise ValueError(f"{path}: {what}, not a tensor with a name")
        is_plain = tensor.layout == torch.strided and not tensor.is_nested
        if not tensor.is_floating_point() or not is_plain:
            raise ValueError(f"{path}: {key} is of {tensor.dtype}, {tensor.layout}; not supported")
        if tensor.is_meta:
            raise ValueError(f"{path}: {key} was saved without its values")
        tensors[key] = tensor.float()
    bad = first_not_finite(tensors.items())
    if bad is not None:
        raise ValueError(f"{path}: {bad} has a value that is not finite")
    return tensors


def _load_old(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)
