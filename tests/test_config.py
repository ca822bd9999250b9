"""Settings: presets, TOML, and what is said about bad ones."""

import dataclasses
import itertools
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from codeit.runs.settings import (
    PRESETS,
    RunSettings,
    load_all_settings,
    load_settings,
    setting_names,
    settings_to_toml,
    with_absolute_paths,
)


def write(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_the_way_to_toml_and_back(tmp_path, name):
    path = write(tmp_path, settings_to_toml(PRESETS[name]))
    assert load_settings(path, RunSettings()) == PRESETS[name]


def test_every_character_survives_the_way_to_toml_and_back(tmp_path):
    surrogates = range(0xD800, 0xE000)
    every = "".join(chr(c) for c in range(sys.maxunicode + 1) if c not in surrogates)
    settings = RunSettings(programs=every)
    path = tmp_path / "config.toml"
    path.write_bytes(settings_to_toml(settings).encode())
    assert load_settings(path, RunSettings()) == settings


def test_a_text_that_toml_cannot_hold_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^programs is 'a\\udcff'; allowed: a text of Unicode$"):
        settings_to_toml(RunSettings(programs="a\udcff"))


def test_the_paper_preset_holds_the_papers_values():
    paper = PRESETS["paper"]
    assert paper.iterations == 99
    assert paper.mutation.num_tasks == 19_200
    assert (paper.mutation.argument, paper.mutation.function) == (0.5, 0.25)
    assert (paper.mutation.definition, paper.mutation.new_variable) == (0.25, 0.5)
    assert (paper.sampling.samples_per_task, paper.sampling.temperature) == (24, 0.95)
    assert paper.sampling.max_tokens == 512
    assert (paper.training.num_mutated, paper.training.num_policy) == (10_000, 90_000)
    assert (paper.training.learning_rate, paper.training.batch_size) == (5e-5, 512)
    assert paper.training.epochs == 1
    assert (paper.data.max_prompt_tokens, paper.data.max_demonstrations) == (512, 10)
    assert paper.model.name == "Salesforce/codet5p-220m"
    assert paper.model.pretrained


def test_a_whole_number_may_be_written_with_an_exponent(tmp_path):
    settings = load_settings(write(tmp_path, "[limits]\nfuel = 1e6"), RunSettings())
    assert settings.limits.fuel == 1_000_000
    assert isinstance(settings.limits.fuel, int)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = write(tmp_path, "iterations = 7\n[sampling]\ntemperature = 1\n[limits]\nmax_len = 1000")
    base = PRESETS["demo"]
    settings = load_settings(path, base)
    assert settings == dataclasses.replace(
        base,
        iterations=7,
        sampling=dataclasses.replace(base.sampling, temperature=1.0),
        limits=dataclasses.replace(base.limits, max_len=1000),
    )
    assert isinstance(settings.sampling.temperature, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sampling]\ntemprature = 1.0", "unknown setting sampling.temprature; did you mean samp"),
        ("iteration = 3", "unknown setting iteration; did you mean iterations"),
        ("[samplings]\ntop_k = 1", "unknown setting samplings"),
        ("[limits]\nfuel = 1e999", "limits.fuel is inf; allowed: integers, 0 to"),
        ("[sampling]\ntop_k = 1.5", "sampling.top_k is 1.5; allowed: integers, 0 to 2147483647"),
        ("[sampling]\ntop_k = true", "sampling.top_k is True"),
        ("[model]\npretrained = 1", "model.pretrained is 1; allowed: a value of type bool"),
        ("[model]\nname = 3", "model.name is 3; allowed: a value of type str"),
        ("[training]\nprecision = 'fp16'", "training.precision is 'fp16'; allowed: 'float32'"),
        ("[data]\ndialect = 'python'", "data.dialect is 'python'; allowed: 'codeit', 'arc-dsl'"),
        ("[sampling]\ntop_p = 0.0", "sampling.top_p is 0.0; allowed: above 0, at most 1"),
        (
            f"[sampling]\ntemperature = {10**309}",
            r"sampling.temperature is 10+\.\.\.0+; allowed: finite, above 0",
        ),
        ("sampling = 3", "sampling is 3; a table of settings is needed"),
        ("iterations = 0", "iterations is 0; allowed: 1 to 2147483647"),
        ("iterations =", "settings.toml: Invalid value"),
    ],
)
def test_a_bad_file_is_refused_with_the_setting(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_settings(write(tmp_path, text), RunSettings())
    assert str(tmp_path) in str(caught.value)


def test_no_number_may_be_negative_endless_or_without_bound():
    def check(settings):
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            if dataclasses.is_dataclass(value):
                check(value)
            elif type(value) in (int, float):
                for bad in (-1, 10**30) if type(value) is int else (-1.0, math.inf, math.nan):
                    with pytest.raises(ValueError, match=field.name):
                        dataclasses.replace(settings, **{field.name: bad})

    check(RunSettings())


PATHS = ["programs", "data.training", "data.evaluation", "model.name", "model.tokenizer"]


def value_of(settings, name):
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings


@pytest.mark.parametrize("name", PATHS)
def test_a_relative_path_in_a_file_is_that_beside_the_file(tmp_path, monkeypatch, name):
    """Not the one in the folder that one stands in, which has the same names."""
    for folder in ("here", "there"):
        (tmp_path / folder / "sub" / "thing").mkdir(parents=True)
    path = tmp_path / "there" / "settings.toml"
    section, _, key = name.rpartition(".")
    path.write_text(f"[{section}]\n" * bool(section) + f'{key} = "sub/thing"')
    monkeypatch.chdir(tmp_path / "here")
    for given in (path, "../there/settings.toml"):
        value = value_of(load_settings(Path(given), PRESETS["small"]), name)
        assert Path(value).is_absolute()
        assert Path(value).samefile(tmp_path / "there" / "sub" / "thing")


@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_exists_becomes_absolute_and_nothing_else_does(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thing").mkdir()
    section, _, key = name.rpartition(".")
    for value, expected in (
        ("thing", str(tmp_path / "thing")),
        ("elsewhere", "elsewhere"),
        (str(tmp_path / "thing"), str(tmp_path / "thing")),
        (str(tmp_path / "gone"), str(tmp_path / "gone")),
        ("", ""),
        ("x" * 5000, "x" * 5000),
    ):
        path = tmp_path / "settings.toml"
        path.write_text(f"[{section}]\n" * bool(section) + f'{key} = "{value}"')
        base = dataclasses.replace(PRESETS["small"], seed=5)
        settings = load_settings(path, base)
        assert value_of(settings, name) == expected
        assert value_of(with_absolute_paths(settings), name) == expected
        assert settings.seed == 5


def test_a_name_is_no_path_even_where_there_is_a_file_of_that_name(tmp_path, monkeypatch):
    for name in ("tiny", "compact", "arc1-training", "arc1-evaluation"):
        (tmp_path / name).mkdir()
    (tmp_path / "Salesforce").mkdir()
    (tmp_path / "Salesforce" / "codet5-small").write_text("a file is no model")
    monkeypatch.chdir(tmp_path)
    for preset in PRESETS.values():
        assert with_absolute_paths(preset) == preset
        assert load_settings(write(tmp_path, settings_to_toml(preset)), RunSettings()) == preset


def write_run(tmp_path, change=lambda text: text):
    path = tmp_path / "config.toml"
    path.write_text(change(settings_to_toml(PRESETS["small"])))
    return path


def test_a_run_needs_all_of_its_settings(tmp_path):
    assert load_all_settings(write_run(tmp_path)) == PRESETS["small"]
    for name in setting_names():
        key = name.rpartition(".")[2]
        section = name.rpartition(".")[0]

        def without(text, key=key, section=section):
            before, head, after = text.partition(f"[{section}]\n") if section else ("", "", text)
            return before + head + re.sub(rf"^{key} = .*\n", "", after, count=1, flags=re.M)

        path = write_run(tmp_path, without)
        if name in ("limits.max_len", "primitives"):  # need not be set
            assert load_all_settings(path) == PRESETS["small"]
            continue
        with pytest.raises(ValueError, match=rf"config.toml: {name} is missing; a run needs all"):
            load_all_settings(path)


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing"])
def test_an_emptied_file_is_not_the_settings_of_the_paper(tmp_path, content):
    path = write_run(tmp_path, lambda _: content)
    message = r"config.toml: iterations, seed, programs and \d+ more are missing; a run needs"
    with pytest.raises(ValueError, match=message):
        load_all_settings(path)
    with pytest.raises(ValueError, match=r"config.toml: there is no setting in it"):
        load_settings(path, PRESETS["demo"])


def test_a_file_of_all_settings_that_was_cut_off_is_refused_at_any_line(tmp_path):
    """Also where it only adds to a preset, since it says what it is in its first line."""
    num_lines = len(settings_to_toml(PRESETS["small"]).splitlines())
    for k in range(num_lines - 2):  # the last says that max_len is not set
        path = write_run(tmp_path, lambda text, k=k: "\n".join(text.splitlines()[:k]))
        for load in (load_all_settings, lambda path: load_settings(path, PRESETS["demo"])):
            with pytest.raises(ValueError, match=r"config.toml: "):
                load(path)
    path = write_run(tmp_path, lambda text: "\n".join(text.splitlines()[1:4]))
    settings = load_settings(path, PRESETS["demo"])  # someone's choice of lines
    assert settings == dataclasses.replace(PRESETS["demo"], iterations=20)


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "a = {b=" * 100_000, "[a]\n" * 2])
def test_toml_that_cannot_be_read_is_one_line_with_the_name_of_the_file(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    for load in (load_all_settings, lambda path: load_settings(path, PRESETS["demo"])):
        with pytest.raises(ValueError, match=r"settings.toml: ") as caught:
            load(path)
        assert "\n" not in str(caught.value)


def test_every_setting_has_a_line_of_help():
    import ast
    import inspect
    import textwrap
    from typing import get_type_hints

    def documented(settings_type):
        tree = ast.parse(textwrap.dedent(inspect.getsource(settings_type)))
        body = tree.body[0].body
        return {
            a.target.id
            for a, b in itertools.pairwise(body)
            if isinstance(a, ast.AnnAssign)
            and isinstance(b, ast.Expr)
            and isinstance(b.value, ast.Constant)
        }

    types = [RunSettings, *filter(dataclasses.is_dataclass, get_type_hints(RunSettings).values())]
    for settings_type in types:
        for name, hint in get_type_hints(settings_type).items():
            if not dataclasses.is_dataclass(hint):
                assert name in documented(settings_type), (settings_type, name)


def test_setting_names_are_those_of_the_command_line():
    names = setting_names()
    assert {"seed", "sampling.top_k", "limits.fuel"} <= set(names)
    assert len(names) == len(set(names))


def test_settings_need_no_torch():
    code = "import sys, codeit, codeit.runs.settings, codeit.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_executor_and_the_list_of_commands_need_no_pydantic():
    code = "import sys, codeit, codeit.cli; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


HOSTILE = {
    int: [None, "3", 1.0, True, 2**70, 10**400, [3], np.array([1, 2])],
    float: [None, "3", True, 1j, 10**400, [0.5], np.array([1, 2]), np.timedelta64(1)],
    int | None: ["3", 1.0, True, 2**70, 10**400, [3], np.array([1, 2])],
    bool: [None, 0, 1, "true", np.array([1, 2])],
    str: [None, 0, b"tiny", ["tiny"], np.array([1, 2])],
    str | None: [0, b"tiny", ["tiny"], np.array([1, 2])],
}


def fields_of(settings):
    """Every field of the settings and of their parts, with its type."""
    for name, kind in get_type_hints(type(settings)).items():
        if dataclasses.is_dataclass(kind):
            yield from fields_of(getattr(settings, name))
        yield settings, name, kind


def nested(depth):
    value = [1]
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("settings", "name", "kind"),
    list(fields_of(PRESETS["demo"])),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_setting_of_another_type_is_refused_by_name(settings, name, kind):
    values = HOSTILE.get(kind, [None, 5, "fp16", {}, np.array([1, 2])])
    for value in [*values, nested(50_000), object()]:
        with pytest.raises(ValueError, match=rf"^{name} is .*; allowed: ") as raised:
            dataclasses.replace(settings, **{name: value})
        assert len(str(raised.value)) < 200
