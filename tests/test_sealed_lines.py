"""JSONL that knows what it should be: every change of every byte is noticed, and a cut end is not
one."""

import json

import pytest

from codeit.files.sealed_lines import DamagedLineError, read_sealed, sealed

ROWS = [{"a": 1, "b": [1.5, None, "\ud800 ü"]}, {}, {"a": {"b": -0.0}}]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(map(sealed, ROWS)))
    return path


def test_what_is_read_is_what_was_written(path):
    found = read_sealed(path)
    assert found.rows == ROWS
    assert found.num_bytes == path.stat().st_size


def test_a_line_is_json_with_its_digest():
    row = json.loads(sealed({"a": 1}))
    assert list(row) == ["a", "digest"]


def test_every_flipped_bit_before_the_last_line_is_named(path):
    content = path.read_bytes()
    first = len(sealed(ROWS[0]))
    for place in range(first + len(sealed(ROWS[1])) - 1):
        for bit in (1, 4, 128):
            path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
            number = 1 if place < first else 2
            with pytest.raises(DamagedLineError, match=rf"rows.jsonl, line {number}: it is damage"):
                read_sealed(path)


def test_whatever_follows_the_last_whole_line_is_left_out(path):
    content = path.read_bytes()
    last = len(content) - len(sealed(ROWS[2]))
    for end in range(last, len(content)):
        path.write_bytes(content[:end])
        found = read_sealed(path)
        assert (found.rows, found.num_bytes) == (ROWS[:2], last)
    for rest in (b"\0" * 99, b"\xff\n\xff\n", b"[" * 100_000 + b"\n", b"3\n", sealed({})[:-1]):
        path.write_bytes(content + rest)
        assert (read_sealed(path).rows, read_sealed(path).num_bytes) == (ROWS, len(content))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_has_not_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        sealed({"a": value})


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"rows: there is no such file"):
        read_sealed(tmp_path / "rows")
    with pytest.raises(ValueError, match=r"this is no file"):
        read_sealed(tmp_path)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(ValueError, match=r"link: a link to nowhere"):
        read_sealed(tmp_path / "link")
