"""How programs are drawn from the policy."""

from typing import Annotated, Literal

from pydantic import Field

from codeit.ranges import MAX_IDS
from codeit.validation import Count, Positive, PositiveCount, Real, Whole, validated

SamplingMode = Literal["reference", "speculative", "grammar", "typed"]
Precision = Literal["float32", "bfloat16", "int8"]
BYTES_PER_WEIGHT = {"float32": 4, "bfloat16": 2, "int8": 1}
"""By precision."""


@validated
class SamplingSettings:
    """How programs are drawn from the policy."""

    samples_per_task: PositiveCount = 24
    """Programs drawn for every task in an iteration."""
    mode: SamplingMode = "reference"
    """`reference` (any token can come), `speculative` (the same samples in fewer steps), `grammar`
    (every sample is a program) or `typed` (with arguments of the declared types besides)."""
    distinct: bool = False
    """Whether no sample of a task is like an earlier one: after the first, each is drawn by the law
    of a sample that is none of those before. Fewer come where no others can be drawn."""
    temperature: Positive = 0.95
    """Divides the logits before a token is drawn."""
    top_k: Count = 50
    """Only the k likeliest tokens can be drawn; 0 for all. The original left transformers' default
    of 50 in force."""
    top_p: Annotated[Real, Field(gt=0, le=1)] = 1.0
    """Only the likeliest tokens that together reach this probability can be drawn; 1 for all."""
    max_tokens: Annotated[Whole, Field(ge=1, le=MAX_IDS)] = 512
    """A sample that has not ended after so many tokens is cut there. Seed programs that are longer
    are left out, and mutants are made until there are enough that are not."""
    sampler: Literal["engine", "generate"] = "engine"
    """`engine` (ours) or `generate` (transformers', the plain path; mode `reference` alone)."""
    precision: Precision = "float32"
    """Of the engine's matrix products and caches; float32 is the original's. int8, on a CPU, is of
    the weights alone."""
    num_rows: PositiveCount = 96
    """Samples that the engine decodes at a time, on each thread."""
    cuda_graphs: bool = True
    """On a GPU, decode in CUDA graphs, with nothing decided by the host; modes `reference` and
    `grammar`, unless samples are distinct."""
    batch_size: PositiveCount = 4
    """Tasks whose samples `generate` draws together."""

    def __post_init__(self) -> None:
        if self.sampler == "generate" and self.mode != "reference":
            raise ValueError(f"sampler `generate` knows no mode {self.mode!r}; only 'reference'")
        if self.sampler == "generate" and self.distinct:
            raise ValueError("distinct is True; sampler `generate` allows only False")
