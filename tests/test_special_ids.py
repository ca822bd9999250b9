"""Which ids begin, end and pad: the model and the tokenizer agree, and all that draws asks them."""

import contextlib
import dataclasses
import json
from unittest import mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sampling_cases import TOKENIZER, sharp_model  # noqa: E402
from transformers import T5ForConditionalGeneration  # noqa: E402

from codeit.learning.replay import Batch  # noqa: E402
from codeit.learning.training import TrainingSettings  # noqa: E402
from codeit.learning.training.trainer import Trainer  # noqa: E402
from codeit.policy.model import ModelSettings  # noqa: E402
from codeit.policy.model.checkpoint import build_model, load_model, save_checkpoint  # noqa: E402
from codeit.policy.sampling import SamplingSettings, engine  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.generate import GenerateSampler  # noqa: E402
from codeit.policy.sampling.weights import Weights  # noqa: E402
from codeit.runs.settings import PRESETS  # noqa: E402

SETTINGS = SamplingSettings(samples_per_task=3, max_tokens=25)
STARTS = [0, 17, TOKENIZER.vocab_size - 1]


def saved(path, **changes):
    """A model of transformers' format on disk, with other ids in its config."""
    save_checkpoint(sharp_model(), TOKENIZER, path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | changes))
    return path


@pytest.fixture(scope="module", params=STARTS, ids=lambda start: f"start {start}")
def both(request, tmp_path_factory):
    """A model that starts so, as ours and as transformers'."""
    path = saved(tmp_path_factory.mktemp("model") / "it", decoder_start_token_id=request.param)
    theirs = T5ForConditionalGeneration.from_pretrained(path).eval()
    assert theirs.config.decoder_start_token_id == request.param
    return load_model(str(path)), theirs


def prompts(count=6):
    random = np.random.default_rng(3)
    return [random.integers(2, 400, 5 + 3 * k).astype(np.uint16) for k in range(count)]


def uses_device(sampler):
    """The sampler as it is on a GPU, as far as a CPU goes."""
    return mock.patch.object(sampler, "_uses_graphs", return_value=True)


def their_log_probabilities(model, prompt, samples):
    """Of transformers, which puts the start before the labels by itself."""
    tokens = torch.from_numpy(samples)
    source = torch.from_numpy(prompt.astype(np.int64)).expand(len(tokens), -1)
    with torch.inference_mode():
        logits = model(input_ids=source, labels=tokens).logits
    return logits.log_softmax(-1).gather(2, tokens[..., None])[..., 0].numpy()


def test_log_probabilities_are_those_of_transformers_whatever_comes_first(both):
    ours, theirs = both
    sampler = EngineSampler(ours, TOKENIZER, SETTINGS)
    samples = [tokens for _, tokens in sorted(dict(sampler.sample(prompts(), 0)).items())]
    found = sampler.log_probabilities(prompts(), samples)
    for prompt, tokens, ours_of in zip(prompts(), samples, found, strict=True):
        is_real = ours_of != 0
        difference = np.abs(ours_of - their_log_probabilities(theirs, prompt, tokens))
        assert difference[is_real].max() < 1e-3


@pytest.mark.parametrize("way", ["reference", "speculative", "device", "generate"])
def test_the_likeliest_tokens_are_those_of_transformers_whatever_comes_first(both, way):
    ours, theirs = both
    mode = way if way == "speculative" else "reference"
    settings = dataclasses.replace(SETTINGS, mode=mode, top_k=1)
    if way == "generate":
        samples = dict(GenerateSampler(ours, TOKENIZER, settings).sample(prompts(), 0))
    else:
        sampler = EngineSampler(ours, TOKENIZER, settings)
        with uses_device(sampler) if way == "device" else contextlib.nullcontext():
            samples = dict(sampler.sample(prompts(), 0))
    allowed = set(TOKENIZER.program_ids.tolist())
    for k, prompt in enumerate(prompts()):
        source = torch.from_numpy(prompt.astype(np.int64))[None]
        expected = theirs.generate(source, max_new_tokens=25, do_sample=False)[0, 1:].tolist()
        foreign = [n for n, token in enumerate(expected) if token not in allowed]
        if foreign:  # after which the original's law lets only the end come
            expected = [*expected[: foreign[0] + 1], TOKENIZER.end_id][:25]
        for row in samples[k]:
            assert row[: len(expected)].tolist() == expected
            assert not row[len(expected) :].any()


