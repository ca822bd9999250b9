"""Every write, fsync, rename, open and the like goes wrong once: nothing is lost by it."""

import os

import pytest
from broken_disk import BrokenDisk, Killed, sweep

from codeit.files.whole_directory import check_whole, finish_replacement, settle, whole_directory
from codeit.files.whole_file import append, truncate, whole_file

OLD = {"a": b"old " * 5000, "b": b"", "folder/c": b"old"}
NEW = {"a": b"new " * 6000, "d": b"more"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Nobody pulls the plug here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def write(path, files):
    with whole_directory(path) as fresh:
        for name, content in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_bytes(content)


def content(path):
    files = (p for p in path.rglob("*") if p.is_file() and p.name != "manifest.json")
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}


def everything(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def names(path):
    return sorted(p.name for p in path.iterdir())


def test_the_disk_counts_and_breaks_where_it_should(quick_path):
    def act(folder):
        with (folder / "file").open("wb") as file:
            file.write(b"12345678")
        os.rename(folder / "file", folder / "other")

    (quick_path / "plain").mkdir()
    with BrokenDisk(quick_path / "plain") as disk:
        act(quick_path / "plain")
    assert disk.log == ["create file", "write ", "rename file"]
    found = []
    for kind in ("fails", "kills"):
        for at in range(4):
            folder = quick_path / f"{kind}{at}"
            folder.mkdir()
            with BrokenDisk(folder, kind, at) as disk:
                try:
                    act(folder)
                except (OSError, Killed):
                    assert disk.has_struck
            found.append(everything(folder))
    half, whole = b"1234", b"12345678"
    assert found == 2 * [{}, {"file": half}, {"file": whole}, {"other": whole}]


@pytest.mark.parametrize("was_there", [False, True])
def test_a_file_is_the_one_before_or_the_new_one(quick_path, was_there):
    def prepare(folder):
        (folder / ".file.new").write_bytes(b"left over")
        if was_there:
            (folder / "file").write_bytes(b"old")

    def act(folder):
        with whole_file(folder / "file") as file:
            file.write(b"new")
            file.flush()
            file.write(b"er")

    def check(folder, error, kind):
        if kind != "kills":
            assert error.filename == str(folder / "file")
        else:
            assert isinstance(error, Killed)
        before = {"file": b"old"} if was_there else {}
        found = everything(folder)
        found.pop(".file.new", None)
        assert found in (before, {"file": b"newer"})
        act(folder)
        assert everything(folder) == {"file": b"newer"}

    assert sweep(quick_path, prepare, act, check) >= 8


@pytest.mark.parametrize("was_there", [False, True])
def test_a_line_is_there_as_a_whole_or_not_unless_a_kill_cuts_it(quick_path, was_there):
    def prepare(folder):
        if was_there:
            (folder / "lines").write_bytes(b"first\n")

    def act(folder):
        append(folder / "lines", b"second\n")

    def check(folder, error, kind):
        path = folder / "lines"
        before = b"first\n" if was_there else b""
        after = path.read_bytes() if path.exists() else b""
        if kind == "kills":
            assert after in (before, before + b"sec", before + b"second\n")
            return
        assert after == before
        assert error.filename == str(path)

    assert sweep(quick_path, prepare, act, check) >= 3


def test_a_file_that_cannot_be_cut_is_named(quick_path):
    def prepare(folder):
        (folder / "lines").write_bytes(b"first\nsecond\n")

    def act(folder):
        truncate(folder / "lines", 6)

    def check(folder, error, kind):
        assert (folder / "lines").read_bytes() in (b"first\nsecond\n", b"first\n")
        if kind != "kills":
            assert error.filename == str(folder / "lines")
        act(folder)
        assert (folder / "lines").read_bytes() == b"first\n"

    assert sweep(quick_path, prepare, act, check) == 3


def linked(folder):
    """The directory to replace, at the end of a link to another disk."""
    (folder / "disk").mkdir()
    (folder / "thing").symlink_to("disk/big")
    return folder / "disk" / "big"


@pytest.mark.parametrize("form", ["new", "replaced", "linked", "after a kill", "after two kills"])
def test_a_directory_is_the_one_before_or_the_new_one(quick_path, form):
    def prepare(folder):
        real = linked(folder) if form == "linked" else folder / "thing"
        if form == "after a kill":
            write(real.with_name(f".{real.name}.new"), OLD)
            (real.with_name(f".{real.name}.new") / "a").write_bytes(b"cut of")
        if form == "after two kills":
            write(real.with_name(f".{real.name}.new"), NEW)
            write(real.with_name(f".{real.name}.old"), OLD)
        elif form != "new":
            write(real, OLD)

    def act(folder):
        write(folder / "thing", NEW)

    def check(folder, error, kind):
        thing = folder / "thing"
        if kind != "kills" and error:
            assert str(folder) in str(error)
        settle(thing)
        if form == "new" and not thing.exists():
            assert not any(name in ("disk", "thing") for name in names(folder))
        else:
            check_whole(thing)
            assert content(thing) in (OLD, NEW)
            assert thing.is_symlink() == (form == "linked")
        finish_replacement(thing)
        assert set(names(folder)) <= {"thing", "disk"}
        act(folder)
        check_whole(thing)
        assert content(thing) == NEW
        assert set(names(folder)) <= {"thing", "disk"}
        assert form != "linked" or names(folder / "disk") == ["big"]

    assert sweep(quick_path, prepare, act, check) > 20


@pytest.mark.parametrize("state", ["old and new", "all three", "new alone", "cut off"])
def test_clearing_up_after_a_kill_can_itself_be_cut_off(quick_path, state):
    def prepare(folder):
        fresh, stale = folder / ".thing.new", folder / ".thing.old"
        if state == "all three":
            write(folder / "thing", OLD)
        write(fresh, NEW)
        if state != "new alone":
            write(stale, OLD)
        if state == "cut off":
            (fresh / "a").write_bytes(b"ne")

    def act(folder):
        finish_replacement(folder / "thing")

    def check(folder, error, kind):
        act(folder)
        check_whole(folder / "thing")
        assert content(folder / "thing") in (OLD, NEW)
        assert names(folder) == ["thing"]

    assert sweep(quick_path, prepare, act, check) > 3
