"""The trainer: what it learns, counts and repeats."""

import dataclasses
import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from codeit.language import load_seed_programs  # noqa: E402
from codeit.learning.replay import Batch  # noqa: E402
from codeit.learning.training import TrainingSettings  # noqa: E402
from codeit.learning.training.trainer import Trainer, peak_flops  # noqa: E402
from codeit.policy.model.checkpoint import build_model, to_plain_model  # noqa: E402
from codeit.policy.model.t5 import Mode, Packed  # noqa: E402
from codeit.policy.tokenizer import CompactTokenizer  # noqa: E402
from codeit.runs.settings import PRESETS  # noqa: E402

TOKENIZER = CompactTokenizer()
SETTINGS = TrainingSettings(
    learning_rate=3e-3, batch_size=8, micro_batch_tokens=200, precision="float32"
)
PROGRAMS = ("O = vmirror(I)", "x1 = hmirror(I)\nO = vconcat(I, x1)", "O = rot90(I)")


def tiny(seed=1, dropout=0.0):
    settings = dataclasses.replace(PRESETS["demo"].model, dropout=dropout)
    return build_model(settings, TOKENIZER, seed)


def experiences(count=12):
    """Prompts of different lengths; the program follows from the size of the grid."""
    sources, targets = [], []
    for k in range(count):
        grid = np.full((1 + k % 3, 2 + k), k % 10, dtype=np.uint8)
        grid[0, 0] = 9 - k % 10
        sources.append(TOKENIZER.encode_inputs([grid], 50))
        targets.append(TOKENIZER.encode_program(PROGRAMS[k % 3]))

    return batch_of(sources, targets)


def batch_of(sources, targets):
    def flat(lists):
        offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in lists])]).astype(np.int64)
        return np.concatenate(lists).astype(np.uint16), offsets

    return Batch(*flat(sources), *flat(targets), np.zeros(len(sources), np.uint8))


def losses(settings=SETTINGS, rounds=2, model=None, threads=1):
    trainer = Trainer(model or tiny(), settings, threads)
    return [trainer.train(experiences(), seed=k).loss for k in range(rounds)]


def test_training_lowers_the_loss_until_the_programs_are_known():
    trainer = Trainer(tiny(), dataclasses.replace(SETTINGS, epochs=40))
    first = trainer.train(experiences(), seed=0).loss
    last = trainer.train(experiences(), seed=1).loss
    assert last < 0.3 < first


def token_accuracy(model, batch):
    """The share of target tokens that are the likeliest after those before them."""
    source, target = (
        Packed.of(ids, offsets, model.device)
        for ids, offsets in (
            (batch.source_ids, batch.source_offsets),
            (batch.target_ids, batch.target_offsets),
        )
    )
    plans = model.plans(source, target)
    with torch.no_grad():
        keys_values = model.cross_keys_values(model.encode(source, plans.encoder, Mode()))
        inputs = target.shifted(model.config.start_id)
        states = model.decode(inputs, keys_values, plans, Mode())
        return float(((states @ model.head.t()).argmax(-1) == target.ids).double().mean())


def test_64_experiences_are_learned_by_heart():
    programs = sorted(load_seed_programs(None, "codeit"), key=lambda seed: len(seed.program.text))
    targets = [TOKENIZER.encode_program(seed.program.text) for seed in programs[:64]]
    random = np.random.default_rng(4)
    batch = batch_of([random.integers(3, TOKENIZER.vocab_size, 16) for _ in targets], targets)
    model = tiny()
    settings = TrainingSettings(
        epochs=70, learning_rate=6e-4, batch_size=16, max_gradient_norm=1.0, precision="float32"
    )
    assert token_accuracy(model, batch) < 0.1
    Trainer(model, settings).train(batch, seed=0)
    assert token_accuracy(model, batch) > 0.99


def test_the_loss_is_the_mean_over_all_target_tokens():
    batch = experiences()
    model = to_plain_model(tiny())
    total = 0.0
    for k in range(len(batch)):
        source = batch.source_ids[batch.source_offsets[k] : batch.source_offsets[k + 1]]
        target = batch.target_ids[batch.target_offsets[k] : batch.target_offsets[k + 1]]
        labels = torch.tensor([target.tolist()])
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([source.tolist()]), labels=labels).loss
        total += float(loss) * len(target)
    # One step only, so that all losses are measured before the first update.
    report = Trainer(tiny(), dataclasses.replace(SETTINGS, batch_size=12)).train(batch, seed=0)
    assert report.num_tokens == len(batch.target_ids)
    assert report.num_source_tokens == len(batch.source_ids)
    assert report.loss == pytest.approx(total / report.num_tokens, rel=1e-5)
    assert report.loss_per_experience == pytest.approx(total / len(batch), rel=1e-5)


def test_the_size_of_micro_batches_changes_no_gradient():
    whole = losses(dataclasses.replace(SETTINGS, micro_batch_tokens=10_000))
    parts = losses(dataclasses.replace(SETTINGS, micro_batch_tokens=1))
    assert whole == pytest.approx(parts, rel=1e-4)


