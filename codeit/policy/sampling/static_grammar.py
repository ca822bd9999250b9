"""The automaton of csrc/text in tensors: which tokens can continue many programs, on any device.

It walks the automaton's own tables, and every row takes the same way through the same operations,
so that a CUDA graph can hold a step: what does not concern a row is worked out for it and dropped.
It is for mode `grammar`, where a tokenizer has enough short terms (`why_not`); then the fewest
tokens that end a call hardly depend on the calls before it, and what the automaton finds by
recursion is a sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codeit._native import lang

# As in csrc/text/automaton.h and term.h.
_FINISHED, _NAME, _NUMBER, _CHOICE, _FIRST_NODE = 0, 2, 3, 4, 5
_NAME_PLACE, _FUNCTION_PLACE, _ARGUMENT_PLACE, _FINISHED_PLACE = range(4)
_NO_TOKEN = _NO_TERM = (1 << 16) - 1
_MAX_VARIABLES, _MAX_ARITY = lang.MAX_VARIABLES, lang.MAX_ARITY
_NEVER = 1 << 20

_USED = 128  # more than there are lines

# Shape letters: B rows of a step, R slots, L lines, W terms, V tokens of the alphabet.

Tables = dict[str, npt.NDArray[Any]]


def why_not(tables: Tables) -> str | None:
    """Why the automaton with these tables cannot be in tensors; None if it can."""
    for root in (1, 2):
        costs = np.sort(_costs(tables, root)[: _first_variable(tables)])
        is_plenty = costs[_MAX_VARIABLES - 1] == costs[0]
        variable = tables["variable_costs"][root]
        if not is_plenty and not costs[_MAX_VARIABLES - 1] <= costs[0] + 1 <= variable:
            return "the tokenizer writes too few constants and primitives in the fewest tokens"
    return None


def _first_variable(tables: Tables) -> int:
    """Terms are numbered here without a gap: the fixed ones, filled up to whole words, then the
    variables, then what is no term."""
    return int(tables["costs"].shape[1])


def _costs(tables: Tables, root: int) -> npt.NDArray[np.int64]:
    """Tokens of each term [W]."""
    first = _first_variable(tables)
    costs = np.full(first + _MAX_VARIABLES + 1, _NEVER)
    fixed = tables["costs"][root].astype(np.int64)
    costs[:first] = np.where(fixed > 0, fixed, _NEVER)
    costs[first : first + tables["num_variables"][0]] = tables["variable_costs"][root]
    return costs


class StaticGrammar:
    """The rows of a decoder, each somewhere in its program.

    Args:
        tables: of ProgramConstraint, mode `grammar`.
        num_tokens: of the alphabet.
        num_slots: rows; one more slot is for what is no row.
    """

    def __init__(
        self, tables: Tables, num_tokens: int, num_slots: int, device: torch.device
    ) -> None:
        assert why_not(tables) is None
        self._first_variable = _first_variable(tables)
        self._none = self._first_variable + _MAX_VARIABLES  # in place of a term
        self._num_terms = self._none + 1
        nodes, edges = tables["nodes"], tables["edges"]
        self._num_nodes = len(nodes)
        self._num_tokens = num_tokens

        def moved(array: npt.ArrayLike) -> torch.Tensor:
            return torch.from_numpy(np.asarray(array)).to(device)

        # Nodes behind the last one say what is decided next.
        first_tree = int(tables["roots"][0])
        child = np.zeros((self._num_nodes, num_tokens), np.int64)
        token_of = np.full((self._num_nodes, self._num_terms), num_tokens)
        under = np.unpackbits(tables["under"].view(np.uint8), axis=1, bitorder="little")
        term = np.full(self._num_nodes, self._none)
        is_leaf = np.zeros(self._num_nodes + 4, bool)
        is_fan = np.zeros(self._num_nodes, bool)
        link_token = np.full(self._num_nodes, num_tokens)
        for k in range(_FIRST_NODE, self._num_nodes):
            first_edge, num_edges, own_term, is_link, fans, decision, _ = nodes[k].tolist()
            for token, to in edges[first_edge : first_edge + num_edges].tolist():
                child[k, token] = to
                if is_link:
                    child[k, token] = to or self._num_nodes + decision
                    link_token[k] = token
                else:
                    token_of[k, np.flatnonzero(under[to][: self._none])] = token
            if k >= first_tree:
                term[k] = self._none if own_term == _NO_TERM else own_term
                is_leaf[k] = num_edges == 0 and not fans
            if fans:
                is_fan[k] = True
                variables = np.arange(tables["num_variables"][0])
                token_of[k, self._first_variable + variables] = variables
        self._child, self._token_of, self._term = moved(child), moved(token_of), moved(term)
        self._is_leaf, self._is_fan, self._link_token = map(moved, (is_leaf, is_fan, link_token))
        self._roots: list[int] = tables["roots"].tolist()
        self._root_of_decision = moved([_NAME, self._roots[0], self._roots[2], _FINISHED])

        chains = tables["chains"].tolist()
        starts = [
            first if size else self._num_nodes + decision for size, first, _, decision, _ in chains
        ]
        start, self._after_name, self._after_output, self._after_function, self._between = starts[
            :5
        ]
        self._ends = moved(starts[5:])  # of a line, and of a program
        tokens = [token if size else num_tokens for size, _, token, _, _ in chains]
        self._open_token, self._between_token = tokens[3:5]
        self._end_tokens = moved(tokens[5:])
        sizes = [size for size, *_ in chains]
        open_size, self._between_size = sizes[3:5]
        self._output_token = int(tables["output_token"][0])
        name_token = int(tables["name_token"][0])
        self._name_token = None if name_token == _NO_TOKEN else name_token

        # Costs: of a term, and for functions, of the shortest call besides.
        costs = np.stack([_costs(tables, root) for root in range(3)])
        cheapest = costs.min(1)
        self._next_cost = int(self._between_size + cheapest[2])  # of one more argument
        arities = np.zeros(self._num_terms, np.int64)
        arities[: len(tables["arities"])] = tables["arities"]
        needs = costs.copy()
        needs[0] += open_size + cheapest[1] + np.maximum(arities - 1, 0) * self._next_cost
        is_cheap = costs == cheapest[:, None]
        self._needs, self._is_cheap, self._arities = moved(needs), moved(is_cheap), moved(arities)
        self._num_cheap = moved(is_cheap[:, : self._first_variable].sum(1))
        output_need = tables["output_need"].astype(np.int64)
        line_need = tables["line_need"].astype(np.int64)
        after = np.append(output_need[1:], _NEVER)
        may_define = np.arange(len(after)) < tables["num_variables"][0]
        self._name_need = moved(np.where(may_define, line_need + after, _NEVER))
        # Of what is left, the rest of the program: by the line's kind, then by variables.
        self._reserve = moved(np.stack([sizes[5] + after, np.full_like(after, sizes[6])]))

        # Of a row: node, variables, arguments so far, arity, whether the line binds O; the call.
        first_state = [start, 0, 0, 0, 0, *[self._none] * (1 + _MAX_ARITY)]
        if start >= self._num_nodes:
            first_state[0] = _NAME
        self._first_state = moved(np.array(first_state))
        self._state = self._first_state.repeat(num_slots + 1, 1)
        # A function and its arguments; two places more are never filled. One line more is written
        # where there is none to write.
        shape = (num_slots + 1, _MAX_VARIABLES + 1, 3 + _MAX_ARITY)
        kind = torch.int16 if self._num_terms < 1 << 15 else torch.int32
        self._lines = torch.full(shape, self._none, dtype=kind, device=device)
        self._allowed = torch.zeros(num_slots + 1, self._num_terms, dtype=torch.bool, device=device)
        self._masks = torch.zeros(num_slots + 1, num_tokens, dtype=torch.bool, device=device)
        self._places = torch.arange(3 + _MAX_ARITY, device=device)
        self._numbers = torch.arange(_MAX_VARIABLES, device=device)
        self._variables = torch.arange(self._num_terms, device=device) - self._first_variable

    def begin(self, slots: torch.Tensor, left: int) -> None:
        """Put rows at the start of a program of so many tokens."""
        state = self._first_state.expand(len(slots), -1)
        self._arrive(slots, state, torch.full_like(slots, left), state[:, 0] < 0)
        self._state[slots] = state

    def masks(self, rows: torch.Tensor) -> torch.Tensor:
        """bool [B, V], what each row can take next."""
        return self._masks[rows]

    def advance(self, rows: torch.Tensor, tokens: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        """Rows take tokens that they are allowed.

        Args:
            rows: int64 [B]; the last slot as often as wanted.
            tokens: int64 [B], places in the alphabet.
            left: int64 [B], how many more each row has.
        Returns:
            bool [B], whether that was the last one.
        """
        held = self._state[rows]
        node, num_variables, num_arguments, arity, is_output = held[:, :5].unbind(1)
        call = held[:, 5:]

        # What is complete now: with this token, or before it, if the token comes after a term.
        child = self._child[node, tokens]
        is_in_tree = node >= self._roots[0]
        is_variable = self._is_fan[node] & (tokens < _MAX_VARIABLES)
        is_after = is_in_tree & (child == 0) & ~is_variable
        last = is_in_tree & self._is_leaf[child]
        term = self._term[torch.where(last, child, node)]
        term = torch.where(last | is_after, term, self._none)
        term = torch.where(is_variable, self._first_variable + tokens, term)
        is_complete = term != self._none
        is_function = is_complete & (node < self._roots[1])
        is_argument = is_complete & ~is_function
        place = torch.where(is_function, 0, 1 + num_arguments)
        call = torch.where(is_function[:, None], self._none, call)
        is_place = (self._places[: 1 + _MAX_ARITY] == place[:, None]) & is_complete[:, None]
        call = torch.where(is_place, term[:, None], call)
        arity = torch.where(is_function, self._arities[term], arity)
        num_arguments = torch.where(is_function, 0, num_arguments + is_argument)

        # Whether the call ends.
        is_full = is_argument & (num_arguments == _most(arity))
        is_at_choice = node == _CHOICE
        is_choice = is_at_choice
        if self._between_size:
            is_choice = is_choice | (is_argument & ~is_full & (arity == 0))
        is_unread = is_after | is_at_choice
        is_other = is_unread & is_choice & (tokens != self._between_token)
        ends_call = is_full | is_other | (is_after & ~is_complete)

        # Where that leads.
        to = torch.where(is_argument | is_at_choice, self._between, child)
        to = torch.where(ends_call, self._ends[is_output], to)
        to = torch.where(is_function, self._after_function, to)
        binds_output = (node == _NAME) & (tokens == self._output_token)
        after_name = self._after_name if self._name_token is None else _NUMBER
        to = torch.where(node == _NAME, after_name, to)
        to = torch.where(node == _NUMBER, self._after_name, to)
        to = torch.where(binds_output, self._after_output, to)
        from_there = self._child[to.clamp(max=self._num_nodes - 1), tokens]
        to = torch.where(is_unread, from_there, to)
        to = torch.where(is_choice & ~is_unread, _CHOICE, to)

        is_new_line = ends_call & (is_output == 0)
        line = torch.where(is_new_line, num_variables, _MAX_VARIABLES)
        self._lines[rows, line, : 1 + _MAX_ARITY] = call.to(torch.int16)
        num_variables = num_variables + is_new_line

        enters_function = to == self._num_nodes + _FUNCTION_PLACE
        enters_argument = to == self._num_nodes + _ARGUMENT_PLACE
        entered = self._root_of_decision[(to - self._num_nodes).clamp(min=0)]
        node = torch.where(to >= self._num_nodes, entered, to)
        node = torch.where(enters_argument & (num_arguments == 0), self._roots[1], node)
        counts = (node, num_variables, num_arguments, arity, is_output | binds_output)
        state = torch.cat([torch.stack(counts, 1), call], 1)
        self._arrive(rows, state, left, enters_function | enters_argument)
        # What is no row stays where it is.
        is_row = (rows < len(self._state) - 1)[:, None]
        self._state[rows] = torch.where(is_row, state, held)
        return node == _FINISHED

    def _arrive(
        self, rows: torch.Tensor, state: torch.Tensor, left: torch.Tensor, enters: torch.Tensor
    ) -> None:
        """Work out what can come next; the terms of a tree where it is entered, and only there."""
        node, num_variables, num_arguments, arity, is_output = state[:, :5].unbind(1)
        budget = left - self._reserve[is_output, num_variables]
        place = torch.where((node >= self._roots[1]) | (node == _CHOICE), 1 + num_arguments, 0)

        # Earlier lines whose call begins like the present one, and how they go on.
        lines = self._lines[rows, :_MAX_VARIABLES]
        is_alike = (lines[..., : 1 + _MAX_ARITY] == state[:, None, 5:]) | (
            self._places[: 1 + _MAX_ARITY] >= place[:, None, None]
        )
        is_same = is_alike.all(-1) & (self._numbers < num_variables[:, None])
        window = (place[:, None, None] + self._places[:3]).expand(-1, _MAX_VARIABLES, -1)
        following, second, third = lines.gather(2, window).long().unbind(-1)

        entered = self._terms(
            place, arity, num_arguments, num_variables, budget, is_same, following, second, third
        )
        allowed = torch.where(enters[:, None], entered, self._allowed[rows])
        self._allowed[rows] = allowed

        # A token for each term, and up to two that come otherwise.
        found = torch.zeros(
            len(rows), self._num_tokens + 1, dtype=torch.int32, device=allowed.device
        )
        found.scatter_add_(1, self._token_of[node], allowed.to(torch.int32))
        term = self._term[node]  # that may end here, though others begin so
        ends_term = allowed.gather(1, term[:, None])[:, 0]
        is_asked = ends_term | (node == _CHOICE)
        # Without separators a call's end is told from one more argument before they come.
        is_open = is_asked if self._between_size else is_asked | (node == self._roots[2])
        is_same = is_same & ((following == term[:, None]) | ~ends_term[:, None])
        at_term = ends_term[:, None]
        may_close, may_continue = self._choices(
            budget,
            is_same,
            torch.where(at_term, second, following),
            torch.where(at_term, third, second),
        )
        is_last = ends_term & (num_arguments + 1 == _most(arity))
        is_free = is_open & (arity == 0) & ~is_last
        none = self._num_tokens
        close = torch.where(is_last | (is_free & may_close), self._end_tokens[is_output], none)
        more = is_asked & ~is_last & ((arity > 0) | may_continue)
        other = torch.where(more, self._between_token, self._link_token[node])
        is_function = ends_term & (node < self._roots[1])
        close = torch.where(is_function, none, close)
        other = torch.where(is_function, self._open_token, other)
        is_name = node == _NAME
        close = torch.where(is_name, self._output_token, close)
        name = num_variables if self._name_token is None else self._name_token
        may_define = left >= self._name_need[num_variables]
        other = torch.where(is_name & may_define, name, other)
        other = torch.where(node == _NUMBER, num_variables, other)
        found.scatter_(1, torch.stack([close, other], 1), 1)
        self._masks[rows] = found[:, :-1] > 0

    def _terms(
        self,
        place: torch.Tensor,
        arity: torch.Tensor,
        num_arguments: torch.Tensor,
        num_variables: torch.Tensor,
        budget: torch.Tensor,
        is_same: torch.Tensor,
        following: torch.Tensor,
        second: torch.Tensor,
        third: torch.Tensor,
    ) -> torch.Tensor:
        """The terms that fit into the present place [B, W]: those with which the call can be ended
        in the tokens that are left, and is then none that there was."""
        root, next_root = place.clamp(max=2), (place + 1).clamp(max=2)
        # By term: whether an earlier call ends there, and how many end with one short term more.
        ends = (second == self._none).int() * _USED
        ends_cheaply = self._is_cheap[next_root[:, None], second] & (third == self._none)
        is_there = is_same & (following != self._none)
        used = torch.zeros(len(place), self._num_terms, dtype=torch.int32, device=place.device)
        used.scatter_add_(1, following, torch.where(is_there, ends + ends_cheaply.int(), 0))
        is_used = used >= _USED
        more = torch.where(place == _most(arity), _NEVER, self._next_cost)
        is_out = used % _USED >= self._num_cheap[next_root, None]
        is_out &= is_used | ((place == 0) | (arity > 0))[:, None]
        need = self._needs[root] + is_used * more[:, None] + is_out.int()
        rest = (arity - num_arguments - 1).clamp(min=0) * self._next_cost
        limit = torch.where(place == 0, budget, budget - rest)
        return (need <= limit[:, None]) & (self._variables < num_variables[:, None])

    def _choices(
        self,
        budget: torch.Tensor,
        is_same: torch.Tensor,
        following: torch.Tensor,
        second: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Whether a call of any number of arguments may end, and whether it may go on [B]."""
        may_close = ~(is_same & (following == self._none)).any(1)
        ends_cheaply = is_same & self._is_cheap[2, following] & (second == self._none)
        is_out = ends_cheaply.sum(1) >= self._num_cheap[2]
        return may_close, self._next_cost + is_out.int() <= budget


def _most(arity: torch.Tensor) -> torch.Tensor:
    """The most arguments of a call."""
    return torch.where(arity > 0, arity, _MAX_ARITY)
