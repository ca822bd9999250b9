"""What the benchmarks share: arguments, timing, the printed lines, and the record on the last line.

A figure that the measurement does not bear out is not printed: "not measurable" stands in its
place, and null in the record.
"""

import argparse
import contextlib
import json
import math
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from codeit.benching.machine import machine
from codeit.terminal import visible, write

LEAST_REPEATS = 3
"""Of which a median and a spread say something."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and leaves with code 2."""

    def __init__(self, docstring):
        super().__init__(description=docstring.splitlines()[0])

    def error(self, message):
        write(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(2)

    def add_repeats(self, default, least=LEAST_REPEATS):
        kind = whole_number(least)
        self.add_argument("--repeats", type=kind, default=default, help=f"at least {least}")

    @contextlib.contextmanager
    def checking(self):
        """What is found wrong with an argument inside is said as for others."""
        try:
            yield
        except (ValueError, OSError) as error:
            self.error(str(error))


def whole_number(least, most=math.inf):
    """A type of an argument."""

    def parse(text):
        with contextlib.suppress(ValueError):
            if least <= int(text) <= most:
                return int(text)
        allowed = f"{least} or more" if math.isinf(most) else f"{least} to {most}"
        raise argparse.ArgumentTypeError(f"{visible(text)!r}; allowed: {allowed}")

    return parse


def share(text):
    """An argument from 0 to below 1."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"{visible(text)!r}; allowed: 0 to below 1")


def positive(text):
    """An argument that is a finite number above 0."""
    with contextlib.suppress(ValueError):
        if is_measured(float(text)):
            return float(text)
    raise argparse.ArgumentTypeError(f"{visible(text)!r}; allowed: a number above 0")


def existing_file(text):
    """An argument that names a file."""
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text!r}: there is no such file")
    return text


def folder_with(*names):
    """An argument that names a folder in which there are files of these names."""

    def parse(text):
        for name in names:
            if not (Path(text) / name).is_file():
                raise argparse.ArgumentTypeError(f"{text!r}: there is no {name} in it")
        return text

    return parse


def time_of(work):
    """Seconds of the clock that a call takes, and what it returns."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def cpu_time_of(work):
    """Seconds of the processor that a call takes, and what it returns; for work on one thread."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def difference(longer, shorter):
    """The median of some times less that of others, or None where the two are not apart."""
    if min(longer) <= max(shorter):
        return None
    return statistics.median(longer) - statistics.median(shorter)


def ratio(a, b):
    """a / b, or None where one of them could not be measured."""
    return a / b if is_measured(a) and is_measured(b) else None


def is_measured(value):
    """Whether it is a number that a time, a rate or a ratio can be."""
    return value is not None and math.isfinite(value) and value > 0


class Report:
    """Prints a line for each measurement and keeps it for the record."""

    def __init__(self, heading=f"{'':52}{'median':>14}  {'spread':>6}"):
        self.figures = {}
        print(heading)

    def add(self, name, seconds, *, items=None, unit=None, is_once=False):
        """As a rate when `items` were handled in that time, in milliseconds otherwise.

        With a unit, the values are in it, and printed as they are. What is measured once has no
        spread, and has to say so.
        """
        is_enough = len(seconds) >= LEAST_REPEATS or (is_once and len(seconds) == 1)
        if not is_enough or not all(map(is_measured, seconds)):
            self._refuse(name)
            return
        median = statistics.median(seconds)
        spread = None if is_once else (max(seconds) - min(seconds)) / median
        if unit is not None:
            value = median
        else:
            value, unit = (median * 1e3, "ms") if items is None else (items / median, "/s")
        text = f"{value:,.0f}" if items else f"{value:,.2f}"
        how = "once" if spread is None else f"{spread:.0%}"
        print(f"{name:52}{text:>10} {unit:3}  {how:>6}", flush=True)
        self.figures[name] = {"median": value, "unit": unit, "spread": spread}

    def add_ratio(self, name, value):
        """How many times as fast; None where it could not be measured."""
        if not is_measured(value):
            self._refuse(name)
            return
        print(f"{name:52}{value:>10,.1f} x", flush=True)
        self.figures[name] = {"median": value, "unit": "x"}

    def add_share(self, name, value):
        """A part of something, 0 included."""
        if value is None or not math.isfinite(value) or value < 0:
            self._refuse(name)
            return
        print(f"{name:52}{value:>10.1%}", flush=True)
        self.figures[name] = {"median": value, "unit": ""}

    def _refuse(self, name):
        print(f"{name:52}{'not measurable':>14}", flush=True)
        self.figures[name] = None

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
        print(json.dumps(record, allow_nan=False))


def commit():
    """The commit of the checkout that this file is in, or "unknown"."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
