"""Settings as the words of a command line: `--sampling.top-k 50`, `--no-relabel`, `--help`."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from codeit.ranges import integer_of, nearest_name
from codeit.runs.settings import (
    PRESETS,
    RunSettings,
    load_settings,
    names_in,
    override,
    setting_types,
)
from codeit.validation import field_texts

_TRUTH = {"true": True, "false": False}


def parse_settings(words: Sequence[str], base: RunSettings) -> tuple[RunSettings, list[str]]:
    """The settings that words name over those of `base`, and the full names of these.

    Raises:
        ValueError: a word is no setting, a value is missing, of another kind or out of range; the
            message names the setting, the value and what is allowed.
    """
    kinds = setting_types()
    values: dict[str, Any] = {}
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if not word.startswith("--") or word == "--":
            raise ValueError(f"{word!r} belongs to no setting; they are written --NAME VALUE")
        option, _, text = word.partition("=")
        name, is_negated = _name_of(option, kinds)
        has_text = "=" in word
        if is_negated:
            if has_text:
                raise ValueError(f"{word}: {option} takes no value")
            values[name] = False
            continue
        if not has_text and kinds[name] is bool:
            # A truth value may follow, as for other settings.
            text = rest.pop() if rest and rest[-1].lower() in _TRUTH else "true"
        elif not has_text:
            if not rest or rest[-1].startswith("--"):
                raise ValueError(f"{option} needs a value: {_allowed(option, kinds[name])}")
            text = rest.pop()
        values[name] = _value_of(option, text, kinds[name])
    return override(base, values), list(values)


def base_settings(preset: str, config: Path | None) -> tuple[RunSettings, list[str]]:
    """The settings of a preset, those of a file over them, and the full names of the latter.

    Raises:
        ValueError: there is no such preset, or the file is bad.
        OSError: the file cannot be read.
    """
    if preset not in PRESETS:
        known = list(PRESETS)
        hint = nearest_name(preset, known) or f"; there are {', '.join(known)}"
        raise ValueError(f"unknown preset {preset!r}{hint}")
    base = PRESETS[preset]
    return (load_settings(config, base), names_in(config)) if config else (base, [])


def _name_of(option: str, kinds: dict[str, Any]) -> tuple[str, bool]:
    """The setting that an option is for, and whether it is its `--no-` form."""
    name = option.removeprefix("--").replace("-", "_")
    if name in kinds:
        return name, False
    section, dot, key = name.rpartition(".")
    plain = section + dot + key.removeprefix("no_")
    if plain != name and kinds.get(plain) is bool:
        return plain, True
    near = nearest_name(option, [f"--{known.replace('_', '-')}" for known in kinds])
    raise ValueError(f"unknown setting {option}{near}")


def _value_of(option: str, text: str, kind: Any) -> Any:
    """The value that a text means.

    Raises:
        ValueError: it is none of the kind.
    """
    needed, may_be_none = _without_none(kind)
    value: Any = None
    if may_be_none and text.lower() == "none":
        return None
    if needed is str:
        return text
    if needed is bool:
        value = _TRUTH.get(text.lower())
    elif needed is int:
        value = integer_of(text)
    elif needed is float:
        value = _float_of(text)
    elif text in get_args(needed):
        value = text
    if value is None:
        raise ValueError(f"{option} is {text!r}; allowed: {_allowed(option, kind)}")
    return value


def _without_none(kind: Any) -> tuple[Any, bool]:
    if get_origin(kind) in (Union, types.UnionType):
        return next(k for k in get_args(kind) if k is not type(None)), True
    return kind, False


def _float_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _allowed(option: str, kind: Any) -> str:
    needed, may_be_none = _without_none(kind)
    if needed is bool:
        section, dot, key = option.removeprefix("--").rpartition(".")
        return f"true or false, or --{section}{dot}no-{key} for false"
    if get_origin(needed) is Literal:
        return ", ".join(choice or '""' for choice in get_args(needed))
    words = {int: "a whole number", float: "a number", str: "a text"}[needed]
    return f"{words} or none" if may_be_none else words


def show_help(base: RunSettings, of: str) -> NoReturn:
    """Print every setting with its value in `base`, and leave.

    Args:
        of: what `base` is, to be named.
    """
    import tyro

    description = (
        f"Every setting; the defaults shown are those of {of}. Whole numbers may be written as 1e6."
    )
    described = _described(base)
    tyro.cli(
        type(described),
        args=["--help"],
        default=described,
        prog="codeit train",
        description=description,
    )
    raise AssertionError("the help has ended the process")


def _described(settings: Any) -> Any:
    """The same values in a dataclass whose fields have their texts, each as one paragraph: tyro
    would break them where the source does."""
    import tyro

    texts = field_texts(type(settings))
    fields: list[Any] = []
    for name, kind in get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        if dataclasses.is_dataclass(value):
            value = _described(value)
            fields.append((name, type(value), dataclasses.field(default=value)))
        else:
            told = Annotated[kind, tyro.conf.arg(help=texts[name])]  # type: ignore[valid-type]
            fields.append((name, told, dataclasses.field(default=value)))
    made = dataclasses.make_dataclass(type(settings).__name__, fields, frozen=True)
    made.__doc__ = type(settings).__doc__
    return made()
