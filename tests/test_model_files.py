"""A model's files: every form in which a T5 can come, and all that can be wrong with them."""

import dataclasses
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file, save_model  # noqa: E402
from test_model import VOCABULARY, loss_of, plain, reference_loss  # noqa: E402
from transformers import T5ForConditionalGeneration  # noqa: E402

from codeit import cli  # noqa: E402
from codeit.policy.model import ModelSettings  # noqa: E402
from codeit.policy.model.checkpoint import (  # noqa: E402
    build_model,
    load_model,
    save_checkpoint,
    to_plain_model,
)
from codeit.policy.model.t5 import Mode  # noqa: E402
from codeit.policy.tokenizer import CompactTokenizer  # noqa: E402

EMBEDDINGS = (
    "shared.weight",
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    "lm_head.weight",
)


def weights_of(model):
    return {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}


def written(path, model, weights):
    """A directory with a model's config and other weights."""
    model.save_pretrained(path)
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    return str(path)


def edit_config(path, **changes):
    """Change what config.json says; None takes a key away."""
    raw = json.loads((path / "config.json").read_text()) | changes
    raw = {key: value for key, value in raw.items() if value is not None}
    (path / "config.json").write_text(json.dumps(raw))


def assert_same_as_transformers(path):
    """Losses of ours, and of what is saved again, beside transformers'."""
    theirs = T5ForConditionalGeneration.from_pretrained(path).eval()
    ours = load_model(str(path))
    with torch.no_grad():
        expected = reference_loss(theirs)
        found = loss_of(ours, Mode())[1]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            reference_loss(to_plain_model(ours)), expected, rtol=1e-4, atol=1e-4
        )
    return ours


# ---- Forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_an_embedding_is_found_under_each_of_its_names(name, tmp_path):
    model = plain()
    weights = weights_of(model)
    embedding = weights["shared.weight"]
    for other in EMBEDDINGS:
        weights.pop(other, None)
    path = written(tmp_path, model, weights | {name: embedding})
    assert assert_same_as_transformers(path).config.is_tied


def test_what_save_model_of_safetensors_writes_is_read(tmp_path):
    """It writes a tensor that has several names under the first of them alone."""
    model = plain(feed_forward_proj="gated-gelu")
    model.save_pretrained(tmp_path)
    save_model(model, str(tmp_path / "model.safetensors"))
    assert assert_same_as_transformers(tmp_path).config.is_tied


@pytest.mark.parametrize("is_scaled", [False, True])
@pytest.mark.parametrize(
    "names", [EMBEDDINGS[:1], EMBEDDINGS[1:2], EMBEDDINGS[2:3], EMBEDDINGS[:3]]
)
def test_a_head_of_its_own_is_kept_beside_each_name_of_the_embedding(names, is_scaled, tmp_path):
    model = plain(untied=True)
    model.config.scale_decoder_outputs = is_scaled
    weights = weights_of(model)
    embedding = weights["shared.weight"]
    for other in EMBEDDINGS[:3]:
        weights.pop(other, None)
    path = written(tmp_path, model, weights | {name: embedding.clone() for name in names})
    assert not assert_same_as_transformers(path).config.is_tied


def test_names_that_begin_as_a_part_of_another_model_are_read(tmp_path):
    model = plain()
    weights = {f"transformer.{name}": tensor for name, tensor in weights_of(model).items()}
    assert_same_as_transformers(written(tmp_path, model, weights))


def test_a_bias_that_nothing_reads_is_left_out(tmp_path):
    model = plain()
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    path = written(tmp_path, model, weights_of(model) | {unused: torch.ones(32, 3)})
    assert_same_as_transformers(path)


