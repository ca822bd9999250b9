"""Settings on the command line: how they are read, what is said about bad ones, and the help."""

import dataclasses
import re

import pytest

from codeit.cli import main
from codeit.runs.setting_words import parse_settings
from codeit.runs.settings import PRESETS, setting_types, setting_values

DEMO = PRESETS["demo"]


def value_of(name, *words):
    settings, chosen = parse_settings(words, DEMO)
    assert chosen == [name]
    return setting_values(settings)[name]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--seed", "5"], "seed", 5),
        (["--seed=5"], "seed", 5),
        (["--limits.fuel", "1e6"], "limits.fuel", 1_000_000),
        (["--limits.fuel", "2.5e6"], "limits.fuel", 2_500_000),
        (["--limits.fuel", "1_000_000"], "limits.fuel", 1_000_000),
        (["--limits.max-len", "none"], "limits.max_len", None),
        (["--limits.max-len", "7"], "limits.max_len", 7),
        (["--limits.max_len", "7"], "limits.max_len", 7),
        (["--sampling.temperature", "1"], "sampling.temperature", 1.0),
        (["--training.learning-rate", "1e-4"], "training.learning_rate", 1e-4),
        (["--sampling.mode", "grammar"], "sampling.mode", "grammar"),
        (["--relabel"], "relabel", True),
        (["--no-relabel"], "relabel", False),
        (["--relabel", "False"], "relabel", False),
        (["--relabel", "true"], "relabel", True),
        (["--relabel=FALSE"], "relabel", False),
        (["--replay.no-use-priority"], "replay.use_priority", False),
        (["--model.pretrained", "False"], "model.pretrained", False),
        (["--programs", ""], "programs", ""),
        (["--programs", "-a b"], "programs", "-a b"),
        (["--programs=--a=b"], "programs", "--a=b"),
        (["--seed", "5", "--seed", "6"], "seed", 6),
    ],
)
def test_a_setting_is_read_as_what_it_is_declared(words, name, value):
    found = value_of(name, *words)
    assert found == value
    assert type(found) is type(value)


def test_what_is_not_named_stays():
    words = ["--no-relabel", "--sampling.top-k", "3", "--limits.fuel", "1e6"]
    settings, chosen = parse_settings(words, DEMO)
    assert chosen == ["relabel", "sampling.top_k", "limits.fuel"]
    assert settings == dataclasses.replace(
        DEMO,
        relabel=False,
        sampling=dataclasses.replace(DEMO.sampling, top_k=3),
        limits=dataclasses.replace(DEMO.limits, fuel=1_000_000),
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "x"], "--seed is 'x'; allowed: a whole number"),
        (["--seed", ""], "--seed is ''; allowed: a whole number"),
        (["--seed", "1.5"], "--seed is '1.5'; allowed: a whole number"),
        (["--seed", "nan"], "--seed is 'nan'; allowed: a whole number"),
        (["--seed", "1e999999999"], "--seed is '1e999999999'; allowed: a whole number"),
        (["--seed", "-1"], "seed is -1; allowed: 0 to 9223372036854775807"),
        (["--seed", "none"], "--seed is 'none'; allowed: a whole number"),
        (["--seed"], "--seed needs a value: a whole number"),
        (["--seed", "--relabel"], "--seed needs a value: a whole number"),
        (["--limits.max-len", "x"], "--limits.max-len is 'x'; allowed: a whole number or none"),
        (["--limits.fuel", "1e30"], "limits.fuel is 1000000000000000000000000000000; allowed"),
        (["--sampling.top-p", "x"], "--sampling.top-p is 'x'; allowed: a number"),
        (["--sampling.top-p", "nan"], "sampling.top_p is nan; allowed: above 0, at most 1"),
        (["--sampling.temperature", "inf"], "sampling.temperature is inf; allowed: finite"),
        (
            ["--sampling.mode", "gramar"],
            "--sampling.mode is 'gramar'; allowed: reference, speculative, grammar, typed",
        ),
        (["--sampling.mode"], "--sampling.mode needs a value: reference, speculative, grammar"),
        (["--programs"], "--programs needs a value: a text"),
        (["--relabel", "maybe"], "'maybe' belongs to no setting; they are written --NAME VALUE"),
        (
            ["--model.pretrained=maybe"],
            "--model.pretrained is 'maybe'; allowed: true or false, or --model.no-pretrained for",
        ),
        (["--no-relabel=true"], "--no-relabel=true: --no-relabel takes no value"),
        (["--no-seed"], "unknown setting --no-seed"),
        (["--no-no-relabel"], "unknown setting --no-no-relabel"),
        (["--sampling.temprature", "1"], "--sampling.temprature; did you mean --sampling.temper"),
        (["--sampling", "1"], "unknown setting --sampling"),
        (["--itertions", "1"], "unknown setting --itertions; did you mean --iterations?"),
        (["--sampling.topk", "1"], "setting --sampling.topk; did you mean --sampling.top-k?"),
        (["--"], "'--' belongs to no setting"),
        (["-s", "1"], "'-s' belongs to no setting"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_what_is_allowed(words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_settings(words, DEMO)


@pytest.mark.parametrize("name", setting_types())
def test_every_setting_takes_what_it_has_and_names_itself_when_it_cannot(name):
    option = f"--{name}".replace("_", "-")
    value = setting_values(DEMO)[name]
    assert value_of(name, f"{option}={value}") == value
    is_text = isinstance(value, str) or name == "primitives"  # which is none as a rule
    if not is_text or name in ("data.dialect", "sampling.mode"):
        with pytest.raises(ValueError, match=f"^{option} is '<>'; allowed: ."):
            parse_settings([f"{option}=<>"], DEMO)


def help_of(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["train", *words, "--help"])
    assert end.value.code == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


@pytest.mark.parametrize("name", PRESETS)
def test_the_help_shows_the_values_of_the_preset_and_says_so(capsys, name):
    text = help_of(capsys, "--preset", name).partition("usage:")[2]
    assert f"the defaults shown are those of preset {name}." in text
    assert "defaults are those of the paper" not in text
    for option, value in setting_values(PRESETS[name]).items():
        if option in ("iterations", "training.batch_size", "sampling.max_tokens", "model.name"):
            shown = text.split(f"--{option.replace('_', '-')} ")[1].split("(default: ")[1]
            assert shown.startswith(f"{value})"), option


def test_the_help_without_a_preset_is_the_demos(capsys):
    assert "those of preset demo." in help_of(capsys)


def test_the_help_shows_a_config_over_the_preset(capsys, tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("iterations = 77\n")
    text = help_of(capsys, "--config", str(path))
    assert "my.toml over it" in text.replace(" ", "").replace("overit", " over it")
    assert "(default: 77)" in text
