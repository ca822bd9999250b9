"""docs/paper-settings.md names settings that there are, with the values that they have."""

import re
import shlex
from pathlib import Path

import pytest

from codeit.runs.setting_words import parse_settings
from codeit.runs.settings import PRESETS, setting_values

PAGE = (Path(__file__).parent.parent / "docs" / "paper-settings.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| the paper")
]
SETTINGS = [row for row in ROWS if len(row) == 5]
ABLATIONS = [row for row in ROWS if len(row) == 3]
VALUES = setting_values(PRESETS["paper"])


def test_every_row_is_a_setting_or_an_ablation():
    assert len(SETTINGS) + len(ABLATIONS) == len(ROWS)
    assert len(SETTINGS) > 50
    assert len(ABLATIONS) == 6


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: re.sub(r"[`,].*", "", row[0].strip("`")))
def test_each_of_our_names_is_a_setting_and_has_its_value(row):
    _, _, ours, value, note = row
    if ours == "-":
        assert value == ""
        return
    (name,) = re.findall(r"^`([\w.]+)`$", ours)
    assert value.strip("`") == str(VALUES[name])
    assert all(other in VALUES for other in re.findall(r"`((?:data|sampling|model)\.\w+)`", note))


@pytest.mark.parametrize("row", ABLATIONS, ids=lambda row: row[0][:2])
def test_each_ablation_changes_one_setting(row):
    words = shlex.split(row[2].strip("`"))
    settings, chosen = parse_settings(words, PRESETS["paper"])
    assert len(chosen) == 1
    assert setting_values(settings) != VALUES
