"""A disk that breaks: of all that is done to a folder and to what is in it, one goes wrong.

An operation is an open, a write, an fsync, a truncation, a rename, a mkdir, an unlink or an rmdir,
as Python does them, whoever asks for it. `num_operations` counts; with `at`, the operation of that
number, from 0 on,

    "fails"   raises OSError; the ones after it work
    "fills"   raises OSError, and from then on so do all that need room
    "kills"   ends everything: it and all after it do nothing but raise Killed

A write that goes wrong has written the first half. What a file object holds in memory is lost when
a process is killed.
"""

import builtins
import errno
import io
import os
from pathlib import Path

KINDS = ("fails", "fills", "kills")
_NEEDS_ROOM = ("create", "write", "mkdir")


class Killed(BaseException):
    """The process is dead; what is still running of it can change nothing."""


class BrokenDisk:
    """The context in which operations below `folder` are counted, and go wrong."""

    def __init__(self, folder, kind="fails", at=None):
        self._folder = os.path.realpath(folder)
        self._kind = kind
        self._at = at
        self._plain = {}
        self.log = []
        self.is_dead = False
        self.is_full = False

    @property
    def num_operations(self):
        return len(self.log)

    @property
    def has_struck(self):
        return self._at is not None and self.num_operations > self._at

    def __enter__(self):
        self._replace(os, "open", self._open)
        self._replace(os, "write", self._write)
        for name in ("fsync", "ftruncate"):
            self._replace(os, name, self._by_file(name))
        for name in ("mkdir", "unlink", "rmdir", "rename", "replace", "truncate"):
            self._replace(os, name, self._by_path(name))
        self._replace(os, "remove", self._by_path("remove"))
        for module in (io, builtins):
            self._replace(module, "open", self._open_file)
        return self

    def __exit__(self, *_):
        for (module, name), function in self._plain.items():
            setattr(module, name, function)
        self._plain.clear()

    def _replace(self, module, name, function):
        self._plain[module, name] = getattr(module, name)
        setattr(module, name, function)

    def _goes_wrong(self, operation, path):
        """Count an operation; raises if it is the one, returns whether it must raise half done."""
        if self.is_dead:
            raise Killed
        if self.is_full and operation in _NEEDS_ROOM:
            self._fail(errno.ENOSPC, path)
        self.log.append(f"{operation} {os.path.basename(path)}")
        if self.num_operations - 1 != self._at:
            return False
        if operation == "write":
            return True
        self._strike(path)
        return False

    def _strike(self, path):
        if self._kind == "kills":
            self.is_dead = True
            raise Killed
        self.is_full = self._kind == "fills"
        self._fail(errno.ENOSPC if self.is_full else errno.EIO, path)

    @staticmethod
    def _fail(number, path):
        raise OSError(number, os.strerror(number), *([str(path)] if path else []))

    def _is_ours(self, path):
        return (os.path.abspath(path) + os.sep).startswith(self._folder + os.sep)

    def _path_of(self, path, dir_fd=None):
        if isinstance(path, int):
            return os.readlink(f"/proc/self/fd/{path}")
        folder = os.getcwd() if dir_fd is None else os.readlink(f"/proc/self/fd/{dir_fd}")
        return os.path.join(folder, os.fspath(path))

    def _by_path(self, name):
        def call(path, *arguments, **named):
            full = self._path_of(path, named.get("dir_fd"))
            if self._is_ours(full):
                self._goes_wrong(name, full)
            return self._plain[os, name](path, *arguments, **named)

        return call

    def _by_file(self, name):
        def call(file, *arguments):
            path = self._path_of(file if isinstance(file, int) else file.fileno())
            if self._is_ours(path):
                self._goes_wrong(name, "")
            return self._plain[os, name](file, *arguments)

        return call

    def _open(self, path, flags, mode=0o777, *, dir_fd=None):
        full = self._path_of(path, dir_fd)
        if self._is_ours(full):
            is_new = flags & os.O_CREAT and not os.path.lexists(full)
            self._goes_wrong("create" if is_new else "open", full)
        return self._plain[os, "open"](path, flags, mode, dir_fd=dir_fd)

    def _write(self, file, data):
        path = self._path_of(file)
        if self._is_ours(path) and self._goes_wrong("write", ""):
            self._plain[os, "write"](file, bytes(data)[: len(data) // 2])
            self._strike("")
        return self._plain[os, "write"](file, data)

    def _open_file(
        self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **more
    ):
        plain = self._plain[io, "open"]
        if not self._is_ours(self._path_of(file)):
            return plain(file, mode, buffering, encoding, errors, newline)
        if not isinstance(file, int):
            is_new = mode[0] in "wax" and not os.path.lexists(file)
            self._goes_wrong("create" if is_new else "open", str(file))
        if not set(mode) & set("wax+"):
            return plain(file, mode, buffering, encoding, errors, newline)
        raw = _File(self, file, mode.replace("b", "").replace("t", ""))
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)


class _File(io.FileIO):
    """A file whose writes are operations of a disk."""

    def __init__(self, disk, file, mode):
        self._disk = disk
        super().__init__(file, mode)

    def write(self, data):
        if self._disk.is_dead:
            return len(data)  # what was in memory is lost
        if self._disk._goes_wrong("write", ""):
            super().write(bytes(data)[: len(data) // 2])
            self._disk._strike("")
        return super().write(data)


def sweep(folder, prepare, act, check, kinds=KINDS):
    """Let every operation of an act go wrong, once in each kind.

    Args:
        folder: an empty one; each case has a folder of its own in it.
        prepare: fills the folder of a case.
        act: what is done to it.
        check: called with the folder, the error that ended the act (None if none did), and the
            kind; makes sure that all is in order.
    Returns:
        The number of operations of the act.
    """
    whole = Path(folder) / "whole"
    whole.mkdir()
    prepare(whole)
    with BrokenDisk(whole) as disk:
        act(whole)
    for kind in kinds:
        at = 0
        while True:
            case = Path(folder) / f"{kind}{at}"
            case.mkdir()
            prepare(case)
            error = None
            with BrokenDisk(case, kind, at) as disk_of_case:
                try:
                    act(case)
                except (OSError, ValueError, Killed) as raised:
                    error = raised
            if not disk_of_case.has_struck:
                break
            try:
                check(case, error, kind)
            except BaseException as wrong:
                wrong.add_note(
                    f"when operation {at} {kind}: {disk_of_case.log[max(at - 4, 0) : at + 1]}"
                )
                raise
            at += 1
    return disk.num_operations
