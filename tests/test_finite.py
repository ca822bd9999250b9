"""Numbers that are not finite: training, sampling and files end with their name, and keep what was
good."""

import contextlib
import dataclasses
import json
import math
import threading
from unittest import mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sampling_cases import TOKENIZER, demo_model, sharp_model  # noqa: E402
from small_run import quiet, settings_for  # noqa: E402
from test_distributed import settings as settings_for_two  # noqa: E402
from test_distributed import torchrun  # noqa: E402
from test_training import SETTINGS as TRAINING  # noqa: E402
from test_training import experiences  # noqa: E402

import codeit._native.decoding as native  # noqa: E402
from codeit import cli  # noqa: E402
from codeit.learning.training.trainer import Trainer  # noqa: E402
from codeit.policy.model.checkpoint import load_model  # noqa: E402
from codeit.policy.model.finite import first_not_finite  # noqa: E402
from codeit.policy.sampling import SamplingSettings  # noqa: E402
from codeit.policy.sampling import engine as engine_module  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.generate import GenerateSampler, GumbelNoise, Temperature  # noqa: E402
from codeit.policy.sampling.kernels import NativeKernels, Step  # noqa: E402
from codeit.policy.sampling.sampling_law import SamplingLaw, are_finite, uniforms  # noqa: E402
from codeit.policy.sampling.static_decoder import StaticDecoder  # noqa: E402
from codeit.runs import loop, running  # noqa: E402
from codeit.runs.settings import settings_to_toml  # noqa: E402

NOT_FINITE = [math.nan, math.inf, -math.inf]
CPU = torch.device("cpu")


def with_value(model, name, value):
    """The model with one weight's last number changed."""
    with torch.no_grad():
        model.get_parameter(name).flatten()[-1] = value
    return model


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("count", [1, 15, 16, 17, 100])
def test_a_number_that_is_not_finite_is_found_wherever_it_is(value, count):
    for place in range(count):
        tensor = torch.zeros(count)
        tensor[place] = value
        named = [("a", torch.ones(3)), ("empty", torch.ones(0)), ("b", tensor), ("c", tensor)]
        assert first_not_finite(named) == "b"
        assert are_finite(torch.stack([torch.ones(count), tensor])).tolist() == [True, False]
    largest = torch.full((count,), torch.finfo(torch.float32).max)
    assert first_not_finite([("a", largest), ("b", -largest)]) is None
    assert are_finite(torch.stack([largest, -largest])).all()


# ---- Training ----------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_training_ends_at_the_first_loss_that_is_not_finite(threads):
    settings = dataclasses.replace(TRAINING, learning_rate=1e6, epochs=10)
    trainer = Trainer(demo_model(), settings, threads)
    with pytest.raises(FloatingPointError, match=r"^step \d+: the loss is (nan|inf)$"):
        trainer.train(experiences(), seed=0)


@pytest.mark.parametrize("value", NOT_FINITE)
def test_training_does_not_begin_with_a_weight_that_is_not_finite(value):
    name = "decoder.blocks.1.cross_attention.key_value.weight"
    trainer = Trainer(with_value(demo_model(), name, value), TRAINING)
    with pytest.raises(FloatingPointError, match=f"before the first step: the weight {name} is"):
        trainer.train(experiences(), seed=0)


@pytest.mark.parametrize("max_norm", [0.0, 1.0])
def test_a_gradient_that_is_not_finite_is_named_with_its_step(max_norm, monkeypatch):
    settings = dataclasses.replace(TRAINING, max_gradient_norm=max_norm, micro_batch_tokens=10_000)
    trainer = Trainer(demo_model(), settings)
    names = [name for name, _ in trainer._model.named_parameters()]
    first_gradient = trainer._gradient
    num_parts = 0

    def gradient(*arguments):
        nonlocal num_parts
        num_parts += 1
        part = first_gradient(*arguments)
        if num_parts == 2:  # a step has one
            part.gradients[names.index("encoder.norm.weight")][3] = math.nan
        return part

    monkeypatch.setattr(trainer, "_gradient", gradient)
    message = "step 2: the gradient of .*is not finite, its norm is nan"
    with pytest.raises(FloatingPointError, match=message) as error:
        trainer.train(experiences(), seed=0)
    if not max_norm:  # which divides all gradients by the norm
        assert "encoder.norm.weight" in str(error.value)