@pytest.mark.parametrize("mode", ["grammar", "typed"])
def test_programs_are_drawn_with_the_models_own_start(both, mode):
    """What the decoder was fed first is what the model says, in every session."""
    ours, _ = both
    sampler = EngineSampler(ours, TOKENIZER, dataclasses.replace(SETTINGS, mode=mode))
    fed = []
    step = engine.Decoder.step

    def watched(self, tokens, slots, positions, *rest):
        fed.extend(tokens[positions == 0].tolist())
        return step(self, tokens, slots, positions, *rest)

    with mock.patch.object(engine.Decoder, "step", watched):
        assert len(list(sampler.stream(prompts(), 0))) == 18
    assert set(fed) == {ours.config.start_id}


def test_the_loss_of_a_step_is_that_of_transformers_whatever_comes_first(both):
    ours, theirs = both
    targets = [TOKENIZER.encode_program("O = vmirror(I)")] * 6

    def flat(lists):
        return np.concatenate(lists), np.cumsum([0, *map(len, lists)])

    batch = Batch(*flat(prompts()), *flat(targets), np.zeros(6, np.uint8))
    expected = 0.0
    for prompt, target in zip(prompts(), targets, strict=True):
        found = their_log_probabilities(theirs, prompt, target.astype(np.int64)[None])
        expected -= float(found.sum())
    settings = TrainingSettings(precision="float32", batch_size=6)
    ours.config = dataclasses.replace(ours.config, dropout=0.0)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    try:
        report = Trainer(ours, settings).train(batch, 0)
    finally:
        ours.load_state_dict(before)
    assert report.loss * report.num_tokens == pytest.approx(expected, rel=1e-4)


def test_a_checkpoint_keeps_its_start(both, tmp_path):
    ours, _ = both
    save_checkpoint(ours, TOKENIZER, tmp_path / "again")
    assert load_model(str(tmp_path / "again")).config == ours.config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eos_token_id": 2}, r"the tokenizer ends a program with the id 1, and .* with 2"),
        ({"eos_token_id": [2, 5]}, r"the tokenizer ends a program with the id 1, and .* 2 or 5"),
        ({"pad_token_id": 3}, r"the tokenizer pads with the id 0, and .* with 3"),
    ],
)
def test_a_checkpoint_and_a_tokenizer_that_disagree_are_refused(changes, message, tmp_path):
    path = str(saved(tmp_path / "model", **changes))
    with pytest.raises(ValueError, match=message):
        build_model(ModelSettings(name=path), TOKENIZER, seed=0)
    for sampler in (EngineSampler, GenerateSampler):
        with pytest.raises(ValueError, match=message):
            sampler(load_model(path), TOKENIZER, SETTINGS)


@pytest.mark.parametrize(
    "changes",
    [
        {"eos_token_id": None},
        {"eos_token_id": [5, 1]},
        {"pad_token_id": None, "decoder_start_token_id": 0},
    ],
)
def test_a_config_that_names_no_other_id_agrees(changes, tmp_path):
    path = str(saved(tmp_path / "model", **changes))
    model = build_model(ModelSettings(name=path), TOKENIZER, seed=0)
    assert model.config.start_id == 0


def test_drawn_weights_take_their_ids_from_the_tokenizer(tmp_path):
    other = {"eos_token_id": 7, "pad_token_id": 6, "decoder_start_token_id": 5}
    path = str(saved(tmp_path / "model", **other))
    settings = dataclasses.replace(PRESETS["demo"].model, name=path, pretrained=False)
    config = build_model(settings, TOKENIZER, seed=0).config
    assert (config.start_id, config.pad_id, config.end_ids) == (0, 0, (1,))


def test_the_weights_of_a_session_know_the_start(both):
    assert Weights(both[0]).start_id == both[0].config.start_id