def test_stacks_with_different_embeddings_are_refused(tmp_path):
    model = plain()
    weights = weights_of(model)
    weights["decoder.embed_tokens.weight"] = weights["shared.weight"] + 1
    path = written(tmp_path, model, weights)
    with pytest.raises(ValueError, match=r"model.safetensors: decoder.embed_tokens.weight differs"):
        load_model(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_weights_of_every_precision_are_read_as_float32(dtype, file, tmp_path):
    model = plain()
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    weights = {name: tensor.to(dtype) for name, tensor in weights_of(model).items()}
    (save_file if file == "model.safetensors" else torch.save)(weights, tmp_path / file)
    loaded = load_model(str(tmp_path)).state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in loaded.values())
    assert torch.equal(loaded["embedding"], weights["shared.weight"].float())


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_weights_in_several_files_of_either_format_are_read(file, tmp_path):
    model = plain()
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    if file != "model.safetensors":
        from safetensors.torch import load_file

        for part in set(index["weight_map"].values()):
            torch.save(load_file(tmp_path / part), tmp_path / part.replace("safetensors", "bin"))
            (tmp_path / part).unlink()
        (tmp_path / "model.safetensors.index.json").unlink()
        names = {k: part.replace("safetensors", "bin") for k, part in index["weight_map"].items()}
        (tmp_path / f"{file}.index.json").write_text(json.dumps({"weight_map": names}))
    assert len(list(tmp_path.glob("model-*"))) > 2
    assert torch.equal(load_model(str(tmp_path)).embedding, model.shared.weight)


FORMS = {
    "feed_forward_proj": ["relu", "gelu", "gelu_new", "silu", "swish", "gelu_pytorch_tanh"],
    "num_decoder_layers": [1, 3],
    "relative_attention_max_distance": [17, 300],
    "relative_attention_num_buckets": [4, 6, 64],
    "layer_norm_epsilon": [1e-5],
    "dropout_rate": [0, 0.3],
    "d_kv": [5],
}
FORMS["feed_forward_proj"] += [f"gated-{kind}" for kind in FORMS["feed_forward_proj"]]


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in FORMS.items() for value in values]
)
def test_every_form_of_a_config_is_that_of_transformers(key, value, tmp_path):
    if key == "dropout_rate":
        plain().save_pretrained(tmp_path)
        edit_config(tmp_path, dropout_rate=value)
    else:
        plain(**{key: value}).save_pretrained(tmp_path)
    assert_same_as_transformers(tmp_path)


OLD = ("scale_decoder_outputs", "tie_word_embeddings")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"tie_word_embeddings": True},
        {"tie_word_embeddings": False},
        {"scale_decoder_outputs": True, "tie_word_embeddings": False},
        {"scale_decoder_outputs": False},
    ],
)
@pytest.mark.parametrize("untied", [False, True])
def test_the_head_is_scaled_where_transformers_scales_it(said, untied, tmp_path):
    plain(untied=untied).save_pretrained(tmp_path)
    edit_config(tmp_path, **(dict.fromkeys(OLD) | said))
    assert_same_as_transformers(tmp_path)


@pytest.mark.parametrize(
    "key",
    [
        *("relative_attention_num_buckets", "relative_attention_max_distance", "dropout_rate"),
        *("layer_norm_epsilon", "feed_forward_proj", "num_decoder_layers", "pad_token_id"),
        *("eos_token_id", "decoder_start_token_id"),
    ],
)
def test_a_key_that_is_not_there_means_what_it_means_to_transformers(key, tmp_path):
    plain().save_pretrained(tmp_path)
    edit_config(tmp_path, **{key: None})
    if key == "decoder_start_token_id":  # without it, transformers takes no labels
        assert load_model(str(tmp_path)).config.start_id == 0
    else:
        assert_same_as_transformers(tmp_path)


# ---- Damage --------------------------------------------------------------------------------------


