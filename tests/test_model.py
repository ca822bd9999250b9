"""Our T5 beside transformers', and in and out of checkpoints."""

import dataclasses
import json
import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from transformers import T5Config as TransformersConfig  # noqa: E402
from transformers import T5ForConditionalGeneration  # noqa: E402
from transformers.models.t5 import modeling_t5  # noqa: E402

from codeit.files.whole_directory import finish_replacement  # noqa: E402
from codeit.policy.model import ModelSettings, layers  # noqa: E402
from codeit.policy.model.attention import (  # noqa: E402
    Layout,
    Plan,
    attention,
    choice,
)
from codeit.policy.model.attention.padded import padded_attention  # noqa: E402
from codeit.policy.model.checkpoint import (  # noqa: E402
    _config,
    build_model,
    find_device,
    load_model,
    parameter_names,
    parse_config,
    save_checkpoint,
    to_plain_model,
    to_transformers,
)
from codeit.policy.model.dropout import NO_DROPOUT, Dropout  # noqa: E402
from codeit.policy.model.t5 import T5, Mode, Packed  # noqa: E402
from codeit.policy.tokenizer import CompactTokenizer, load_tokenizer  # noqa: E402
from codeit.runs.settings import PRESETS  # noqa: E402

TOKENIZER = CompactTokenizer()
VOCABULARY = 40

GEOMETRIES = {
    "plain, tied": {},
    "gated, more decoder layers": {"feed_forward_proj": "gated-gelu", "num_decoder_layers": 3},
    "gated silu, untied": {"feed_forward_proj": "gated-silu", "untied": True},
    "more encoder layers, wide heads": {"num_layers": 3, "num_decoder_layers": 1, "d_kv": 12},
    "few buckets, unscaled": {
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 20,
        "scale_decoder_outputs": False,
        "layer_norm_epsilon": 1e-3,
    },
}


def plain(seed=0, untied=False, **changes):
    """A small model of transformers', with weights as random as trained ones."""
    sizes = {"d_model": 16, "d_kv": 6, "d_ff": 24, "num_layers": 2, "num_heads": 3}
    config = TransformersConfig(
        vocab_size=VOCABULARY, decoder_start_token_id=0, dropout_rate=0.0, **(sizes | changes)
    )
    torch.manual_seed(seed)
    model = T5ForConditionalGeneration(config).eval()
    if untied:
        model.lm_head.weight = torch.nn.Parameter(torch.randn(VOCABULARY, 16))
        config.scale_decoder_outputs = False
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "layer_norm" in name:
                parameter.uniform_(0.5, 1.5)
            if "relative_attention_bias" in name:
                parameter.normal_()
    return model


def ours_of(model, is_tied):
    config = parse_config(model.config.to_dict(), "test", is_tied)
    ours = T5(config).to(model.dtype)
    theirs = model.state_dict()
    ours.load_state_dict(
        {key: torch.cat([theirs[name] for name in names]) for key, names in parameter_names(config)}
    )
    return ours


def packed(lengths, seed):
    random = np.random.default_rng(seed)
    ids = random.integers(2, VOCABULARY, sum(lengths)).astype(np.uint16)
    return Packed.of(ids, np.concatenate([[0], np.cumsum(lengths)]), torch.device("cpu"))


SOURCE = packed([5, 150, 1, 31, 33, 64, 31], seed=1)
TARGET = packed([3, 7, 40, 1, 12, 90, 12], seed=2)


def loss_of(model, mode, source=SOURCE, target=TARGET):
    return model(source, target, model.plans(source, target), mode)


def sequences(rows):
    return torch.split(rows.ids, rows.layout.lengths.tolist())


def reference_loss(model):
    """Each pair by itself, so that nothing is padded."""
    losses = []
    for source, target in zip(sequences(SOURCE), sequences(TARGET), strict=True):
        logits = model(input_ids=source[None], labels=target[None]).logits[0]
        losses.append(torch.nn.functional.cross_entropy(logits, target, reduction="none"))
    return torch.cat(losses)


@pytest.fixture
def exact_norm(monkeypatch):
    """transformers takes mean squares in float32 even of float64, which leaves errors of 1e-7."""

    def forward(self, x):
        mean = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(mean + self.variance_epsilon))

    monkeypatch.setattr(modeling_t5.T5LayerNorm, "forward", forward)


