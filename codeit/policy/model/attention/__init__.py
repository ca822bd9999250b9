"""Attention over packed sequences, and the only room that knows which kernel exists.

Tokens of many sequences lie in a row, and every sequence attends to itself, or to its partner among
other sequences, alone. Scores are not scaled, as in T5.

Shape letters: N query tokens and K key tokens of all sequences, G sequences of a group, H heads, Q
and L query and key tokens of a sequence, D head width, M distances that a bias has values for.
"""

from codeit.policy.model.attention.availability import describe
from codeit.policy.model.attention.choice import attention, decode_self_attention
from codeit.policy.model.attention.decoding import (
    Cache,
    grouped_cross_attention,
    shared_cross_attention,
)
from codeit.policy.model.attention.plan import Layout, Plan

__all__ = [
    "Cache",
    "Layout",
    "Plan",
    "attention",
    "decode_self_attention",
    "describe",
    "grouped_cross_attention",
    "shared_cross_attention",
]
