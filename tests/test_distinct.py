"""Samples of which no two are the same, beside draws without replacement written out plainly."""

import dataclasses
import itertools
import math
from collections import Counter, deque
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sampling_cases import TOKENIZER, prompts, sharp_model  # noqa: E402
from small_run import quiet, settings_for, write_data  # noqa: E402

from codeit import Program  # noqa: E402
from codeit.files.json_file import read_lines  # noqa: E402
from codeit.policy.model.checkpoint import to_plain_model  # noqa: E402
from codeit.policy.sampling import SamplingSettings  # noqa: E402
from codeit.policy.sampling.constraint import ProgramConstraint  # noqa: E402
from codeit.policy.sampling.distinct import DistinctRows  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.sample_queue import SampleQueue  # noqa: E402
from codeit.policy.sampling.sampling_law import Branches, SamplingLaw, first_key  # noqa: E402
from codeit.runs.running import train  # noqa: E402

# ---- A race, plainly -----------------------------------------------------------------------------

MASK = 2**64 - 1


def numbers_of(key):
    """SplitMix64, in [0, 1)."""
    while True:
        key = (key + 0x9E3779B97F4A7C15) & MASK
        z = key
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        yield (z ^ (z >> 31), (z ^ (z >> 31)) / 2**64)


def key_after(key, token):
    return next(numbers_of(key ^ (token + 1) * 0xA0761D6478BD642F & MASK))[0]


def plain_branches(weights, key, mass, time):
    """All branches (token, key, mass, time) of one, in the order of their arrival; no logarithms.

    Args:
        weights: pairs (token, probability) in the order in which the law cumulates them.
    """
    left = dict(weights)
    numbers = (number for _, number in numbers_of(key))
    while True:
        point = next(numbers) * sum(left.values())
        reached = itertools.accumulate(left.values())
        token = next(t for t, sum_so_far in zip(left, reached, strict=True) if sum_so_far > point)
        yield token, key_after(key, token), mass * left.pop(token), time
        if not left:
            return
        time += -math.log(1 - next(numbers)) / (mass * sum(left.values()))


def plain_law(scores, temperature=1.0, top_k=0):
    """Pairs (index, probability), the likeliest first where there is a top_k."""
    order = np.argsort(-scores, kind="stable")[:top_k] if top_k else np.arange(len(scores))
    weights = np.exp((scores[order] - scores.max()).astype(np.float64) / temperature)
    return [(int(k), float(w)) for k, w in zip(order, weights / weights.sum(), strict=True) if w]


@pytest.mark.parametrize("top_k", [0, 7])
@pytest.mark.parametrize("is_masked", [False, True])
def test_branches_are_those_of_a_plain_race(top_k, is_masked):
    random = np.random.default_rng(top_k)
    scores = random.normal(0, 2, (40, 20)).astype(np.float32)
    bits = random.integers(1, 2**20, (40, 1), np.uint64) if is_masked else None
    keys = random.integers(0, 2**64, 40, np.uint64)
    branches = Branches(keys, -random.uniform(0, 20, 40), random.uniform(-5, 20, 40))
    limits = branches.log_times + random.uniform(0, 8, 40)
    law = SamplingLaw(0.7, top_k, 1.0)
    counts, tokens, found = law.branch(torch.from_numpy(scores), branches, limits, 9, bits)
    num_cut = num_full = 0
    for k, count in enumerate(counts):
        row = scores[k].copy()
        if is_masked:
            row[[n for n in range(20) if not int(bits[k, 0]) >> n & 1]] = -np.inf
        mass, time = np.exp(branches.log_masses[k]), np.exp(branches.log_times[k])
        wanted = list(plain_branches(plain_law(row, 0.7, top_k), int(keys[k]), mass, time))
        kept = [one for n, one in enumerate(wanted) if n == 0 or one[3] <= np.exp(limits[k])][:9]
        assert tokens[k, :count].tolist() == [token for token, *_ in kept]
        assert found.keys[k, :count].tolist() == [key for _, key, *_ in kept]
        assert np.allclose(np.exp(found.log_masses[k, :count]), [m for *_, m, _ in kept], rtol=1e-5)
        assert np.allclose(np.exp(found.log_times[k, :count]), [t for *_, t in kept], rtol=1e-5)
        num_cut += count < min(len(wanted), 9)
        num_full += count == 9
    assert num_cut > 10
    assert num_full > 3 or top_k or is_masked


