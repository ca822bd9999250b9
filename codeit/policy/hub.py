"""The Hugging Face hub: what may be a name there, and whether it answers."""

from __future__ import annotations

import functools
import re
import time
from pathlib import Path

from codeit.files.text_file import dead_link

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_PAUSES = (0.5, 1.0)
"""Seconds between attempts: a name server may need a second one."""


def check_is_to_be_had(name: str) -> None:
    """Raise ValueError unless it is a directory, or may be the name of a model of the hub."""
    is_directory = name != "" and Path(name).is_dir()
    fault = dead_link(Path(name))
    if fault:
        raise ValueError(f"{name}: {fault}")
    if not is_directory and not _NAME.fullmatch(name):
        raise ValueError(f"{name!r}: there is no such directory, and no such name of the hub")


@functools.cache
def is_reachable() -> bool:
    """Whether the hub answers, whatever it says; asked once.

    The libraries ask for every file anew and six times each, which takes a minute where there is no
    network. Where nothing answers, what they have kept is all that can be had.
    """
    import huggingface_hub
    from huggingface_hub import constants

    for pause in (*_PAUSES, None):
        try:
            session = huggingface_hub.get_session()
            session.head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        except Exception as error:  # of whichever library it speaks by, or that it is told not to
            is_slow = "Timeout" in type(error).__name__
            if pause is None or is_slow or constants.HF_HUB_OFFLINE:
                return False
            time.sleep(pause)
        else:
            return True
    return False
