"""On what it was measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """The processor's name, and how many of them."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((s.split(":")[1].strip() for s in lines if s.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"
