"""Dataclasses of settings: what they take, what is said of what they do not, and that they are
values."""

import copy
import dataclasses
import math
import pickle
import re
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

from codeit.runs.settings import PRESETS, RunSettings
from codeit.validation import Count, NonNegative, Positive, Real, Whole, validated


@validated
class Inner:
    count: Count = 0


@validated
class Outer:
    whole: Annotated[Whole, Field(ge=2, le=9)] = 2
    least: NonNegative = 0.5
    above: Positive = 0.5
    share: Annotated[Real, Field(ge=0, le=1)] = 0.5
    below: Annotated[Real, Field(ge=0, lt=1)] = 0.5
    part: Annotated[Real, Field(gt=0, le=1)] = 0.5
    is_on: bool = True
    name: str = ""
    kind: Literal["a", "b"] = "a"
    inner: Inner = dataclasses.field(default_factory=Inner)

    def __post_init__(self):
        if self.is_on and self.name == "off":
            raise ValueError("name is 'off'; allowed: others, while is_on is true")


def fails(message, **values):
    for make in (Outer, lambda **its: dataclasses.replace(Outer(), **its)):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            make(**values)


@pytest.mark.parametrize(
    ("name", "inside", "outside", "allowed"),
    [
        ("whole", [2, 9], [1, 10, -(2**80)], "2 to 9"),
        ("least", [0.0, 1e308], [-0.1, -1, math.inf, math.nan], "finite, 0 or more"),
        ("above", [1e-300], [0.0, -1.0, math.inf, math.nan], "finite, above 0"),
        ("share", [0.0, 1.0], [-0.1, 1.1, math.inf, math.nan], "0 to 1"),
        ("below", [0.0, 0.99], [-0.1, 1.0, math.inf, math.nan], "0 to below 1"),
        ("part", [0.1, 1.0], [0.0, 1.1, math.inf, math.nan], "above 0, at most 1"),
    ],
)
def test_the_range_of_a_field_is_held_and_said(name, inside, outside, allowed):
    for value in inside:
        assert getattr(Outer(**{name: value}), name) == value
    for value in outside:
        fails(f"{name} is {value}; allowed: {allowed}", **{name: value})


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("whole", ["5", 5.0, True, None, np.timedelta64(5), np.array(5)], "integers, 2 to 9"),
        ("share", ["0.5", True, np.True_, np.timedelta64(1), 1j], "numbers, 0 to 1"),
        ("is_on", [1, 0, "true", None, np.True_], "a value of type bool"),
        ("name", [1, b"x", None, ["x"]], "a value of type str"),
        ("kind", ["c", "", None, 1, ["a"]], "'a', 'b'"),
        ("inner", [None, {}, {"count": 1}, Outer()], "a value of type Inner"),
    ],
)
def test_nothing_is_made_into_what_it_is_not(name, values, allowed):
    for value in values:
        with pytest.raises(ValueError, match=f"^{name} is .*; allowed: {re.escape(allowed)}$"):
            Outer(**{name: value})


def test_an_integer_is_a_real_number_and_those_of_numpy_are_numbers():
    for value in (1, np.int8(1), np.float32(1), np.float64(1)):
        share = Outer(share=value).share
        assert (share, type(share)) == (1.0, float)
    whole = Outer(whole=np.uint16(5)).whole
    assert (whole, type(whole)) == (5, int)


def test_of_several_faults_the_first_field_is_named():
    fails("least is -1; allowed: finite, 0 or more", kind="c", least=-1, below=7, is_on=3)


def test_a_rule_between_fields_says_what_it_says():
    fails("name is 'off'; allowed: others, while is_on is true", name="off")
    assert Outer(name="off", is_on=False).name == "off"


def test_a_name_that_is_no_field_is_refused():
    with pytest.raises(ValueError, match=r"^shape is no setting; allowed: whole, least, above"):
        Outer(shape=3)


def test_what_is_said_is_one_short_line_whatever_the_value():
    for value in ("x" * 10_000, "a\nb", list(range(10_000)), 10**400):
        for name in ("whole", "share", "is_on", "kind", "inner"):
            with pytest.raises(ValueError, match=f"^{name} is ") as caught:
                Outer(**{name: value})
            assert len(str(caught.value)) < 200
            assert "\n" not in str(caught.value)


def test_a_text_that_is_no_unicode_is_a_text():
    assert Outer(name="a\udcff").name == "a\udcff"


def test_the_defaults_are_what_is_allowed():
    """As no default is checked when it is taken."""
    for settings in (RunSettings(), *PRESETS.values()):
        sections = {
            name: dataclasses.replace(section)
            for name, section in vars(settings).items()
            if dataclasses.is_dataclass(section)
        }
        assert dataclasses.replace(settings, **sections) == settings


@pytest.mark.parametrize("name", PRESETS)
def test_settings_are_values(name):
    settings = PRESETS[name]
    for same in (
        *(pickle.loads(pickle.dumps(settings, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)),
        *(copy.copy(settings), copy.deepcopy(settings), dataclasses.replace(settings)),
    ):
        assert same == settings
        assert hash(same) == hash(settings)
        assert repr(same) == repr(settings)
    other = dataclasses.replace(settings, seed=settings.seed + 1)
    assert other != settings
    assert f"seed={other.seed}" in repr(other)
    for part in (settings, settings.sampling, settings.limits):
        with pytest.raises(dataclasses.FrozenInstanceError):
            part.seed = 3