def test_a_weight_that_the_last_step_made_infinite_is_named():
    settings = dataclasses.replace(TRAINING, batch_size=100, learning_rate=3e38)
    trainer = Trainer(demo_model(), settings)
    trainer._optimizer.param_groups[0]["weight_decay"] = 2.0
    with pytest.raises(FloatingPointError, match="after step 1: the weight embedding is not"):
        trainer.train(experiences(), seed=0)


@pytest.mark.parametrize("key", ["exp_avg", "exp_avg_sq", "step"])
def test_an_optimizer_that_is_not_finite_is_not_gone_on_with(key, tmp_path):
    trainer = Trainer(demo_model(), TRAINING)
    trainer.train(experiences(), seed=0)
    path = tmp_path / "optimizer.pt"
    trainer.save(path)
    state = torch.load(path)
    state["optimizer"]["state"][2][key].flatten()[-1] = math.nan
    torch.save(state, path)
    name = [name for name, _ in trainer._model.named_parameters()][2]
    with pytest.raises(ValueError, match=f"optimizer.pt: {key} of {name} has a value that is not"):
        Trainer(demo_model(), TRAINING).load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("num_steps"),
        lambda state: state.update(num_steps="many"),
        lambda state: state.update(optimizer=[]),
        lambda state: state["optimizer"].pop("state"),
        lambda state: state["optimizer"]["state"][1].pop("exp_avg"),
        lambda state: state["optimizer"]["state"][1].update(exp_avg=torch.zeros(3)),
        lambda state: state["optimizer"]["state"][1].update(exp_avg="zeros"),
        lambda state: state["optimizer"]["param_groups"].clear(),
        lambda state: state["optimizer"]["param_groups"][0]["params"].pop(),
    ],
)
def test_an_optimizer_file_that_holds_something_else_is_refused_by_name(change, tmp_path):
    trainer = Trainer(demo_model(), TRAINING)
    trainer.train(experiences(), seed=0)
    path = tmp_path / "optimizer.pt"
    trainer.save(path)
    state = torch.load(path)
    change(state)
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"optimizer.pt: not the state of this model's trainer"):
        Trainer(demo_model(), TRAINING).load(path)


# ---- Runs --------------------------------------------------------------------------------------


def strict_rows(path):
    """The objects of a JSONL file, which has no numbers that JSON does not have."""

    def refuse(word):
        raise AssertionError(f"{path}: {word}")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def diverging(settings):
    training = dataclasses.replace(settings.training, learning_rate=1e6)
    return dataclasses.replace(settings, training=training)


