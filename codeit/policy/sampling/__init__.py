"""Draws programs from the policy. Only the samplers themselves import torch."""

from codeit.policy.sampling.settings import SamplingSettings

__all__ = ["SamplingSettings"]
