"""The engine on a policy that has learned something, and on one that has not."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from codeit import Outcome, Program, execute  # noqa: E402
from codeit.language import load_seed_programs  # noqa: E402
from codeit.policy.model.checkpoint import build_model, to_plain_model  # noqa: E402
from codeit.policy.model.t5 import Mode, Packed  # noqa: E402
from codeit.policy.policy import Policy  # noqa: E402
from codeit.policy.prompts import PromptWriter  # noqa: E402
from codeit.policy.sampling import SamplingSettings  # noqa: E402
from codeit.policy.sampling.constraint import ProgramConstraint  # noqa: E402
from codeit.policy.sampling.engine import EngineSampler  # noqa: E402
from codeit.policy.sampling.generate import GenerateSampler  # noqa: E402
from codeit.policy.tokenizer import CompactTokenizer  # noqa: E402
from codeit.runs.settings import PRESETS  # noqa: E402
from codeit.tasks import datasets  # noqa: E402

TOKENIZER = CompactTokenizer()
NUM_STEPS = 80
CPU = torch.device("cpu")


def prompts(count):
    tasks = [*datasets.load("arc1-training"), *datasets.load("arc1-evaluation")][:count]
    return [
        np.concatenate(
            [
                TOKENIZER.encode_inputs([task.demonstrations[0].input], 24),
                TOKENIZER.encode_outputs([task.demonstrations[0].output], 24),
            ]
        )
        for task in tasks
    ]


@pytest.fixture(scope="module")
def untrained():
    return build_model(PRESETS["demo"].model, TOKENIZER, seed=1)


@pytest.fixture(scope="module")
def trained():
    """A model that was shown short seed programs for a few seconds."""
    torch.set_num_threads(1)
    model = build_model(PRESETS["demo"].model, TOKENIZER, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    programs = [TOKENIZER.encode_program(seed.program.text) for seed in load_seed_programs()]
    programs = [ids for ids in programs if len(ids) <= 40]
    sources = prompts(len(programs))
    random = np.random.default_rng(1)
    for _ in range(NUM_STEPS):
        rows = random.choice(len(programs), 16, replace=False)
        source, target = (
            Packed.of(
                np.concatenate([part[k] for k in rows]),
                np.concatenate([[0], np.cumsum([len(part[k]) for k in rows])]).astype(np.int64),
                CPU,
            )
            for part in (sources, programs)
        )
        loss, _ = model(source, target, model.plans(source, target), Mode())
        (loss / len(target.ids)).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def rows_of(samples):
    """The tokens of each prompt's samples, without padding behind the last."""
    return {k: [np.trim_zeros(row, "b").tolist() for row in rows] for k, rows in samples.items()}


def test_greedy_samples_are_those_of_generate_in_every_layout(trained):
    settings = SamplingSettings(samples_per_task=1, max_tokens=40, top_k=1, batch_size=100)
    asked = prompts(200)
    theirs = rows_of(dict(GenerateSampler(trained, TOKENIZER, settings).sample(asked, 0)))
    for count, slots, threads in (
        (20, 1, 1),
        (200, 7, 1),
        (200, 96, 1),
        (200, 200, 1),
        (200, 16, 3),
    ):
        its = dataclasses.replace(settings, num_rows=slots)
        ours = dict(EngineSampler(trained, TOKENIZER, its, threads).sample(asked[:count], 0))
        assert rows_of(ours) == {k: theirs[k] for k in range(count)}
    texts = [TOKENIZER.decode_program(rows[0]) for rows in theirs.values()]
    assert len(set(texts)) > 5


@pytest.mark.parametrize(("top_k", "temperature"), [(0, 1.0), (8, 1.5)])
def test_first_tokens_are_drawn_as_often_as_the_softmax_says(trained, top_k, temperature):
    count = 20_000
    settings = SamplingSettings(
        samples_per_task=count, max_tokens=1, top_k=top_k, temperature=temperature, num_rows=500
    )
    (prompt,) = prompts(1)
    ((_, samples),) = EngineSampler(trained, TOKENIZER, settings).sample([prompt], 11)
    plain = to_plain_model(trained)
    with torch.inference_mode():
        source = torch.from_numpy(prompt.astype(np.int64))[None]
        logits = plain(input_ids=source, decoder_input_ids=torch.zeros(1, 1, dtype=torch.long))
    logits = logits.logits[0, 0].double() / temperature
    if top_k:
        logits[logits < logits.topk(top_k).values[-1]] = -torch.inf
    assert_frequencies(samples[:, 0], logits.softmax(0).numpy())


def test_choices_of_the_grammar_are_drawn_as_often_as_the_masked_softmax_says(trained):
    count = 3000
    settings = SamplingSettings(
        samples_per_task=count, max_tokens=30, top_k=0, mode="grammar", num_rows=500
    )
    (prompt,) = prompts(1)
    ((_, samples),) = EngineSampler(trained, TOKENIZER, settings).sample([prompt], 11)
    constraint = ProgramConstraint(TOKENIZER, "grammar", 1)
    constraint.begin(30)
    first = np.bincount(samples[:, 0]).argmax()  # the functions of all that begin alike
    constraint.advance([first])
    bits = np.unpackbits(constraint.masks().view(np.uint8), bitorder="little")
    allowed = constraint.alphabet[bits[: len(constraint.alphabet)].astype(bool)].astype(np.int64)
    plain = to_plain_model(trained)
    with torch.inference_mode():
        source = torch.from_numpy(prompt.astype(np.int64))[None]
        inputs = torch.tensor([[0, first]])
        logits = plain(input_ids=source, decoder_input_ids=inputs).logits[0, 1].double()
    masked = torch.full_like(logits, -torch.inf)
    masked[allowed] = logits[allowed] / settings.temperature
    assert_frequencies(samples[samples[:, 0] == first][:, 1], masked.softmax(0).numpy())


