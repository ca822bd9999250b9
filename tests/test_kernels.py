"""The fused kernels beside the plain paths, on a GPU, or by Triton's interpreter without one."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
triton = pytest.importorskip(
    "triton", reason="triton, which comes with torch's CUDA wheels, is not installed"
)

from codeit.policy.model.attention import (  # noqa: E402
    Cache,
    Layout,
    Plan,
    attention,
    availability,
    describe,
)
from codeit.policy.model.attention.decoding import plain_decode_self_attention  # noqa: E402
from codeit.policy.model.attention.fused import fused_attention, kept_words  # noqa: E402
from codeit.policy.model.attention.fused_decoding import fused_decode_self_attention  # noqa: E402
from codeit.policy.model.attention.padded import padded_attention  # noqa: E402
from codeit.policy.model.dropout import NO_DROPOUT, Dropout  # noqa: E402

HAS_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if HAS_GPU else "cpu")
HEADS = 2


@triton.jit
def count(out, limit):
    for k in range(0, limit):
        triton.language.store(out, k)


if not HAS_GPU:
    # Some releases of Triton interpret no loop with recent ones of NumPy.
    counted = torch.zeros(1, dtype=torch.int32)
    try:
        count[(1,)](counted, counted.numel() + 2)
    except triton.runtime.errors.InterpreterError as error:
        pytest.skip(f"triton's interpreter does not work here: {error}", allow_module_level=True)

# What is computed for padding may overflow; it is never stored.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

needs_gpu = pytest.mark.skipif(not HAS_GPU, reason="there is no GPU")

# Of tokens below, at and above the edges of float32's tiles (32) and of the others' (64, 128).
SMALL = [1, 32, 33, 70]
LARGE = [1, 64, 65, 130]


def layout(lengths):
    return Layout(np.concatenate([[0], np.cumsum(lengths)]))


def drawn(*shape, seed, dtype=torch.float32):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return values.to(DEVICE, dtype).requires_grad_()


def causal(bias):
    return bias.masked_fill(
        torch.arange(bias.shape[1], device=DEVICE) < bias.shape[1] // 2, -torch.inf
    )


def per_sequence(query, key, value, plan, bias, kept, scale):
    """Each sequence by itself, with every score written out.

    kept: int32 words of bits, or None.
    """
    parts = []
    for begin, end, first, last in zip(
        plan.queries.offsets,
        plan.queries.offsets[1:],
        plan.keys.offsets,
        plan.keys.offsets[1:],
        strict=False,
    ):
        scores = torch.einsum("qhd,khd->hqk", query[begin:end], key[first:last])
        i, j = (torch.arange(n, device=DEVICE) for n in scores.shape[1:])
        if bias is not None:
            longest = (bias.shape[1] + 1) // 2
            column = longest - 1 - (j[None] - i[:, None])
            scores = scores + bias[:, column.clamp(0, bias.shape[1] - 1)]
        probabilities = scores.softmax(-1)
        if kept is not None:
            bits = (kept[:, begin:end, j // 32] >> (j % 32)) & 1
            probabilities = probabilities * bits * scale
        parts.append(torch.einsum("hqk,khd->qhd", probabilities, value[first:last]))
    return torch.cat(parts)


def results(function, inputs, weights, make_bias):
    """The output and the gradients of all inputs."""
    out = function(*inputs[:3], make_bias(inputs[3]) if len(inputs) > 3 else None)
    return [out, *torch.autograd.grad((out * weights).sum(), inputs)]


def check(kind, lengths, width, dtype, dropout, tolerance):
    keys = queries = layout(lengths)
    if kind == "cross":
        queries = layout(lengths[::-1])
    plan = Plan(queries, keys, HEADS, DEVICE)
    sizes = (queries.num_tokens, keys.num_tokens, keys.num_tokens)
    inputs = [drawn(n, HEADS, width, seed=k, dtype=dtype) for k, n in enumerate(sizes)]
    if kind != "cross":
        longest = {"short": 20}.get(kind, max(lengths) + 3)
        inputs.append(drawn(HEADS, 2 * longest - 1, seed=9))
    make_bias = causal if kind == "causal" else lambda bias: bias
    weights = drawn(queries.num_tokens, HEADS, width, seed=8, dtype=dtype).detach()
    fused = results(
        lambda q, k, v, bias: fused_attention(q, k, v, plan, bias, dropout),
        inputs,
        weights,
        make_bias,
    )
    kept = kept_words(plan, HEADS, dropout) if dropout else None
    exact = [x.detach().double().requires_grad_() for x in inputs]
    plain = results(
        lambda q, k, v, bias: per_sequence(q, k, v, plan, bias, kept, dropout.scale),
        exact,
        weights.double(),
        make_bias,
    )
    for a, b in zip(fused, plain, strict=True):
        scale = float(b.detach().abs().max())
        assert scale > 0.1
        torch.testing.assert_close(a.double(), b, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["both ways", "causal", "short", "cross"])
def test_outputs_and_gradients_in_float32_are_those_of_the_plain_formula(kind, rate):
    check(kind, SMALL, 32, torch.float32, Dropout(rate, 5), 1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["both ways", "causal", "short", "cross"])
def test_outputs_and_gradients_in_16_bits_are_near_those_of_the_plain_formula(kind, rate):
    check(kind, LARGE, 64, torch.float16, Dropout(rate, 5), 0.01)


@needs_gpu
@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("kind", ["both ways", "causal", "short", "cross"])
def test_outputs_and_gradients_in_bfloat16_are_near_those_of_the_plain_formula(kind, width):
    """Triton's interpreter has no products of bfloat16."""
    check(kind, [*LARGE, 700], width, torch.bfloat16, Dropout(0.1, 5), 0.05)


