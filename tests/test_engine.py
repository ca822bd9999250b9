"""The sampling engine, beside transformers' generate and the model's own forward pass."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from codeit import Program  # noqa: E402
from codeit.config import PRESETS  # noqa: E402
from codeit.model.checkpoint import build_model, to_plain_model  # noqa: E402
from codeit.sampling import SamplingSettings  # noqa: E402
from codeit.sampling.decoder import Decoder, DecoderWeights  # noqa: E402
from codeit.sampling.engine import EngineSampler  # noqa: E402
from codeit.sampling.generate import GenerateSampler  # noqa: E402
from codeit.tokenizer import CompactTokenizer  # noqa: E402

TOKENIZER = CompactTokenizer()
SETTINGS = SamplingSettings(samples_per_task=3, max_tokens=40)
LAYOUTS = [(1, 1), (5, 1), (96, 1), (4, 3)]  # slots, threads


@pytest.fixture(scope="module")
def model():
    built = build_model(PRESETS["demo"].model, TOKENIZER, seed=1)
    with torch.no_grad():
        for weight in built.parameters():
            weight *= 1.6  # so that what comes next depends on what came before
    return built


def prompts(count):
    random = np.random.default_rng(0)
    shapes = [(k % 9 + 1, 5) for k in range(count)]
    grids = [random.integers(0, 10, size=shape).astype(np.uint8) for shape in shapes]
    return [TOKENIZER.encode_inputs([grid], 200) for grid in grids]


def sample(model, count=10, seed=0, slots=96, threads=1, **changes):
    settings = dataclasses.replace(SETTINGS, num_rows=slots, **changes)
    sampler = EngineSampler(model, TOKENIZER, settings, threads)
    return dict(sampler.sample(prompts(count), seed))


def same(one, other):
    """Whether two results hold the same samples, whatever their padding."""
    if one.keys() != other.keys():
        return False
    for k, tokens in one.items():
        width = max(tokens.shape[1], other[k].shape[1])
        padded = [np.pad(t, ((0, 0), (0, width - t.shape[1]))) for t in (tokens, other[k])]
        if not np.array_equal(*padded):
            return False
    return True


@pytest.mark.parametrize(("slots", "threads"), LAYOUTS)
def test_the_likeliest_tokens_are_those_of_generate(model, slots, threads):
    settings = dataclasses.replace(SETTINGS, top_k=1, batch_size=4)
    theirs = dict(GenerateSampler(model, TOKENIZER, settings).sample(prompts(30), 0))
    assert same(sample(model, 30, top_k=1, slots=slots, threads=threads), theirs)
    assert np.mean([(tokens != 0).sum() for tokens in theirs.values()]) > 10


@pytest.mark.parametrize("mode", ["reference", "speculative", "grammar", "typed"])
def test_samples_follow_from_the_seed_whatever_runs_beside_them(model, mode):
    results = [sample(model, mode=mode, slots=n, threads=t, seed=7) for n, t in LAYOUTS]
    assert all(same(results[0], other) for other in results[1:])
    assert not same(results[0], sample(model, mode=mode, seed=8))


def test_a_sample_does_not_depend_on_how_many_others_its_prompt_has(model):
    few, many = sample(model, mode="grammar"), sample(model, mode="grammar", samples_per_task=7)
    assert same(few, {k: tokens[:3] for k, tokens in many.items()})


def test_speculation_changes_no_sample(model):
    def seeds(mode):
        return [sample(model, mode=mode, seed=k, samples_per_task=8) for k in range(3)]

    for reference, speculative in zip(seeds("reference"), seeds("speculative"), strict=True):
        assert same(reference, speculative)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tokens_at_once", [1, 3])
def test_scores_are_those_of_the_plain_model(model, dtype, tokens_at_once):
    random = torch.Generator().manual_seed(3)
    length = 24
    sources = [torch.randint(2, 400, (size,), generator=random) for size in (5, 31)]
    inputs = torch.randint(2, 400, (4, length), generator=random)
    plain = to_plain_model(model)
    with torch.inference_mode():
        weights = DecoderWeights(model, 4, dtype)
        states = [plain.get_encoder()(input_ids=s[None]).last_hidden_state[0] for s in sources]
        memories = [(weights.memory_of(s), 2 * tokens_at_once) for s in states]
        decoder = Decoder(weights, 4, length)
        parts = []
        for begin in range(0, length, tokens_at_once):
            part = inputs[:, begin : begin + tokens_at_once]
            scores = decoder.step(
                part.flatten().numpy(),
                np.repeat(np.arange(4, dtype=np.int32), tokens_at_once),
                np.tile(np.arange(begin, begin + tokens_at_once, dtype=np.int32), 4),
                memories,
                np.arange(part.numel()),
            )
            parts.append(scores.view(4, tokens_at_once, -1))
        ours = torch.cat(parts, 1)
        for k, source in enumerate(sources):
            rows = slice(2 * k, 2 * k + 2)
            theirs = plain(input_ids=source.expand(2, -1), decoder_input_ids=inputs[rows]).logits
            atol = 1e-4 if dtype == torch.float32 else 0.1 * theirs.abs().max()
            assert torch.allclose(ours[rows], theirs, rtol=0, atol=float(atol))


def test_only_the_scores_that_are_wanted_are_worked_out(model):
    with torch.inference_mode():
        weights = DecoderWeights(model, 3, torch.float32, head_ids=np.array([7, 300, 2]))
        memory = weights.memory_of(torch.ones(4, model.config.d_model))
        ids, slots = np.array([5, 6, 7]), np.arange(3, dtype=np.int32)
        first = np.zeros(3, np.int32)
        some = Decoder(weights, 3, 8).step(ids, slots, first, [(memory, 3)], np.array([2, 0]))
        everything = DecoderWeights(model, 3, torch.float32)
        memory = everything.memory_of(torch.ones(4, model.config.d_model))
        full = Decoder(everything, 3, 8).step(ids, slots, first, [(memory, 3)], np.arange(3))
    assert torch.allclose(some, full[[2, 0]][:, [7, 300, 2]], atol=1e-4)


@pytest.mark.parametrize("mode", ["grammar", "typed"])
@pytest.mark.parametrize("max_tokens", [12, 100])
def test_every_sample_of_the_grammar_is_a_program(model, mode, max_tokens):
    samples = sample(model, 20, mode=mode, max_tokens=max_tokens, samples_per_task=10, top_k=0)
    texts = [TOKENIZER.decode_program(row) for tokens in samples.values() for row in tokens]
    assert len([Program.parse(text) for text in texts]) == 200
    assert len(set(texts)) > 30
    assert all(tokens.shape[1] <= max_tokens for tokens in samples.values())


def test_a_foreign_token_is_followed_by_the_end(model):
    allowed = set(TOKENIZER.program_ids.tolist())
    num_ended_early = 0
    for tokens in sample(model, top_k=0).values():
        for row in tokens:
            ids = row.tolist()
            foreign = [k for k, t in enumerate(ids) if t not in allowed and t != TOKENIZER.pad_id]
            if foreign and foreign[0] + 1 < len(ids):
                num_ended_early += 1
                assert ids[foreign[0] + 1] == TOKENIZER.end_id
                assert set(ids[foreign[0] + 2 :]) <= {TOKENIZER.pad_id}
    assert num_ended_early > 0


def test_progress_counts_samples(model):
    told = []
    sampler = EngineSampler(model, TOKENIZER, SETTINGS)
    assert len(list(sampler.sample(prompts(5), 0, told.append))) == 5
    assert told == list(range(1, 16))


def test_leaving_early_leaves_no_thread_at_work(model):
    settings = dataclasses.replace(SETTINGS, num_rows=2)
    sampler = EngineSampler(model, TOKENIZER, settings, threads=3)
    samples = sampler.sample(prompts(20), 0)
    next(samples)
    samples.close()
    assert len(list(sampler.sample(prompts(3), 0))) == 3


def test_an_empty_prompt_is_refused(model):
    sampler = EngineSampler(model, TOKENIZER, SETTINGS)
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        list(sampler.sample([*prompts(1), np.array([], np.uint16)], 0))


def test_no_prompts_give_no_samples(model):
    assert list(EngineSampler(model, TOKENIZER, SETTINGS).sample([], 0)) == []