def test_what_is_left_is_exact_however_little_it_is():
    """Scores are float32, and e ** -80 of a mass is nothing beside it in float64."""
    scores = torch.tensor([[0.0, -80.0, -81.0, -82.0]]).expand(20_000, -1).contiguous()
    keys = np.arange(len(scores), dtype=np.uint64)
    branches = Branches(keys, np.zeros(len(scores)), np.full(len(scores), -np.inf))
    limits = np.full(len(scores), np.inf)
    counts, tokens, found = SamplingLaw(1.0, 0, 1.0).branch(scores, branches, limits, 4)
    assert (counts == 4).all()
    assert (tokens[:, 0] == 0).all()
    seen = np.bincount(tokens[:, 1], minlength=4)[1:]
    wanted = np.exp([0.0, -1.0, -2.0])
    wanted *= len(scores) / wanted.sum()
    assert ((seen - wanted) ** 2 / wanted).sum() < 18.4  # the quantile 0.9999 of 2 degrees
    rates = np.exp(found.log_times[:, 1] - 80) * np.exp([0.0, -1.0, -2.0]).sum()
    assert abs(rates.mean() - 1) < 4 / math.sqrt(len(scores))


# ---- The law, on a small language ----------------------------------------------------------------

END = 0
LANGUAGE = {
    (): [0.1, 0.5, 0.4],
    (1,): [0.2, 0.0, 0.8],
    (2,): [0.05, 0.9, 0.05],
    (1, 2): [0.5, 0.5 - 1e-9, 1e-9],
    (2, 1): [1.0, 0.0, 0.0],
    (2, 2): [0.3, 0.3, 0.4],
}
"""The chances of END, 1 and 2 after some tokens; after three tokens a sample is cut."""


def outcomes(prefix=(), chance=1.0):
    """All samples of the language, and their chances."""
    for token, part in enumerate(LANGUAGE[prefix]):
        sample = (*prefix, token)
        if part and (token == END or len(sample) == 3):
            yield sample, chance * part
        elif part:
            yield from outcomes(sample, chance * part)


OUTCOMES = dict(outcomes())


def samples_of_language(num_samples, num_prompts, seed=0, num_slots=7):
    """The samples of each prompt, in order, by as many rows at a time as there are slots."""
    settings = SamplingSettings(temperature=1.0, top_k=0, samples_per_task=num_samples)
    numbers = deque(range(num_prompts))
    queue = SampleQueue([np.array([1])] * num_prompts, numbers, num_samples, seed)
    rows = DistinctRows(settings, queue, END)
    found = [[] for _ in range(num_prompts)]
    under_way = []
    while True:
        while len(under_way) < num_slots:
            row = rows.next()
            if row is None:
                prompts = queue.take_prompts(1)
                if not prompts:
                    break
                rows.add(prompts)
                continue
            row.slot = 0
            row.has_ended = tuple(row.tokens) in OUTCOMES
            if not row.has_ended:
                under_way.append(row)
        for sample in rows.samples():
            assert sample.number == len(found[sample.prompt])
            found[sample.prompt].append((tuple(sample.tokens.tolist()), sample.is_last))
        if not under_way:
            break
        chances = np.array([LANGUAGE[tuple(row.tokens)] for row in under_way])
        with np.errstate(divide="ignore"):
            scores = torch.from_numpy(np.log(chances).astype(np.float32))
        for row, (token,) in zip(under_way, rows.draw(under_way, scores), strict=True):
            row.tokens.append(token)
            row.has_ended = tuple(row.tokens) in OUTCOMES
        under_way = [row for row in under_way if not (row.has_ended or row.is_dropped)]
    for samples in found:
        assert [is_last for _, is_last in samples] == [False] * (len(samples) - 1) + [True]
    return [[tokens for tokens, _ in samples] for samples in found]


def chance_without_replacement(samples):
    """Each by the law of a sample that is none of those before."""
    chance = left = 1.0
    for sample in samples:
        chance *= OUTCOMES[sample] / left
        left -= OUTCOMES[sample]
    return chance


def is_drawn_by(seen, chances, count):
    """Chi-square at 0.9999, what is rare taken together."""
    common = {x: p for x, p in chances.items() if p * count >= 8}
    cells = [(seen[x], p * count) for x, p in common.items()]
    rest = 1 - sum(common.values())
    if rest * count >= 8:
        cells.append((count - sum(n for n, _ in cells), rest * count))
    statistic = sum((n - wanted) ** 2 / wanted for n, wanted in cells)
    freedom = len(cells) - 1
    # Wilson and Hilferty's approximation; 3.719 is the normal distribution's quantile.
    return statistic < freedom * (1 - 2 / 9 / freedom + 3.719 * math.sqrt(2 / 9 / freedom)) ** 3


def test_the_small_language_is_a_language():
    assert sum(OUTCOMES.values()) == pytest.approx(1)
    assert len(OUTCOMES) == 10


