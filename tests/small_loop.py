"""The loop with something small in the place of what is learned and sampled, for tests.

The loop, the run directory and the checkpoint are the real ones; a run takes 20 ms.
"""

import os

import numpy as np
import torch
from safetensors.torch import save

from codeit.learning.replay import Origin
from codeit.policy import policy
from codeit.policy.model import checkpoint
from codeit.runs import loop
from codeit.runs.loop import Loop
from codeit.tasks.scoring import RULES, Candidate


class NoSampler:
    """In the place of what writes programs."""

    def __init__(self, *_):
        pass

    def check(self, *_):
        pass


def save_file(tensors, path, metadata):
    """As safetensors does it, by operations that can be counted."""
    with open(path, "wb") as file:
        file.write(save(tensors, metadata))


def start(self):
    """Before the first iteration."""
    return done(self, 0)


def done(self, iteration):
    """What an iteration leaves; the next one builds on the weights and the buffer."""
    self._saving.wait()
    with torch.no_grad():
        self._policy.model.embedding.mul_(0.5).add_(iteration)
    for parameter in self._policy.model.parameters():
        parameter.grad = torch.full_like(parameter, 0.1 * iteration)
    self._trainer._optimizer.step()
    self._trainer.num_steps += 1
    name = f"program {iteration}"
    ids = np.arange(iteration, iteration + 3)
    self._buffer.add(
        ["task"],
        [name],
        origin=Origin.policy,
        iteration=iteration,
        demonstration_share=0.5,
        source_ids=ids,
        source_offsets=[0, 3],
        target_ids=ids,
        target_offsets=[0, 3],
    )
    task = self._tasks[0]
    candidate = Candidate(task.task_id, task.digest, name, name, 1, 3, ("grid",), (iteration > 0,))
    origin = "policy" if iteration else "mutation"
    new = {origin: self._found.add(origin, [candidate])}
    metrics = dict(self.metrics[min(iteration, 1)])
    metrics |= {"iteration": iteration, "weight": self._policy.model.embedding[0, 0].item()}
    orders = [loop.Order(candidate.task, [name])]
    return loop._Done(metrics, new, orders, [{"task": name}] if iteration else [])


def plot(self, metrics, directory, board):
    score = dict.fromkeys(RULES, 0.5)
    directory.add_performance(metrics["iteration"], score, score, 1, 2, 3)
    board.add(metrics["iteration"], [("weight", metrics["weight"])])


def everything(path):
    """What is in the files of a run; those of TensorBoard are named after the time."""
    files = (p for p in path.rglob("*") if p.is_file() and p.parent.name != "tensorboard")
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}


def install(monkeypatch, metrics=({}, {})):
    """Make the loop small.

    Args:
        metrics: what there is to record of the start, and of an iteration.
    """
    small = checkpoint.Geometry(d_model=4, d_kv=2, d_ff=4, num_layers=1, num_heads=1)
    monkeypatch.setitem(checkpoint.GEOMETRIES, "tiny", small)
    monkeypatch.setattr(checkpoint, "save_file", save_file)
    monkeypatch.setattr(policy, "EngineSampler", NoSampler)
    monkeypatch.setattr(Loop, "metrics", metrics, raising=False)
    monkeypatch.setattr(Loop, "_start", start)
    monkeypatch.setattr(Loop, "_iterate", done)
    monkeypatch.setattr(Loop, "_plot", plot)
    monkeypatch.setattr(loop, "to_row", dict)
    monkeypatch.setattr(os, "fsync", lambda _: None)
