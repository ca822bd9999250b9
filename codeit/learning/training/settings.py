"""How the policy is trained."""

from typing import Literal

from codeit.validation import Count, NonNegative, Positive, PositiveCount, validated


@validated
class TrainingSettings:
    """How the policy is trained on the experiences of an iteration."""

    num_policy: Count = 90_000
    """At most so many experiences of the policy's are drawn from the buffer in an iteration."""
    num_mutated: Count = 10_000
    """At most so many seed and mutated experiences are drawn from the buffer in an iteration."""
    epochs: PositiveCount = 1
    """Passes over the drawn experiences."""
    learning_rate: Positive = 5e-5
    """Of AdamW; constant."""
    batch_size: PositiveCount = 512
    """Experiences behind one step of the optimiser."""
    micro_batch_tokens: PositiveCount = 16_384
    """Tokens of prompts and programs that are run through the model together, if they fit; an
    experience is never divided."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the matrix products; weights and optimiser stay float32."""
    max_gradient_norm: NonNegative = 0.0
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
        if self.num_policy == self.num_mutated == 0:
            raise ValueError("num_policy and num_mutated are both 0; allowed: one above 0")
