"""Tokenizers of T5 models other than CodeT5: without start or padding, too large, damaged."""

import dataclasses
import http.server
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from small_run import settings_for  # noqa: E402

from codeit import Program, cli  # noqa: E402
from codeit.language import CONSTANTS, PRIMITIVES, load_seed_programs  # noqa: E402
from codeit.policy.model import ModelSettings  # noqa: E402
from codeit.policy.model.checkpoint import build_model, load_model, save_checkpoint  # noqa: E402
from codeit.policy.sampling import SamplingSettings  # noqa: E402
from codeit.policy.sampling.constraint import ProgramConstraint  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.generate import GenerateSampler  # noqa: E402
from codeit.policy.tokenizer import COMPACT_FILE, CompactTokenizer, load_tokenizer  # noqa: E402
from codeit.runs.directory import RunDirectory  # noqa: E402
from codeit.runs.settings import settings_to_toml  # noqa: E402
from codeit.tasks import datasets  # noqa: E402

SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=(),|"
WORDS = sorted(name for name in [*PRIMITIVES, "background"] if not name[-1].isdigit())


def t5(lacking="", extra_ids=100, more=(), **changes):
    """A tokenizer with T5's ways: sentencepiece's blanks, no start, no newline, spare tokens."""
    pieces = ["\u2581", *SIGNS, *map(str, range(10, 100)), *WORDS]
    pieces += [*(f"\u2581{word}" for word in WORDS), *(name for name in CONSTANTS if len(name) > 1)]
    pieces += [
        "\u2581x",
        "),",
        "I)",
        "\u2581(",
        "x1",
        *more,
    ]  # those that reach from one part into the next
    vocabulary = [(piece, 0.0) for piece in ("<pad>", "</s>", "<unk>")]
    vocabulary += [
        (piece, -1.0 - len(piece) / 10) for piece in pieces if not set(piece) & set(lacking)
    ]
    return transformers.T5Tokenizer(vocab=vocabulary, extra_ids=extra_ids, **changes)


