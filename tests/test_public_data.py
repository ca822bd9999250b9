"""Public data: pinned, whole or not there, from a host that breaks, lies and is hostile."""

import dataclasses
import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import tarfile
import zipfile

import pytest
from public_server import Host, serving

from codeit.cli import main
from codeit.language import load_seed_programs
from codeit.language.corpus import lasting_corpus
from codeit.public import cache, catalogue, download, fetching, unpacking
from codeit.runs.settings import PRESETS, override, with_absolute_paths
from codeit.tasks import datasets

TASK = json.dumps(
    {"train": [{"input": [[1]], "output": [[1]]}], "test": [{"input": [[2]], "output": [[2]]}]}
).encode()
FILES = {
    "corpus/Above/Above1.json": TASK,
    "corpus/Above/run.sh": b"#!/bin/sh\n",
    "corpus/Above.json": TASK,
    "README.md": b"not taken",
}
SOLVER = b"def solve_00d62c1b(I):\n    O = hmirror(I)\n    return O\n"


def tar_of(members, top="x-1/"):
    """A tar.gz of files by name, or of TarInfos."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for member in members.items() if isinstance(members, dict) else members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(top + member[0])
            info.size = len(member[1])
            info.mode = 0o755 if member[0].endswith(".sh") else 0o644
            tar.addfile(info, io.BytesIO(member[1]))
    return data.getvalue()


def zip_of(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return data.getvalue()


def git_id_of_tree(folder, files):
    """What Git itself calls a folder of files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if name.endswith(".sh") else 0o644)
    run = {"cwd": folder, "check": True, "capture_output": True, "text": True}
    subprocess.run(["git", "init", "-q"], **run)
    subprocess.run(["git", "add", "-A"], **run)
    return subprocess.run(["git", "write-tree", "--prefix=corpus/"], **run).stdout.strip()


