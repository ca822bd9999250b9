"""A run of the loop on a few tiny tasks, for tests."""

import dataclasses
import io
import json

import numpy as np
from rich.console import Console

from codeit import Limits, Program, run
from codeit.files.json_file import read_lines
from codeit.runs.settings import PRESETS, LoopSearchSettings, RunSettings

PROGRAMS = {
    "flip": "O = vmirror(I)",
    "turn": "O = rot90(I)",
    "double": "x1 = hmirror(I)\nO = vconcat(I, x1)",
    "erase": "O = replace(I, THREE, ZERO)",
}


def grids(count, seed):
    random = np.random.default_rng(seed)
    return [random.integers(0, 5, size=(3, 4)).tolist() for _ in range(count)]


def pair(grid, program):
    return {"input": grid, "output": run(Program.parse(program), grid).grid.tolist()}


def task(program, seed):
    pairs = [pair(grid, program) for grid in grids(4, seed)]
    return {"train": pairs[:3], "test": pairs[3:]}


def write_data(folder):
    """Four training tasks, their programs, and eight tasks to solve."""
    training = {name: task(program, seed) for seed, (name, program) in enumerate(PROGRAMS.items())}
    evaluation = {
        f"{name}{k}": task(program, 100 + k) for k in (1, 2) for name, program in PROGRAMS.items()
    }
    (folder / "training.json").write_text(json.dumps(training))
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    lines = [json.dumps({"task": name, "program": text}) for name, text in PROGRAMS.items()]
    (folder / "programs.jsonl").write_text("\n".join(lines))


def settings_for(data, **changes) -> RunSettings:
    demo = PRESETS["demo"]
    settings = RunSettings(
        iterations=2,
        seed=3,
        threads=1,
        programs=str(data / "programs.jsonl"),
        data=dataclasses.replace(
            demo.data,
            training=str(data / "training.json"),
            evaluation=str(data / "evaluation.json"),
        ),
        mutation=dataclasses.replace(demo.mutation, num_tasks=40),
        model=demo.model,
        training=dataclasses.replace(demo.training, epochs=6, learning_rate=3e-3),
        sampling=dataclasses.replace(demo.sampling, samples_per_task=3, max_tokens=24),
        search=LoopSearchSettings(iteration_evaluations=1000),
        elsewhere=True,
        limits=Limits(fuel=100_000),
    )
    return dataclasses.replace(settings, **changes)


def quiet() -> Console:
    return Console(file=io.StringIO(), width=100)


def without_seconds(out):
    rows = read_lines(out / "metrics.jsonl")
    measured = ("seconds", "speed", "sampling", "stages", "use")
    return [{key: value for key, value in row.items() if key not in measured} for row in rows]
