"""Which of a run's programs are new."""

import random

import numpy as np
import pytest

from codeit.learning.known_programs import KnownPrograms


def key(number):
    """32 hexadecimal digits, as a program's key has them."""
    return f"{number:032x}"


def test_a_program_is_new_once_and_counts_once():
    known = KnownPrograms()
    assert known.add([key(3), key(1), key(3)]) == 2
    assert known.add([key(1), key(2), key(4)]) == 2
    assert known.add([key(1), key(2), key(3), key(4)]) == 0
    assert known.add([]) == 0


def test_keys_that_end_or_begin_with_zeros_are_told_apart():
    known = KnownPrograms()
    numbers = [0, 1 << 8, 1 << 16, 1 << 64, 1 << 120, (1 << 128) - 256, (1 << 128) - 1]
    assert known.add(map(key, numbers)) == len(numbers)
    assert known.add(map(key, numbers)) == 0


def test_what_is_new_is_what_no_set_had():
    chance, known, reference = random.Random(5), KnownPrograms(), set()
    for _ in range(200):
        some = [key(chance.randrange(300) << 100) for _ in range(chance.randrange(12))]
        assert known.add(some) == len({*some} - reference)
        reference |= {*some}


def test_saved_programs_come_back(tmp_path):
    known = KnownPrograms()
    for added in ([], [key(256), key(7)]):
        known.add(added)
        known.save(tmp_path / "programs.npy")
        again = KnownPrograms.load(tmp_path / "programs.npy")
        assert again.add([key(256), key(8), key(7)]) == (1 if added else 3)


def test_where_programs_were_not_kept_none_is_said_to_be_new(tmp_path):
    known = KnownPrograms.load(tmp_path / "programs.npy")
    assert known.add([key(1)]) is None
    known.save(tmp_path / "programs.npy")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "keys",
    [
        np.array([b"b" * 16, b"a" * 16]),
        np.array([b"a" * 16, b"a" * 16]),
        np.array([[b"a" * 16]]),
        np.array(b"a" * 16),
        np.array([b"a" * 17]),
        np.arange(4),
        np.array([b"a" * 16, None]),
    ],
)
def test_a_file_of_other_keys_is_refused_by_name(tmp_path, keys):
    np.save(tmp_path / "programs.npy", keys)
    with pytest.raises(ValueError, match=r"programs.npy: not programs that can be read: "):
        KnownPrograms.load(tmp_path / "programs.npy")


def test_a_damaged_file_is_refused_by_name(tmp_path):
    path, known = tmp_path / "programs.npy", KnownPrograms()
    known.add(map(key, range(9)))
    known.save(path)
    good = path.read_bytes()
    for damaged in (b"", b"?", good[:5], good[:80], good[:-1], b"\x00" * len(good)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"programs.npy: not programs that can be read: "):
            KnownPrograms.load(path)