def assert_frequencies(drawn, probabilities):
    """Chi-square, over tokens that are expected five times and all the others together."""
    expected = probabilities * len(drawn)
    seen = np.bincount(drawn, minlength=len(expected))
    assert (seen[probabilities == 0] == 0).all()
    often = expected >= 5
    expected = np.append(expected[often], expected[~often].sum())
    seen = np.append(seen[often], seen[~often].sum())
    expected, seen = expected[expected > 0], seen[expected > 0]
    degrees = len(expected) - 1
    assert degrees > 2
    chi_square = ((seen - expected) ** 2 / expected).sum()
    assert chi_square < degrees + 5 * np.sqrt(2 * degrees)


def test_all_samples_of_an_untrained_model_parse_and_types_keep_them_from_type_errors(untrained):
    grids = [datasets.load("arc1-training", ["00d62c1b"])[0].demonstrations[0].input]
    shares = {}
    for mode in ("grammar", "typed"):
        settings = SamplingSettings(samples_per_task=20, max_tokens=50, top_k=0, mode=mode)
        samples = EngineSampler(untrained, TOKENIZER, settings).sample(prompts(100), 1)
        texts = [TOKENIZER.decode_program(row) for _, tokens in samples for row in tokens]
        assert len(texts) == 2000
        programs = [Program.parse(text) for text in texts]
        shares[mode] = np.mean(execute(programs, grids).outcome != Outcome.type_error)
    assert shares["typed"] > shares["grammar"] + 0.2


# ---- The policy as a whole ---------------------------------------------------------------------


def test_a_policy_comes_back_from_its_checkpoint(untrained, tmp_path):
    tasks = datasets.load("arc1-training")[:3]
    settings = SamplingSettings(samples_per_task=4, max_tokens=20, mode="grammar")
    policy = Policy(untrained, PromptWriter(TOKENIZER, 2, 50), settings)
    policy.save(tmp_path / "checkpoint")
    loaded = Policy.load(
        tmp_path / "checkpoint",
        settings,
        device="cpu",
        threads=2,
        max_demonstrations=2,
        max_prompt_tokens=50,
    )
    written = dict(policy.sample(tasks, 7))
    assert written == dict(loaded.sample(tasks, 7))
    assert sorted(written) == [0, 1, 2]
    assert all(len(texts) == 4 for texts in written.values())
    assert all(Program.parse(text) for texts in written.values() for text in texts)


def test_a_policy_says_how_likely_it_would_write_a_program(untrained):
    (task,) = datasets.load("arc1-training")[:1]
    settings = SamplingSettings(samples_per_task=1, max_tokens=30)
    policy = Policy(untrained, PromptWriter(TOKENIZER, 1, 20), settings)
    programs = ["O = hmirror(I)", "x1 = hmirror(I)\nO = vconcat(I, x1)"]
    likely = policy.log_probabilities(task, programs)
    assert likely.shape == (2,)
    assert (likely < 0).all()
    assert policy.log_probabilities(task, programs[::-1]).tolist() == pytest.approx(likely[::-1])
    assert policy.log_probabilities(task, []).shape == (0,)
    plain = to_plain_model(untrained)
    with torch.inference_mode():
        source = torch.from_numpy(policy.prompts.true_prompt(task).astype(np.int64))[None]
        for text, found in zip(programs, likely, strict=True):
            target = torch.from_numpy(TOKENIZER.encode_program(text).astype(np.int64))[None]
            loss = plain(input_ids=source, labels=target).loss
            assert found == pytest.approx(-loss.item() * target.shape[1], rel=1e-4)


def test_a_policy_refuses_a_program_that_it_cannot_write(untrained):
    policy = Policy(untrained, PromptWriter(TOKENIZER), SamplingSettings())
    (task,) = datasets.load("arc1-training")[:1]
    with pytest.raises(ValueError, match="some_word"):
        policy.log_probabilities(task, ["O = some_word(I)"])


def test_both_samplers_write_programs_for_the_loop(untrained):
    tasks = datasets.load("arc1-training")[:2]
    for sampler in ("engine", "generate"):
        settings = SamplingSettings(samples_per_task=3, max_tokens=12, sampler=sampler)
        policy = Policy(untrained, PromptWriter(TOKENIZER, 1, 20), settings)
        written = dict(policy.sample_programs(tasks, 3))
        texts = dict(policy.sample(tasks, 3))
        assert {k: [str(one) for one in some] for k, some in written.items()}.keys() == {0, 1}
        assert {k: len(some) for k, some in texts.items()} == {0: 3, 1: 3}
