"""The plain sampler, on a tiny model with random weights."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sampling_cases import (  # noqa: E402
    TOKENIZER,
    assert_ends_after_foreign_tokens,
    demo_model,
)

from codeit.policy.sampling import SamplingSettings  # noqa: E402
from codeit.policy.sampling.generate import EndAfterForeignToken, GenerateSampler  # noqa: E402

SETTINGS = SamplingSettings(samples_per_task=3, max_tokens=12, batch_size=2)


@pytest.fixture(scope="module")
def model():
    return demo_model()


def prompts(count):
    random = np.random.default_rng(0)
    grids = [random.integers(0, 10, size=(k + 1, 3)).astype(np.uint8) for k in range(count)]
    return [TOKENIZER.encode_inputs([grid], 50) for grid in grids]


def sample(model, count=5, seed=0, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    sampler = GenerateSampler(model, TOKENIZER, settings)
    return dict(sampler.sample(prompts(count), seed))


def test_every_prompt_comes_once_with_its_samples(model):
    samples = sample(model)
    assert sorted(samples) == [0, 1, 2, 3, 4]
    assert all(tokens.shape[0] == 3 for tokens in samples.values())
    assert all(tokens.shape[1] <= 12 for tokens in samples.values())


def test_samples_follow_from_the_seed(model):
    def tokens(seed):
        return [sample(model, seed=seed)[k].tolist() for k in range(5)]

    assert tokens(1) == tokens(1)
    assert tokens(1) != tokens(2)


def test_a_sample_ends_after_the_first_token_that_no_program_contains(model):
    assert_ends_after_foreign_tokens(sample(model, top_k=0).values())


def test_top_k_of_one_takes_the_likeliest_token(model):
    samples = sample(model, top_k=1)
    for tokens in samples.values():
        assert (tokens == tokens[0]).all()


def test_progress_counts_samples(model):
    told = []
    sampler = GenerateSampler(model, TOKENIZER, SETTINGS)
    list(sampler.sample(prompts(5), 0, told.append))
    assert told == [6, 12, 15]


def test_an_empty_prompt_is_refused(model):
    sampler = GenerateSampler(model, TOKENIZER, SETTINGS)
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        list(sampler.sample([*prompts(1), np.array([], np.uint16)], 0))


def test_only_the_end_can_follow_a_foreign_token():
    processor = EndAfterForeignToken(np.array([1, 3], np.uint16), end_id=1)
    scores = torch.zeros(3, 5)
    after = processor(torch.tensor([[0, 3], [0, 4], [0, 2]]), scores)
    assert torch.equal(after[0], scores[0])
    for row in after[1:]:
        assert row.isneginf().tolist() == [True, False, True, True, True]


def test_the_start_token_is_not_foreign():
    processor = EndAfterForeignToken(np.array([1, 3], np.uint16), end_id=1)
    scores = torch.zeros(1, 5)
    assert torch.equal(processor(torch.tensor([[0]]), scores), scores)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples_per_task": 0}, "samples_per_task is 0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"num_rows": 0}, "num_rows is 0"),
        ({"mode": "free"}, "mode is 'free'"),
        ({"mode": "typed", "sampler": "generate"}, "generate` knows no mode 'typed'"),
        ({"distinct": True, "sampler": "generate"}, "distinct is True; .* allows only False"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        SamplingSettings(**changes)
