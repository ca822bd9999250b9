"""The page that is served while a run goes on."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("torch")

from commands import answer_interrupts, fails_with

from codeit.reporting.watch import HOST, LivePage, PageServer


@pytest.fixture
def run(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished[0], copy, ignore=shutil.ignore_patterns("checkpoint"))
    return copy


@contextmanager
def served(path, page=None):
    with PageServer(page or LivePage(path), 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def get(port, path="/", host=None):
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def version_in(page):
    return re.search(r'data-version="(\w+)"', page)[1]


def test_the_page_is_served_and_another_one_when_the_run_has_gone_on(run):
    metrics = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(metrics[:2]))
    with served(run) as server:
        status, before = get(server.server_port)
        assert status == 200
        assert "<b>1</b>" in before
        assert ", not finished" in before
        assert get(server.server_port, "/version")[1] == version_in(before)
        (run / "metrics.jsonl").write_text("".join(metrics))
        version = get(server.server_port, "/version")[1]
        assert version != version_in(before)
        after = get(server.server_port)[1]
        assert version_in(after) == version
        assert "<b>2</b>" in after
        assert ", not finished" not in after


NAMES = "chromium", "chromium-browser", "google-chrome"
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")


@pytest.mark.skipif(not CHROMIUM, reason="no chromium here: apt-get install chromium")
def test_a_browser_loads_the_page_again_when_the_run_has_gone_on(run, tmp_path):
    metrics = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(metrics[:2]))

    class GoesOn(LivePage):
        num_asked = 0

        def version(self):
            self.num_asked += 1
            if self.num_asked == 3:  # the page was made and has asked once
                (run / "metrics.jsonl").write_text("".join(metrics))
            return super().version()

    with served(run, GoesOn(run)) as server:
        words = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu"]
        words += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
        words += ["--virtual-time-budget=9000", "--dump-dom", server.address]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert "CONSOLE" not in ended.stderr
    assert "Live: this page follows the run." in ended.stdout
    assert '<b>2</b> <span class="dim">of 2</span><br>iterations' in ended.stdout


def test_a_file_that_is_being_written_leaves_the_page_before(run):
    with served(run) as server:
        before = get(server.server_port)[1]
        config = (run / "config.toml").read_text()
        (run / "config.toml").write_text(config[: len(config) // 2] + "\n[")
        assert get(server.server_port)[1] == before
        (run / "config.toml").write_text(config)
        assert get(server.server_port)[0] == 200


def test_a_run_that_has_not_begun_says_so_until_it_has(run):
    (run / "metrics.jsonl").rename(run / "later")
    with served(run) as server:
        page = get(server.server_port)[1]
        assert "metrics.jsonl: there is no such file" in page
        assert 'http-equiv="refresh"' in page
        (run / "later").rename(run / "metrics.jsonl")
        assert "Tasks solved" in get(server.server_port)[1]


def test_nothing_but_the_page_is_served_and_to_this_machine_alone(run):
    with served(run) as server:
        port = server.server_port
        assert server.server_address[0] == "127.0.0.1"
        assert get(port, host=f"localhost:{port}")[0] == 200
        assert get(port, host="example.org")[0] == 403
        for path in ("/config.toml", "/../config.toml", "/%2e%2e/", "/x"):
            assert get(port, path)[0] == 404


def test_a_port_that_is_taken_and_a_path_that_is_nothing_are_one_line(capsys, run, tmp_path):
    with served(run) as server:
        port = str(server.server_port)
        fails_with(capsys, ["report", run, "--watch", "--port", port], "0 picks a free one")
    (tmp_path / "empty").mkdir()
    fails_with(capsys, ["report", tmp_path / "empty", "--watch"], "is this a directory of")
    fails_with(capsys, ["report", run, "--port", "8000"], "--port goes with --watch")
    fails_with(capsys, ["report", run, "--watch", "--port", "65536"], "from 0 to 65,535")


def test_the_command_says_its_address_and_ends_with_ctrl_c(run):
    words = [sys.executable, "-m", "codeit", "report", str(run), "--watch", "--port", "0"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parent.parent,
        preexec_fn=answer_interrupts,
    )
    try:
        line = process.stdout.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line)[1])
        assert get(port)[0] == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.wait()
