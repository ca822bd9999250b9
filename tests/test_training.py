"""The plain trainer, and models in and out of checkpoints."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from transformers import T5ForConditionalGeneration  # noqa: E402

from codeit.config import PRESETS  # noqa: E402
from codeit.model import ModelSettings  # noqa: E402
from codeit.model.t5 import build_model, find_device, save_checkpoint  # noqa: E402
from codeit.replay import Batch  # noqa: E402
from codeit.tokenizer import CompactTokenizer, load_tokenizer  # noqa: E402
from codeit.training import TrainingSettings  # noqa: E402
from codeit.training.trainer import Trainer  # noqa: E402

TOKENIZER = CompactTokenizer()
SETTINGS = TrainingSettings(
    learning_rate=3e-3, batch_size=8, micro_batch_size=4, precision="float32"
)
PROGRAMS = ("O = vmirror(I)", "x1 = hmirror(I)\nO = vconcat(I, x1)", "O = rot90(I)")


def tiny(seed=1):
    return build_model(PRESETS["demo"].model, TOKENIZER, seed)


def experiences(count=12):
    """Prompts of different lengths; the program follows from the size of the grid."""
    sources, targets = [], []
    for k in range(count):
        grid = np.full((1 + k % 3, 2 + k), k % 10, dtype=np.uint8)
        grid[0, 0] = 9 - k % 10
        sources.append(TOKENIZER.encode_inputs([grid], 50))
        targets.append(TOKENIZER.encode_program(PROGRAMS[k % 3]))

    def flat(lists):
        offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in lists])]).astype(np.int64)
        return np.concatenate(lists), offsets

    return Batch(*flat(sources), *flat(targets), np.zeros(count, np.uint8))


def losses(settings=SETTINGS, rounds=2, model=None):
    trainer = Trainer(model or tiny(), TOKENIZER, settings)
    return [trainer.train(experiences(), seed=k).loss for k in range(rounds)]


def test_training_lowers_the_loss_until_the_programs_are_known():
    trainer = Trainer(tiny(), TOKENIZER, dataclasses.replace(SETTINGS, epochs=40))
    first = trainer.train(experiences(), seed=0).loss
    last = trainer.train(experiences(), seed=1).loss
    assert last < 0.3 < first


def test_the_loss_is_the_mean_over_all_target_tokens():
    batch = experiences()
    model = tiny().eval()
    total = 0.0
    for k in range(len(batch)):
        source = batch.source_ids[batch.source_offsets[k] : batch.source_offsets[k + 1]]
        target = batch.target_ids[batch.target_offsets[k] : batch.target_offsets[k + 1]]
        labels = torch.tensor([target.tolist()])
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([source.tolist()]), labels=labels).loss
        total += float(loss) * len(target)
    # One step only, so that all losses are measured before the first update.
    report = Trainer(tiny(), TOKENIZER, dataclasses.replace(SETTINGS, batch_size=12)).train(
        batch, seed=0
    )
    assert report.num_tokens == len(batch.target_ids)
    assert report.loss == pytest.approx(total / report.num_tokens, rel=1e-5)


def test_the_size_of_micro_batches_changes_no_gradient():
    whole = losses(dataclasses.replace(SETTINGS, micro_batch_size=8))
    parts = losses(dataclasses.replace(SETTINGS, micro_batch_size=1))
    assert whole == pytest.approx(parts, rel=1e-4)


def test_training_follows_from_its_seeds():
    assert losses() == losses()


def test_the_optimizer_keeps_its_moments_unless_told_otherwise():
    kept = losses(rounds=3)
    reset = losses(dataclasses.replace(SETTINGS, reset_optimizer=True), rounds=3)
    assert kept[:2] != reset[:2] or kept[2] != reset[2]
    assert kept[0] == reset[0]


def test_the_report_counts_what_was_done():
    told = []
    trainer = Trainer(tiny(), TOKENIZER, dataclasses.replace(SETTINGS, epochs=2))
    report = trainer.train(experiences(), 0, told.append)
    assert (report.num_experiences, report.num_steps, trainer.num_steps) == (24, 4, 4)
    assert told[-1] == 24
    assert told == sorted(told)


def test_a_checkpoint_loads_through_transformers_and_through_us(tmp_path):
    model = tiny(seed=5)
    save_checkpoint(model, TOKENIZER, tmp_path / "checkpoint")
    loaded = T5ForConditionalGeneration.from_pretrained(tmp_path / "checkpoint")
    for a, b in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    settings = ModelSettings(name=str(tmp_path / "checkpoint"), dropout=0.0)
    tokenizer = load_tokenizer(settings.tokenizer_name)
    ours = build_model(settings, tokenizer, seed=0)
    assert torch.equal(ours.shared.weight, model.shared.weight)


def test_a_checkpoint_replaces_the_one_before(tmp_path):
    path = tmp_path / "checkpoint"
    for seed in (1, 2):
        save_checkpoint(tiny(seed), TOKENIZER, path)
    loaded = T5ForConditionalGeneration.from_pretrained(path)
    assert torch.equal(loaded.shared.weight, tiny(2).shared.weight)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_random_weights_follow_from_the_seed():
    assert torch.equal(tiny(3).shared.weight, tiny(3).shared.weight)
    assert not torch.equal(tiny(3).shared.weight, tiny(4).shared.weight)


@pytest.mark.parametrize(
    ("name", "num_millions"),
    [("Salesforce/codet5-small", 60.5), ("Salesforce/codet5p-220m", 222.9)],
)
def test_known_geometries_have_the_size_of_their_models(name, num_millions):
    from transformers import T5Config

    from codeit.model.t5 import _config

    config = _config(ModelSettings(name=name, pretrained=False), TOKENIZER)
    assert isinstance(config, T5Config)
    with torch.device("meta"):
        model = T5ForConditionalGeneration(config)
    assert model.num_parameters() / 1e6 == pytest.approx(num_millions, abs=0.06)


def test_a_model_with_too_small_a_vocabulary_is_refused(tmp_path):
    save_checkpoint(tiny(), TOKENIZER, tmp_path / "checkpoint")

    class Larger(CompactTokenizer):
        def __init__(self):
            super().__init__()
            self.vocab_size += 1

    settings = ModelSettings(name=str(tmp_path / "checkpoint"))
    with pytest.raises(ValueError, match=r"the tokenizer has \d+ ids and model"):
        build_model(settings, Larger(), seed=0)


def test_tiny_has_no_pretrained_weights():
    with pytest.raises(ValueError, match="'tiny' has no pretrained weights"):
        ModelSettings(name="tiny")


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        find_device("abacus")
    assert find_device("cpu").type == "cpu"


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"num_policy": -1}],
)
def test_bad_settings_are_refused(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"{name} is"):
        TrainingSettings(**changes)
