"""The automaton's tables: enough for a kernel that walks them elsewhere."""

import numpy as np
import pytest

from codeit.language import CONSTANTS, PRIMITIVES, load_seed_programs
from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.tokenizer import CompactTokenizer, load_tokenizer


@pytest.fixture(scope="module", params=["compact", "codet5"])
def tokenizer(request):
    if request.param == "compact":
        return CompactTokenizer()
    return load_tokenizer(str(request.getfixturevalue("shared") / "data" / "codet5-tokenizer"))


FUNCTIONS, FIRST_ARGUMENTS, ARGUMENTS = range(3)
CHAINS = ("start", "name", "output", "function", "between", "line", "program")


def has(words, k):
    return bool(int(words[k // 64]) >> (k % 64) & 1)


class PlainWalk:
    """The masks of a program that calls nothing twice and has tokens to spare, from the tables."""

    def __init__(self, tables):
        self.t = tables
        self.first = tables["costs"].shape[1]  # of the variables, behind whole words of other terms
        self.chains = dict(zip(CHAINS, tables["chains"], strict=True))
        self.kinds = []
        self.called = []
        self.under = [
            {k for k in range(self.first + 128) if has(words, k)} for words in tables["under"]
        ]
        self.going_on = set()  # tokens by which a term that could end here goes on

    def masks_of(self, text):
        yield from self.chain("start")
        for line in text.split("\n"):
            name, call = line.split(" = ")
            function, arguments = call.rstrip(")").split("(")
            yield from self.name(name)
            yield from self.chain("output" if name == "O" else "name")
            function, *arguments = (self.number(n) for n in (function, *arguments.split(", ")))
            yield from self.term(
                FUNCTIONS, function, self.functions(name == "O"), {self.first_token("function")}
            )
            yield from self.chain("function")
            kinds = [self.kind(term) for term in arguments]
            arity = self.arity(function)
            end = "program" if name == "O" else "line"
            for k, term in enumerate(arguments):
                if k > 0:
                    yield from self.chain("between", is_choice=arity == 0)
                root = FIRST_ARGUMENTS if k == 0 else ARGUMENTS
                allowed = self.arguments(function, k)
                is_open = arity == 0 and self.chains["between"][0] == 0 and k > 0
                behind = {self.first_token("between")} if k + 1 < (arity or 4) else set()
                if k + 1 == arity or arity == 0:
                    behind |= {self.first_token(end)}
                yield from self.term(root, term, allowed, behind, is_open=is_open)
            yield from self.chain(end, is_choice=arity == 0 and len(arguments) < 4)
            self.kinds.append(self.kind_of_call(function, kinds))
            self.called.append(function)

    def number(self, name):
        if name in PRIMITIVES:
            return list(PRIMITIVES).index(name)
        if name in CONSTANTS:
            return len(PRIMITIVES) + list(CONSTANTS).index(name)
        num_names = len(PRIMITIVES) + len(CONSTANTS)
        return num_names if name == "I" else self.first + int(name[1:]) - 1

    def name(self, name):
        output, first = int(self.t["output_token"][0]), int(self.t["name_token"][0])
        variable = len(self.kinds)
        yield {output, variable if first == 65535 else first}
        if name != "O" and first != 65535:
            yield {variable}

    def chain(self, name, is_choice=False):
        size, node, _, _, _ = self.chains[name]
        for k in range(size):
            token, after = self.t["edges"][self.t["nodes"][node][0]]
            # What else can come at a choice is told apart by the first token only.
            yield None if is_choice and k == 0 else {int(token)} | self.going_on
            self.going_on = set()
            node = after

    def first_token(self, chain):
        return int(self.chains[chain][2])

    def kind(self, term):
        if term < self.first:
            return int(self.t["kinds_of_fixed"][term])
        return self.kinds[term - self.first]

    def kind_of_call(self, function, kinds):
        kind = int(self.t["kinds_of_calls"][function]) if function < self.first else 0
        if kind == 254:  # a pair of numbers is an IntegerTuple, another one some container
            return 3 if kinds[0] in (2, 4) else 18
        return max(kinds[0] - 1, 20) if kind == 255 else kind

    def arity(self, function):
        if function < self.first:
            return int(self.t["arities"][function])
        return max(self.kind(function) - 20, 0)

    def variables(self, number):
        return {
            self.first + k
            for k, kind in enumerate(self.kinds)
            if int(self.t["kinds"][number]) >> kind & 1
        }

    def functions(self, is_output):
        words = self.t["output_functions" if is_output else "functions"]
        fixed = {f for f in range(self.first) if has(words, f)}
        for c in range(len(self.t["num_fixed"])):
            if self.t["num_fixed"][c] == 0 and not self.variables(c):
                fixed -= {f for f in range(self.first) if has(self.t["users_of"][c], f)}
        for f in self.called:  # once each
            classes = self.t["class_of"][f][: self.t["arities"][f]] if f < self.first else [0]
            sizes = [int(self.t["num_fixed"][c]) + len(self.variables(c)) for c in classes]
            fixed -= {f} if np.prod(sizes) == 1 else set()
        return fixed | self.variables(int(self.t["function_class"][0]))

    def arguments(self, function, k):
        number = int(self.t["class_of"][function][k]) if function < self.first else 0
        words = self.t["fixed"][ARGUMENTS, number, -1]
        return {f for f in range(self.first) if has(words, f)} | self.variables(number)

    def term(self, root, term, allowed, behind, is_open=False):
        """The masks on the way to a term; where others go on from it, chain needs to know."""
        at = int(self.t["roots"][root])
        while True:
            first, count, ends, _, is_fan, _, _ = self.t["nodes"][at]
            edges = {int(a): int(b) for a, b in self.t["edges"][first : first + count]}
            mask = {a for a, b in edges.items() if self.under[b] & allowed}
            if ends == term:
                self.going_on = mask
                return
            if ends in allowed:
                mask |= behind
            if is_fan:
                mask |= {v - self.first for v in allowed if v >= self.first}
            yield None if is_open and at == self.t["roots"][root] else mask
            if is_fan and term >= self.first:
                return
            at = next(b for b in edges.values() if term in self.under[b])


@pytest.mark.parametrize("mode", ["grammar", "typed"])
def test_the_tables_alone_give_the_masks(tokenizer, mode):
    constraint = ProgramConstraint(tokenizer, mode, 1)
    walk = PlainWalk(constraint.tables())
    num_programs = 0
    for seed in load_seed_programs()[:60]:
        text = seed.program.text
        functions = [line.split(" = ")[1].split("(")[0] for line in text.split("\n")]
        ids = tokenizer.encode_program(text)
        if len(set(functions)) < len(functions) or not passes(constraint, ids):
            continue
        num_programs += 1
        walk.kinds, walk.called = [], []
        constraint.begin(1000)
        for k, expected in zip(ids, walk.masks_of(text), strict=True):
            bits = np.unpackbits(constraint.masks().view(np.uint8), bitorder="little")
            assert expected is None or expected == set(np.flatnonzero(bits).tolist())
            constraint.advance([k])
    assert num_programs > 10


def passes(constraint, ids):
    constraint.begin(1000)
    return all(constraint.advance([k])[0] for k in ids)
