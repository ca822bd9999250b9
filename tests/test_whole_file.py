"""Files that appear whole or not at all."""

import errno
import os

import pytest

from codeit.files.whole_file import whole_file


def test_a_file_appears_when_all_is_written(tmp_path):
    path = tmp_path / "file"
    with whole_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"new"


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.write("no bytes")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_a_neighbor_with_a_similar_name_stays(tmp_path):
    (tmp_path / "file.new").write_bytes(b"mine")
    with whole_file(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "file.new").read_bytes() == b"mine"


def test_an_error_of_the_file_system_names_the_file(tmp_path):
    for path, code in (
        (tmp_path / "nowhere" / "file", errno.ENOENT),
        (tmp_path / ("x" * 255), errno.ENAMETOOLONG),
    ):
        with pytest.raises(OSError, match=path.name) as caught, whole_file(path):
            pass
        assert (caught.value.filename, caught.value.errno) == (str(path), code)
    with pytest.raises(OSError, match="full") as caught, whole_file(tmp_path / "full"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as writing does
    assert caught.value.filename == str(tmp_path / "full")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught, whole_file(tmp_path / "folder"):
        pass
    assert caught.value.filename == str(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("target", ["mine", "nowhere", ".file.new", "folder"])
def test_a_link_with_the_temporary_name_is_removed_and_not_followed(tmp_path, target):
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".file.new").symlink_to(target)
    with whole_file(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "mine"]
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_folder_with_the_temporary_name_is_named(tmp_path):
    (tmp_path / ".file.new").mkdir()
    with pytest.raises(OSError, match=r"/\.file\.new") as caught, whole_file(tmp_path / "file"):
        pass
    assert caught.value.filename == str(tmp_path / ".file.new")
    assert [p.name for p in tmp_path.iterdir()] == [".file.new"]
