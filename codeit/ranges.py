"""The check of numbers that all settings share."""

from __future__ import annotations

import math

MAX_INT = (1 << 31) - 1
"""The most that an int among the settings may be, where no less is said."""
MAX_IDS = (1 << 16) - 1
"""The most token ids that the replay buffer takes of one prompt, or of one program."""


def check_at_least(settings: object, least: int, *names: str, most: int = MAX_INT) -> None:
    """Raise ValueError unless the numbers of those names are in range, and finite.

    Args:
        settings: has them as attributes.
        least: the least that each of them may be.
        most: the most that an int among them may be.
    """
    for name in names:
        value = getattr(settings, name)
        if isinstance(value, float):
            is_in_range = least <= value < math.inf
            allowed = f"finite, {least} or more"
        else:
            is_in_range = least <= value <= most
            allowed = f"{least} to {most}"
        if not is_in_range:
            raise ValueError(f"{name} is {value}; allowed: {allowed}")
