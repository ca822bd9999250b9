"""The sampling engine, beside transformers' generate and the model's own forward pass."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sampling_cases import TOKENIZER, assert_ends_after_foreign_tokens, prompts, sharp_model  # noqa: E402

from codeit import Program  # noqa: E402
from codeit.policy.model.checkpoint import to_plain_model  # noqa: E402
from codeit.policy.sampling import SamplingSettings, engine, memory_budget  # noqa: E402
from codeit.policy.sampling.constraint import ProgramConstraint  # noqa: E402
from codeit.policy.sampling.decoder import Decoder  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.generate import GenerateSampler  # noqa: E402
from codeit.policy.sampling.strategy import (  # noqa: E402
    Row,
    SpeculativeDecoding,
    make_strategy,
)
from codeit.policy.sampling.weights import Weights  # noqa: E402

SETTINGS = SamplingSettings(samples_per_task=3, max_tokens=40)
LAYOUTS = [(1, 1), (5, 1), (96, 1), (4, 3)]  # slots, threads


@pytest.fixture(scope="module")
def model():
    return sharp_model()


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


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("mode", ["reference", "speculative", "grammar", "typed"])
def test_samples_follow_from_the_seed_whatever_runs_beside_them(model, mode, precision):
    changes = {"mode": mode, "precision": precision, "top_p": 0.98}
    results = [sample(model, slots=n, threads=t, seed=7, **changes) for n, t in LAYOUTS]
    assert all(same(results[0], other) for other in results[1:])
    assert not same(results[0], sample(model, seed=8, **changes))


def test_scores_are_the_same_to_the_last_bit_whatever_runs_beside_them(model):
    prompt, other = np.array([9, 8, 7]), np.arange(2, 90)
    tokens = np.array([5, 6, 7, 8, 9])
    for precision in ("float32", "bfloat16", "int8"):
        with torch.inference_mode():
            weights = Weights(model, precision)
            context, beside = (weights.contexts([p])[0] for p in (prompt, other))
            found = []
            for count in (1, 3, 14):
                decoder = Decoder(weights, count, 16)
                slots = np.arange(count, dtype=np.int32)
                for position, token in enumerate(tokens):
                    ids = np.full(count, token + 1)
                    ids[0] = token
                    at = np.full(count, position, np.int32)
                    contexts = [(context, 1), (beside, count - 1)]
                    scores = decoder.step(ids, slots, at, contexts, np.arange(count))
                found.append(scores[0])
        assert torch.equal(found[0], found[1])
        assert torch.equal(found[0], found[2])


def test_a_sample_does_not_depend_on_how_many_others_its_prompt_has(model):
    few, many = sample(model, mode="grammar"), sample(model, mode="grammar", samples_per_task=7)
    assert same(few, {k: tokens[:3] for k, tokens in many.items()})


def test_speculation_changes_no_sample(model):
    def seeds(mode):
        return [sample(model, mode=mode, seed=k, samples_per_task=8) for k in range(3)]

    for reference, speculative in zip(seeds("reference"), seeds("speculative"), strict=True):
        assert same(reference, speculative)


@pytest.mark.parametrize("top_k", [0, 3])
def test_speculation_changes_no_sample_whatever_is_drawn_on_two_threads(model, top_k):
    """Most samples end in an id that no program has, which the automaton is given, too."""
    num_foreign = 0
    for seed in range(4):
        changes = {"seed": seed, "top_k": top_k, "samples_per_task": 6, "threads": 2, "slots": 5}
        reference = sample(model, 12, mode="reference", **changes)
        assert same(reference, sample(model, 12, mode="speculative", **changes))
        drawn = np.concatenate([tokens.ravel() for tokens in reference.values()])
        num_foreign += np.count_nonzero(~np.isin(drawn, [TOKENIZER.pad_id, *TOKENIZER.program_ids]))
    assert num_foreign > 100


def test_a_row_that_left_the_grammar_guesses_nothing_more():
    settings = dataclasses.replace(SETTINGS, mode="speculative", top_k=1)
    program = TOKENIZER.encode_program("x1 = trim(I)\nO = hconcat(x1, x1)").tolist()
    in_prompt = TOKENIZER.encode_inputs([np.zeros((3, 3), np.uint8)], 10).tolist()
    for foreign in (TOKENIZER.pad_id, *in_prompt, TOKENIZER.vocab_size - 1):
        strategy = make_strategy(TOKENIZER, settings, TOKENIZER.vocab_size, 1)
        assert isinstance(strategy, SpeculativeDecoding)
        row = Row(slot=0, uniforms=np.full(40, 0.5), pending=[TOKENIZER.pad_id])
        strategy.begin(row)
        # What the model draws at each place that is scored; guesses are right until the last id.
        for token in [program[0], foreign]:
            scores = torch.full((row.num_scored, TOKENIZER.vocab_size), -9.0)
            scores[:, token] = 0
            strategy.extend([row], scores)
        assert row.tokens == [program[0], foreign, TOKENIZER.end_id]
        assert strategy._constraint.forced(0) == []
        assert not strategy._constraint.masks().any()


# The model's scores are far from smooth in its weights, and so are they when those are rounded.
@pytest.mark.parametrize(
    ("precision", "share", "is_plain"),
    [
        *(("float32", 0, is_plain) for is_plain in (False, True)),
        *(("bfloat16", 0.1, is_plain) for is_plain in (False, True)),
        ("int8", 0.25, False),
    ],
)
@pytest.mark.parametrize("tokens_at_once", [1, 3])
def test_scores_are_those_of_the_plain_model(model, precision, share, tokens_at_once, is_plain):
    random = torch.Generator().manual_seed(3)
    length = 24
    sources = [torch.randint(2, 400, (size,), generator=random) for size in (5, 31)]
    inputs = torch.randint(2, 400, (4, length), generator=random)
    plain = to_plain_model(model)
    with torch.inference_mode():
        weights = Weights(model, precision, is_plain=is_plain)
        contexts = weights.contexts([source.numpy() for source in sources])
        decoder = Decoder(weights, 4, length)
        parts = []
        for begin in range(0, length, tokens_at_once):
            part = inputs[:, begin : begin + tokens_at_once]
            scores = decoder.step(
                part.flatten().numpy(),
                np.repeat(np.arange(4, dtype=np.int32), tokens_at_once),
                np.tile(np.arange(begin, begin + tokens_at_once, dtype=np.int32), 4),
                [(context, 2 * tokens_at_once) for context in contexts],
                np.arange(part.numel()),
            )
            parts.append(scores.view(4, tokens_at_once, -1))
        ours = torch.cat(parts, 1)
        for k, source in enumerate(sources):
            rows = slice(2 * k, 2 * k + 2)
            theirs = plain(input_ids=source.expand(2, -1), decoder_input_ids=inputs[rows]).logits
            error = (ours[rows] - theirs).square().mean().sqrt()
            assert error <= max(1e-4, share * float(theirs.square().mean().sqrt()))


def test_only_the_scores_that_are_wanted_are_worked_out(model):
    ids, slots = np.array([5, 6, 7]), np.arange(3, dtype=np.int32)
    first = np.zeros(3, np.int32)
    with torch.inference_mode():
        found = []
        for head_ids, wanted in ((np.array([7, 300, 2]), np.array([0, 2])), (None, np.arange(3))):
            weights = Weights(model, head_ids=head_ids)
            one, other = weights.contexts([np.array([9, 8, 7]), np.array([4])])
            contexts = [(one, 2), (other, 1)]
            found.append(Decoder(weights, 3, 8).step(ids, slots, first, contexts, wanted))
    assert torch.equal(found[0], found[1][[0, 2]][:, [7, 300, 2]])


def test_restricted_probabilities_are_those_of_the_masked_softmax(model):
    grammar = ProgramConstraint(TOKENIZER, "grammar", 1)
    head_ids = grammar.alphabet.astype(np.int64)
    grammar.begin(40)
    prompt = np.array([9, 8, 7])
    tokens = np.array([0, *grammar.forced(0)])
    for token in tokens[1:]:
        grammar.advance([token])
    bits = np.unpackbits(grammar.masks().view(np.uint8), bitorder="little")[: len(head_ids)]
    with torch.inference_mode():
        found = []
        for ids in (head_ids, None):
            weights = Weights(model, head_ids=ids)
            places = (np.zeros(len(tokens), np.int32), np.arange(len(tokens), dtype=np.int32))
            contexts = [(weights.contexts([prompt])[0], len(tokens))]
            last = np.array([len(tokens) - 1])
            found.append(Decoder(weights, 1, 40).step(tokens, *places, contexts, last)[0])
    restricted, full = found
    allowed = torch.zeros(len(full), dtype=torch.bool)
    allowed[head_ids[bits.astype(bool)]] = True
    masked = full.masked_fill(~allowed, -torch.inf).double().softmax(-1)
    scores = restricted.masked_fill(torch.from_numpy(bits == 0), -torch.inf).double()
    assert bits.sum() > 1
    assert torch.allclose(scores.softmax(-1), masked[head_ids], rtol=1e-12, atol=0)


@pytest.mark.parametrize("mode", ["grammar", "typed"])
@pytest.mark.parametrize("max_tokens", [12, 100])
def test_every_sample_of_the_grammar_is_a_program(model, mode, max_tokens):
    samples = sample(model, 20, mode=mode, max_tokens=max_tokens, samples_per_task=10, top_k=0)
    texts = [TOKENIZER.decode_program(row) for tokens in samples.values() for row in tokens]
    assert len([Program.parse(text) for text in texts]) == 200
    assert len(set(texts)) > 30
    assert all(tokens.shape[1] <= max_tokens for tokens in samples.values())


def test_a_foreign_token_is_followed_by_the_end(model):
    assert_ends_after_foreign_tokens(sample(model, top_k=0).values())


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


@pytest.mark.parametrize("mode", ["reference", "speculative", "grammar"])
def test_samples_are_streamed_as_they_end(model, mode):
    settings = dataclasses.replace(SETTINGS, mode=mode, num_rows=4)
    sampler = EngineSampler(model, TOKENIZER, settings)
    whole = dict(sampler.sample(prompts(10), 5))
    streamed = list(sampler.stream(prompts(10), 5))
    assert len({(s.prompt, s.number) for s in streamed}) == len(streamed) == 30
    for s in streamed:
        row = whole[s.prompt][s.number]
        assert np.array_equal(row[: len(s.tokens)], s.tokens)
        assert not row[len(s.tokens) :].any()
    # One prompt's samples come between those of another.
    order = [s.prompt for s in streamed]
    assert order != sorted(order, key=order.index)


def test_leaving_a_stream_changes_nothing_of_what_came(model):
    settings = dataclasses.replace(SETTINGS, num_rows=4)
    sampler = EngineSampler(model, TOKENIZER, settings)
    whole = [s.tokens.tolist() for s in sampler.stream(prompts(10), 5)]
    stream = sampler.stream(prompts(10), 5)
    some = [next(stream).tokens.tolist() for _ in range(7)]
    stream.close()
    assert some == whole[:7]
    assert [s.tokens.tolist() for s in sampler.stream(prompts(10), 5)] == whole


@pytest.mark.parametrize("mode", ["reference", "grammar"])
def test_whoever_takes_samples_is_not_left_in_inference_mode(model, mode):
    settings = SamplingSettings(samples_per_task=3, max_tokens=20, mode=mode)
    samples = EngineSampler(model, TOKENIZER, settings).stream(prompts(4), 0)
    next(samples)
    assert not torch.is_inference_mode_enabled()
    samples.close()
    assert not torch.is_inference_mode_enabled()


# ---- Probabilities


@pytest.mark.parametrize("mode", ["reference", "grammar"])
def test_log_probabilities_are_those_of_teacher_forcing(model, mode):
    settings = dataclasses.replace(SETTINGS, mode=mode, top_k=0)
    sampler = EngineSampler(model, TOKENIZER, settings)
    asked = prompts(8)
    samples = dict(sampler.sample(asked, 3))
    found = sampler.log_probabilities(asked, [samples[k] for k in range(8)])
    plain = to_plain_model(model)
    for k, prompt in enumerate(asked):
        tokens = torch.from_numpy(samples[k])
        inputs = torch.cat([torch.zeros(len(tokens), 1, dtype=torch.long), tokens[:, :-1]], 1)
        source = torch.from_numpy(prompt.astype(np.int64)).expand(len(tokens), -1)
        with torch.inference_mode():
            logits = plain(input_ids=source, decoder_input_ids=inputs).logits
        theirs = logits.log_softmax(-1).gather(2, tokens[..., None])[..., 0]
        length = [sampler._length(row) for row in samples[k]]
        is_real = np.arange(tokens.shape[1]) < np.array(length)[:, None]
        assert np.abs(found[k] - theirs.numpy())[is_real].max() < 1e-4
        assert not found[k][~is_real].any()
        assert found[k][is_real].max() < 0


# ---- Memory, and what cannot be done


def test_with_less_memory_the_same_samples_come(model, monkeypatch):
    plenty = sample(model)
    planned = []
    fits = memory_budget.MemoryBudget.num_slots

    def num_slots(*arguments):
        planned.append(fits(*arguments))
        return planned[-1]

    monkeypatch.setattr(memory_budget.MemoryBudget, "num_slots", num_slots)
    for megabytes in (100, 4, 2, 1):
        monkeypatch.setattr(memory_budget, "free_bytes", lambda _, m=megabytes: m << 20)
        assert same(sample(model), plenty)
    assert planned[0] == 30
    assert planned == sorted(set(planned), reverse=True)


def test_a_cache_that_cannot_be_allocated_is_halved(model, monkeypatch):
    asked = []

    def decoder(weights, num_slots, max_tokens):
        asked.append(num_slots)
        if num_slots > 8:
            raise torch.OutOfMemoryError("no")
        return Decoder(weights, num_slots, max_tokens)

    plenty = sample(model)
    monkeypatch.setattr(engine, "Decoder", decoder)
    assert same(sample(model), plenty)
    assert asked == [30, 15, 7]


def test_too_little_memory_is_said_clearly(model, monkeypatch):
    monkeypatch.setattr(memory_budget, "free_bytes", lambda _: 1 << 16)
    with pytest.raises(
        MemoryError, match=r"a sample takes .* MiB .* 0\.0 MiB are .*lower max_tokens"
    ):
        sample(model)
    monkeypatch.undo()

    def decoder(*_):
        raise MemoryError

    monkeypatch.setattr(engine, "Decoder", decoder)
    with pytest.raises(MemoryError, match="no room for a sample of 40 tokens on cpu"):
        sample(model)


def test_a_prompt_that_is_too_long_is_refused(model, monkeypatch):
    monkeypatch.setattr(memory_budget, "free_bytes", lambda _: 2 << 20)
    sampler = EngineSampler(model, TOKENIZER, SETTINGS)
    fits = 0
    with pytest.raises(ValueError, match=r"a prompt has 2000 tokens; \d+ fit: 1.6 MiB") as error:
        list(sampler.sample([np.full(2000, 7)], 0))
    fits = int(str(error.value).split(";")[1].split()[0])
    assert len(list(sampler.sample([np.full(fits, 7)], 0))) == 1
    with pytest.raises(ValueError, match="a prompt has"):
        list(sampler.sample([np.full(fits + 1, 7)], 0))


@pytest.mark.parametrize("sampler", [EngineSampler, GenerateSampler])
@pytest.mark.parametrize("bad", [-1, TOKENIZER.vocab_size, 1 << 40, -(1 << 63)])
def test_an_id_that_the_model_does_not_have_is_refused(model, sampler, bad):
    sampler = sampler(model, TOKENIZER, SETTINGS)
    with pytest.raises(ValueError, match=f"prompt 1 has the id {bad}; the model has"):
        list(sampler.sample([*prompts(1), np.array([3, bad, 4])], 0))


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([], "prompt 1 is empty"),
        (np.array([3.0, 4.0]), "prompt 1 is of float64; allowed: integers"),
        (np.array([True]), "prompt 1 is of bool; allowed: integers"),
        (np.array([3, 4], "m8[s]"), r"prompt 1 is of timedelta64\[s\]; allowed: integers"),
        (np.ma.masked_array([3, 4], [True, False]), "prompt 1 is a masked array"),
        (np.array([[3, 4]]), "prompt 1 has 2 dimensions; expected 1"),
    ],
)
@pytest.mark.parametrize("sampler", [EngineSampler, GenerateSampler])
def test_a_prompt_that_is_no_row_of_ids_is_refused(model, sampler, prompt, message):
    with pytest.raises(ValueError, match=message):
        list(sampler(model, TOKENIZER, SETTINGS).sample([*prompts(1), prompt], 0))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([np.array([[3, -1]])], "a sample of prompt 0 has the id -1; the model has"),
        ([np.array([[1 << 40, 1]])], f"a sample of prompt 0 has the id {1 << 40}; the model has"),
        ([np.array([[1.5]])], "a sample of prompt 0 is of float64; allowed: integers"),
        ([np.array([3])], "a sample of prompt 0 has 1 dimensions; expected 2"),
        ([], "samples of 0 prompts; there are 1"),
    ],
)
def test_samples_that_are_no_ids_of_the_model_have_no_probability(model, samples, message):
    with pytest.raises(ValueError, match=message):
        EngineSampler(model, TOKENIZER, SETTINGS).log_probabilities(prompts(1), samples)


def test_plain_kernels_know_no_int8(model):
    with pytest.raises(ValueError, match="precision 'int8' is for CPUs"):
        Weights(model, "int8", is_plain=True)


def test_an_empty_prompt_is_refused(model):
    sampler = EngineSampler(model, TOKENIZER, SETTINGS)
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        list(sampler.sample([*prompts(1), np.array([], np.uint16)], 0))


def test_no_prompts_give_no_samples(model):
    assert list(EngineSampler(model, TOKENIZER, SETTINGS).sample([], 0)) == []
