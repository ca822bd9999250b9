"""JSON that may be damaged."""

import pytest

from codeit.files.json_file import read_json, read_lines, read_object


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON: "),
        (b'{"a": 1', "no JSON: "),
        (b"\xff\xfe", "byte 0 is not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
        (b"1" * 10_000, "no JSON: "),
    ],
)
def test_what_is_no_json_is_one_line_with_the_name_of_the_file(tmp_path, content, message):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"file.json: .*{message}") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)
    path.write_bytes(content + b"\n{}\n")
    with pytest.raises(ValueError, match=rf"file.json(, line 1)?: .*{message}"):
        read_lines(path)


@pytest.mark.parametrize("text", ["[]", "3", '"text"', "null"])
def test_what_is_no_object_is_refused(tmp_path, text):
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"file.json: \w+ where an object is needed"):
        read_object(path)
    path.write_text("{}\n" + text + "\n")
    with pytest.raises(ValueError, match=r"file.json, line 2: \w+ where an object is needed"):
        read_lines(path)


def test_what_is_no_file_is_named(tmp_path):
    path = tmp_path / "file.json"
    with pytest.raises(ValueError, match=r"file.json: there is no such file"):
        read_lines(path)
    path.symlink_to("nowhere")
    with pytest.raises(ValueError, match=r"file.json: a link to nowhere, where there is nothing"):
        read_lines(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=r"file.json: this is no file"):
        read_lines(path)


def test_only_a_last_line_may_be_cut_off(tmp_path):
    path = tmp_path / "file.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert read_lines(path) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\n{"a": 2}')
    assert read_lines(path) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\n{"a"\n{"a": 2}\n')
    with pytest.raises(ValueError, match=r"file.jsonl, line 2: no JSON: "):
        read_lines(path)
    path.write_text('{"a": 1}\n{"a"\n')
    with pytest.raises(ValueError, match=r"file.jsonl, line 2: no JSON: "):
        read_lines(path)


def test_a_key_that_is_not_there_is_named_with_its_line(tmp_path):
    path = tmp_path / "file.jsonl"
    path.write_text('{"a": "\\u2028"}\n{"b": 2}\n')
    first, second = read_lines(path)
    assert (first["a"], second["b"]) == ("\u2028", 2)
    with pytest.raises(ValueError, match=r'file.jsonl, line 2: there is no "a"'):
        second["a"]
