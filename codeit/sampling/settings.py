"""How programs are drawn from the policy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SamplingSettings:
    """How programs are drawn from the policy (the paper's values and the law of its code)."""

    samples_per_task: int = 24
    """Programs drawn for every task in an iteration."""
    temperature: float = 0.95
    """Divides the logits before a token is drawn."""
    top_k: int = 50
    """Only the k likeliest tokens can be drawn; 0 for all. The original left transformers' default
    of 50 in force."""
    top_p: float = 1.0
    """Only the likeliest tokens that together reach this probability can be drawn; 1 for all."""
    max_tokens: int = 512
    """A sample that has not ended after so many tokens is cut there."""
    batch_size: int = 4
    """Tasks whose samples are drawn together."""

    def __post_init__(self) -> None:
        for name in ("samples_per_task", "max_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: 1 or more")
        if self.temperature <= 0:
            raise ValueError(f"temperature is {self.temperature}; allowed: above 0")
        if self.top_k < 0:
            raise ValueError(f"top_k is {self.top_k}; allowed: 0 or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; allowed: above 0, at most 1")
