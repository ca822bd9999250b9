"""A checkpoint of a run, opened by transformers' own classes, beside ours."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from codeit import Program  # noqa: E402
from codeit.language import STANDARD, load_seed_programs  # noqa: E402
from codeit.language.table import NewPrimitive  # noqa: E402
from codeit.policy.model.checkpoint import load_model, save_checkpoint  # noqa: E402
from codeit.policy.policy import Policy  # noqa: E402
from codeit.policy.prompts import PromptWriter  # noqa: E402
from codeit.policy.sampling import SamplingSettings  # noqa: E402
from codeit.policy.spelling import texts_of_all_names  # noqa: E402
from codeit.policy.text import grids_to_text  # noqa: E402
from codeit.policy.tokenizer import (  # noqa: E402
    COMPACT_FILE,
    LANGUAGE_FILE,
    CompactTokenizer,
    load_tokenizer,
)
from codeit.tasks import datasets  # noqa: E402

COMPACT = CompactTokenizer()
LARGER = STANDARD.extended(
    [NewPrimitive("scale2x3", (("Piece", "piece"),), "Piece", "hmirror")]
)  # whose name holds what stands between two sides


def opened(tokenizer, folder):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "t5"}')
    tokenizer.save(folder)
    return transformers.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return opened(COMPACT, tmp_path_factory.mktemp("compact"))


def text_of_prompt(task):
    inputs = grids_to_text([d.input for d in task.demonstrations])
    return inputs + "\n" + grids_to_text([d.output for d in task.demonstrations])


WHOLE = {"max_demonstrations": 100, "max_prompt_tokens": 1 << 15}
"""Prompts that are not cut."""


# ---- The compact tokenizer


def test_programs_have_the_same_ids_and_come_back_as_the_same_text(theirs):
    texts = [seed.program.text for seed in load_seed_programs()]
    texts += texts_of_all_names(STANDARD)
    assert len(texts) > 400
    for text in texts:
        ids = COMPACT.encode_program(text).tolist()
        written = COMPACT.decode_program(ids)  # with its variables in order
        assert theirs(written).input_ids == ids
        assert theirs.decode(ids, skip_special_tokens=True) == written
        assert theirs.decode(ids) == written + "</s>"


def test_prompts_have_the_same_ids_and_come_back_as_the_same_text(theirs):
    tasks = [*datasets.load("arc1-training")[:60], *datasets.load("arc2-evaluation")[:20]]
    writer = PromptWriter(COMPACT, **WHOLE)
    for task in tasks:
        text = text_of_prompt(task)
        ids = writer.true_prompt(task).tolist()
        assert theirs(text, add_special_tokens=False).input_ids == ids
        assert theirs.decode(ids) == text


def test_grids_of_every_shape_and_color_have_the_same_ids(theirs):
    random = np.random.default_rng(4)
    for height, width in ((1, 1), (1, 30), (30, 1), (30, 30), (10, 3), (3, 10)):
        grid = random.integers(0, 10, (height, width)).astype(np.uint8)
        ids = COMPACT.encode_inputs([grid, grid], 1 << 15).tolist()
        text = grids_to_text([grid, grid])
        assert theirs(text, add_special_tokens=False).input_ids == ids
        assert theirs.decode(ids) == text


def test_what_is_sampled_comes_back_as_the_same_text_though_it_be_no_program(theirs):
    random = np.random.default_rng(5)
    ids = np.setdiff1d(COMPACT.program_ids, [COMPACT.end_id])
    newline = int(COMPACT._prompt_id["\n"])
    for _ in range(2000):
        row = random.choice(ids, random.integers(0, 12)).tolist()
        row = [newline if random.random() < 0.2 else k for k in row]
        assert theirs.decode(row) == COMPACT.decode_program(row)


def test_every_id_has_a_token_of_its_own_and_those_beyond_a_text_are_special(theirs):
    assert len(theirs) == COMPACT.vocab_size
    assert sorted(theirs.get_vocab().values()) == list(range(COMPACT.vocab_size))
    assert (theirs.pad_token_id, theirs.eos_token_id) == (COMPACT.pad_id, COMPACT.end_id)
    assert theirs.all_special_ids == [COMPACT.end_id, COMPACT.pad_id]
    padded = theirs(["O = hmirror(I)", "x1 = hmirror(I)\nO = hmirror(x1)"], padding=True)
    short, long = padded.input_ids
    ids = COMPACT.encode_program("O = hmirror(I)").tolist()
    assert short == ids + [COMPACT.pad_id] * (len(long) - len(ids))
    assert padded.attention_mask[0] == [1] * len(ids) + [0] * (len(long) - len(ids))


@pytest.mark.parametrize("text", ["O = nosuch(I)", "O = hmirror(y)", "31x2 background=0", "{}"])
def test_a_word_that_is_no_token_is_an_error_and_not_left_out(theirs, text):
    with pytest.raises(Exception, match="UNK"):
        theirs(text)


def test_names_of_a_larger_language_have_their_ids(tmp_path):
    larger = CompactTokenizer(LARGER)
    tokenizer = opened(larger, tmp_path)
    text = "x1 = scale2x3(I)\nO = scale2x3(x1)"
    ids = larger.encode_program(Program.parse(text, language=LARGER)).tolist()
    assert tokenizer(text).input_ids == ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_the_tokenizers_library_alone_reads_the_file(tmp_path):
    COMPACT.save(tmp_path)
    alone = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ids = COMPACT.encode_program("O = hmirror(I)").tolist()
    assert alone.encode("O = hmirror(I)").ids == ids


def test_a_checkpoint_from_before_these_files_still_loads(tmp_path):
    COMPACT.save(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", LANGUAGE_FILE):
        (tmp_path / name).unlink()
    assert isinstance(load_tokenizer(str(tmp_path)), CompactTokenizer)


def test_the_files_for_transformers_alone_are_no_tokenizer_of_ours(tmp_path):
    COMPACT.save(tmp_path)
    (tmp_path / COMPACT_FILE).unlink()
    with pytest.raises(ValueError, match=f"tokenizer in this directory, as {COMPACT_FILE} is miss"):
        load_tokenizer(str(tmp_path))


# ---- A whole checkpoint


@pytest.fixture(scope="module")
def checkpoint(finished):
    return finished[0] / "checkpoint"


def test_the_manifest_of_a_run_knows_the_files_for_transformers(checkpoint):
    listed = json.loads((checkpoint / "manifest.json").read_text())["files"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= {
        *listed
    }


def logits_of_transformers(model, source, target):
    with torch.inference_mode():
        scores = model(
            input_ids=torch.tensor([source]), labels=torch.tensor([target])
        ).logits.log_softmax(-1)
    return scores[0, torch.arange(len(target)), torch.tensor(target)].double().sum().item()


def test_log_probabilities_of_a_run_are_those_of_what_transformers_opens(checkpoint, data):
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    settings = SamplingSettings(samples_per_task=1, max_tokens=40)
    policy = Policy.load(checkpoint, settings, device="cpu", **WHOLE)
    programs = ["O = vmirror(I)", "x1 = hmirror(I)\nO = vconcat(I, x1)"]
    for task in datasets.load(data / "evaluation.json"):
        found = policy.log_probabilities(task, programs)
        source = tokenizer(text_of_prompt(task), add_special_tokens=False).input_ids
        assert source == policy.prompts.true_prompt(task).tolist()
        for program, ours in zip(programs, found, strict=True):
            target = tokenizer(text_target=program).input_ids
            assert logits_of_transformers(model, source, target) == pytest.approx(ours, rel=1e-5)


def test_greedy_samples_of_a_run_are_those_of_generate(checkpoint, data):
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    greedy = SamplingSettings(
        samples_per_task=1, max_tokens=24, top_k=1, mode="reference", precision="float32"
    )
    tasks = datasets.load(data / "evaluation.json")[:3]
    policy = Policy.load(checkpoint, greedy, device="cpu", **WHOLE)
    samples = dict(policy.sample(tasks, seed=0))
    for k, task in enumerate(tasks):
        prompt = tokenizer(text_of_prompt(task), add_special_tokens=False, return_tensors="pt")
        ids = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0]
        assert tokenizer.decode(ids, skip_special_tokens=True) == samples[k][0]


@pytest.mark.parametrize("kind", ["relu", "gated-gelu"])
@pytest.mark.parametrize("untied", [False, True])
def test_every_form_of_model_that_we_save_opens_with_the_same_scores(kind, untied, tmp_path):
    config = transformers.T5Config(
        vocab_size=COMPACT.vocab_size,
        **{"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 2},
        **{"feed_forward_proj": kind, "pad_token_id": 0, "eos_token_id": 1},
        decoder_start_token_id=0,
        tie_word_embeddings=not untied,
    )
    made = transformers.T5ForConditionalGeneration(config)
    if untied:
        made.lm_head.weight = torch.nn.Parameter(torch.randn_like(made.lm_head.weight))
    made.save_pretrained(tmp_path / "made")
    ours = load_model(str(tmp_path / "made"))
    save_checkpoint(ours, COMPACT, tmp_path / "saved")
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "saved")
    policy = Policy(ours, PromptWriter(COMPACT), SamplingSettings(max_tokens=40))
    (task,) = datasets.load("arc1-training")[:1]
    source = policy.prompts.true_prompt(task).tolist()
    target = COMPACT.encode_program("O = vmirror(I)").tolist()
    (found,) = policy.log_probabilities(task, ["O = vmirror(I)"])
    assert logits_of_transformers(model, source, target) == pytest.approx(found, rel=1e-5)


def test_a_tokenizer_of_the_hub_opens_with_the_same_ids(shared, tmp_path):
    codet5 = load_tokenizer(str(shared / "data" / "codet5-tokenizer"))
    theirs = opened(codet5, tmp_path)
    (task,) = datasets.load("arc1-training")[:1]
    for text in ["O = vmirror(I)", "x1 = hmirror(I)\nO = vconcat(I, x1)"]:
        assert theirs(text).input_ids == codet5.encode_program(text).tolist()
    # A prompt has no end.
    ids = PromptWriter(codet5, **WHOLE).true_prompt(task).tolist()
    assert theirs(text_of_prompt(task)).input_ids[:-1] == ids