@pytest.mark.parametrize("num_drawn", [1, 2, 3])
def test_the_first_samples_are_drawn_by_the_law_of_draws_without_replacement(num_drawn):
    count = 20_000
    seen = Counter(tuple(s[:num_drawn]) for s in samples_of_language(3, count, seed=num_drawn))
    tuples = itertools.permutations(OUTCOMES, num_drawn)
    chances = {some: chance_without_replacement(some) for some in tuples}
    assert sum(chances.values()) == pytest.approx(1)
    assert set(seen) <= set(chances)
    assert is_drawn_by(seen, chances, count)


def test_the_check_of_the_law_fails_for_draws_with_replacement():
    random = np.random.default_rng(0)
    names = list(OUTCOMES)
    drawn = random.choice(len(names), (40_000, 2), p=list(OUTCOMES.values()))
    kept = [(names[a], names[b]) for a, b in drawn if a != b][:20_000]
    chances = {two: chance_without_replacement(two) for two in itertools.permutations(names, 2)}
    assert not is_drawn_by(Counter(kept), chances, len(kept))


@pytest.mark.parametrize("num_samples", [9, 10, 11, 50])
def test_a_language_is_drawn_to_its_end_and_no_further(num_samples):
    for samples in samples_of_language(num_samples, 50):
        assert len(samples) == min(num_samples, 10)
        assert len(set(samples)) == len(samples)
        assert set(samples) <= set(OUTCOMES)


def test_fewer_samples_are_the_first_of_more_whatever_is_followed_at_a_time():
    whole = samples_of_language(50, 40)
    for num_samples, num_slots in itertools.product([1, 2, 5, 10], [1, 2, 30]):
        some = samples_of_language(num_samples, 40, num_slots=num_slots)
        assert some == [samples[:num_samples] for samples in whole]


# ---- The engine ----------------------------------------------------------------------------------

SETTINGS = SamplingSettings(samples_per_task=6, max_tokens=30, distinct=True)
LAYOUTS = [(1, 1), (5, 1), (96, 1), (4, 2), (4, 3)]  # slots, threads


@pytest.fixture(scope="module")
def model():
    return sharp_model()


def sample(model, count=8, seed=0, slots=96, threads=1, **changes):
    """The samples of each prompt as tuples, the padding left out."""
    settings = dataclasses.replace(SETTINGS, num_rows=slots, **changes)
    found = {}
    for s in EngineSampler(model, TOKENIZER, settings, threads).stream(prompts(count), seed):
        found.setdefault(s.prompt, {})[s.number] = tuple(s.tokens.tolist())
    return {k: [found[k][n] for n in range(len(found[k]))] for k in range(count)}


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("mode", ["reference", "speculative", "grammar", "typed"])
def test_samples_differ_and_follow_from_the_seed_whatever_runs_beside_them(model, mode, precision):
    changes = {"mode": mode, "precision": precision, "top_p": 0.98}
    results = [sample(model, slots=n, threads=t, seed=7, **changes) for n, t in LAYOUTS]
    assert all(other == results[0] for other in results[1:])
    assert results[0] != sample(model, seed=8, **changes)
    for samples in results[0].values():
        assert len(set(samples)) == len(samples) == 6


def test_without_the_setting_samples_repeat(model):
    repeated = sample(model, mode="grammar", distinct=False, temperature=0.3)
    assert any(len(set(samples)) < 6 for samples in repeated.values())
    distinct = sample(model, mode="grammar", temperature=0.3)
    assert all(len(set(samples)) == 6 for samples in distinct.values())


@pytest.mark.parametrize("top_k", [0, 3])
def test_speculation_changes_no_sample(model, top_k):
    for seed in range(3):
        changes = {"seed": seed, "samples_per_task": 12, "top_k": top_k, "slots": 9}
        reference = sample(model, mode="reference", **changes)
        assert reference == sample(model, mode="speculative", **changes)


def test_fewer_samples_of_a_prompt_are_the_first_of_more(model):
    many = sample(model, mode="grammar", samples_per_task=15)
    few = sample(model, mode="grammar", samples_per_task=2)
    assert few == {k: samples[:2] for k, samples in many.items()}


def test_every_sample_of_the_grammar_is_a_program_of_its_own(model):
    samples = sample(model, mode="grammar", samples_per_task=40, top_k=0, max_tokens=12)
    for some in samples.values():
        texts = [TOKENIZER.decode_program(tokens) for tokens in some]
        assert len({Program.parse(text).text for text in texts}) == 40


def scores_after(plain, prompt, tokens):
    """What transformers' own model says of the next token."""
    with torch.inference_mode():
        ids = torch.from_numpy(prompt.astype(np.int64))[None]
        decoder_ids = torch.tensor([[TOKENIZER.pad_id, *tokens]])
        return plain(input_ids=ids, decoder_input_ids=decoder_ids).logits[0, -1].numpy()