@pytest.mark.parametrize("width", [6, 48, 128])
def test_heads_of_other_widths_attend_alike(width):
    check("short", [1, 33, 40], width, torch.float32, NO_DROPOUT, 1e-5)
    check("short", [1, 33, 70], width, torch.float16, NO_DROPOUT, 0.01)


def test_the_fused_path_and_the_others_take_a_bias_alike():
    plan = Plan(layout(SMALL), layout(SMALL), HEADS, DEVICE)
    inputs = [drawn(plan.keys.num_tokens, HEADS, 32, seed=k) for k in range(3)]
    bias = causal(drawn(HEADS, 2 * 17 - 1, seed=3))
    fused = fused_attention(*inputs, plan, bias, NO_DROPOUT)
    for function in (attention, padded_attention):
        torch.testing.assert_close(fused, function(*inputs, plan, bias, NO_DROPOUT))


def test_queries_keys_and_values_may_be_parts_of_one_tensor():
    plan = Plan(layout([3, 40]), layout([3, 40]), HEADS, DEVICE)
    whole = drawn(43, 3, HEADS, 32, seed=1).detach()
    apart = fused_attention(*(whole[:, k].contiguous() for k in range(3)), plan, None, NO_DROPOUT)
    assert torch.equal(fused_attention(*whole.unbind(1), plan, None, NO_DROPOUT), apart)
    turned = whole.transpose(2, 3).contiguous().transpose(2, 3)
    assert torch.equal(fused_attention(*turned.unbind(1), plan, None, NO_DROPOUT), apart)


def test_a_query_may_see_nothing_of_a_whole_tile():
    """Only keys that are at least 40 tokens back, or else the query itself."""
    plan = Plan(layout([100]), layout([100]), HEADS, DEVICE)
    inputs = [drawn(100, HEADS, 32, seed=k) for k in range(3)]
    distance = torch.arange(99, -100, -1, device=DEVICE)
    bias = drawn(HEADS, 199, seed=4).masked_fill((distance > -40) & (distance != 0), -torch.inf)
    assert torch.isinf(bias[:, 99 - 5]).all()
    fused = fused_attention(*inputs, plan, bias.detach(), NO_DROPOUT)
    plain = per_sequence(*inputs, plan, bias.detach(), None, 1.0)
    torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-5)


