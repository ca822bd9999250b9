"""The site of the documents: it builds without a warning, and its reference is that of the code."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import codeit
from codeit.runs.settings import PRESETS, setting_names

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def made():
    """The hooks of MkDocs, which need no MkDocs to make pages."""
    spec = importlib.util.spec_from_file_location("made_pages", ROOT / "docs" / "made_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(made):
    return made.pages()


def test_every_page_stands_in_the_navigation(made, pages):
    listed = re.findall(r"^ +- (?:\w+: )?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    written = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert set(listed) <= written | set(pages)
    assert set(pages) <= set(listed)
    config = SimpleNamespace(nav=["index.md", {"How to": ["using.md", {"Deep": "search.md"}]}])
    named = list(made.pages_in(made.on_config(config).nav))
    assert set(named) == written | {"index.md"}
    assert len(named) == len(set(named))


def test_the_reference_has_every_public_name_every_command_and_every_setting(made, pages):
    for name in codeit.__all__:
        if not name.startswith("_"):
            assert re.search(rf"[.`]{name}[`\n]", pages["reference/api.md"]), name
    for name in made.command_names():
        assert f"\n## codeit {name}\n" in pages["reference/commands.md"]
    for call in made.SUBCOMMANDS:
        assert f"\n## codeit {' '.join(call)}\n" in pages["reference/commands.md"]
    for name in setting_names():
        assert f"\n### `{name}`\n" in pages["reference/settings.md"]


def test_a_setting_is_described_with_its_values(pages):
    part = pages["reference/settings.md"].partition("### `sampling.max_tokens`\n")[2]
    said = part.partition("###")[0]
    tokens = PRESETS["demo"].sampling.max_tokens
    assert f"int; default `512`; demo: `{tokens}`" in said
    assert "A sample that has not ended after so many tokens is cut there." in said
    texts = re.findall(r"^### `.*`\n\n.*\n\n(.*)$", pages["reference/settings.md"], re.M)
    assert len(texts) == len(setting_names())
    assert all(texts)


def test_links_lead_to_pages_of_the_site(made):
    readme = made.pages()["index.md"]
    assert "](using.md)" in readme
    assert "](contributing.md)" in readme
    assert "](docs/" not in readme
    said = made.on_page_markdown("[a](../README.md) [b](../../CONTRIBUTING.md) [c](x.md)", None)
    assert said == "[a](index.md) [b](../contributing.md) [c](x.md)"
    said = made.on_page_markdown("[the header](../csrc/core/set.h) [d](../language.md)", None)
    assert said == "the header (`csrc/core/set.h`) [d](../language.md)"


def test_the_site_builds_without_a_warning(tmp_path):
    for module in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(module, reason="pip install codeit[docs]")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    api = (site / "reference" / "api.html").read_text()
    for text in ("What a primitive returns for some arguments", "samples_per_task", "CallError"):
        assert text in api
    assert len(re.findall(r">Raises:<", api)) > 20  # as a title, with a list below it
    assert not re.search(r"^ *(<p>)?(Args|Raises|Returns|Attributes):$", api, re.MULTILINE)
    assert not [path for path in site.rglob("*") if ".py" in path.name or "cache" in path.name]
    fetched = re.findall(
        r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]+)"',
        (site / "index.html").read_text(),
    )
    assert fetched == []
    shutil.rmtree(site)