def follow_freely(settings):
    """From the tokens that were drawn to all of them, whether they have ended, what may come."""
    programs = set(TOKENIZER.program_ids.tolist())

    def follow(drawn):
        is_cut = len(drawn) == settings.max_tokens
        if drawn and drawn[-1] not in programs:
            return (drawn if is_cut else (*drawn, TOKENIZER.end_id)), True, None
        has_ended = is_cut or drawn[-1:] == (TOKENIZER.end_id,)
        return drawn, has_ended, np.ones(TOKENIZER.vocab_size, bool)

    return np.arange(TOKENIZER.vocab_size), follow


def follow_grammar(settings):
    """The same by the grammar."""
    grammar = ProgramConstraint(TOKENIZER, settings.mode, 1)

    def follow(drawn):
        grammar.begin(settings.max_tokens)
        tokens = grammar.forced(0)
        grammar.advance_forced(99)
        for token in drawn:
            grammar.advance([token])
            tokens += [token, *grammar.forced(0)]
            grammar.advance_forced(99)
        bits = np.unpackbits(grammar.masks()[0].view(np.uint8), bitorder="little")
        allowed = bits[: len(grammar.alphabet)].astype(bool)
        return tuple(tokens), bool(grammar.is_finished[0]), allowed

    return grammar.alphabet.astype(np.int64), follow


def plain_race(plain, prompt, settings, key):
    """All samples there are, in the order of their arrival, by following every branch."""
    ids, follow = (follow_freely if settings.mode == "reference" else follow_grammar)(settings)
    found = []
    waiting = [((), key, 1.0, 0.0)]
    while waiting:
        drawn, *branch = waiting.pop()
        tokens, has_ended, allowed = follow(drawn)
        if has_ended:
            found.append((branch[-1], tokens))
            continue
        scores = np.where(allowed, scores_after(plain, prompt, tokens)[ids], -np.inf)
        law = plain_law(scores, settings.temperature, settings.top_k)
        for index, *other in plain_branches(law, *branch):
            waiting.append(((*drawn, int(ids[index])), *other))
    return [tokens for _, tokens in sorted(found)]


@pytest.mark.parametrize(
    ("mode", "max_tokens", "top_k"), [("reference", 3, 15), ("grammar", 9, 3), ("typed", 9, 3)]
)
def test_the_engine_draws_the_samples_of_a_plain_race(model, mode, max_tokens, top_k):
    changes = {"mode": mode, "max_tokens": max_tokens, "top_k": top_k}
    settings = dataclasses.replace(SETTINGS, **changes)
    plain = to_plain_model(model)
    found = sample(model, 4, seed=3, samples_per_task=15, slots=20, **changes)
    all_found = sample(model, 4, seed=3, samples_per_task=500, slots=20, **changes)
    for k, prompt in enumerate(prompts(4)):
        wanted = plain_race(plain, prompt, settings, first_key(3, k))
        assert 30 < len(wanted) < 500
        assert found[k] == wanted[:15]
        assert all_found[k] == wanted


def test_on_a_gpu_the_host_decides_and_not_cuda_graphs(model):
    gpu = SimpleNamespace(device=torch.device("cuda"))
    for is_distinct in (False, True):
        settings = dataclasses.replace(SETTINGS, distinct=is_distinct, mode="grammar")
        sampler = EngineSampler(model, TOKENIZER, settings)
        sampler.model = gpu
        assert sampler._uses_graphs() is not is_distinct


# ---- A run ---------------------------------------------------------------------------------------


def metrics_of_run(folder, **sampling):
    """Those of the first iteration."""
    write_data(folder)
    settings = settings_for(folder, iterations=1)
    sampling = dataclasses.replace(settings.sampling, mode="grammar", **sampling)
    train(dataclasses.replace(settings, sampling=sampling), folder / "run", quiet())
    return read_lines(folder / "run" / "metrics.jsonl")[1]


def test_a_run_with_distinct_samples_repeats_none_and_has_fewer_where_there_are_no_more(tmp_path):
    """Programs of four tokens are a call of one argument, and each has four likeliest ones."""
    row = metrics_of_run(tmp_path, distinct=True, samples_per_task=30, max_tokens=4, top_k=4)
    assert 8 < row["num_samples"] <= 8 * 4 * 4
    assert row["share_repeated"] == 0
    assert row["share_parsed"] == 1
    assert row["num_distinct"] == row["num_samples"]


def test_a_run_says_how_many_of_its_samples_are_repeated(tmp_path):
    row = metrics_of_run(tmp_path, samples_per_task=30, max_tokens=4, top_k=4)
    assert row["num_samples"] == 8 * 30
    assert row["share_repeated"] >= 1 - 4 * 4 / 30
