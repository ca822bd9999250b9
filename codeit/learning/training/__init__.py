"""Trains the policy on experiences. Only `codeit.learning.training.trainer` imports torch."""

from codeit.learning.training.settings import TrainingSettings

__all__ = ["TrainingSettings"]
