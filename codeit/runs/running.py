"""Begins a run of the loop in a new directory, or goes on with one."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from codeit.files.whole_directory import check_whole, finish_replacement, settle
from codeit.parallel.processes import ProcessGroup
from codeit.runs.directory import CHECKPOINT, CONFIG, RunDirectory, check_free, check_written
from codeit.runs.loop import Loop
from codeit.runs.resuming import Position, describe, inputs
from codeit.runs.settings import (
    RunSettings,
    load_all_settings,
    settings_to_toml,
    with_absolute_paths,
    with_loaded_primitives,
)
from codeit.terminal import say


def train(settings: RunSettings, out: Path, console: Console) -> None:
    """Run the whole loop and leave a run directory.

    A keyboard interrupt ends it early; what is complete by then is saved.

    Raises:
        ValueError: the settings, a file or the directory are bad; nothing was written.
        FloatingPointError: a loss, a weight, a score or a metric is not finite; the run directory
            is as it was after the iteration before.
        KeyboardInterrupt: it was interrupted; the run directory is in order.
    """
    processes = ProcessGroup.join()
    if processes.is_first:
        check_free(out)
    settings = with_absolute_paths(settings)
    with processes.together():
        loop = Loop(settings, console, processes=processes)
    processes.check_same(inputs(settings, loop.digests))
    if not processes.is_first:
        loop.run(None)
        return
    with RunDirectory.create(out, settings_to_toml(settings)) as directory:
        try:
            loop.run(directory)
        except (ValueError, MemoryError):  # no interrupt, and no fault of the disk
            directory.remove_unless_started()
            raise


def resume(
    out: Path, console: Console, iterations: int | None = None, threads: int | None = None
) -> None:
    """Go on with a run from the end of its last iteration, as if it had never stopped.

    What was written after that is removed first.

    Args:
        iterations: how many it should have in the end, if not as many as it was made for.
        threads: to use from now on, if not as many as before.
    Raises:
        ValueError: it is no run directory, something in it is missing or damaged, a setting in its
            config has changed that cannot take effect any more, or it is done already. Nothing was
            removed.
        KeyboardInterrupt: it was interrupted; the run directory is in order.
    """
    processes = ProcessGroup.join()
    with RunDirectory.open(out) if processes.is_first else nullcontext() as directory:
        checkpoint = out / CHECKPOINT
        with processes.together():
            asked = load_all_settings(out / CONFIG)
            settings = replace(
                asked,
                iterations=asked.iterations if iterations is None else iterations,
                threads=asked.threads if threads is None else threads,
            )
            settings = with_loaded_primitives(settings)
            if directory:
                settle(checkpoint)
                if os.path.lexists(checkpoint):
                    check_whole(checkpoint)
                    say(console, *check_written(out))
                    finish_replacement(checkpoint)  # what is left over is older than what is whole
        with processes.together():
            position = Position.read(checkpoint) if os.path.lexists(checkpoint) else None
            done = position.iteration if position else -1
            if done >= settings.iterations:
                raise ValueError(
                    f"{out}: {done} of {settings.iterations} iterations are done; --iterations N "
                    "continues to a greater one"
                )
            if directory:
                directory.check_nothing_is_lost(done, settings.iterations)
                directory.check_can_be_written(done + 1, settings.iterations)
            changes = position.changes(settings) if position else {}
            if position:
                position.check_primitives(settings)
            loop = Loop(settings, console, checkpoint if position else None, processes)
            if position:
                position.check_data(loop.digests, settings)
        given = inputs(settings, loop.digests)
        processes.check_same({**given, "the last iteration that is done": done})
        if changes:
            say(console, f"changed since iteration {done}: {describe(changes)}")
        if directory:
            finish_replacement(checkpoint)
            directory.go_back(done)
        loop.run(directory, done, changes, settings_to_toml(settings) if settings != asked else "")
