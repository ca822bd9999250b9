"""The steps that a GPU takes by itself, on a CPU, beside those that the host decides."""

import contextlib
import copy
import dataclasses
from unittest import mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sampling_cases import TOKENIZER, sharp_model  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from codeit.policy.sampling import SamplingSettings, engine, memory_budget, static_session  # noqa: E402
from codeit.policy.sampling.constraint import ProgramConstraint  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.static_decoder import Shape, StaticDecoder  # noqa: E402
from codeit.policy.sampling.static_session import StaticSession, Steps  # noqa: E402
from codeit.policy.sampling.static_strategy import make_static_strategy  # noqa: E402
from codeit.policy.sampling.weights import Weights  # noqa: E402

CPU = torch.device("cpu")
SETTINGS = SamplingSettings(samples_per_task=3, max_tokens=40)
MODES = ["reference", "grammar"]


@pytest.fixture(scope="module")
def model():
    return sharp_model()


def prompts(count=12):
    """Of lengths that differ, some by more than a quarter of the longest."""
    random = np.random.default_rng(0)
    return [random.integers(2, 200, 3 + (37 * k) % 300) for k in range(count)]


class Static(EngineSampler):
    """The engine as it is on a GPU, as far as a CPU goes."""

    def __init__(self, model, num_steps=static_session.STEPS, **changes):
        super().__init__(model, TOKENIZER, dataclasses.replace(SETTINGS, **changes))
        self.num_steps = num_steps
        self.sessions = []

    def _uses_graphs(self):
        return True

    def _static_session(self, *arguments):
        session = super()._static_session(*arguments)
        session._num_steps = self.num_steps
        self.sessions.append(session)
        return session


def tokens_of(samples):
    return {(s.prompt, s.number): s.tokens.tolist() for s in samples}


def by_host(model, seed=0, asked=None, **changes):
    """With the same kernels: others round otherwise, and a draw may fall between."""

    def plain(model, precision, head_ids, is_plain):
        assert not is_plain
        return Weights(model, precision, head_ids, is_plain=True)

    sampler = EngineSampler(model, TOKENIZER, dataclasses.replace(SETTINGS, **changes))
    with mock.patch.object(engine, "Weights", plain):
        return tokens_of(sampler.stream(asked or prompts(), seed))


def by_device(model, seed=0, num_steps=static_session.STEPS, **changes):
    sampler = Static(model, num_steps, **changes)
    found = tokens_of(sampler.stream(prompts(), seed))
    assert len(sampler.sessions) == 1
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("num_rows", "num_steps"), [(1, 8), (5, 1), (7, 3), (96, 8)])
def test_samples_are_those_of_the_host_whatever_the_layout(model, mode, num_rows, num_steps):
    expected = by_host(model, mode=mode)
    assert len(expected) == 36
    assert by_device(model, mode=mode, num_rows=num_rows, num_steps=num_steps) == expected
    assert by_device(model, mode=mode, seed=1) != expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "law", [{"top_k": 0}, {"top_k": 1}, {"top_p": 0.9}, {"temperature": 3.0, "top_k": 0}]
)
def test_every_law_is_that_of_the_host(model, mode, law):
    expected = by_host(model, mode=mode, **law)
    assert by_device(model, mode=mode, num_rows=16, **law) == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("max_tokens", [4, 8, 100])
def test_samples_are_cut_where_the_host_cuts_them(model, mode, max_tokens):
    expected = by_host(model, mode=mode, max_tokens=max_tokens, top_k=0)
    lengths = [len(tokens) for tokens in expected.values()]
    assert max(lengths) == max_tokens or max_tokens == 100
    assert by_device(model, mode=mode, max_tokens=max_tokens, num_rows=9, top_k=0) == expected


@pytest.mark.parametrize("max_tokens", [1, 2])
def test_a_foreign_token_at_the_end_is_the_last(model, max_tokens):
    expected = by_host(model, max_tokens=max_tokens, top_k=0)
    assert by_device(model, max_tokens=max_tokens, top_k=0) == expected
    program_ids = set(TOKENIZER.program_ids.tolist())
    assert any(tokens[-1] not in program_ids for tokens in expected.values())


def test_more_samples_of_a_prompt_than_slots(model):
    expected = by_host(model, samples_per_task=11)
    assert by_device(model, samples_per_task=11, num_rows=4) == expected


def test_in_bfloat16_most_samples_are_those_of_the_host(model):
    expected = by_host(model, precision="bfloat16", max_tokens=8)
    found = by_device(model, precision="bfloat16", max_tokens=8)
    assert np.mean([found[k] == tokens for k, tokens in expected.items()]) > 0.5