def saved(tokenizer, path):
    tokenizer.save_pretrained(path)
    return load_tokenizer(str(path))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Directories with tokenizers by their names."""
    found = {}
    for name, tokenizer in (("t5", t5()), ("byt5", transformers.ByT5Tokenizer())):
        found[name] = tmp_path_factory.mktemp(name)
        tokenizer.save_pretrained(found[name])
    return found


@pytest.fixture(params=["t5", "byt5"])
def folder(request, folders):
    return folders[request.param]


@pytest.fixture
def tokenizer(folder):
    return load_tokenizer(str(folder))


# ---- What they write -----------------------------------------------------------------------------


def test_programs_come_back_from_tokenizers_without_a_start(tokenizer):
    allowed = set(tokenizer.program_ids.tolist())
    for seed in load_seed_programs():
        ids = tokenizer.encode_program(seed.program.text)
        assert ids[-1] == tokenizer.end_id == 1
        assert set(ids.tolist()) <= allowed
        assert tokenizer.pad_id not in ids
        assert tokenizer.decode_program(ids) == seed.program.text
        np.testing.assert_array_equal(
            ids, tokenizer.encode_program(seed.program.text, is_plain=True)
        )


def test_every_name_comes_back(tokenizer):
    for name in [*PRIMITIVES, *CONSTANTS, "x99"]:
        text = f"x12 = {name}(I, {name})\nO = {name}({name})"
        assert tokenizer.decode_program(tokenizer.encode_program(text)) == text


def test_both_ways_give_the_same_prompts_which_begin_with_nothing(tokenizer):
    for task in datasets.load("arc1-training")[:20]:
        grids = [pair.input for pair in task.demonstrations]
        for encode in (tokenizer.encode_inputs, tokenizer.encode_outputs):
            ids = encode(grids, 1 << 20)
            np.testing.assert_array_equal(ids, encode(grids, 1 << 20, is_plain=True))
            assert set(ids.tolist()).isdisjoint({tokenizer.pad_id, tokenizer.end_id, 2})
    grid = np.array([[0, 3]], dtype=np.uint8)
    ids = tokenizer.encode_inputs([grid], 100)
    assert tokenizer.decode_program(ids) == "1x2 background=0 3=0,1"
    assert tokenizer.decode_program(tokenizer.encode_outputs([grid], 100))[0] == "\n"


def test_pieces_are_as_few_as_there_can_be(folders):
    tokenizer = load_tokenizer(str(folders["t5"]))
    # x 1 _= _hmirror ( I ) newline O _= ... : the blank before a sign is a piece of its own.
    assert len(tokenizer.encode_program("O = vmirror(I)")) == len(
        ["O", "_", "=", "_vmirror", "(", "I", ")", "end"]
    )
    names = {k: name for name, k in tokenizer._tokenizer.get_vocab().items()}
    ids = tokenizer.encode_program("x1 = trim(I)\nO = trim(x12)")
    assert "<extra_id_0>" in [names[k] for k in ids]
    assert [names[k] for k in ids[-5:]] == ["(", "x", "12", ")", "</s>"]


def test_a_vocabulary_with_a_newline_of_its_own_uses_it(tmp_path):
    tokenizer = saved(t5(more=["<0x0A>"]), tmp_path)
    names = {k: name for name, k in tokenizer._tokenizer.get_vocab().items()}
    text = "x1 = trim(I)\nO = trim(x1)"
    ids = tokenizer.encode_program(text)
    assert "<0x0A>" in [names[k] for k in ids]
    assert tokenizer.decode_program(ids) == text


def test_what_was_saved_writes_the_same(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    again = load_tokenizer(str(tmp_path))
    assert type(again) is type(tokenizer)
    text = "x1 = hmirror(I)\nO = vconcat(I, x1)"
    np.testing.assert_array_equal(again.encode_program(text), tokenizer.encode_program(text))
    assert again.vocab_size == tokenizer.vocab_size


def test_ids_that_only_the_model_has_make_no_program(tokenizer):
    ids = tokenizer.encode_program("O = trim(I)")[:-1].tolist()
    for foreign in (tokenizer.vocab_size, tokenizer.vocab_size + 5000):
        text = tokenizer.decode_program([*ids, foreign, tokenizer.end_id])
        assert text == f"O = trim(I)<{foreign}>"
    compact = CompactTokenizer()
    ids = compact.encode_program("O = trim(I)")[:-1].tolist()
    text = compact.decode_program([*ids, 32_000, compact.end_id])
    with pytest.raises(ValueError, match="line 1"):
        Program.parse(text)


@pytest.mark.parametrize("kind", [transformers.ByT5Tokenizer, t5])
def test_a_text_longer_than_the_model_was_trained_on_is_no_reason_to_warn(kind, tmp_path, capfd):
    saved(kind(model_max_length=16), tmp_path)
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_the_grammar_takes_a_vocabulary_of_words_and_says_why_not_one_of_bytes(folders):
    constraint = ProgramConstraint(load_tokenizer(str(folders["t5"])), "grammar", 1)
    assert constraint.min_tokens > 3
    reason = "mode 'grammar' is not for this tokenizer: two variables end in the same token"
    with pytest.raises(ValueError, match=reason):
        ProgramConstraint(load_tokenizer(str(folders["byt5"])), "grammar", 1)


# ---- What cannot be used -------------------------------------------------------------------------


def test_a_tokenizer_without_padding_pads_with_its_end(tmp_path):
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=t5()._tokenizer, unk_token="<unk>", eos_token="</s>"
    )
    assert tokenizer.pad_token_id is None
    ours = saved(tokenizer, tmp_path)
    assert (ours.pad_id, ours.end_id) == (1, 1)
    model = tiny_t5(ours, pad_token_id=0)
    sampler = EngineSampler(model, ours, SamplingSettings(samples_per_task=5, max_tokens=30))
    (prompt,) = [ours.encode_inputs([np.zeros((3, 3), np.uint8)], 50)]
    samples = dict(sampler.sample([prompt], 0))[0]
    found = sampler.log_probabilities([prompt], [samples])[0]
    for row, likely in zip(samples, found, strict=True):
        length = sampler._length(row)
        assert (row[length:] == ours.end_id).all()
        assert (likely[:length] < 0).all()
        assert not likely[length:].any()


def test_a_tokenizer_without_an_end_is_refused(tmp_path):
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=t5()._tokenizer, unk_token="<unk>", pad_token="<pad>"
    )
    with pytest.raises(ValueError, match=r"the tokenizer has no token that ends a text"):
        saved(tokenizer, tmp_path)


def test_ids_above_16_bits_are_refused(tmp_path):
    few = 1 << 16
    num_own = len(t5())
    fits = saved(t5(more=[f"\u2581w{k}q" for k in range(few - num_own)]), tmp_path / "fits")
    assert fits.vocab_size == few
    more = t5(more=[f"\u2581w{k}q" for k in range(few - num_own + 1)])
    with pytest.raises(ValueError, match="has 65537 ids; no more than 65536 are supported"):
        saved(more, tmp_path / "more")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lacking": "="}, r"the vocabulary has no pieces for ' ='"),
        ({"lacking": "_"}, r"the vocabulary has no pieces for '.*_.*'"),
        ({"lacking": "I"}, r"the vocabulary has no pieces for"),
        ({"extra_ids": 0}, "has no newline, nor <extra_id_0> to stand for one"),
    ],
)
def test_a_vocabulary_that_cannot_write_programs_is_refused_in_one_line(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message) as error:
        saved(t5(**changes), tmp_path)
    assert str(error.value).startswith(f"{tmp_path}: the vocabulary lacks a token of ")
    assert "\n" not in str(error.value)


def test_ids_that_mean_something_else_to_the_model_are_refused(folder, tokenizer, tmp_path):
    save_checkpoint(tiny_t5(tokenizer, eos_token_id=2), tokenizer, tmp_path / "model")
    with pytest.raises(ValueError, match=r"ends a program with the id 1, and .* with 2"):
        build_model(ModelSettings(name=str(tmp_path / "model")), tokenizer, 0)


# ---- Damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["empty", "half", "a list", "no keys", "no text", "deep"])
@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_tokenizer_is_refused_by_name(file, damage, tmp_path, capsys):
    t5().save_pretrained(tmp_path)
    path = tmp_path / file
    text = path.read_text()
    contents = {
        "empty": b"",
        "half": text[: len(text) // 2].encode(),
        "a list": b"[]",
        "no keys": b"{}",
        "no text": b"\xff\xfe\x00",
        "deep": b"[" * 100_000,
    }
    path.write_bytes(contents[damage])
    out = tmp_path / "run"
    words = ["train", "--out", str(out), "--model.tokenizer", str(tmp_path)]
    assert cli.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path) in line
    assert not out.exists()


@pytest.mark.parametrize("file", ["vocab.json", "merges.txt"])
@pytest.mark.parametrize("content", ["[1, 2]", "{", '{"a": "b"}', "#version\nx\ny z\n"])
def test_damaged_files_of_a_bpe_are_refused_by_name(file, content, shared, tmp_path):
    for name in ("vocab.json", "merges.txt"):
        text = (shared / "data" / "codet5-tokenizer" / name).read_text()
        (tmp_path / name).write_text(content if name == file else text)
    with pytest.raises(ValueError, match=str(tmp_path)) as error:
        load_tokenizer(str(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ('{"tokens": ["<pad>", "</s>"', "no JSON"),
        ("[]", "list where an object is needed"),
        ("{}", 'there is no list "tokens"'),
        ('{"names": []}', 'there is no list "tokens"'),
        ('{"tokens": null}', 'there is no list "tokens"'),
        ('{"tokens": {"<pad>": 0}}', 'there is no list "tokens"'),
        ('{"tokens": []}', "made for another version of the language"),
        ('{"tokens": [1, 2]}', "made for another version of the language"),
    ],
)
def test_a_damaged_file_of_the_compact_tokenizer_is_refused_by_name(text, message, tmp_path):
    path = tmp_path / COMPACT_FILE
    path.write_text(text)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        load_tokenizer(str(tmp_path))
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


# ---- With a model --------------------------------------------------------------------------------


def tiny_t5(tokenizer, seed=0, vocab_size=None, **changes):
    """A model of transformers' with T5's ids, as ours."""
    import tempfile

    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 2, "num_heads": 2}
    config = transformers.T5Config(
        vocab_size=vocab_size or tokenizer.vocab_size + 28,
        decoder_start_token_id=0,
        **(sizes | changes),
    )
    torch.manual_seed(seed)
    model = transformers.T5ForConditionalGeneration(config)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_model(folder)


@pytest.mark.parametrize("mode", ["reference", "grammar"])
def test_log_probabilities_are_those_of_transformers_with_every_tokenizer(
    folder, tokenizer, mode, tmp_path
):
    if mode == "grammar" and isinstance(tokenizer._tokenizer, transformers.ByT5Tokenizer):
        return
    model = tiny_t5(tokenizer)
    save_checkpoint(model, tokenizer, tmp_path / "model")
    theirs = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "model").eval()
    tasks = datasets.load("arc1-training")[:4]
    prompts = [
        np.concatenate(
            [
                tokenizer.encode_inputs([task.demonstrations[0].input], 60),
                tokenizer.encode_outputs([task.demonstrations[0].output], 60),
            ]
        )
        for task in tasks
    ]
    settings = SamplingSettings(samples_per_task=3, max_tokens=60, mode=mode, top_k=0)
    sampler = EngineSampler(model, tokenizer, settings)
    samples = dict(sampler.sample(prompts, 0))
    found = sampler.log_probabilities(prompts, [samples[k] for k in range(4)])
    for k, prompt in enumerate(prompts):
        labels = torch.from_numpy(samples[k])
        source = torch.from_numpy(prompt.astype(np.int64)).expand(len(labels), -1)
        with torch.no_grad():
            logits = theirs(input_ids=source, labels=labels).logits
        expected = logits.log_softmax(-1).gather(2, labels[..., None])[..., 0].numpy()
        is_real = found[k] != 0
        assert np.abs(found[k] - expected)[is_real].max() < 1e-3
        for row in samples[k]:
            text = tokenizer.decode_program(row)
            assert mode == "reference" or Program.parse(text)


def test_greedy_samples_are_those_of_generate_with_every_tokenizer(tokenizer):
    settings = SamplingSettings(samples_per_task=1, max_tokens=20, top_k=1)
    model = tiny_t5(tokenizer)
    prompts = [tokenizer.encode_inputs([np.full((2, k + 1), k, np.uint8)], 40) for k in range(5)]
    ours, theirs = (
        {
            k: np.trim_zeros(rows[0], "b").tolist()
            for k, rows in make(model, tokenizer, settings).sample(prompts, 0)
        }
        for make in (EngineSampler, GenerateSampler)
    )
    assert ours == theirs


def test_a_run_learns_with_every_tokenizer_and_goes_on(folder, tokenizer, data, tmp_path):
    model = tmp_path / "model"
    save_checkpoint(tiny_t5(tokenizer), tokenizer, model)
    settings = settings_for(data, iterations=1)
    settings = dataclasses.replace(
        settings,
        model=ModelSettings(name=str(model)),
        sampling=dataclasses.replace(settings.sampling, max_tokens=80),
    )
    config, out = tmp_path / "config.toml", tmp_path / "run"
    config.write_text(settings_to_toml(settings))
    assert cli.main(["train", "--config", str(config), "--out", str(out)]) == 0
    assert cli.main(["resume", str(out), "--iterations", "2"]) == 0
    with RunDirectory.open(out) as directory:
        text = (directory.path / "metrics.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["iteration"] for row in rows] == [0, 1, 2]
    assert rows[0]["num_too_long"] == 0
    assert rows[2]["loss"] < rows[1]["loss"]


def test_a_hub_that_cannot_be_reached_is_one_line_with_the_name(monkeypatch):
    def unreachable(*_, **__):
        raise OSError("We couldn't connect to the hub.\nCheck your connection.\n")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", unreachable)
    with pytest.raises(OSError, match=r"^some/model: .* We couldn't connect to the hub.$"):
        load_tokenizer("some/model")


@pytest.fixture
def hub():
    """A hub that answers every request in one way, and the requests that it got."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            requests.append(self.path)
            if self.server.answer:
                self.send_error(self.server.answer)

        do_GET = do_HEAD

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = requests
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked_of(hub, tmp_path, answer):
    """What a command says of a model of the hub."""
    hub.answer = answer
    words = ["--model.name", "some/model", "--out", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-m", "codeit", "train", *map(str, words)],
        env=os.environ
        | {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path / "hf")}
        | {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "some/model" in done.stderr
    return done.stderr


def test_a_hub_that_does_not_answer_is_given_up_after_three_attempts(hub, tmp_path):
    """The libraries make six for each of several files, with pauses that take a minute."""
    assert "couldn't connect" in asked_of(hub, tmp_path, None)
    assert [path for path in hub.requests if not path.startswith("/api/")] == ["/"] * 3


def test_a_hub_that_answers_is_asked_for_the_model_whatever_it_says(hub, tmp_path):
    asked_of(hub, tmp_path, 404)
    assert hub.requests[0] == "/"
    assert "/some/model/resolve/main/config.json" in hub.requests


@pytest.mark.parametrize("name", ["/nowhere", "./here", "~/there", "a/b/c", "a\0", "", "a b"])
@pytest.mark.parametrize("load", [load_tokenizer, load_model])
def test_what_is_neither_a_directory_nor_a_name_of_the_hub_is_refused_at_once(load, name):
    with pytest.raises(ValueError, match="there is no such directory, and no such name of the hub"):
        load(name)
