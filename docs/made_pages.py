"""Pages of the documentation that are made of the code when the site is built.

MkDocs calls the functions that begin with `on_` (`hooks` in mkdocs.yml). README and CONTRIBUTING
become pages, too; links to them, and from them, are changed to fit.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any, get_args, get_type_hints

from codeit.benching.options import SUBJECTS
from codeit.validation import field_texts

ROOT = Path(__file__).parent.parent
HOMES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
"""Files beside `docs` that are pages of the site."""
SUBCOMMANDS = (
    *(("search", "resume"), ("search", "merge"), ("mutate", "resume")),
    *(("bench", subject) for subject in SUBJECTS),
)


def pages() -> dict[str, str]:
    """The text of every page that is made, by its path below `docs`."""
    return {
        **{page: _inside_docs((ROOT / file).read_text("utf-8")) for file, page in HOMES.items()},
        "reference/api.md": _api(),
        "reference/commands.md": _commands(),
        "reference/settings.md": _settings(),
    }


def on_config(config: Any) -> Any:
    """Name pages that the navigation leaves out at its end."""
    written = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    left_out = sorted(written - set(pages_in(config.nav)))
    if left_out:
        config.nav.append({"More": left_out})
    return config


def pages_in(nav: Any) -> Iterator[str]:
    """The pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from pages_in(part)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text of a page, with links to README and CONTRIBUTING to where they are here, and the
    paths of files of code in place of links to them."""
    del page

    def path_of(link: re.Match[str]) -> str:
        is_code = (ROOT / link[2]).is_file() and link[2] not in HOMES
        return f"{link[1]} (`{link[2]}`)" if is_code else link[0]

    markdown = re.sub(r"\[([^\]]+)\]\((?:\.\./)+([\w./-]+)\)", path_of, markdown)
    for file, home in HOMES.items():
        markdown = re.sub(rf"\]\(\.\./((?:\.\./)*){re.escape(file)}\)", rf"](\1{home})", markdown)
    return markdown


def _inside_docs(text: str) -> str:
    """A page beside `docs` as one in it."""
    text = re.sub(r"\]\(docs/", "](", text)
    for file, home in HOMES.items():
        text = text.replace(f"]({file})", f"]({home})")
    return re.sub(r"\[(\w+)\]\(\1\)", r"`\1`", text)  # LICENSE and NOTICE are no pages


# ---- The API


def _api() -> str:
    import codeit

    heads = ["# The API", "", "Everything here is a name of `codeit`.", ""]
    lines = []
    for name in codeit.__all__:
        value = getattr(codeit, name)
        if name.startswith("_"):
            continue
        module = value.__name__ if inspect.ismodule(value) else f"{value.__module__}.{name}"
        if inspect.ismodule(value):
            lines += [f"## `codeit.{name}`", "", _plain(inspect.getdoc(value) or ""), ""]
            lines += [f"A module, `{module}`.", ""]
            for part in _functions_in(value):
                lines += [f"::: {module}.{part}", "    options: {heading_level: 3}", ""]
        else:
            lines += [f"::: {module}", ""]
    return "\n".join([*heads, *lines])


def _functions_in(module: Any) -> list[str]:
    """What can be called of a module that is exported whole: `arc.load`, `dsl.Language`."""
    names = getattr(module, "__all__", None) or ["load"]
    return [n for n in names if callable(getattr(module, n)) and n not in ("Program",)]


def _plain(text: str) -> str:
    return text.replace("_", r"\_")


# ---- The commands


def help_of(*words: str) -> str:
    """What `--help` of a command prints, in lines that fit a page of the site."""
    from codeit.cli import main

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "82"
    out = io.StringIO()
    try:
        with redirect_stdout(out), suppress(SystemExit):
            main([*words, "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return out.getvalue()


def command_names() -> list[str]:
    """Every command, in the order of `codeit --help`."""
    listed = help_of().partition("commands:")[2]
    return re.findall(r"^  (\w+) +\w", listed, flags=re.MULTILINE)


def _commands() -> str:
    lines = ["# The commands", "", "What `--help` of each prints.", ""]
    calls = [(name,) for name in command_names()]
    for call in [*calls, *SUBCOMMANDS]:
        text = help_of(*call)
        if call == ("train",):  # its settings have a page of their own
            text = text.partition("usage:")[0].rstrip() + "\n"
        lines += [f"## codeit {' '.join(call)}", "", "```text", text.rstrip(), "```", ""]
    return "\n".join(lines)


# ---- The settings


def _settings() -> str:
    from codeit.runs.settings import PRESETS, RunSettings, setting_values

    lines = [
        "# The settings",
        "",
        "Of `codeit train`: `--sampling.top-k 50` on the command line, `top_k = 50` under",
        "`[sampling]` in a file. The default of each is the paper's value; presets change some.",
        "",
    ]
    defaults = setting_values(RunSettings())
    presets = {name: setting_values(preset) for name, preset in PRESETS.items()}
    section = None
    for name, kind, text in _documented(RunSettings):
        room = name.rpartition(".")[0]
        if room != section:
            section = room
            lines += [f"## {room or 'The run'}", ""]
        others = [
            f"{preset}: `{_shown(values[name])}`"
            for preset, values in presets.items()
            if values[name] != defaults[name]
        ]
        what = "; ".join([f"default `{_shown(defaults[name])}`", *others])
        lines += [f"### `{name}`", "", f"{kind}; {what}", "", text, ""]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else repr(value)


def _documented(settings: type, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Each setting's full name, type and docstring, those of the run itself first."""
    hints = get_type_hints(settings)
    tables = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
    texts = field_texts(settings)
    for name, hint in hints.items():
        if name not in tables:
            yield prefix + name, _kind(hint), texts.get(name, "")
    for name, hint in tables.items():
        assert isinstance(hint, type)
        yield from _documented(hint, f"{prefix}{name}.")


def _kind(hint: Any) -> str:
    if get_args(hint) and all(isinstance(choice, str) for choice in get_args(hint)):
        return ", ".join(f"`{choice}`" if choice else "empty" for choice in get_args(hint))
    return getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