def git_id(data):
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host with three sets, whose revisions are pinned, and an empty cache."""
    host = Host()
    monkeypatch.setenv("CODEIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "_FIRST_WAIT", 0.0)
    archive = zip_of({"re_arc/tasks/a.json": TASK, "__MACOSX/._a.json": b"no", "x.txt": b"no"})
    contents = {
        "concept-arc": (tar_of(FILES), git_id_of_tree(tmp_path / "tree", FILES)),
        "re-arc": (archive, git_id(archive)),
        "arc-dsl-solvers": (SOLVER, git_id(SOLVER)),
    }
    for name, (data, identity) in contents.items():
        pinned = dataclasses.replace(catalogue.PUBLIC[name], git_id=identity)
        monkeypatch.setitem(catalogue._BY_NAME, name, pinned)
        host.files[f"/{pinned.address}"] = data
    with serving(host) as address:
        monkeypatch.setenv("CODEIT_MIRROR", address)
        yield host


def address_of(name):
    return f"/{catalogue.PUBLIC[name].address}"


def fetch(name="concept-arc"):
    return fetching.fetch(catalogue.PUBLIC[name], lambda done, total: None)


def left_in_cache(tmp_path):
    """What is there but for locks."""
    folder = tmp_path / "cache" / "data"
    return sorted(p.name for p in folder.iterdir() if p.suffix != ".lock")


def refused(text):
    return pytest.raises(ValueError, match=re.escape(text))


# ---- The straight way -------------------------------------------------------------------------


def test_what_was_fetched_is_taken_by_its_name_everywhere(host, capsys):
    assert main(["data", "fetch", "concept-arc", "arc-dsl-solvers", "re-arc"]) == 0
    out = capsys.readouterr().out
    assert "concept-arc: victorvikram/ConceptARC at b22ef526b465, as pinned, in " in out
    assert "--programs arc-dsl-solvers takes it" in out
    assert [t.task_id for t in datasets.load("concept-arc")] == ["Above", "Above1"]
    assert [t.task_id for t in datasets.load("re-arc,concept-arc")] == ["a", "Above", "Above1"]
    assert datasets.find_task("re-arc/a").source == "re-arc"
    assert main(["show", "concept-arc/Above1"]) == 0
    assert [s.task_id for s in load_seed_programs("arc-dsl-solvers")] == ["00d62c1b"]
    assert main(["data", "fetch", "concept-arc"]) == 0
    assert "concept-arc is here already" in capsys.readouterr().out


def test_only_the_wanted_folder_is_unpacked_and_the_download_is_removed(host, tmp_path):
    content = fetch()
    found = sorted(str(p.relative_to(content)) for p in content.rglob("*") if p.is_file())
    assert found == ["Above.json", "Above/Above1.json", "Above/run.sh"]
    assert left_in_cache(tmp_path) == ["concept-arc-b22ef526b465"]
    found = sorted(p.name for p in fetch("re-arc").rglob("*") if p.is_file())
    assert found == ["a.json"]


def test_a_name_holds_in_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "concept-arc").mkdir()
    (tmp_path / "arc-dsl-solvers").mkdir()
    assert datasets.lasting_source("concept-arc,arc1-training") == "concept-arc,arc1-training"
    assert lasting_corpus("arc-dsl-solvers") == "arc-dsl-solvers"
    values = {"data.evaluation": "concept-arc,re-arc", "programs": "arc-dsl-solvers"}
    settings = with_absolute_paths(override(PRESETS["demo"], values))
    assert (settings.data.evaluation, settings.programs) == tuple(values.values())


def test_what_is_not_here_says_which_command_brings_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CODEIT_CACHE", str(tmp_path))
    for words, name in (
        (["show", "concept-arc/Above1"], "concept-arc"),
        (["search", "--tasks", "arc1-training,1d-arc", "--evaluations", "10"], "1d-arc"),
        (["search", "--programs", "re-arc-verifiers", "--evaluations", "10"], "re-arc-verifiers"),
    ):
        assert main(words) == 2
        line = f"{name} is not on this machine yet; `codeit data fetch {name}` brings it\n"
        assert capsys.readouterr().err.endswith(f": {line}")


def test_a_folder_that_is_called_like_public_data_is_named_by_its_path(tmp_path, monkeypatch):
    monkeypatch.setenv("CODEIT_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mini-arc").mkdir()
    (tmp_path / "mini-arc" / "a.json").write_bytes(TASK)
    with refused("`codeit data fetch mini-arc` brings it; ./mini-arc is what is in this folder"):
        datasets.load("mini-arc")
    assert [t.task_id for t in datasets.load("./mini-arc")] == ["a"]


def test_the_list_says_what_is_where(host, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")  # which wraps nothing where it is no terminal
    fetch("arc-dsl-solvers")
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()[:-2]
    rows = {line.split()[0]: line.split()[1] for line in lines}
    assert sum(line.endswith("; victorvikram/ConceptARC") for line in lines) == 2
    assert rows["arc1-training"] == "package"
    assert rows["arc-dsl-solvers"] == "here"
    assert rows["concept-arc"] == "fetch"
    assert rows.keys() == {"name", *datasets.DATA_SETS, *catalogue.PUBLIC}


def test_every_pin_is_whole():
    names = list(catalogue.PUBLIC)
    assert len(set(names)) == len(names)
    assert not set(names) & datasets.DATA_SETS.keys()
    for data in catalogue.PUBLIC.values():
        assert re.fullmatch("[0-9a-f]{40}", data.commit)
        assert re.fullmatch("[0-9a-f]{40}", data.git_id)
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", data.repository)


# ---- Breaks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["concept-arc", "arc-dsl-solvers"])
def test_a_broken_connection_goes_on_where_it_broke(host, name):
    host.breaks_after = [10, 7]
    assert fetch(name).exists()
    assert host.asked == ["", "bytes=10-", "bytes=17-"]


def test_the_next_command_goes_on_with_what_has_arrived(host, tmp_path, capsys):
    host.breaks_after = [20] + [0] * 10
    assert main(["data", "fetch", "concept-arc"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "the connection broke after 20 of " in err
    assert err.endswith("; 20 bytes are kept, and the same command goes on\n")
    host.breaks_after, host.asked = [], []
    assert main(["data", "fetch", "concept-arc"]) == 0
    assert host.asked == ["bytes=20-"]
    assert left_in_cache(tmp_path) == ["concept-arc-b22ef526b465"]


def test_a_host_that_sends_no_parts_is_asked_from_the_beginning(host):
    host.has_ranges, host.breaks_after = False, [10]
    assert fetch().exists()


def test_a_host_that_says_no_length_is_believed_only_by_the_content(host):
    host.has_lengths, host.breaks_after = False, [30]
    with refused("it is no whole tar.gz"):
        fetch()
    assert fetch().exists()


def test_a_beginning_of_something_else_is_thrown_away(host):
    host.breaks_after = [20] + [0] * 10
    with refused("20 bytes are kept"):
        fetch()
    part = next(cache.folder_of(catalogue.PUBLIC["concept-arc"]).parent.glob(".*.part"))
    part.write_bytes(b"x" * 20)
    host.breaks_after, host.asked = [], []
    assert fetch().exists()
    assert host.asked == ["bytes=20-", ""]


def test_a_beginning_that_is_longer_than_the_whole_is_thrown_away(host):
    folder = cache.folder_of(catalogue.PUBLIC["concept-arc"])
    folder.parent.mkdir(parents=True)
    folder.with_name(f".{folder.name}.part").write_bytes(b"x" * 10**6)
    assert fetch().exists()
    assert host.asked == ["bytes=1000000-", ""]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([-404], "the server answers 404: it is not there"),
        ([-410], "the server answers 410: it is not there"),
        ([-403], "the server answers 403"),
        ([-503] * 5, "the server answers 503"),
    ],
)
def test_a_host_that_refuses_is_named_in_one_line(host, tmp_path, answers, said, capsys):
    host.breaks_after = answers
    assert main(["data", "fetch", "concept-arc"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("codeit data: concept-arc: http://127.0.0.1:")
    assert err.endswith(f": {said}\n")
    assert left_in_cache(tmp_path) == []


def test_a_host_that_is_overloaded_for_a_while_is_asked_again(host):
    host.breaks_after = [-503, -429]
    assert fetch().exists()


def test_a_machine_that_is_offline_says_so_in_one_line(tmp_path, monkeypatch, capsys):
    with serving(Host()) as address:
        pass  # nobody listens there any more
    monkeypatch.setenv("CODEIT_MIRROR", address)
    monkeypatch.setenv("CODEIT_CACHE", str(tmp_path / "cache"))
    assert main(["data", "fetch", "concept-arc"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.endswith("cannot be reached (Connection refused); is this machine offline?\n")


@pytest.mark.parametrize("module", [download, unpacking])
def test_a_full_disk_is_named_and_nothing_half_done_is_left(host, tmp_path, monkeypatch, module):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module.os, "fsync" if module is download else "fdopen", full)
        with pytest.raises(OSError, match="No space left on device") as error:
            fetch()
    assert str(tmp_path / "cache") in str(error.value.filename)
    assert not cache.is_here(catalogue.PUBLIC["concept-arc"])
    assert fetch().exists()
    assert left_in_cache(tmp_path) == ["concept-arc-b22ef526b465"]


def test_two_processes_do_not_fetch_the_same(host, tmp_path):
    folder = cache.folder_of(catalogue.PUBLIC["concept-arc"])
    folder.parent.mkdir(parents=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with refused("concept-arc: another process is fetching it"):
            fetch()
    assert fetch().exists()


# ---- Other content than the pinned one --------------------------------------------------------


@pytest.mark.parametrize("name", ["concept-arc", "re-arc", "arc-dsl-solvers"])
def test_other_content_is_refused_and_nothing_of_it_kept(host, tmp_path, name):
    other = {
        "concept-arc": tar_of({**FILES, "corpus/Above.json": TASK + b" "}),
        "re-arc": zip_of({"re_arc/tasks/b.json": TASK}),
        "arc-dsl-solvers": SOLVER + b"\n",
    }
    host.files[address_of(name)] = other[name]
    with refused(f"{name}: what has arrived is not {catalogue.PUBLIC[name].path} of "):
        fetch(name)
    assert left_in_cache(tmp_path) == []


def test_a_file_that_lost_its_right_to_run_is_other_content(host):
    files = [(name, data) for name, data in FILES.items() if not name.endswith(".sh")]
    info = tarfile.TarInfo("x-1/corpus/Above/run.sh")
    host.files[address_of("concept-arc")] = tar_of([*files, info])
    with refused("its id is"):
        fetch()


# ---- Hostile archives -------------------------------------------------------------------------


def link(kind, name="x-1/corpus/evil.json", target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([link(tarfile.SYMTYPE)], "is a link or no file; allowed: files"),
        ([link(tarfile.LNKTYPE)], "is a link or no file; allowed: files"),
        ([link(tarfile.FIFOTYPE)], "is a link or no file; allowed: files"),
        ([link(tarfile.SYMTYPE, "x-1/corpus")], "leads out of its folder"),
        ({"corpus/../../evil.json": TASK}, "leads out of its folder"),
        ({"corpus//evil.json": TASK}, "leads out of its folder"),
        ({"corpus/a\\..\\evil.json": TASK}, "leads out of its folder"),
        ([("corpus/a.json", TASK)] * 2, "'a.json' is there twice"),
        ([("corpus/a", TASK), ("corpus/a/b", TASK)], "'b' is in what is a file"),
    ],
)
def test_a_hostile_tar_writes_nothing_and_is_refused(host, tmp_path, members, said):
    host.files[address_of("concept-arc")] = tar_of(members)
    with pytest.raises((ValueError, OSError), match=said):
        fetch()
    assert not cache.is_here(catalogue.PUBLIC["concept-arc"])
    assert not list(tmp_path.rglob("evil.json"))


def unpacked(data, tmp_path, inside="in"):
    path, folder = tmp_path / "a.zip", tmp_path / "out"
    path.write_bytes(data)
    folder.mkdir()
    unpacking.unpack_zip(path, inside, folder)


def test_a_hostile_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("in/link.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(info, "/etc/passwd")
    for number, (content, said) in enumerate(
        (
            (data.getvalue(), "is a link or no file"),
            (zip_of({"in/../../evil.json": TASK}), "leads out of its folder"),
            (zip_of({"in/a.json": TASK})[:-30], "it is no whole zip file"),
            (b"", "it is no whole zip file"),
            (zip_of({"other/a.json": TASK}), "there is no JSON file in in"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with refused(said):
            unpacked(content, folder)
    assert not list(tmp_path.rglob("evil.json"))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch, host):
    monkeypatch.setattr(unpacking, "MOST_BYTES", 100_000)
    with refused("it unpacks to more than the 100,000 bytes that are allowed"):
        unpacked(zip_of({"in/a.json": b"0" * 90_000, "in/b.json": b"0" * 90_000}), tmp_path)
    for name in ("corpus/a.json", "elsewhere/a.json"):
        host.files[address_of("concept-arc")] = tar_of({name: b"0" * 200_000})
        with refused("it unpacks to more than the 100,000 bytes that are allowed"):
            fetch()


def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch, host):
    monkeypatch.setattr(unpacking, "MOST_FILES", 2)
    with refused("it has more than the 2 files that are allowed"):
        unpacked(zip_of({f"in/{k}.json": TASK for k in range(3)}), tmp_path)
    with refused("it has more than the 2 files that are allowed"):
        fetch()


def test_a_download_of_too_many_bytes_is_refused(host, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_DOWNLOADED", 50)
    with refused("it has more than the 50 bytes that are allowed"):
        fetch()


@pytest.mark.parametrize(
    "data",
    [b"", b"text", gzip.compress(b"text"), tar_of(FILES)[:-20]],
    ids=["nothing", "text", "compressed text", "cut off"],  # of one name in every process
)
def test_what_is_no_whole_archive_is_refused(host, tmp_path, data):
    host.files[address_of("concept-arc")] = data
    with refused("; nothing of it is kept"):
        fetch()
    assert left_in_cache(tmp_path) == []


# ---- Words and places -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: action, NAME"),
        (["show"], "invalid choice: 'show'"),
        (["list", "re-arc"], "list takes no NAME; `codeit data fetch NAME` fetches one"),
        (["fetch"], "fetch needs a NAME; `codeit data list` has them"),
        (["fetch", "concept-ark"], "no public data is named 'concept-ark'; did you mean concept-a"),
        (["fetch", "zzz"], "no public data is named 'zzz'; `codeit data list` has the names"),
        (["fetch", "arc1-training"], "arc1-training is in the package; there is nothing to fetch"),
    ],
)
def test_bad_words_are_refused_in_one_line(words, said, capsys):
    assert main(["data", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv("CODEIT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "codeit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / ".cache" / "codeit"
    monkeypatch.setenv("CODEIT_CACHE", str(tmp_path / "mine"))
    assert cache.cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("CODEIT_CACHE", "relative")
    with refused("CODEIT_CACHE is 'relative'; allowed: an absolute path"):
        cache.cache_folder()


def test_a_mirror_is_an_address_of_the_web(monkeypatch, tmp_path):
    monkeypatch.setenv("CODEIT_CACHE", str(tmp_path))
    monkeypatch.setenv("CODEIT_MIRROR", "file:///etc")
    with refused("CODEIT_MIRROR is 'file:///etc'; allowed: an address, https://HOST"):
        fetch()
    assert os.listdir(tmp_path / "data") == [".concept-arc-b22ef526b465.lock"]
