"""The policy: a T5 encoder-decoder. Only the settings need no torch."""

from codeit.policy.model.settings import ModelSettings

__all__ = ["ModelSettings"]
