"""Text that people wrote, and the paths by which they name it.

UTF-8, with or without the mark that some editors begin a file with, and with the line ends of any
system.
"""

from __future__ import annotations

import codecs
import errno
import os
from pathlib import Path


def read_text(path: Path) -> str:
    """The text of a file, without a mark and with line ends of one character.

    Raises:
        ValueError: it is no text, or a link that leads nowhere; the message names the file.
        OSError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError:
        fault = dead_link(path)
        if fault:
            raise ValueError(f"{path}: {fault}") from None
        raise
    except ValueError as error:  # a name that no file can have
        raise ValueError(f"{path}: {error}") from None
    return text_of(data, str(path))


def text_of(data: bytes, name: str) -> str:
    """What bytes from outside say, likewise.

    Raises:
        ValueError: they are no text; the message begins with the name.
    """
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: byte {error.start} is not UTF-8 text") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def dead_link(path: Path) -> str:
    """What is wrong with a link that leads nowhere, on the way to a path or at its end; else ""."""
    for part in (path, *path.parents):
        try:
            part.stat()
        except OSError as error:
            if part.is_symlink():
                target = os.readlink(part)
                is_loop = error.errno == errno.ELOOP
                where = "which leads back to itself" if is_loop else "where there is nothing"
                what = "a link" if part == path else f"{part} is a link"
                return f"{what} to {target}, {where}"
        except ValueError:  # a name that no file can have
            return ""
    return ""