@pytest.mark.parametrize("mode", ["typed", "speculative"])
def test_other_modes_are_left_to_the_host(model, mode):
    sampler = Static(model, mode=mode)
    assert len(list(sampler.stream(prompts(), 0))) == 36
    assert not sampler.sessions


def test_a_vocabulary_with_few_short_terms_is_left_to_the_host(model, monkeypatch):
    tables = ProgramConstraint(TOKENIZER, "grammar", 1).tables()
    tables["costs"][1:, :100] += 2
    monkeypatch.setattr(ProgramConstraint, "tables", lambda _: tables)
    sampler = Static(model, mode="grammar")
    assert len(list(sampler.stream(prompts(), 0))) == 36
    assert not sampler.sessions


def test_the_setting_and_the_device_decide(model):
    assert EngineSampler(model, TOKENIZER, SETTINGS)._static_strategy(1) is None
    for is_wanted in (False, True):
        settings = dataclasses.replace(SETTINGS, cuda_graphs=is_wanted)
        sampler = EngineSampler(model, TOKENIZER, settings)
        sampler.model = dataclasses.make_dataclass("OnAGpu", ["device"])(torch.device("cuda"))
        assert sampler._uses_graphs() == is_wanted


def test_a_program_that_is_too_short_is_refused(model):
    with pytest.raises(ValueError, match="max_tokens is 3; allowed: 4 to"):
        by_device(model, mode="grammar", max_tokens=3)


def test_leaving_a_stream_changes_nothing_of_what_came(model):
    whole = [s.tokens.tolist() for s in Static(model, num_rows=4).stream(prompts(), 5)]
    stream = Static(model, num_rows=4).stream(prompts(), 5)
    some = [next(stream).tokens.tolist() for _ in range(7)]
    stream.close()
    assert some == whole[:7]


def test_samples_are_streamed_as_they_end(model):
    order = [s.prompt for s in Static(model, num_rows=4).stream(prompts(), 5)]
    assert order != sorted(order, key=order.index)


def test_with_less_memory_the_same_samples_come(model, monkeypatch):
    plenty = by_device(model)
    for megabytes in (8, 4, 2):
        monkeypatch.setattr(memory_budget, "free_bytes", lambda _, m=megabytes: m << 20)
        assert by_device(model) == plenty


def test_tensors_that_cannot_be_allocated_are_halved(model, monkeypatch):
    asked = []

    def session(weights, strategy, queue, num_slots, *rest):
        asked.append(num_slots)
        if num_slots > 8:
            raise torch.OutOfMemoryError("no")
        return StaticSession(weights, strategy, queue, num_slots, *rest)

    plenty = by_device(model)
    monkeypatch.setattr(engine, "StaticSession", session)
    assert by_device(model) == plenty
    assert asked == [36, 18, 9, 4]


# ---- Shapes


def test_steps_shrink_as_prompts_get_shorter_and_rows_end(model, monkeypatch):
    shapes = []
    moved = []
    step, move = StaticDecoder.step, StaticDecoder.move

    def counted_step(self, shape):
        shapes.append(shape)
        step(self, shape)

    def counted_move(self, before, after):
        moved.append((before.tolist(), after.tolist()))
        move(self, before, after)

    monkeypatch.setattr(StaticDecoder, "step", counted_step)
    monkeypatch.setattr(StaticDecoder, "move", counted_move)
    asked = prompts(120)
    expected = by_host(model, asked=asked, max_tokens=16)
    sampler = Static(model, num_steps=1, max_tokens=16, num_rows=16)
    assert tokens_of(sampler.stream(asked, 0)) == expected
    assert shapes[0] == Shape(16, 12, 320)
    assert {16, 4} <= {shape.num_rows for shape in shapes} <= {16, 4, 1}
    assert {12, 3} <= {shape.num_places for shape in shapes} <= {12, 3, 1}
    assert {shape.source for shape in shapes} == {320, 256, 128}
    assert moved


@pytest.mark.parametrize(("most", "count", "expected"), [(96, 96, 96), (96, 25, 96), (96, 24, 24)])
def test_rows_are_quartered_where_they_fit(most, count, expected):
    assert static_session._quartered(most, count) == expected
    assert static_session._quartered(1, 1) == static_session._quartered(3, 1) == 1


# ---- What a CUDA graph asks for


class Watched(TorchDispatchMode):
    """Notes every operation, and refuses results that are not on the device."""

    def __init__(self, device):
        super().__init__()
        self.device = device
        self.names = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        found = function(*arguments, **(options or {}))
        for result in found if isinstance(found, tuple | list) else [found]:
            assert result is None or result.device == self.device, f"{function} leaves the device"
        self.names.append(str(function))
        return found


