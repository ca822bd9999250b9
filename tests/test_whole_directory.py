"""Directories that appear whole or not at all, and that know what they hold."""

import json
import os
import shutil

import pytest

from codeit.files.whole_directory import (
    check_entries,
    check_whole,
    finish_replacement,
    read_entries,
    settle,
    whole_directory,
    write_entries,
)

FILES = {"a.bin": b"\x00\x01\x02" * 50, "b.json": b"{}", "empty": b"", "folder/c": b"deep"}


def write(path, files=FILES):
    with whole_directory(path) as fresh:
        for name, content in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_bytes(content)


def content(path):
    return {
        p.relative_to(path).as_posix(): p.read_bytes()
        for p in path.rglob("*")
        if p.is_file() and p.name != "manifest.json"
    }


def names(path):
    return sorted(p.name for p in path.iterdir())


def test_a_directory_appears_when_all_is_written(tmp_path):
    path = tmp_path / "thing"
    with whole_directory(path) as fresh:
        (fresh / "file").write_bytes(b"new")
        assert not path.exists()
    assert content(path) == {"file": b"new"}
    assert names(tmp_path) == ["thing"]
    check_whole(path)


def test_an_error_leaves_the_directory_that_was_there(tmp_path):
    path = tmp_path / "thing"
    write(path)
    with pytest.raises(KeyError), whole_directory(path):
        raise KeyError
    assert content(path) == FILES
    assert names(tmp_path) == ["thing"]


def bit_flipped(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_and_every_length_is_noticed_and_the_file_is_named(tmp_path, name):
    write(tmp_path / "thing")
    path = tmp_path / "thing" / name
    good = path.read_bytes()
    bad = [bit_flipped(good, bit) for bit in range(8 * len(good))]
    bad += [good[:length] for length in range(len(good))] + [good + b"\0"]
    for data in bad:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"thing/{name}: "):
            check_whole(tmp_path / "thing")
    path.write_bytes(good)
    check_whole(tmp_path / "thing")


def test_what_is_missing_or_no_file_is_noticed_and_named(tmp_path):
    write(tmp_path / "thing")
    path = tmp_path / "thing" / "a.bin"
    path.unlink()
    with pytest.raises(ValueError, match=r"thing/a.bin: it is missing; 150 bytes were written"):
        check_whole(tmp_path / "thing")
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"thing/a.bin: no file"):
        check_whole(tmp_path / "thing")
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=r"thing/a.bin: no file"):
        check_whole(tmp_path / "thing")


def test_a_damaged_manifest_never_vouches_for_anything(tmp_path):
    write(tmp_path / "thing", {"file": b"content"})
    manifest = tmp_path / "thing" / "manifest.json"
    good = manifest.read_bytes()
    values = json.loads(good)
    bad = [bit_flipped(good, bit) for bit in range(8 * len(good))]
    bad += [good[:length] for length in range(len(good) - 2)]
    bad += [b"[]", b"3", b'"text"', b"null", b"{}", b"[" * 100_000, b'{"files":' * 100_000]
    bad += [json.dumps(values | {"files": files}).encode() for files in ({}, [], 3, None)]
    bad += [json.dumps({"files": values["files"]}).encode()]
    entry = values["files"]["file"]
    for change in ({"bytes": "7"}, {"bytes": -1}, {"bytes": True}, {"more": 1}):
        bad += [json.dumps(values | {"files": {"file": entry | change}}).encode()]
    for data in bad:
        if data.split() == good.split():
            continue  # one blank for another
        manifest.write_bytes(data)
        with pytest.raises(ValueError, match=r"thing/manifest.json: "):
            check_whole(tmp_path / "thing")
    manifest.unlink()
    with pytest.raises(ValueError, match=r"manifest.json: there is no such file; nothing else"):
        check_whole(tmp_path / "thing")


def test_files_that_have_grown_are_compared_as_far_as_they_were_written(tmp_path):
    write(tmp_path / "thing")
    entries = read_entries(tmp_path / "thing" / "manifest.json")
    write_entries(tmp_path / "entries.json", entries)
    assert read_entries(tmp_path / "entries.json") == entries
    path = tmp_path / "thing" / "a.bin"
    path.write_bytes(FILES["a.bin"] + b"more")
    check_entries(tmp_path / "thing", entries, may_be_longer=True)
    with pytest.raises(ValueError, match=r"a.bin: it has 154 bytes; 150 were written"):
        check_entries(tmp_path / "thing", entries)
    path.write_bytes(b"other" + FILES["a.bin"])
    with pytest.raises(ValueError, match=r"a.bin: it is damaged"):
        check_entries(tmp_path / "thing", entries, may_be_longer=True)


