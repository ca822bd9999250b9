"""The native kernels of a decoder's step, beside torch's own operations."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import codeit._native.decoding as native  # noqa: E402
from codeit.policy.sampling.kernels import (  # noqa: E402
    NativeKernels,
    PlainKernels,
    Step,
    kernels_for,
)

CPU = torch.device("cpu")
PRECISIONS = ["float32", "bfloat16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@pytest.fixture(autouse=True, params=[3, 2, 1, 0], ids=["products", "wide", "narrow", "any"])
def processor(request):
    """Each kind of processor that there are kernels for, as far as this one can do what it can."""
    native.limit_processor(request.param)
    yield
    native.limit_processor(3)


def both(precision):
    """Ours, and torch's in float32, since those round in between where ours do not."""
    return NativeKernels(CPU, precision), PlainKernels(CPU, "float32")


def close(ours, theirs):
    assert theirs.dtype == torch.float32
    atol = 1e-5 if ours.dtype == torch.float32 else 0.02
    return torch.allclose(ours.float(), theirs, rtol=0, atol=atol)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("size", [16, 48, 64])
def test_rows_attend_to_what_they_hold(precision, size):
    random = torch.Generator().manual_seed(5)
    heads, capacity = 3, 80
    bias = torch.randn(heads, capacity, generator=random)
    native, plain = both(precision)
    caches = [kernels.cache(4, heads, capacity, size) for kernels in (native, plain)]
    lengths = [0] * 4
    for rows in ([0, 1, 2, 3], [2, 2, 2, 0], [3] * 70, [1, 1, 3, 3], [0, 1, 2, 3]):
        positions = []
        for row in rows:
            positions.append(lengths[row])
            lengths[row] += 1
        step = Step(np.array(rows, np.int32), np.array(positions, np.int32))
        projected = torch.randn(len(rows), 3, heads, size, generator=random).to(DTYPES[precision])
        ours, theirs = (
            kernels.attend(projected.to(kernels.dtype), step, kernels.arranged_bias(bias), cache)
            for kernels, cache in zip((native, plain), caches, strict=True)
        )
        assert close(ours, theirs)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("lengths", [[1], [16, 17], [100, 3, 512]])
def test_tokens_attend_to_what_they_share(precision, lengths):
    random = torch.Generator().manual_seed(6)
    heads, size = 2, 48
    keys_values = [
        torch.randn(n, 2, heads, size, generator=random).to(DTYPES[precision]) for n in lengths
    ]
    for count in (1, 2, 5, 8, 9, 24):
        query = torch.randn(count * len(lengths), heads, size, generator=random).to(
            DTYPES[precision]
        )
        ours, theirs = (
            kernels.attend_shared(
                query.to(kernels.dtype),
                [(kernels.context(m.to(kernels.dtype)), count) for m in keys_values],
            )
            for kernels in both(precision)
        )
        assert close(ours, theirs)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_sums_are_added_to_and_normalized(precision):
    random = torch.Generator().manual_seed(7)
    start = torch.randn(5, 96, generator=random)
    added = torch.randn(5, 96, generator=random).to(DTYPES[precision])
    weight = torch.randn(96, generator=random)
    for some in (added, None):
        sums = [start.clone(), start.clone()]
        ours, theirs = (
            kernels.add_and_normalize(
                s, some if some is None else some.to(kernels.dtype), weight, 1e-6
            )
            for kernels, s in zip(both(precision), sums, strict=True)
        )
        assert torch.equal(*sums)
        assert close(ours, theirs)


@pytest.mark.parametrize("is_exact", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("activation", [None, "relu", "gelu", "gelu_new", "silu"])
def test_products_with_their_activation(precision, activation, is_exact):
    random = torch.Generator().manual_seed(8)
    for num_out in (16, 80, 96, 33):
        weight = torch.randn(num_out, 48, generator=random) / 7
        for num_rows in (1, 2, 7, 8, 9, 12, 13, 96):
            x = torch.randn(num_rows, 48, generator=random)
            ours, theirs = (
                kernels.linear(weight, activation, is_exact=is_exact)(x.to(kernels.dtype))
                for kernels in both(precision)
            )
            assert ours.dtype == (torch.float32 if is_exact else both(precision)[0].dtype)
            error = (ours.float() - theirs).abs().max()
            assert error < {"float32": 1e-5, "bfloat16": 0.03, "int8": 0.06}[precision]


def test_products_of_int8_round_to_the_nearest_of_127_steps():
    weight = torch.zeros(1, 16)
    weight[0, :3] = torch.tensor([127.0, 1.4, -1.6])
    x = torch.zeros(1, 16)
    x[0, :4] = torch.tensor([1.0, 63.6, -127.0, 127.0])
    found = NativeKernels(CPU, "int8").linear(weight, is_exact=True)(x.bfloat16())
    assert found.item() == 127 * 1 + 1 * 64 + -2 * -127


@pytest.mark.parametrize("shape", [(3, 24), (0, 16)])
def test_a_matrix_of_another_width_is_refused(shape):
    with pytest.raises(ValueError, match="its width must be a multiple of 16"):
        NativeKernels(CPU, "float32").linear(torch.zeros(shape))


def test_tokens_of_another_width_are_refused():
    multiply = NativeKernels(CPU, "float32").linear(torch.zeros(3, 32))
    with pytest.raises(ValueError, match="do not fit the matrix"):
        multiply(torch.zeros(2, 16))


@pytest.mark.parametrize(("row", "position"), [(-1, 0), (2, 0), (0, -1), (0, 16)])
def test_a_token_outside_the_cache_is_refused(row, position):
    kernels = NativeKernels(CPU, "float32")
    step = Step(np.array([row], np.int32), np.array([position], np.int32))
    with pytest.raises(ValueError, match=f"token 0: row {row} and position {position} are outside"):
        kernels.attend(
            torch.zeros(1, 3, 1, 16), step, torch.zeros(1, 16), kernels.cache(2, 1, 16, 16)
        )


def test_tokens_without_a_memory_are_refused():
    kernels = NativeKernels(CPU, "float32")
    context = kernels.context(torch.zeros(3, 2, 1, 16))
    with pytest.raises(ValueError, match="the contexts are for 2 tokens of 3"):
        kernels.attend_shared(torch.zeros(3, 1, 16), [(context, 2)])


def test_sizes_that_our_kernels_do_not_take_are_left_to_torch():
    assert isinstance(kernels_for(CPU, "float32", (64, 16)), NativeKernels)
    assert isinstance(kernels_for(CPU, "float32", (64, 8)), PlainKernels)
    assert isinstance(kernels_for(CPU, "float32", (64, 16), is_plain=True), PlainKernels)
