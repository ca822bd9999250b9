"""What a primitive costs follows the elements of its patches, not the extent that they span."""

import numpy as np
import pytest

from codeit import Limits, call

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
