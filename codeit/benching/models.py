"""The model of a user, or one of a known size with random weights."""

from __future__ import annotations

from codeit.policy.model import ModelSettings
from codeit.policy.model.checkpoint import GEOMETRIES, build_model, find_device, use_one_thread
from codeit.policy.policy import Policy
from codeit.policy.prompts import PromptWriter
from codeit.policy.sampling import SamplingSettings
from codeit.policy.tokenizer import CompactTokenizer

NAMES = {name.split("/")[-1]: name for name in GEOMETRIES}
"""Of the sizes that are known, as they are written on a command line."""


def load_policy(model: str, device: str, threads: int, seed: int) -> Policy:
    """A policy from a run or a checkpoint; or of a size in NAMES, with random weights and the
    compact tokenizer.

    Raises:
        ValueError, OSError: as `Policy.load` does.
    """
    if model not in NAMES:
        return Policy.load(model, device=device, threads=threads)
    tokenizer = CompactTokenizer()
    built = build_model(ModelSettings(name=NAMES[model], pretrained=False), tokenizer, seed)
    use_one_thread()
    return Policy(
        built.to(find_device(device)), PromptWriter(tokenizer), SamplingSettings(), threads
    )