def test_the_same_input_gives_the_same_bits():
    plan = Plan(layout([1, 70]), layout([1, 70]), HEADS, DEVICE)
    inputs = [drawn(plan.keys.num_tokens, HEADS, 32, seed=k) for k in range(3)]
    inputs.append(drawn(HEADS, 39, seed=3))

    def once():
        out = fused_attention(*inputs[:3], plan, inputs[3], Dropout(0.2, 1))
        return [out, *torch.autograd.grad(out.square().sum(), inputs)]

    for a, b in zip(once(), once(), strict=True):
        assert torch.equal(a, b)


# ---- Dropout -----------------------------------------------------------------------------------


def bits_of(plan, dropout):
    """bool [H, N, keys], the same keys for all queries."""
    words = kept_words(plan, HEADS, dropout)
    j = torch.arange(plan.keys.longest, device=DEVICE)
    return ((words[:, :, j // 32] >> (j % 32)) & 1).bool()


def test_dropout_keeps_its_share_of_every_key_query_and_head():
    plan = Plan(layout([250]), layout([250]), HEADS, DEVICE)
    bits = bits_of(plan, Dropout(0.1, 3)).double()
    for dims in ((0, 1, 2), (0, 1), (0, 2), (1, 2)):
        shares = bits.mean(dims)
        spread = np.sqrt(0.1 * 0.9 * shares.numel() / bits.numel())
        assert float((shares - 0.9).abs().max()) < 5 * spread, dims


def test_neighbours_are_dropped_independently():
    plan = Plan(layout([250]), layout([250]), HEADS, DEVICE)
    bits = bits_of(plan, Dropout(0.5, 3)).double() - 0.5
    for other in (
        bits.roll(1, 2),
        bits.roll(16, 2),
        bits.roll(32, 2),
        bits.roll(1, 1),
        bits.flip(0),
    ):
        assert abs(float((bits * other).mean()) * 4) < 5 / np.sqrt(bits.numel())


def test_each_place_and_seed_drops_other_probabilities():
    plan = Plan(layout([100]), layout([100]), HEADS, DEVICE)
    dropout = Dropout(0.5, seed=1)
    drawings = [bits_of(plan, d) for d in (dropout, dropout.at(0), dropout.at(1), Dropout(0.5, 2))]
    for k, a in enumerate(drawings):
        for b in drawings[:k]:
            assert 0.45 < float((a == b).double().mean()) < 0.55
    assert torch.equal(bits_of(plan, dropout.at(1)), drawings[2])


# ---- Decoding ----------------------------------------------------------------------------------


def decoded(function, width, capacity, dtype, is_key_dense, seed=0):
    """Outputs and caches after rows of several lengths took in tokens, some of them several."""
    random = np.random.default_rng(seed)
    held = [capacity - 3, 0, 1, 63, 64]
    keys = drawn(len(held), HEADS, width, capacity, seed=1, dtype=dtype).detach()
    if is_key_dense:
        keys = keys.transpose(2, 3).contiguous().transpose(2, 3)
    cache = Cache(keys, drawn(len(held), HEADS, capacity, width, seed=2, dtype=dtype).detach())
    bias = drawn(HEADS, capacity, seed=3).detach()
    new = [(row, count + k) for row, count in enumerate(held) for k in range(1 + row % 3)]
    rows, positions = np.array(new, np.int32).T
    order = sorted(random.permutation(len(new)), key=lambda k: positions[k])
    rows, positions = (
        torch.from_numpy(x[order].astype(np.int64)).to(DEVICE) for x in (rows, positions)
    )
    projected = drawn(len(new), 3, HEADS, width, seed=4, dtype=dtype).detach()
    return function(projected, rows, positions, bias, cache), cache.keys, cache.values


@pytest.mark.parametrize("num_parts", [1, 2, 5])
@pytest.mark.parametrize("is_key_dense", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("width", "capacity"), [(64, 80), (24, 208)])
def test_decoding_is_that_of_the_plain_path(width, capacity, dtype, is_key_dense, num_parts):
    def fused(projected, rows, positions, bias, cache):
        held = (cache.keys, cache.values)
        return fused_decode_self_attention(projected, rows, positions, bias, *held, num_parts)

    ours = decoded(fused, width, capacity, dtype, is_key_dense)
    plain = decoded(plain_decode_self_attention, width, capacity, dtype, is_key_dense)
    for a, b in zip(ours[1:], plain[1:], strict=True):
        assert torch.equal(a, b)
    tolerance = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(ours[0], plain[0], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("num_parts", [1, 2])
def test_what_is_no_token_is_not_stored(num_parts):
    keys, values = (torch.zeros(2, HEADS, n, m, device=DEVICE) for n, m in ((32, 80), (80, 32)))
    projected = drawn(3, 3, HEADS, 32, seed=4).detach()
    rows, positions = (torch.tensor(x, device=DEVICE) for x in ([1, -1, -1], [0, 0, 5]))
    bias = torch.zeros(HEADS, 80, device=DEVICE)
    out = fused_decode_self_attention(projected, rows, positions, bias, keys, values, num_parts)
    torch.testing.assert_close(out[0], projected[0, 2])
    assert not out[1:].any()
    torch.testing.assert_close(values[1, :, 0], projected[0, 2])
    for cache in (keys, values):
        assert cache.count_nonzero() == HEADS * 32


# ---- The plan, and which kernel is used --------------------------------------------------------


@pytest.mark.parametrize("by_key", [False, True])
def test_every_token_is_in_one_block(by_key):
    queries, keys = layout([3, 64, 65, 1]), layout([200, 7, 1, 64])
    blocks = Plan(queries, keys, HEADS).blocks(64, by_key).numpy()
    own = (queries, keys)[by_key]
    tokens = [
        first + np.arange(place, min(place + 64, length)) for first, place, length, _, _ in blocks
    ]
    assert sorted(np.concatenate(tokens)) == list(range(own.num_tokens))
    partners = {(0, 3, 0, 200), (3, 64, 200, 7), (67, 65, 207, 1), (132, 1, 208, 64)}
    named = {(a, b, c, d) if not by_key else (c, d, a, b) for a, _, b, c, d in blocks.tolist()}
    assert named == partners
    assert (np.diff(blocks[:, 4]) <= 0).all()


def on_a_gpu(monkeypatch, capability=(9, 0), has_triton=True):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(availability, "HAS_TRITON", has_triton)
    monkeypatch.setattr(availability, "HAS_FLASH", False)
    return describe(torch.device("cuda"))


def test_what_is_used_and_why_is_said(monkeypatch):
    monkeypatch.delenv("CODEIT_ATTENTION", raising=False)
    assert on_a_gpu(monkeypatch) == "our own in Triton; flash-attn is not installed"
    assert "triton is not installed" in on_a_gpu(monkeypatch, has_triton=False)
    assert "older than Ampere" in on_a_gpu(monkeypatch, capability=(7, 5))
    monkeypatch.setenv("CODEIT_ATTENTION", "plain")
    assert "padded groups (CODEIT_ATTENTION=plain asks for it)" in on_a_gpu(monkeypatch)


@needs_gpu
def test_a_gpu_takes_the_fused_path_unless_told_otherwise(monkeypatch):
    plan = Plan(layout(SMALL), layout(SMALL), HEADS, DEVICE)
    inputs = [drawn(plan.keys.num_tokens, HEADS, 32, seed=k) for k in range(3)]
    bias = drawn(HEADS, 39, seed=3)
    fused = fused_attention(*inputs, plan, bias, NO_DROPOUT)
    assert torch.equal(attention(*inputs, plan, bias, NO_DROPOUT), fused)
    monkeypatch.setenv("CODEIT_ATTENTION", "plain")
    plain = padded_attention(*inputs, plan, bias, NO_DROPOUT)
    assert torch.equal(attention(*inputs, plan, bias, NO_DROPOUT), plain)