def command_says(path, capsys, tmp_path):
    """What `codeit train` prints for a model in a directory; it must be one line, with code 2."""
    out = tmp_path / "run"
    words = ["train", "--out", str(out), "--model.name", str(path), "--model.pretrained"]
    assert cli.main([*words, "--model.tokenizer", "compact", "--data.num-evaluation", "2"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "Traceback" not in line
    assert not out.exists()
    return line


@pytest.fixture
def checkpoint(tmp_path):
    """A directory with a model of ours for the compact tokenizer."""
    from codeit.runs.settings import PRESETS

    path = tmp_path / "model"
    save_checkpoint(
        build_model(PRESETS["demo"].model, CompactTokenizer(), 0), CompactTokenizer(), path
    )
    return path


BAD_CONFIGS = {
    "": "config.json: no JSON",
    "[1, 2]": "config.json: list where an object is needed",
    "3": "config.json: int where an object is needed",
    '{"model_type": "t5"': "config.json: no JSON",
    "[" * 100_000: "config.json: it is nested too deeply",
    "\xff": "config.json: no JSON",
}


@pytest.mark.parametrize("text", BAD_CONFIGS, ids=range(len(BAD_CONFIGS)))
def test_a_config_that_is_no_object_is_refused(text, checkpoint, capsys, tmp_path):
    (checkpoint / "config.json").write_text(text)
    assert BAD_CONFIGS[text] in command_says(checkpoint, capsys, tmp_path)


@pytest.mark.parametrize("what", ["nothing", "a folder", "no text"])
def test_a_config_that_cannot_be_read_is_refused(what, checkpoint, capsys, tmp_path):
    path = checkpoint / "config.json"
    path.unlink()
    if what == "a folder":
        path.mkdir()
    if what == "no text":
        path.write_bytes(b"\xff\xfe\x00")
    assert f"{path}: " in command_says(checkpoint, capsys, tmp_path)


COUNTS = (
    *("vocab_size", "d_model", "d_kv", "d_ff", "num_heads", "num_layers", "num_decoder_layers"),
    *("relative_attention_num_buckets", "relative_attention_max_distance"),
)
IDS = ("pad_token_id", "eos_token_id", "decoder_start_token_id")
BAD_VALUES = [
    *((key, value) for key in COUNTS for value in ("512", 0, -1, 1.5, True, [2], {}, 1e300, 2**70)),
    *((key, None) for key in COUNTS if key != "num_decoder_layers"),
    *(("layer_norm_epsilon", value) for value in (None, "1e-6", -1, True, [], float("nan"), 1e300)),
    *(("dropout_rate", value) for value in (None, "0", 1, -0.1, float("inf"), False)),
    *(("feed_forward_proj", value) for value in (None, 1, "", "mish", "gated-", "a-b-c", ["relu"])),
    *(
        ("feed_forward_proj", value)
        for value in ("gated", "relu-gated", "gated-gated-relu", "x" * 999)
    ),
    *((key, value) for key in IDS for value in ("0", -1, 0.5, True, {}, [True], [[0]])),
    *(("pad_token_id", [0, 1]), ("decoder_start_token_id", 10**6)),
    *(("scale_decoder_outputs", value) for value in (None, "yes", 1)),
    *(("model_type", value) for value in (None, 5, "mt5", ["t5"])),
]


@pytest.mark.parametrize(("key", "value"), BAD_VALUES)
def test_a_config_with_a_bad_value_is_refused_by_key_and_file(key, value, checkpoint):
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    for is_pretrained in (True, False):
        settings = ModelSettings(name=str(checkpoint), pretrained=is_pretrained)
        if not is_pretrained and key in IDS:
            continue  # those of the tokenizer count then
        with pytest.raises(ValueError, match="allowed") as error:
            build_model(settings, CompactTokenizer(), 0)
        message = str(error.value)
        assert message.startswith(f"{path}: ")
        assert key.replace("_", " ") in message.replace("_", " ")
        assert "\n" not in message
        assert len(message) < len(str(path)) + 300


def test_a_null_that_transformers_takes_is_taken(checkpoint):
    path = checkpoint / "config.json"
    nulls = {"num_decoder_layers": None, "eos_token_id": None, "decoder_start_token_id": None}
    path.write_text(json.dumps(json.loads(path.read_text()) | nulls))
    config = load_model(str(checkpoint)).config
    assert (config.num_decoder_layers, config.end_ids, config.start_id) == (2, (), 0)


def test_neither_a_start_nor_padding_is_refused(checkpoint):
    path = checkpoint / "config.json"
    nulls = {"pad_token_id": None, "decoder_start_token_id": None}
    path.write_text(json.dumps(json.loads(path.read_text()) | nulls))
    with pytest.raises(ValueError, match=r"config.json: decoder_start_token_id is null; allowed"):
        load_model(str(checkpoint))


BAD_CONTENTS = {
    "a list": ([torch.ones(2)], "holds a list, not tensors"),
    "a tensor": (torch.ones(2), "holds a Tensor, not tensors"),
    "a number": (3, "holds a int, not tensors"),
    "nothing": (None, "holds a NoneType, not tensors"),
    "another level": (
        {"state_dict": {"shared.weight": torch.ones(2)}},
        "the entry 'state_dict' is a dict",
    ),
    "no names": ({0: torch.ones(2)}, "the entry 0 is a Tensor, not a tensor with a name"),
    "integers": ({"shared.weight": torch.ones(2, dtype=torch.int8)}, "of torch.int8"),
    "complex numbers": ({"shared.weight": torch.ones(2, dtype=torch.complex64)}, "torch.complex64"),
    "a sparse tensor": ({"shared.weight": torch.ones(2, 2).to_sparse()}, "sparse"),
    "no values": ({"shared.weight": torch.ones(2, device="meta")}, "saved without its values"),
    "no tensors": ({}, "shared.weight is missing"),
}


def test_a_kind_of_tensor_that_torch_warns_of_is_refused_without_a_warning(tmp_path):
    """In a process of its own, as torch warns once of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = {
            "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
            "rows": torch.eye(3).to_sparse_csr(),
            "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        }
        for kind, tensor in kinds.items():
            (tmp_path / kind).mkdir()
            torch.save({"shared.weight": tensor}, tmp_path / kind / "pytorch_model.bin")
    script = (
        "import sys\n"
        "from codeit.policy.model.weight_files import read_weights\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        read_weights(name)\n"
        "    except ValueError as error:\n"
        "        print(error)\n"
    )
    words = [sys.executable, "-c", script, *(str(tmp_path / kind) for kind in kinds)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(kinds)
    assert all("shared.weight is of torch." in line for line in lines)


@pytest.mark.parametrize("what", BAD_CONTENTS)
def test_a_bin_that_holds_something_else_is_refused(what, checkpoint, capsys, tmp_path):
    content, message = BAD_CONTENTS[what]
    (checkpoint / "model.safetensors").unlink()
    torch.save(content, checkpoint / "pytorch_model.bin")
    line = command_says(checkpoint, capsys, tmp_path)
    assert f"{checkpoint / 'pytorch_model.bin'}: " in line
    assert message in line


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_weights_that_are_cut_off_anywhere_or_changed_are_refused_by_name(file, checkpoint):
    good = checkpoint / "model.safetensors"
    if file != "model.safetensors":
        torch.save(load_model(str(checkpoint)).state_dict(), checkpoint / file)
        good.unlink()
    path = checkpoint / file
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    cuts = [0, 1, 7, 8, 9, 100, 1000, len(whole) // 2, len(whole) - 1]
    for damaged in [
        *(whole[:cut] for cut in cuts),
        *(whole[:at] + bytes(random.bytes(40)) + whole[at + 40 :] for at in range(0, 2000, 40)),
    ]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=file) as error:
            load_model(str(checkpoint))
        assert str(error.value).startswith(f"{path}: ")


INDEX = "model.safetensors.index.json"
BAD_INDICES = {
    "{}": 'there is no object "weight_map"',
    "[]": "list where an object is needed",
    "{": "no JSON",
    '{"weight_map": {}}': 'there is no object "weight_map"',
    '{"weight_map": ["a"]}': 'there is no object "weight_map"',
    '{"weight_map": {"shared.weight": null}}': "its file None is missing",
    '{"weight_map": {"shared.weight": "gone.safetensors"}}': "its file gone.safetensors is missing",
    '{"weight_map": {"shared.weight": "../other.safetensors"}}': "is no name of a file beside it",
    '{"weight_map": {"shared.weight": "/etc/passwd"}}': "is no name of a file beside it",
    '{"weight_map": {"x.weight": "part.safetensors"}}': "x.weight is not in part.safetensors",
}


@pytest.mark.parametrize("text", BAD_INDICES)
def test_an_index_that_lists_no_tensors_is_refused(text, checkpoint, capsys, tmp_path):
    (checkpoint / "model.safetensors").rename(checkpoint / "part.safetensors")
    (checkpoint / INDEX).write_text(text)
    line = command_says(checkpoint, capsys, tmp_path)
    assert f"{checkpoint / INDEX}: " in line
    assert BAD_INDICES[text] in line


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("form", ["new", "old", "several files", "too large for float32"])
def test_a_weight_that_is_not_finite_is_named_with_its_file(form, value, checkpoint):
    weights = {name: tensor.clone() for name, tensor in _tensors(checkpoint).items()}
    name = "decoder.block.1.layer.0.SelfAttention.o.weight"
    path = checkpoint / "model.safetensors"
    if form == "too large for float32":
        weights[name] = weights[name].double()
        value = 1e300
    weights[name][3, 4] = value
    if form == "several files":
        path.unlink()
        path = checkpoint / "b.safetensors"
        save_file({name: weights.pop(name)}, path)
        save_file(weights, checkpoint / "a.safetensors")
        parts = dict.fromkeys(weights, "a.safetensors") | {name: "b.safetensors"}
        (checkpoint / INDEX).write_text(json.dumps({"weight_map": parts}))
    elif form == "old":
        path.unlink()
        path = checkpoint / "pytorch_model.bin"
        torch.save(weights, path)
    else:
        save_file(weights, path)
    with pytest.raises(ValueError, match="not finite") as error:
        load_model(str(checkpoint))
    assert str(error.value) == f"{path}: {name} has a value that is not finite"


def _tensors(checkpoint):
    from safetensors.torch import load_file

    return load_file(checkpoint / "model.safetensors")


def test_a_model_for_which_there_is_no_memory_is_said_in_one_line(checkpoint):
    edit_config(checkpoint, vocab_size=(1 << 31) - 1, d_model=1 << 20)
    settings = ModelSettings(name=str(checkpoint), pretrained=False)
    with pytest.raises(MemoryError, match="for model"):
        build_model(settings, CompactTokenizer(), 0)


def test_a_file_that_must_not_be_read_is_named(checkpoint):
    path = checkpoint / "model.safetensors"
    path.unlink()
    os.symlink(checkpoint / "nothing", path)
    with pytest.raises(ValueError, match=r"there is neither model.safetensors"):
        load_model(str(checkpoint))
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=r"model.safetensors: this is no file"):
        load_model(str(checkpoint))


def test_a_larger_vocabulary_than_the_tokenizers_is_no_mistake(tmp_path):
    """T5's are rounded up."""
    from codeit.runs.settings import PRESETS

    class Larger(CompactTokenizer):
        def __init__(self):
            super().__init__()
            self.vocab_size += 100

    save_checkpoint(
        build_model(PRESETS["demo"].model, Larger(), 0), CompactTokenizer(), tmp_path / "model"
    )
    settings = ModelSettings(name=str(tmp_path / "model"))
    config = build_model(settings, CompactTokenizer(), 0).config
    assert config.vocab_size == CompactTokenizer().vocab_size + 100
    assert dataclasses.replace(config, vocab_size=VOCABULARY).vocab_size == VOCABULARY
