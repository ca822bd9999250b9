"""What a primitive costs follows the elements of its patches, not the extent that they span."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, run
from codeit._native import vm
from codeit.execution.executor import call_canonical as call
from codeit.language import PRIMITIVES

ROOT = Path(__file__).resolve().parent.parent

FAR = (1, 9, 30, 99, 126, 127, 128, 200, 220, 254, 255, 256, 1000, 1_000_000)


def places(*some):
    return ["s", *(["t", i, j] for i, j in some)]


def cells(*some):
    return ["s", *(["t", color, ["t", i, j]] for color, i, j in some)]


def fuel(name, *arguments):
    result = call(name, list(arguments), limits=Limits(fuel=1 << 40))
    assert result.outcome == 0, (name, result)
    return result.fuel


@pytest.mark.parametrize("name", ["manhattan", "adjacent"])
@pytest.mark.parametrize("way", [(0, 1), (1, 0), (1, 1), (-1, 1)])
def test_distances_between_small_patches_cost_the_same_wherever_they_are(name, way):
    costs = {}
    for far in FAR:
        for count in (1, 4):
            a = places(*((0, 2 * k) for k in range(count)))
            b = places(*((far * way[0], far * way[1] + 2 * k) for k in range(count)))
            costs[count, far] = fuel(name, a, b)
    for count in (1, 4):
        some = [cost for (n, _), cost in costs.items() if n == count]
        assert max(some) < min(some) + 100, costs


@pytest.mark.parametrize(("name", "way"), [("hperiod", (0, 1)), ("vperiod", (1, 0))])
def test_periods_of_few_cells_cost_the_same_however_far_they_are(name, way):
    for count in (2, 4):
        costs = [
            fuel(name, cells(*((1, far * k * way[0], far * k * k * way[1]) for k in range(count))))
            for far in (1_000, 65_280, 1_000_000_000)
        ]
        assert max(costs) < 20_000, costs


def test_distances_cost_no_more_than_all_pairs():
    block = [(i, j) for i in range(8) for j in range(8)]
    alone = fuel("position", places(*block), places(*block))
    for far in FAR:
        moved = places(*((i + far, j + far) for i, j in block))
        assert fuel("manhattan", places(*block), moved) < alone + 64 * 64 + 1000, far


def test_distances_between_large_patches_cost_less_than_all_pairs():
    block = [(i, j) for i in range(30) for j in range(30)]
    alone = fuel("position", places(*block), places(*block))
    moved = places(*((i, j + 31) for i, j in block))
    assert fuel("manhattan", places(*block), moved) < alone + 900 * 900 / 10


@pytest.mark.parametrize("number", range(60))
def test_distances_are_those_of_all_pairs(number):
    random = np.random.default_rng(number)
    patches = []
    for _ in range(2):
        extent = int(random.choice([2, 30, 130, 300, 3_000_000_000]))
        corner = random.integers(-extent, extent, size=2)
        count = int(random.choice([1, 3, 40]))
        patches.append(corner + random.integers(0, extent, size=(count, 2)))
    wanted = min(abs(a - b).sum() for a in patches[0] for b in patches[1])
    plain = [places(*some.tolist()) for some in patches]
    colored = [cells(*((int(sum(at)) % 3, *at) for at in some.tolist())) for some in patches]
    twice = cells(*((color, *at) for at in patches[0].tolist() for color in (1, 2)))
    for arguments in (plain, plain[::-1], [plain[0], colored[1]], colored, [twice, plain[1]]):
        assert call("manhattan", arguments).value_json() == wanted


# ---- Every primitive, by the calls of benchmarks/bench_extent.py ---------------------------------


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(ROOT / "benchmarks"))
        return importlib.import_module("bench_extent")


# Whose results grow with the box, or which look at every distance up to it, as in Python.
GROWING = ("backdrop", "delta", "inbox", "outbox", "box", "hperiod", "vperiod")


@pytest.mark.parametrize("kind", ["indices", "object", "colored"])
def test_no_primitive_costs_more_where_its_patches_span_more(bench, kind):
    limits = Limits(fuel=1 << 40)
    num_calls = 0
    for name, primitive in PRIMITIVES.items():
        for arguments in bench.calls(primitive, kind):
            if name in GROWING or "outbox" in arguments:
                continue
            costs = {}
            for apart in (60, 100, 127, 128, 200, 254, 255, 256, 1000):
                setting = bench.Setting(kind, 2, apart, apart)
                before, text = bench.program_of(setting, name, arguments, True)
                results = [run(Program.parse(some), bench.GRID, limits) for some in (before, text)]
                costs[apart] = results[1].fuel - results[0].fuel
            assert max(costs.values()) <= min(costs.values()) * 1.1 + 100, (name, arguments, costs)
            num_calls += 1
    assert num_calls > 150


def test_far_patches_give_the_same_with_bits_and_without(bench):
    random = np.random.default_rng(20_261_130)
    cases = list(bench.cases(PRIMITIVES, few=False))
    limits = Limits()._native()
    num_ok = 0
    for k in random.choice(len(cases), size=3000, replace=False):
        setting, name, arguments, in_order = cases[k]
        program = Program.parse(bench.program_of(setting, name, arguments, in_order)[1])
        grid = bench.GRID.astype(np.uint8)
        fast, plain = (
            vm.run_and_print_one(program, grid, limits, True, 1_000_000, is_plain)
            for is_plain in (False, True)
        )
        if Outcome.out_of_fuel in (fast[0], plain[0]):
            continue
        assert (fast[:2], fast[3]) == (plain[:2], plain[3]), (name, arguments, str(setting))
        num_ok += fast[0] == Outcome.ok
    assert num_ok > 2000


def test_the_benchmark_compares_with_the_oracle(bench):
    command = [sys.executable, bench.__file__, "--few"]
    done = subprocess.run(
        [*command, "--primitives", "manhattan", "shift"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1 where something else has the processor
    record = json.loads(done.stdout.splitlines()[-1])
    assert record["figures"]["calls"] == 12
    refused = subprocess.run(
        [*command, "--primitives", "manhatten"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "there is no primitive 'manhatten'" in refused.stderr
