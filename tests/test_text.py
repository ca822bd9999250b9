"""Grids as the paper's sparse text, and back."""

import numpy as np
import pytest

from codeit.policy.text import grid_to_text, grids_to_text, text_to_grid


def grid(*rows):
    return np.array(rows, dtype=np.uint8)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([[0, 0, 3], [0, 5, 0]], "2x3 background=0 3=0,2 5=1,1"),
        ([[4]], "1x1 background=4"),
        ([[1, 2], [2, 1]], "2x2 background=1 2=0,1 1,0"),
        ([[9, 9, 9, 0, 0]], "1x5 background=9 0=0,3 0,4"),
    ],
)
def test_a_grid_reads_size_background_then_colors_ascending(cells, text):
    assert grid_to_text(grid(*cells)) == text
    np.testing.assert_array_equal(text_to_grid(text), grid(*cells))


def test_of_equally_frequent_colors_the_smallest_is_the_background():
    assert grid_to_text(grid([8, 0])).startswith("1x2 background=0 ")


def test_the_grids_of_several_demonstrations_are_joined_with_bars():
    assert grids_to_text([grid([1]), grid([2])]) == "1x1 background=1|1x1 background=2"


def test_random_grids_survive_the_way_to_text_and_back():
    random = np.random.default_rng(3)
    for _ in range(200):
        cells = random.integers(0, 10, size=random.integers(1, 31, size=2)).astype(np.uint8)
        np.testing.assert_array_equal(text_to_grid(grid_to_text(cells)), cells)


@pytest.mark.parametrize(
    "text", ["", "empty", "2x2", "2x2 background=12", "2x2 background=0 3=", "1x1 background=0 3=0"]
)
def test_a_text_that_is_no_grid_is_refused(text):
    with pytest.raises(ValueError, match="no grid in sparse form"):
        text_to_grid(text)


def test_a_place_outside_the_grid_is_refused():
    with pytest.raises(ValueError, match="place 2,0 lies outside a grid of 2x2"):
        text_to_grid("2x2 background=0 3=2,0")