def assert_same_as_transformers(model, ours, mode, tolerance):
    loss, token_losses = loss_of(ours, mode)
    expected = reference_loss(model)
    torch.testing.assert_close(token_losses, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(loss, expected.sum(), rtol=tolerance, atol=0)
    loss.backward()
    expected.sum().backward()
    gradients = {name: parameter.grad for name, parameter in ours.named_parameters()}
    theirs = {name: parameter.grad for name, parameter in model.named_parameters()}
    compared = to_transformers(ours.config, gradients)
    assert compared.keys() == theirs.keys()
    for name, gradient in compared.items():
        scale = float(theirs[name].abs().max())
        assert scale > 0, name
        torch.testing.assert_close(
            gradient,
            theirs[name],
            rtol=0,
            atol=tolerance * scale,
            msg=lambda m, n=name: f"{n}: {m}",
        )


@pytest.mark.parametrize("name", GEOMETRIES)
def test_losses_and_gradients_in_float64_are_those_of_transformers(name, exact_norm):
    model = plain(**GEOMETRIES[name]).double()
    ours = ours_of(model, is_tied="untied" not in GEOMETRIES[name])
    assert_same_as_transformers(model, ours, Mode(torch.float64), 1e-9)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_losses_and_gradients_in_float32_are_those_of_transformers(name):
    model = plain(**GEOMETRIES[name])
    ours = ours_of(model, is_tied="untied" not in GEOMETRIES[name])
    assert_same_as_transformers(model, ours, Mode(torch.float32), 1e-4)


def test_a_token_loss_does_not_depend_on_what_else_is_packed():
    model = ours_of(plain().double(), is_tied=True)
    together = loss_of(model, Mode(torch.float64))[1]
    alone = [
        loss_of(
            model,
            Mode(torch.float64),
            *(
                Packed(ids, Layout(np.array([0, len(ids)])))
                for ids in (sequences(SOURCE)[k], sequences(TARGET)[k])
            ),
        )[1]
        for k in range(7)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-10)


def test_losses_in_bfloat16_are_near_those_in_float32():
    model = ours_of(plain(), is_tied=True)
    half, full = (loss_of(model, Mode(t))[0].item() for t in (torch.bfloat16, torch.float32))
    assert half != full
    assert half == pytest.approx(full, rel=0.01)


def test_the_loss_is_the_same_in_chunks_of_any_size(monkeypatch):
    random = torch.Generator().manual_seed(3)
    states = torch.randn(50, 8, generator=random, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(30, 8, generator=random, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(30, (50,), generator=random)
    logits = states @ weight.t()
    plain_loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum") * 0.3
    expected = torch.autograd.grad(plain_loss, (states, weight))
    for chunk in (1, 7, 50, 1000):
        monkeypatch.setattr(layers, "_CHUNK", chunk)
        loss, _ = layers.head_loss(states, weight, labels)
        torch.testing.assert_close(loss * 0.3, plain_loss)
        for a, b in zip(torch.autograd.grad(loss * 0.3, (states, weight)), expected, strict=True):
            torch.testing.assert_close(a, b)


# ---- Attention ---------------------------------------------------------------------------------


def drawn(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("kind", ["both ways", "causal", "cross"])
@pytest.mark.parametrize(
    "lengths", [[1], [700], [3, 4, 4, 5, 300, 3, 1000]], ids=["one token", "one", "many"]
)
def test_tiles_and_padded_groups_attend_alike(kind, lengths):
    keys = Layout(np.concatenate([[0], np.cumsum(lengths)]))
    queries = keys
    if kind == "cross":
        queries = Layout(np.concatenate([[0], np.cumsum([1 + n // 3 for n in lengths])]))
    plan = Plan(queries, keys, num_heads=2)
    inputs = [
        drawn(n, 2, 4, seed=k) for k, n in enumerate([queries.num_tokens] + 2 * [keys.num_tokens])
    ]
    if kind != "cross":
        inputs.append(drawn(2, 2 * max(lengths) + 5, seed=9))
    weights = drawn(queries.num_tokens, 2, 4, seed=8).detach()
    results = []
    for function in (attention, padded_attention):
        bias = inputs[3] if kind != "cross" else None
        if kind == "causal":
            bias = bias.masked_fill(torch.arange(bias.shape[1]) < bias.shape[1] // 2, -torch.inf)
        out = function(*inputs[:3], plan, bias, NO_DROPOUT)
        results.append([out, *torch.autograd.grad((out * weights).sum(), inputs)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("function", [attention, padded_attention])
def test_a_short_bias_goes_on_with_its_ends(function):
    layout = Layout(np.array([0, 9, 29]))
    plan = Plan(layout, layout, num_heads=2)
    inputs = [drawn(29, 2, 4, seed=k) for k in range(4)]
    short = drawn(2, 9, seed=4)
    whole = torch.cat([short[:, :1].expand(-1, 15), short, short[:, -1:].expand(-1, 15)], dim=1)
    for bias in (short, whole):
        inputs[3] = function(*inputs[:3], plan, bias, NO_DROPOUT)
        gradients = torch.autograd.grad(inputs[3].square().sum(), [*inputs[:3], short])
        if bias is short:
            expected = [inputs[3], *gradients]
    for a, b in zip([inputs[3], *gradients], expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_the_flash_kernel_is_asked_for_the_same(monkeypatch):
    """A stand-in with the package's signature: each sequence by itself, with torch."""
    told = {}

    def varlen(q, k, v, **options):
        told.update(options)
        parts = []
        for b in range(len(options["cu_seqlens_q"]) - 1):
            rows, columns = (
                slice(int(options[name][b]), int(options[name][b + 1]))
                for name in ("cu_seqlens_q", "cu_seqlens_k")
            )
            scores = torch.einsum("qhd,khd->hqk", q[rows], k[columns]) * options["softmax_scale"]
            parts.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), v[columns]))
        return torch.cat(parts)

    package = types.ModuleType("flash_attn")
    package.flash_attn_varlen_func = varlen
    monkeypatch.setitem(sys.modules, "flash_attn", package)
    queries, keys = Layout(np.array([0, 3, 4, 10])), Layout(np.array([0, 7, 8, 30]))
    plan = Plan(queries, keys, num_heads=2)
    inputs = [drawn(n, 2, 4, seed=n) for n in (10, 30, 30)]
    out = choice._flash(*inputs, plan, Dropout(0.2, 1))
    torch.testing.assert_close(out, attention(*inputs, plan, None, NO_DROPOUT))
    assert told["dropout_p"] == 0.2
    assert (told["max_seqlen_q"], told["max_seqlen_k"]) == (6, 22)
    assert told["cu_seqlens_q"].dtype == told["cu_seqlens_k"].dtype == torch.int32


def test_every_sequence_is_in_one_group_and_little_is_padded():
    random = np.random.default_rng(0)
    lengths = random.integers(1, 300, 200)
    layout = Layout(np.concatenate([[0], np.cumsum(lengths)]))
    plan = Plan(layout, layout, num_heads=4)
    real = [
        group.queries.flatten()[slice(None) if group.real_queries is None else group.real_queries]
        for group in plan.groups
    ]
    assert sorted(torch.cat(real).tolist()) == list(range(layout.num_tokens))
    assert plan.num_needed == (lengths**2).sum()
    assert plan.num_needed <= plan.num_scores <= 1.25 * plan.num_needed


def test_sequences_without_partners_are_refused():
    with pytest.raises(ValueError, match="2 sequences cannot attend to 1 others"):
        Plan(Layout(np.array([0, 1, 2])), Layout(np.array([0, 1])), num_heads=1)


def test_an_empty_sequence_is_refused():
    with pytest.raises(ValueError, match="an empty one"):
        Layout(np.array([0, 3, 3]))


# ---- Dropout -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_dropout_drops_its_share_and_scales_the_rest(dtype):
    dropout = Dropout(0.1, seed=4)
    x = torch.ones(300, 1001, dtype=dtype, requires_grad=True)
    y = dropout(x)
    share = float((y == 0).double().mean())
    assert abs(share - 0.1) < 6 * np.sqrt(0.1 * 0.9 / x.numel())
    assert torch.unique(y[y != 0]).tolist() == [pytest.approx(1 / 0.9, rel=4e-3)]
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y.detach())


def test_each_place_and_seed_drops_other_values():
    x = torch.ones(1000)
    dropout = Dropout(0.5, seed=1)
    results = [d(x) for d in (dropout, dropout.at(0), dropout.at(1), Dropout(0.5, seed=2))]
    for k, a in enumerate(results):
        for b in results[:k]:
            assert 350 < int((a == b).sum()) < 650
    assert torch.equal(dropout.at(1)(x), results[2])


def test_no_dropout_changes_nothing():
    x = torch.ones(3)
    assert NO_DROPOUT(x) is x
    assert not NO_DROPOUT
    assert Dropout(0.1, 0)


@pytest.mark.parametrize("has_bias", [True, False])
def test_probabilities_are_dropped_forward_and_backward_alike(has_bias):
    """With dropout, too, the gradient is that of the function."""
    lengths = [5, 6, 600]
    layout = Layout(np.concatenate([[0], np.cumsum(lengths)]))
    plan = Plan(layout, layout, num_heads=2)
    inputs = [drawn(layout.num_tokens, 2, 4, seed=k) for k in range(3)]
    bias = drawn(2, 1199, seed=5) if has_bias else None
    if has_bias:
        inputs.append(bias)
    weights = drawn(layout.num_tokens, 2, 4, seed=8).detach()

    def loss(*values):
        out = attention(*values[:3], plan, values[3] if has_bias else None, Dropout(0.3, 7))
        return (out * weights).sum()

    gradients = torch.autograd.grad(loss(*inputs), inputs)
    for k, gradient in enumerate(gradients):
        direction = drawn(*inputs[k].shape, seed=20 + k).detach()
        with torch.no_grad():
            ends = [
                loss(*inputs[:k], inputs[k] + step * direction, *inputs[k + 1 :])
                for step in (1e-5, -1e-5)
            ]
        slope = (ends[0] - ends[1]) / 2e-5
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-6)


def test_the_mean_over_dropped_probabilities_is_the_whole():
    layout = Layout(np.array([0, 400]))
    plan = Plan(layout, layout, num_heads=2)
    query, key, value = (drawn(400, 2, 4, seed=k).detach() for k in range(3))
    whole = attention(query, key, value.abs(), plan, None, NO_DROPOUT)
    dropped = [
        attention(query, key, value.abs(), plan, None, Dropout(0.2, seed)) for seed in range(40)
    ]
    assert not torch.equal(dropped[0], dropped[1])
    assert float(torch.stack(dropped).mean() / whole.mean()) == pytest.approx(1, abs=0.01)


# ---- Checkpoints -------------------------------------------------------------------------------


def tiny(seed=1):
    return build_model(PRESETS["demo"].model, TOKENIZER, seed)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_checkpoint_comes_back_byte_for_byte(name, tmp_path):
    untied = "untied" in GEOMETRIES[name]
    plain(**GEOMETRIES[name]).save_pretrained(tmp_path / "theirs")
    model = load_model(str(tmp_path / "theirs"))
    assert model.config.is_tied == (not untied)
    save_checkpoint(model, TOKENIZER, tmp_path / "ours")
    for file in ("config.json", "model.safetensors"):
        ours, theirs = ((tmp_path / k / file).read_bytes() for k in ("ours", "theirs"))
        assert ours == theirs


@pytest.mark.parametrize("name", GEOMETRIES)
def test_the_plain_model_computes_the_same_on_the_same_memory(name, tmp_path):
    plain(**GEOMETRIES[name]).save_pretrained(tmp_path)
    model = load_model(str(tmp_path))
    shared = to_plain_model(model)
    losses = loss_of(model, Mode())[1]
    torch.testing.assert_close(reference_loss(shared), losses, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    changed = loss_of(model, Mode())[1]
    assert not torch.allclose(changed, losses, rtol=1e-2)
    torch.testing.assert_close(reference_loss(shared), changed, rtol=1e-4, atol=1e-4)


def test_an_untied_model_from_before_transformers_5_has_an_unscaled_head(tmp_path):
    plain(untied=True).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    raw = json.loads(path.read_text())
    del raw["scale_decoder_outputs"]
    path.write_text(json.dumps(raw | {"tie_word_embeddings": False}))
    config = load_model(str(tmp_path)).config
    assert (config.is_tied, config.is_head_scaled) == (False, False)


def test_a_checkpoint_in_half_precision_and_the_old_format_loads_as_float32(tmp_path):
    model = plain()
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    weights = {name: tensor.bfloat16() for name, tensor in model.state_dict().items()}
    torch.save(weights, tmp_path / "pytorch_model.bin")
    loaded = load_model(str(tmp_path))
    assert torch.equal(loaded.embedding, model.shared.weight.bfloat16().float())


def test_a_checkpoint_in_several_files_is_read_as_one(tmp_path):
    model = plain()
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    assert not (tmp_path / "model.safetensors").exists()
    loaded = load_model(str(tmp_path)).state_dict()
    expected = ours_of(model, is_tied=True).state_dict()
    for name, tensor in expected.items():
        assert torch.equal(loaded[name], tensor), name


NORM = "encoder.final_layer_norm.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw, weights: raw.update(d_ff=32), r"DenseReluDense.wi.weight is \[24, 16\]; by"),
        (lambda raw, weights: raw.update(num_layers=3), r"block.2.*is missing"),
        (lambda raw, weights: raw.update(num_decoder_layers=1), r"decoder.block.1.* has no place"),
        (lambda raw, weights: weights.pop(NORM), f"{NORM} is missing"),
        (lambda raw, weights: raw.update(model_type="bart"), "the model type is 'bart'"),
        (lambda raw, weights: raw.pop("d_kv"), "config.json has no 'd_kv'"),
        (lambda raw, weights: raw.update(feed_forward_proj="gated-mish"), "is 'gated-mish'; allow"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(change, message, tmp_path):
    model = plain()
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    raw = json.loads(path.read_text())
    weights = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    change(raw, weights)
    path.write_text(json.dumps(raw))
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=message):
        load_model(str(tmp_path))


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_damaged_weights_are_refused(name, tmp_path):
    plain(**GEOMETRIES[next(iter(GEOMETRIES))]).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / name).write_bytes(b"weights")
    with pytest.raises(ValueError, match=f"{name}: not weights that can be read"):
        load_model(str(tmp_path))


def test_a_directory_without_weights_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"neither model.safetensors nor pytorch_model.bin"):
        load_model(str(tmp_path))


def test_a_checkpoint_loads_through_transformers_and_through_us(tmp_path):
    model = tiny(seed=5)
    save_checkpoint(model, TOKENIZER, tmp_path / "checkpoint")
    loaded = T5ForConditionalGeneration.from_pretrained(tmp_path / "checkpoint").state_dict()
    for name, tensor in to_transformers(model.config, model.state_dict()).items():
        assert torch.equal(tensor, loaded[name]), name
    settings = ModelSettings(name=str(tmp_path / "checkpoint"), dropout=0.2)
    tokenizer = load_tokenizer(settings.tokenizer_name)
    ours = build_model(settings, tokenizer, seed=0)
    assert torch.equal(ours.embedding, model.embedding)
    assert ours.config == dataclasses.replace(model.config, dropout=0.2)


def test_a_checkpoint_replaces_the_one_before(tmp_path):
    path = tmp_path / "checkpoint"
    for seed in (1, 2):
        save_checkpoint(tiny(seed), TOKENIZER, path)
    loaded = T5ForConditionalGeneration.from_pretrained(path)
    assert torch.equal(loaded.shared.weight, tiny(2).embedding)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("error", [OSError, RuntimeError])
def test_what_torch_raises_on_a_full_disk_names_the_checkpoint(error, tmp_path):
    def fail(_):
        raise error("unexpected pos 576 vs 534")

    path = tmp_path / "checkpoint"
    with pytest.raises(OSError, match=r"checkpoint: the next .* bytes are free: unexpected pos"):
        save_checkpoint(tiny(1), TOKENIZER, path, fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_replacement_that_was_cut_off_is_finished(is_moved, tmp_path):
    """The old checkpoint goes aside only when the new one is whole."""
    path, fresh, stale = (
        tmp_path / n for n in ("checkpoint", ".checkpoint.new", ".checkpoint.old")
    )
    save_checkpoint(tiny(1), TOKENIZER, path)
    save_checkpoint(tiny(2), TOKENIZER, fresh)
    if is_moved:
        path.rename(stale)
    finish_replacement(path)
    assert torch.equal(load_model(str(path)).embedding, tiny(2 if is_moved else 1).embedding)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_a_checkpoint_that_cannot_be_finished_leaves_the_one_before(tmp_path):
    def fail(_):
        raise OSError("disk full")

    path = tmp_path / "checkpoint"
    save_checkpoint(tiny(1), TOKENIZER, path)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(tiny(2), TOKENIZER, path, fail)
    assert torch.equal(load_model(str(path)).embedding, tiny(1).embedding)
    save_checkpoint(tiny(3), TOKENIZER, path)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_random_weights_follow_from_the_seed():
    assert torch.equal(tiny(3).embedding, tiny(3).embedding)
    assert not torch.equal(tiny(3).embedding, tiny(4).embedding)


@pytest.mark.parametrize(
    ("name", "num_millions"),
    [
        ("Salesforce/codet5-small", 60.5),
        ("Salesforce/codet5p-220m", 222.9),
        ("Salesforce/codet5p-770m", 737.6),
    ],
)
def test_known_geometries_have_the_size_of_their_models(name, num_millions):
    config = _config(name, TOKENIZER)
    with torch.device("meta"):
        model = T5(config)
    assert model.num_parameters / 1e6 == pytest.approx(num_millions, abs=0.06)


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
    with pytest.raises(ValueError, match="pretrained is true; name 'tiny' has no"):
        ModelSettings(name="tiny")


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        find_device("abacus")
    assert find_device("cpu").type == "cpu"
