"""The policy: a T5 encoder-decoder. Only `codeit.model.t5` imports torch."""

from codeit.model.settings import ModelSettings

__all__ = ["ModelSettings"]
