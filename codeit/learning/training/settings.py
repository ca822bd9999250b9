"""How the policy is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from codeit.ranges import check_at_least, check_types


@dataclass(frozen=True)
class TrainingSettings:
    """How the policy is trained on the experiences of an iteration."""

    num_policy: int = 90_000
    """At most so many experiences of the policy's are drawn from the buffer in an iteration."""
    num_mutated: int = 10_000
    """At most so many seed and mutated experiences are drawn from the buffer in an iteration."""
    epochs: int = 1
    """Passes over the drawn experiences."""
    learning_rate: float = 5e-5
    """Of AdamW; constant."""
    batch_size: int = 512
    """Experiences behind one step of the optimiser."""
    micro_batch_tokens: int = 16_384
    """Tokens of prompts and programs that are run through the model together, if they fit; an
    experience is never divided."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the matrix products; weights and optimiser stay float32."""
    max_gradient_norm: float = 0.0
    """A step's gradient is scaled down to this norm; 0 leaves it as it is."""
    checkpoint_activations: bool = False
    """Whether to work activations out again for the gradient instead of keeping them, which takes a
    quarter more time and far less memory."""
    compile: bool = False
    """Whether torch.compile fuses the model's small operations, which takes a minute at first; of
    use on a GPU only."""
    reset_optimizer: bool = False
    """Whether AdamW forgets its moments at each iteration, as the original does."""

    def __post_init__(self) -> None:
        check_types(self)
        check_at_least(self, 1, "epochs", "batch_size", "micro_batch_tokens")
        check_at_least(self, 0, "num_policy", "num_mutated", "max_gradient_norm")
        if self.num_policy == self.num_mutated == 0:
            raise ValueError("num_policy and num_mutated are both 0; allowed: one above 0")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate is {self.learning_rate}; allowed: finite, above 0")