def test_a_run_that_diverges_ends_with_code_1_and_keeps_the_last_good_checkpoint(
    data, tmp_path, capsys
):
    config, out = tmp_path / "config.toml", tmp_path / "run"
    config.write_text(settings_to_toml(diverging(settings_for(data))))
    assert cli.main(["train", "--config", str(config), "--out", str(out)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("codeit train: iteration 1: step ")
    assert "the loss is " in line
    assert line.endswith("; the checkpoint of iteration 0 is kept")
    model = load_model(str(out / "checkpoint"))
    assert first_not_finite(model.state_dict().items()) is None
    assert [row["iteration"] for row in strict_rows(out / "metrics.jsonl")] == [0]
    assert not list((out / "samples").iterdir())
    assert cli.main(["resume", str(out)]) == 1  # as before
    assert "iteration 1: step " in capsys.readouterr().err
    config = (out / "config.toml").read_text()
    assert config.count("learning_rate = 1000000.0") == 1
    (out / "config.toml").write_text(
        config.replace("learning_rate = 1000000.0", "learning_rate = 0.001")
    )
    assert cli.main(["resume", str(out)]) == 0
    assert [row["iteration"] for row in strict_rows(out / "metrics.jsonl")] == [0, 1, 2]


def test_two_processes_that_diverge_both_end_with_one_line(data, tmp_path):
    config, out = tmp_path / "config.toml", tmp_path / "run"
    config.write_text(settings_to_toml(diverging(settings_for_two(data))))
    done = torchrun(2, "train", "--config", config, "--out", out)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("codeit train:")]
    assert len(lines) == 1
    assert "iteration 1: step " in lines[0]
    assert "exitcode  : 1 " in done.stderr
    assert first_not_finite(load_model(str(out / "checkpoint")).state_dict().items()) is None


@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_metric_that_is_not_finite_is_neither_written_nor_drawn(value, data, tmp_path):
    """Nothing of its iteration is left: neither a line of JSON nor a point of TensorBoard."""
    out = tmp_path / "run"
    points = []
    report = mock.Mock(loss=1.0, tokens_per_second=1.0, utilization=value)
    with (
        mock.patch.object(loop.Loop, "_learn", return_value=report),
        mock.patch.object(loop.EventFile, "add", side_effect=points.append),
        pytest.raises(
            FloatingPointError,
            match=f"iteration 1: speed/training_utilization is {value}; the checkpoint of",
        ),
    ):
        running.train(settings_for(data), out, quiet())
    assert not points
    assert [row["iteration"] for row in strict_rows(out / "metrics.jsonl")] == [0]


# ---- Sampling ----------------------------------------------------------------------------------


def prompts(count=9):
    random = np.random.default_rng(0)
    return [random.integers(2, 200, 3 + 7 * k).astype(np.uint16) for k in range(count)]


def overflowing():
    """A model whose weights are finite, and whose scores are not."""
    model = sharp_model()
    with torch.no_grad():
        model.decoder.norm.weight *= 1e37
        model.embedding *= 1e3
    return model


WAYS = [
    *(("host", mode) for mode in ("reference", "speculative", "grammar", "typed")),
    *(("device", mode) for mode in ("reference", "grammar")),
    ("generate", "reference"),
]


@contextlib.contextmanager
def drawn_by(way, model, threads=1, **changes):
    """An iterator over samples."""
    settings = SamplingSettings(samples_per_task=3, max_tokens=40, num_rows=4, **changes)
    if way == "generate":
        yield GenerateSampler(model, TOKENIZER, settings, threads).sample(prompts(), 0)
        return
    sampler = EngineSampler(model, TOKENIZER, settings, threads)
    with mock.patch.object(sampler, "_uses_graphs", return_value=way == "device"):
        yield sampler.stream(prompts(), 0)


def before_a_deadline(function, seconds=60):
    """What it raises; a thread that waits for ever must not hold up the tests."""
    raised = []

    def run():
        try:
            function()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "sampling has not come to an end"
    return raised


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("way", "mode"), WAYS)
def test_scores_that_are_not_finite_end_sampling_in_every_mode(way, mode, threads):
    with drawn_by(way, overflowing(), threads, mode=mode) as samples:
        (error,) = before_a_deadline(lambda: list(samples))
    assert isinstance(error, FloatingPointError)
    assert str(error).startswith("prompt ")
    assert str(error).endswith("the model's scores are not finite")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_scores_that_are_not_finite_show_in_every_precision(value, precision):
    """Though weights are not looked at: what a kernel makes of them must not be a number."""
    names = [
        "decoder.blocks.0.self_attention.query_key_value.weight",
        "decoder.blocks.0.feed_forward.inner.weight",
        "decoder.blocks.1.cross_attention.query.weight",
        "decoder.norm.weight",
        "encoder.blocks.1.feed_forward.outer.weight",
    ]
    if precision == "int8":  # whose codes of a weight have no place for it
        names = ["decoder.blocks.0.self_attention_norm.weight", "decoder.norm.weight"]
    for name in names:
        model = with_value(sharp_model(), name, value)
        with (
            mock.patch.object(engine_module, "check_weights"),
            drawn_by("host", model, mode="grammar", precision=precision) as samples,
            pytest.raises(FloatingPointError, match="scores are not finite"),
        ):
            list(samples)


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize(("way", "mode"), WAYS)
def test_a_weight_that_is_not_finite_is_named_before_anything_is_drawn(way, mode, value):
    model = with_value(sharp_model(), "decoder.blocks.0.cross_attention.query.weight", value)
    named = "EncDecAttention.q.weight" if way == "generate" else "cross_attention.query.weight"
    with (
        drawn_by(way, model, mode=mode) as samples,
        pytest.raises(FloatingPointError, match=f"{named} of the model has a value that is not"),
    ):
        next(iter(samples))


