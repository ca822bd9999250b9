"""What a sampler counts while it draws: tokens, steps, how full they were, operations."""

import dataclasses
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sampling_cases import TOKENIZER, sharp_model  # noqa: E402
from small_run import quiet  # noqa: E402

from codeit.files.json_file import read_lines  # noqa: E402
from codeit.policy.sampling import SamplingSettings  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.generate import GenerateSampler  # noqa: E402
from codeit.reporting.text import print_report  # noqa: E402

SETTINGS = SamplingSettings(samples_per_task=3, max_tokens=20)


def prompts(count):
    random = np.random.default_rng(0)
    return [random.integers(2, 60, size=2 + 3 * k) for k in range(count)]


@pytest.fixture(scope="module")
def model():
    return sharp_model()


def drawn(model, make=EngineSampler, threads=1, **changes):
    """A sampler that has drawn, and the lengths of prompts and of their samples."""
    sampler = make(model, TOKENIZER, dataclasses.replace(SETTINGS, **changes), threads)
    samples = dict(sampler.sample(prompts(7), seed=3))
    lengths = {k: [length_of(row.tolist()) for row in rows] for k, rows in samples.items()}
    return sampler.counts, lengths


def length_of(row):
    """Up to its end; what has none was cut, and is as long as any."""
    return row.index(TOKENIZER.end_id) + 1 if TOKENIZER.end_id in row else len(row)


@pytest.mark.parametrize("make", [EngineSampler, GenerateSampler])
def test_tokens_are_those_of_the_samples_and_of_their_prompts(model, make):
    counts, lengths = drawn(model, make)
    assert counts.num_tokens == sum(map(sum, lengths.values())) > 7
    assert counts.num_source_tokens == sum(map(len, prompts(7)))


def test_a_sample_alone_takes_a_step_for_each_token(model):
    """But for an end that has to come."""
    counts, _ = drawn(model, num_rows=1)
    assert counts.num_steps == counts.num_row_steps == counts.num_slot_steps
    assert counts.num_tokens - 21 <= counts.num_steps <= counts.num_tokens


def test_samples_side_by_side_share_steps_and_leave_slots_empty_at_the_end(model):
    counts, lengths = drawn(model, num_rows=4)
    assert counts.num_row_steps == drawn(model, num_rows=1)[0].num_steps
    assert counts.num_slot_steps == 4 * counts.num_steps > counts.num_row_steps
    assert counts.num_steps >= max(map(max, lengths.values())) - 1
    figures = counts.figures(2.0)
    assert figures["tokens_per_second"] == round(counts.num_tokens / 2)
    assert figures["mean_rows"] == pytest.approx(4 * figures["share_of_slots"], abs=0.01)


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_needed_does_not_depend_on_threads(model, threads):
    """By hand: each prompt through the encoder once, each sample through the decoder."""
    counts, lengths = drawn(model, threads=threads)
    config, by_hand = model.config, 0
    for k, prompt in enumerate(prompts(7)):
        source, none = np.array([len(prompt)]), np.array([0])
        by_hand += config.num_flops(source, none)
        for length in lengths[k]:
            both = config.num_flops(source, np.array([length]))
            by_hand += both - config.num_flops(source, none)
    assert counts.num_flops == by_hand


def test_a_step_reads_the_weights_of_the_decoder_in_the_precision_of_the_products(model):
    whole, half = (drawn(model, precision=p)[0] for p in ("float32", "bfloat16"))
    decoder = [p for p in model.decoder.parameters() if p.dim() == 2] + [model.head]
    unread = [b.cross_attention.key_value.weight.numel() for b in model.decoder.blocks]
    num_weights = sum(p.numel() for p in decoder) - sum(unread)
    assert whole.num_bytes / whole.num_steps == pytest.approx(4 * num_weights, rel=0.05)
    assert half.num_bytes / half.num_steps == whole.num_bytes / whole.num_steps / 2


def test_who_leaves_early_has_counted_what_came(model):
    sampler = EngineSampler(model, TOKENIZER, dataclasses.replace(SETTINGS, num_rows=2))
    stream = sampler.stream(prompts(7), seed=3)
    first = next(stream)
    stream.close()
    assert sampler.counts.num_tokens == len(first.tokens)
    assert sampler.counts.num_steps == 1


def test_who_has_nothing_to_draw_has_counted_nothing(model):
    """Such as a process of more than there are tasks."""
    sampler = EngineSampler(model, TOKENIZER, SETTINGS)
    list(sampler.stream(prompts(1), seed=3))
    assert sampler.counts.num_tokens > 0
    assert list(sampler.stream([], seed=3)) == []
    assert sampler.counts.num_tokens == 0


def test_every_run_records_what_sampling_took(finished):
    for row in read_lines(finished[0] / "metrics.jsonl")[1:]:
        sampling = row["sampling"]
        assert sampling["num_tokens"] >= row["num_samples"]
        assert 0 < sampling["share_of_slots"] <= 1
        assert sampling["tokens_per_second"] > 0


def test_the_report_says_how_fast_programs_were_sampled(finished):
    console = quiet()
    print_report(finished[0], console)
    assert re.search(
        r"\nsampling: [\d,]+ tokens a second, in steps of [\d.]+ samples, \d+% of what there is",
        console.file.getvalue(),
    )