def test_a_link_to_a_directory_stays_one_and_its_target_is_replaced_where_it_is(tmp_path):
    """As on a larger disk, onto which nothing could be renamed from here."""
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "target", tmp_path / "thing"
    write(target, {"file": b"old"})
    link.symlink_to("disk/target")
    with whole_directory(link) as fresh:
        assert fresh.parent == tmp_path / "disk"
        (fresh / "file").write_bytes(b"new")
    assert link.is_symlink()
    assert os.readlink(link) == "disk/target"
    assert content(target) == {"file": b"new"}
    assert names(tmp_path) == ["disk", "thing"]
    assert names(tmp_path / "disk") == ["target"]
    check_whole(link)
    target.rename(tmp_path / "disk" / ".target.old")
    settle(link)
    assert content(link) == {"file": b"new"}


def test_a_link_that_leads_nowhere_is_refused_and_stays(tmp_path):
    link = tmp_path / "thing"
    link.symlink_to(tmp_path / "disk" / "target")
    with (
        pytest.raises(ValueError, match=r"thing: a link to .*target, where there is no directory"),
        whole_directory(link),
    ):
        pass
    with pytest.raises(ValueError, match=r"thing: a link to .*target"):
        check_whole(link)
    assert names(tmp_path) == ["thing"]
    link.unlink()
    link.write_bytes(b"a file")
    with pytest.raises(ValueError, match=r"thing: no directory"), whole_directory(link):
        pass
    assert link.read_bytes() == b"a file"


@pytest.mark.parametrize("end", ["new", "old"])
@pytest.mark.parametrize("kind", ["directory", "file", "nowhere"])
def test_a_link_with_a_temporary_name_is_removed_and_not_followed(tmp_path, end, kind):
    target, path = tmp_path / "target", tmp_path / "thing"
    write(path, {"file": b"old"})
    if kind == "directory":
        write(target)
    elif kind == "file":
        target.write_bytes(b"mine")
    for move in (lambda: finish_replacement(path), lambda: write(path, {"file": b"new"})):
        (tmp_path / f".thing.{end}").symlink_to(target)
        move()
        assert names(tmp_path) == (["thing"] if kind == "nowhere" else ["target", "thing"])
    assert content(path) == {"file": b"new"}
    if kind == "directory":
        assert content(target) == FILES
    elif kind == "file":
        assert target.read_bytes() == b"mine"


def test_a_link_never_takes_the_place_of_a_directory_that_is_gone(tmp_path):
    write(tmp_path / "target")
    for end in ("new", "old"):
        (tmp_path / f".thing.{end}").symlink_to("target")
    settle(tmp_path / "thing")
    assert names(tmp_path) == [".thing.new", ".thing.old", "target"]


def test_neighbors_with_similar_names_stay(tmp_path):
    """Such as the copy that someone has made."""
    write(tmp_path / "thing", {"file": b"old"})
    for name in ("thing.old", "thing.new"):
        shutil.copytree(tmp_path / "thing", tmp_path / name)
    write(tmp_path / "thing", {"file": b"new"})
    assert content(tmp_path / "thing.old") == content(tmp_path / "thing.new") == {"file": b"old"}


def test_of_two_that_a_kill_has_left_the_newest_whole_one_gets_the_name(tmp_path):
    path, fresh, stale = (tmp_path / name for name in ("thing", ".thing.new", ".thing.old"))
    write(fresh, {"file": b"new"})
    write(stale, {"file": b"old"})
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=lambda *_: ["copy"])
    settle(path)
    assert (content(path), names(tmp_path)) == ({"file": b"new"}, [".thing.old", "copy", "thing"])
    path = tmp_path / "copy" / "thing"
    (tmp_path / "copy" / ".thing.new" / "file").write_bytes(b"ne")
    settle(path)
    assert content(path) == {"file": b"old"}
    finish_replacement(path)
    assert names(tmp_path / "copy") == ["thing"]