def test_one_bad_row_of_a_device_is_found_within_eight_steps():
    """The flag stays up until the host looks, and the other rows draw what they would have."""
    steps = 0
    scores_of = StaticDecoder._scores

    def scores(self, *arguments):
        nonlocal steps
        steps += 1
        found = scores_of(self, *arguments)
        if steps == 3:
            found[0, 7] = math.nan
        return found

    with (
        drawn_by("device", sharp_model(), mode="grammar") as samples,
        mock.patch.object(StaticDecoder, "_scores", scores),
        pytest.raises(FloatingPointError, match="scores are not finite"),
    ):
        list(samples)
    assert steps == 8


def test_log_probabilities_of_scores_that_are_not_finite_are_refused():
    sampler = EngineSampler(overflowing(), TOKENIZER, SamplingSettings())
    with pytest.raises(FloatingPointError, match="prompt 0, sample 0: the model's scores"):
        sampler.log_probabilities(prompts(1), [np.array([[5, 6, 1]])])


def test_one_process_whose_scores_are_not_finite_ends_all(data, tmp_path):
    """The other samples for other tasks, and would wait for it."""
    script = tmp_path / "run.py"
    script.write_text(
        "import os, sys\n"
        "from codeit import cli\n"
        "from codeit.policy.sampling import engine\n"
        "if os.environ['RANK'] == '1':\n"
        "    engine.are_finite = lambda scores: scores[:, 0] != scores[:, 0]\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    config, out = tmp_path / "config.toml", tmp_path / "run"
    config.write_text(settings_to_toml(settings_for_two(data)))
    done = torchrun(2, "train", "--config", config, "--out", out, script=script)
    lines = [line for line in done.stderr.splitlines() if line.startswith("codeit train:")]
    assert len(lines) == 1
    assert "iteration 1: prompt " in lines[0]
    assert lines[0].endswith("the checkpoint of iteration 0 is kept")


# ---- Kernels and laws --------------------------------------------------------------------------


@pytest.fixture(params=[3, 2, 1, 0], ids=["products", "wide", "narrow", "any"])
def processor(request):
    native.limit_processor(request.param)
    yield
    native.limit_processor(3)


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_a_product_with_what_is_not_finite_is_not_finite(precision, value):
    kernels = NativeKernels(CPU, precision)
    for place in range(32):
        x = torch.ones(3, 32, dtype=kernels.dtype)
        x[1, place] = value
        found = kernels.linear(torch.ones(5, 32), is_exact=True)(x)
        assert are_finite(found).tolist() == [True, False, True]
        rectified = kernels.linear(torch.ones(5, 32), "relu", is_exact=True)(x)
        is_cut = value == -math.inf and precision != "int8"
        assert are_finite(rectified).tolist() == [True, is_cut, True]


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("part", [0, 1, 2], ids=["query", "key", "value"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_attention_to_what_is_no_number_is_no_number(precision, part):
    kernels = NativeKernels(CPU, precision)
    for place in range(32):
        cache = kernels.cache(1, 1, 48, 32)
        projected = torch.ones(40, 3, 1, 32, dtype=kernels.dtype)
        projected[20, part, 0, place] = math.nan
        step = Step(np.zeros(40, np.int32), np.arange(40, dtype=np.int32))
        found = kernels.attend(projected, step, torch.zeros(1, 48), cache).float()
        is_finite = found.isfinite().flatten(1).all(1)
        assert is_finite[:20].all()
        assert not is_finite[20]
        assert is_finite[21:].all() == (part == 0)


LAWS = [(k, p) for k in (0, 1, 5, 50) for p in (1.0, 0.9, 1e-300)]


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize(("top_k", "top_p"), LAWS)
@pytest.mark.parametrize("width", [1, 7, 64, 1000, 20_000])
def test_a_draw_from_what_is_no_number_is_an_index_nevertheless(width, top_k, top_p):
    random = np.random.default_rng(width)
    scores = random.standard_normal((40, width)).astype(np.float32)
    for row, value in zip(scores, [*NOT_FINITE * 13, math.nan], strict=True):
        row[random.integers(width, size=1 + random.integers(width))] = value
    scores[:3] = np.array(NOT_FINITE, np.float32)[:, None]
    words = random.integers(0, 1 << 63, (40, -(-width // 64)), np.uint64)
    numbers = uniforms(1, 2, 3, 40)
    law = SamplingLaw(0.7, top_k, top_p)
    for allowed in (None, words, np.zeros_like(words), np.full_like(words, (1 << 64) - 1)):
        out = np.full(40, -1)
        native.draw(scores, allowed, numbers, 0.7, top_k, top_p, out)
        assert ((out >= 0) & (out < width)).all()
    drawn = law.plain_draw(torch.from_numpy(scores), torch.from_numpy(numbers))
    assert ((drawn >= 0) & (drawn < width)).all()


SCORES = torch.tensor([[1.0, 3.0, 2.9999998, -1e30, 3.0e38, 0.0]])


@pytest.mark.parametrize("is_plain", [False, True])
@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-40, 1e-3, 1e300, 1.7e308])
@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (3, 1.0), (0, 1e-300), (5, 0.9)])
def test_no_temperature_makes_a_draw_of_what_cannot_come(temperature, top_k, top_p, is_plain):
    law = SamplingLaw(temperature, top_k, top_p)
    numbers = uniforms(5, 0, 0, 2000)
    scores = SCORES.expand(2000, -1).contiguous()
    if is_plain:
        drawn = law.plain_draw(scores, torch.from_numpy(numbers)).numpy()
    else:
        drawn = law.draw(scores, numbers)
    seen = set(drawn.tolist())
    if temperature < 1 or top_p < 0.5:
        assert seen == {4}
    elif temperature > 1e200:  # all that are left come alike
        assert len(seen) == {(0, 1.0): 6, (3, 1.0): 3, (5, 0.9): 5}[top_k, top_p]


@pytest.mark.parametrize("temperature", [5e-324, 1e-40, 1e-3, 1.7e308])
def test_no_temperature_makes_scores_of_generate_that_are_no_numbers(temperature):
    found = Temperature(temperature)(torch.zeros(1, 1), SCORES)
    assert not found.isnan().any()
    if temperature < 1:
        assert found.argmax() == 4
    model = sharp_model()
    with drawn_by("generate", model, temperature=temperature, top_p=1e-300) as samples:
        assert len(dict(samples)) == 9


def test_the_coldest_samples_are_the_likeliest_in_every_way():
    model = sharp_model()
    likeliest = {}
    for way, mode in WAYS:
        for changes in ({"top_k": 1}, {"top_k": 0, "temperature": 5e-324}):
            with drawn_by(way, model, mode=mode, **changes) as samples:
                if way == "generate":
                    found = {k: np.trim_zeros(rows[0], "b").tolist() for k, rows in samples}
                else:
                    found = {s.prompt: s.tokens.tolist() for s in samples}
            kind = mode if mode in ("grammar", "typed") else "reference"
            assert likeliest.setdefault(kind, found) == found


def test_noise_that_arrives_at_once_leaves_what_cannot_come_out():
    def at_once(tensor, generator):
        return tensor.zero_()

    with mock.patch.object(torch.Tensor, "exponential_", at_once):
        scores = GumbelNoise(torch.Generator())(
            torch.zeros(1, 1), torch.tensor([[-torch.inf, 0.0]])
        )
    assert not scores.isnan().any()
    assert scores.argmax() == 1
