"""Docstrings as griffe reads them, which makes the reference of the API: to it, a section begins
after an empty line, which these docstrings do without."""

from __future__ import annotations

import re
from typing import Any

import griffe

_TITLE = re.compile(r"(?<!\n)\n(?=(Args|Attributes|Examples|Raises|Returns|Source|Yields):\n)")


class Sections(griffe.Extension):
    """Puts the empty lines in."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = _TITLE.sub("\n\n", obj.docstring.value)
