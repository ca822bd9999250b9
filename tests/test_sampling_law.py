"""The law by which tokens are drawn: natively, and by torch's operations."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from codeit.policy.sampling.sampling_law import SamplingLaw, uniforms  # noqa: E402


def frequencies(law, scores, count, is_plain):
    numbers = uniforms(1, 2, 3, count)
    if is_plain:
        drawn = law.plain_draw(scores.expand(count, -1), torch.from_numpy(numbers)).numpy()
    else:
        drawn = law.draw(scores.expand(count, -1).contiguous(), numbers)
    return np.bincount(drawn, minlength=scores.shape[-1])


@pytest.mark.parametrize("is_plain", [False, True])
@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (SamplingLaw(1.0, 0, 1.0), lambda p: p),
        (SamplingLaw(0.5, 0, 1.0), lambda p: p**2),
        (SamplingLaw(1.0, 3, 1.0), lambda p: np.where(p >= np.sort(p)[-3], p, 0)),
        (SamplingLaw(1.0, 0, 0.6), lambda p: np.where(p >= 0.25, p, 0)),
        (SamplingLaw(1.0, 4, 0.3), lambda p: np.where(p >= 0.4, p, 0)),
    ],
    ids=["softmax", "temperature", "top k", "top p", "both"],
)
def test_tokens_are_drawn_as_often_as_the_law_says(law, expected, is_plain):
    p = np.array([0.05, 0.4, 0.1, 0.2, 0.0, 0.25])
    scores = torch.from_numpy(np.log(np.maximum(p, 1e-30)).astype(np.float32))[None]
    count = 100_000
    seen = frequencies(law, scores, count, is_plain)
    wanted = expected(p) / expected(p).sum() * count
    assert (seen[wanted == 0] == 0).all()
    chi_square = ((seen - wanted)[wanted > 0] ** 2 / wanted[wanted > 0]).sum()
    assert chi_square < 25.7  # the quantile 0.9999 of 5 degrees of freedom


@pytest.mark.parametrize("is_plain", [False, True])
def test_what_cannot_be_drawn_is_not(is_plain):
    scores = torch.tensor([[-torch.inf, 0.0, -torch.inf, -3.0]])
    for law in (
        SamplingLaw(1.0, 0, 1.0),
        SamplingLaw(1.0, 3, 1.0),
        SamplingLaw(1.0, 0, 0.9),
        SamplingLaw(1.0, 1, 1.0),
    ):
        assert set(np.flatnonzero(frequencies(law, scores, 2000, is_plain))) <= {1, 3}


def test_the_edges_of_the_unit_interval_draw_the_first_and_the_last():
    scores = torch.tensor([[-torch.inf, 0.0, -torch.inf, -3.0]]).expand(2, -1).contiguous()
    edge = np.array([0.0, 1 - 2**-53])
    assert SamplingLaw(1.0, 0, 1.0).draw(scores, edge).tolist() == [1, 3]
    assert SamplingLaw(1.0, 0, 1.0).plain_draw(scores, torch.from_numpy(edge)).tolist() == [1, 3]


@pytest.mark.parametrize("width", [7, 300, 5000, 32100])
@pytest.mark.parametrize(
    "law",
    [
        SamplingLaw(0.95, 50, 1.0),
        SamplingLaw(0.95, 1, 1.0),
        SamplingLaw(1.5, 4, 0.7),
        SamplingLaw(0.5, 40, 0.2),
    ],
)
def test_native_draws_are_the_plain_ones(law, width):
    random = torch.Generator().manual_seed(width)
    scores = torch.randn(200, width, generator=random) * 3
    numbers = uniforms(width, 0, 0, 200)
    plain = law.plain_draw(scores, torch.from_numpy(numbers))
    assert np.array_equal(law.draw(scores, numbers), plain.numpy())


@pytest.mark.parametrize(
    "law", [SamplingLaw(0.95, 50, 1.0), SamplingLaw(0.95, 0, 1.0), SamplingLaw(1.0, 3, 0.8)]
)
def test_masked_draws_are_those_from_scores_with_the_rest_left_out(law):
    random = np.random.default_rng(4)
    scores = torch.from_numpy(random.standard_normal((500, 451), dtype=np.float32))
    words = random.integers(0, 1 << 63, (500, 8), np.uint64)
    words &= random.integers(0, 1 << 63, (500, 8), np.uint64)
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, :451]
    numbers = uniforms(4, 0, 0, 500)
    masked = scores.masked_fill(torch.from_numpy(bits == 0), -torch.inf)
    plain = law.plain_draw(masked, torch.from_numpy(numbers)).numpy()
    assert np.array_equal(law.draw(scores, numbers, words), plain)
    assert bits[np.arange(500), plain].all()


def test_what_is_no_number_is_never_drawn():
    scores = torch.full((50, 20_000), torch.nan)
    scores[:, 7] = 0.0
    assert (SamplingLaw(1.0, 50, 1.0).draw(scores, uniforms(0, 0, 0, 50)) == 7).all()


def test_numbers_of_different_samples_have_nothing_in_common():
    numbers = [uniforms(s, p, n, 50) for s in (0, 1) for p in (0, 1) for n in (0, 1)]
    assert len(np.unique(np.concatenate(numbers))) == 8 * 50
    assert np.array_equal(
        uniforms(1, 2, 3, 9), uniforms(1, 2, 3, 4).tolist() + uniforms(1, 2, 3, 9)[4:].tolist()
    )
