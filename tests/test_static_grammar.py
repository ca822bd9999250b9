"""The automaton in tensors, beside the native one."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from codeit.language import CONSTANTS, PRIMITIVES  # noqa: E402
from codeit.policy.sampling.constraint import ProgramConstraint  # noqa: E402
from codeit.policy.sampling.static_grammar import StaticGrammar, why_not  # noqa: E402
from codeit.policy.tokenizer import CompactTokenizer, load_tokenizer  # noqa: E402


@pytest.fixture(scope="module")
def codet5(shared):
    return load_tokenizer(str(shared / "data" / "codet5-tokenizer"))


@pytest.fixture(scope="module", params=["compact", "codet5"])
def tokenizer(request):
    return CompactTokenizer() if request.param == "compact" else request.getfixturevalue("codet5")


def walk(tokenizer, max_tokens, choose, start=()):
    """The numbers of tokens that rows took, side by side in both automata, which must allow them
    the same ones.

    Args:
        max_tokens: of each row.
        choose: from the tokens that a row is allowed, the one that it takes.
        start: ids that all take first.
    """
    starts = list(start)
    rows = len(max_tokens)
    native = ProgramConstraint(tokenizer, "grammar", rows)
    alphabet = native.alphabet.astype(np.int64)
    ours = StaticGrammar(native.tables(), len(alphabet), rows, torch.device("cpu"))
    slots = torch.arange(rows)
    for row, limit in enumerate(max_tokens):
        native.begin(limit, [row])
        ours.begin(slots[row : row + 1], limit)
    has_ended = np.zeros(rows, bool)
    taken = np.zeros(rows, np.int64)
    while not has_ended.all():
        bits = np.unpackbits(native.masks().view(np.uint8), axis=1, bitorder="little")
        allowed = bits[:, : len(alphabet)].astype(bool)
        np.testing.assert_array_equal(ours.masks(slots).numpy()[~has_ended], allowed[~has_ended])
        if starts:
            numbers = np.repeat(np.flatnonzero(alphabet == starts.pop(0))[-1:], rows)
        else:
            numbers = np.array(
                [
                    0 if has_ended[row] else choose(np.flatnonzero(mask))
                    for row, mask in enumerate(allowed)
                ]
            )
        native.advance(np.where(has_ended, -1, alphabet[numbers]))
        taken += ~has_ended
        # Rows that have ended share the last slot.
        at = torch.where(torch.from_numpy(has_ended), rows, slots)
        left = torch.from_numpy(max_tokens - taken)
        is_last = ours.advance(at, torch.from_numpy(numbers), left).numpy()
        np.testing.assert_array_equal(is_last[~has_ended], native.is_finished[~has_ended])
        has_ended |= is_last
    return taken


def test_random_programs_are_allowed_the_same_tokens(tokenizer):
    random = np.random.default_rng(0)
    max_tokens = np.arange(8, 200)
    taken = walk(tokenizer, max_tokens, random.choice)
    assert (taken[:30] < max_tokens[:30]).any()
    assert (taken[:30] == max_tokens[:30]).any()


class Choice:
    """Takes a token that is liked, where it can, and unless it is, O only when it must."""

    def __init__(self, tokenizer, lists, share):
        alphabet = ProgramConstraint(tokenizer, "grammar", 1).alphabet.tolist()
        self.number = {token: k for k, token in enumerate(alphabet)}
        self.end = self.number[tokenizer.spelling().output[0]]
        self.liked = {self.number[token] for ids in lists for token in ids}
        self.share = share
        self.random = np.random.default_rng(1)

    def __call__(self, tokens):
        if self.end not in self.liked and len(tokens) > 1:
            tokens = tokens[tokens != self.end]
        liked = [token for token in tokens if token in self.liked]
        return self.random.choice(liked if liked and self.random.random() < self.share else tokens)


def test_programs_of_few_names_are_allowed_the_same_tokens(tokenizer):
    spelling = tokenizer.spelling()
    terms = (spelling.functions, spelling.first_arguments, spelling.arguments)
    few = [parts[k] for parts in terms for k in (0, 1, 2, -99, -98)]
    taken = walk(tokenizer, np.arange(40, 900, 15), Choice(tokenizer, few, 0.9))
    assert taken.mean() > 300


@pytest.mark.parametrize("call", ["identity({})", "add(T, {})", "x1({})", "x1(T, {})"])
def test_so_are_those_that_have_used_up_the_short_calls_of_a_function(codet5, call):
    """The next one is longer, which matters where the tokens come to an end."""
    spelling = codet5.spelling()
    last = spelling.arguments if "T" in call else spelling.first_arguments
    names = [*PRIMITIVES, *CONSTANTS, "I"]
    calls = [call.format(name) for name, ids in zip(names, last, strict=False) if len(ids) == 1]
    calls = list(dict.fromkeys(["astuple(T, T)", *calls, "x1(T)"]))
    for num_lines in (len(calls) - 2, len(calls) - 1, len(calls)):
        lines = [f"x{k + 1} = {text}" for k, text in enumerate(calls[:num_lines])]
        start = codet5.encode_program("\n".join([*lines, f"O = {call.format('F')}"])).tolist()
        start = start[: len(start) - start[::-1].index(spelling.newline[0])]
        liked = codet5.encode_program("x2 = " + call.format("F")).tolist()
        choice = Choice(codet5, [liked, spelling.output], 0.9)
        walk(codet5, len(start) + np.arange(7, 30), choice, start)


def test_what_a_tokenizer_needs_is_said(tokenizer):
    tables = ProgramConstraint(tokenizer, "grammar", 1).tables()
    assert why_not(tables) is None
    tables["costs"][1, :95] += 5
    assert "too few" in why_not(tables)
