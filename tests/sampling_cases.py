"""What the tests of the samplers share."""

import numpy as np
import torch

from codeit.policy.model.checkpoint import build_model
from codeit.policy.tokenizer import CompactTokenizer
from codeit.runs.settings import PRESETS

TOKENIZER = CompactTokenizer()


def demo_model():
    """A small model that nobody has trained."""
    return build_model(PRESETS["demo"].model, TOKENIZER, seed=1)


def sharp_model():
    """The same with larger weights, so that what comes next depends on what came before."""
    model = demo_model()
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 1.6
    return model


def prompts(count):
    """Of inputs of one to nine rows."""
    random = np.random.default_rng(0)
    shapes = [(k % 9 + 1, 5) for k in range(count)]
    grids = [random.integers(0, 10, size=shape).astype(np.uint8) for shape in shapes]
    return [TOKENIZER.encode_inputs([grid], 200) for grid in grids]


def assert_ends_after_foreign_tokens(samples):
    """The end follows the first token of a row that no program contains, and then padding."""
    allowed = set(TOKENIZER.program_ids.tolist())
    num_ended_early = 0
    for tokens in samples:
        for row in tokens:
            ids = row.tolist()
            foreign = [k for k, t in enumerate(ids) if t not in allowed and t != TOKENIZER.pad_id]
            if foreign and foreign[0] + 1 < len(ids):
                num_ended_early += 1
                assert ids[foreign[0] + 1] == TOKENIZER.end_id
                assert set(ids[foreign[0] + 2 :]) <= {TOKENIZER.pad_id}
    assert num_ended_early > 0