def begun(model, mode):
    """A decoder with rows under way, and its step's shape."""
    settings = dataclasses.replace(SETTINGS, mode=mode)
    device = model.device
    strategy = make_static_strategy(TOKENIZER, settings, model.config.vocab_size, 6, device)
    shape = Shape(6, 2, 64)
    decoder = StaticDecoder(Weights(model, "float32", strategy.head_ids, True), strategy, shape, 3)
    decoder.begin(np.arange(6), np.random.default_rng(0).random((6, 40)))
    decoder.arrange(shape, np.arange(6), np.repeat(np.arange(2), 3), np.tile(np.arange(3), 2))
    return decoder, shape


def tensors_in(held):
    """All tensors below an object, by name."""
    found = {}
    for name, value in vars(held).items():
        for k, part in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(part, torch.Tensor):
                found[f"{name}{k}"] = part
            elif type(part).__module__.startswith("codeit.") and hasattr(part, "__dict__"):
                found.update({f"{name}{k}.{key}": x for key, x in tensors_in(part).items()})
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_step_asks_for_no_value_and_leaves_nothing_behind_on_the_host(model, mode):
    """On a device that has no values to ask for."""
    device = torch.device("meta")
    with torch.inference_mode():
        decoder, shape = begun(copy.deepcopy(model).to(device), mode)
        with Watched(device):
            decoder.step(shape)
        with pytest.raises(RuntimeError):
            decoder.has_ended()
        with pytest.raises(AssertionError, match="leaves the device"), Watched(device):
            torch.zeros(3)


@pytest.mark.parametrize("mode", MODES)
def test_steps_do_the_same_and_leave_their_tensors_where_they_are(model, mode):
    with torch.inference_mode():
        decoder, shape = begun(model, mode)
        decoder.hold(np.arange(2), prompts(2))
        places = {name: tensor.data_ptr() for name, tensor in tensors_in(decoder).items()}
        assert len(places) > 20
        done = []
        for _ in range(30):
            with Watched(CPU) as watched:
                decoder.step(shape)
            done.append(watched.names)
        assert decoder.has_ended().any()
        assert decoder._has_ended[-1]  # what ended rows write to never begins
        now = {name: tensor.data_ptr() for name, tensor in tensors_in(decoder).items()}
    assert all(names == done[0] for names in done)
    assert now == places


class Stream:
    def __init__(self, device):
        self.device = device

    def wait_stream(self, other):
        assert isinstance(other, Stream)


@pytest.fixture
def cuda(monkeypatch):
    """As much of torch.cuda as Steps calls, and a log of what is done."""
    log = []

    class Graph:
        def replay(self):
            log.append(("replay", self.shape))

    @contextlib.contextmanager
    def capture(graph, pool, stream, capture_error_mode):
        assert (pool, capture_error_mode) == ("pool", "thread_local")
        begin = len(log)
        yield
        graph.shape = log.pop()[1]
        assert len(log) == begin

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    return log


LARGE, SMALL = Shape(8, 2, 64), Shape(2, 1, 64)


def test_a_graph_is_captured_once_for_each_shape(cuda):
    """The first step in a shape runs as it is; what is captured does not run."""
    steps = Steps(lambda shape: cuda.append(("step", shape)), torch.device("cuda"))
    for shape, count in ((LARGE, 3), (SMALL, 1), (LARGE, 2), (SMALL, 1)):
        steps.run(shape, count)
    assert cuda == [
        ("step", LARGE),
        *[("replay", LARGE)] * 2,
        ("step", SMALL),
        *[("replay", LARGE)] * 2,
        ("replay", SMALL),
    ]


def test_steps_that_cannot_be_captured_run_as_they_are(cuda, monkeypatch):
    @contextlib.contextmanager
    def capture(*_, **__):
        yield
        cuda.pop()
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(torch.cuda, "graph", capture)
    steps = Steps(lambda shape: cuda.append(("step", shape)), torch.device("cuda"))
    with pytest.warns(RuntimeWarning, match="not permitted when stream is capturing$"):
        steps.run(LARGE, 3)
    steps.run(SMALL, 2)
    assert cuda == [("step", LARGE)] * 3 + [("step", SMALL)] * 2


def test_memory_that_lacks_for_a_graph_is_no_reason_to_go_on(cuda, monkeypatch):
    @contextlib.contextmanager
    def capture(*_, **__):
        yield
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(torch.cuda, "graph", capture)
    steps = Steps(lambda shape: cuda.append(("step", shape)), torch.device("cuda"))
    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        steps.run(LARGE, 2)