def divisions(count):
    """All ways to divide so many things in a row into parts."""
    for number in range(count):
        for cuts in itertools.combinations(range(1, count), number):
            yield list(itertools.pairwise((0, *cuts, count)))


@pytest.mark.parametrize("most", [1, 40, 64, 100, 300, 10_000])
def test_micro_batches_are_as_few_as_fit_and_then_as_even_as_can_be(most):
    """An experience of more tokens than fit is a micro-batch by itself."""
    batch = experiences()
    sources = np.diff(batch.source_offsets)
    sizes = (sources + np.diff(batch.target_offsets))[np.argsort(-sources, kind="stable")]

    def totals(division):
        return [sum(sizes[begin:end]) for begin, end in division]

    fitting = [
        division
        for division in divisions(12)
        if all(
            end - begin == 1 or total <= most
            for (begin, end), total in zip(division, totals(division), strict=True)
        )
    ]
    fewest = min(map(len, fitting))
    longest = min(max(totals(division)) for division in fitting if len(division) == fewest)
    trainer = Trainer(tiny(), dataclasses.replace(SETTINGS, micro_batch_tokens=most))
    parts = list(trainer._micro_batches(batch, np.arange(12)))
    assert sorted(np.concatenate(parts)) == list(range(12))
    assert len(parts) == fewest
    of_row = np.diff(batch.source_offsets) + np.diff(batch.target_offsets)
    assert max(of_row[rows].sum() for rows in parts) == longest


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_training_does_not_depend_on_the_number_of_threads(dropout):
    def of(threads):
        return losses(model=tiny(dropout=dropout), threads=threads)

    assert of(1) == of(3)


def test_activations_that_are_worked_out_again_change_nothing():
    settings = dataclasses.replace(SETTINGS, checkpoint_activations=True)
    assert losses(settings, model=tiny(dropout=0.1)) == losses(model=tiny(dropout=0.1))


def test_compiled_blocks_compute_the_same():
    model = tiny(dropout=0.1)
    compiled = losses(dataclasses.replace(SETTINGS, compile=True), model=model, threads=2)
    assert compiled == pytest.approx(losses(model=tiny(dropout=0.1)), rel=1e-3)
    assert all(b._compiled_call_impl for b in (*model.encoder.blocks, *model.decoder.blocks))


def test_a_gradient_is_scaled_down_to_the_greatest_norm():
    def weights(**changes):
        model = tiny()
        settings = dataclasses.replace(SETTINGS, batch_size=12, **changes)
        trainer = Trainer(model, settings)
        trainer._optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        before = [p.detach().clone() for p in model.parameters()]
        trainer.train(experiences(), seed=0)
        steps = [(a - b).square().sum() for a, b in zip(model.parameters(), before, strict=True)]
        return float(sum(steps).sqrt().detach())

    free = weights()
    assert weights(max_gradient_norm=2 * free) == free
    assert weights(max_gradient_norm=free / 4) == pytest.approx(free / 4, rel=1e-3)


def test_bfloat16_learns_about_as_float32_does():
    half = losses(dataclasses.replace(SETTINGS, precision="bfloat16"))
    full = losses()
    assert half != full
    assert half == pytest.approx(full, rel=0.02)


def test_training_follows_from_its_seeds():
    assert losses() == losses()


def test_the_optimizer_keeps_its_moments_unless_told_otherwise():
    kept = losses(rounds=3)
    reset = losses(dataclasses.replace(SETTINGS, reset_optimizer=True), rounds=3)
    assert kept[:2] != reset[:2] or kept[2] != reset[2]
    assert kept[0] == reset[0]


def test_the_report_counts_what_was_done():
    told = []
    trainer = Trainer(tiny(), dataclasses.replace(SETTINGS, epochs=2))
    report = trainer.train(experiences(), 0, told.append)
    assert (report.num_experiences, report.num_steps, trainer.num_steps) == (24, 4, 4)
    assert report.num_flops == 6 * trainer._model.config.num_flops(
        np.diff(experiences().source_offsets), np.diff(experiences().target_offsets)
    )
    assert 0 <= report.share_of_padding < 0.3
    assert told[-1] == 24
    assert told == sorted(told)


def test_utilization_is_the_share_of_the_peak():
    report = Trainer(tiny(), SETTINGS, threads=2).train(experiences(), seed=0)
    assert report.peak_flops == 2 * peak_flops(torch.device("cpu"), torch.float32)
    assert report.utilization * report.peak_flops * report.seconds == pytest.approx(
        report.num_flops
    )
    assert 0 < report.utilization < 1


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"num_policy": -1},
        {"micro_batch_tokens": 0},
        {"max_gradient_norm": -1.0},
    ],
)
def test_bad_settings_are_refused(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"{name} is"):
        TrainingSettings(**changes)
