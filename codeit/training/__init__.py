"""Trains the policy on experiences. Only `codeit.training.trainer` imports torch."""

from codeit.training.settings import TrainingSettings

__all__ = ["TrainingSettings"]
