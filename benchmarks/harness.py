"""What the benchmarks share: timing, the printed lines, and the record on the last line."""

import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path


def time_of(work):
    """Seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


class Report:
    """Prints a line for each measurement and keeps it for the record."""

    def __init__(self, heading=f"{'':52}{'median':>14}  {'spread':>6}"):
        self.figures = {}
        print(heading)

    def add(self, name, seconds, *, items=None, unit=None):
        """As a rate when `items` were handled in that time, in milliseconds otherwise.

        With a unit, the values are in it, and printed as they are.
        """
        median = statistics.median(seconds)
        spread = (max(seconds) - min(seconds)) / median
        if unit is not None:
            value = median
        else:
            value, unit = (median * 1e3, "ms") if items is None else (items / median, "/s")
        text = f"{value:,.0f}" if items else f"{value:,.2f}"
        print(f"{name:52}{text:>10} {unit:3}  {spread:6.0%}", flush=True)
        self.figures[name] = {"median": value, "unit": unit, "spread": spread}

    def add_ratio(self, name, value):
        """How many times as fast."""
        print(f"{name:52}{value:>10,.1f} x", flush=True)
        self.figures[name] = {"median": value, "unit": "x"}

    def print_record(self, benchmark, versions, settings):
        """One line of JSON with all of it."""
        record = {
            "benchmark": benchmark,
            "commit": commit(),
            "machine": machine(),
            "versions": {"python": platform.python_version(), **versions},
            "settings": settings,
            "figures": self.figures,
        }
        print(json.dumps(record))


def machine():
    """The processor's name, and how many of them."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((s.split(":")[1].strip() for s in lines if s.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


def commit():
    """The commit of the checkout that this file is in, or "unknown"."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
