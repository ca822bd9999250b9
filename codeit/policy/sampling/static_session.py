"""A session whose steps run on the device alone, in CUDA graphs.

The host looks in every few steps: it takes out what has ended, lets the next samples begin in those
slots, and says which slots and prompts the next steps are of. Steps come in a few shapes, each a
quarter of the one before, and each is captured when it is first needed: the largest first, as slots
are full until no sample is left to begin, and prompts come in the order of their length. All graphs
share one pool of memory. On a CPU the same steps run as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch

from codeit.policy.sampling.counts import SamplingCounts
from codeit.policy.sampling.sample_queue import Prompt, Sample, SampleQueue, not_finite
from codeit.policy.sampling.sampling_law import uniforms
from codeit.policy.sampling.static_decoder import Shape, StaticDecoder
from codeit.policy.sampling.static_strategy import StaticStrategy
from codeit.policy.sampling.weights import Weights

STEPS = 8
"""Steps until the host looks in: a finished sample is decoded for half as many more on average."""

_ALIGNED = 64
"""Source lengths of a step are multiples of it, as fast kernels want their masks."""


class StaticSession:
    """A session of the engine, with all its rows and prompts in static tensors.

    Args:
        weights: of the model, with torch's kernels.
        strategy: the mode, for num_slots rows.
        queue: what is to be sampled.
        num_slots: rows under way at a time.
        num_places: prompts under way at a time.
        longest: tokens of the longest prompt.
        num_steps: until the host looks in.
    """

    def __init__(
        self,
        weights: Weights,
        strategy: StaticStrategy,
        queue: SampleQueue,
        num_slots: int,
        num_places: int,
        longest: int,
        num_steps: int = STEPS,
    ) -> None:
        self._queue = queue
        self.counts = SamplingCounts()
        self._max_tokens = strategy.max_tokens
        self._num_lanes = min(queue.num_samples, num_slots)
        self._largest = Shape(num_slots, num_places, -(-longest // _ALIGNED) * _ALIGNED)
        self._decoder = StaticDecoder(weights, strategy, self._largest, self._num_lanes)
        self._steps = Steps(self._decoder.step, weights.device)
        self._num_steps = num_steps
        self._place_of: dict[Prompt, int] = {}
        self._free_lanes: dict[Prompt, list[int]] = {}
        self._samples: dict[int, tuple[Prompt, int]] = {}  # those under way, by slot
        self._lanes = np.zeros(num_slots, np.int64)
        self._free = list(range(num_slots))[::-1]

    def run(self) -> Iterator[Sample]:
        """Samples as they end."""
        self._refill()
        while self._samples:
            self.counts.step(len(self._samples), self._largest.num_rows, self._num_steps)
            self._steps.run(self._arrange(), self._num_steps)
            self.counts.num_captures = self._steps.num_graphs
            yield from self._take_out()
            self._refill()

    # ---- Samples ----

    def _refill(self) -> None:
        slots, numbers = [], []
        samples = self._queue.samples
        while self._free and (samples or self._take_prompts()):
            prompt, number = samples.popleft()
            slot = self._free.pop()
            self._samples[slot] = (prompt, number)
            self._lanes[slot] = self._free_lanes[prompt].pop()
            slots.append(slot)
            numbers.append(uniforms(self._queue.seed, prompt.number, number, self._max_tokens))
        if slots:
            self._decoder.begin(np.array(slots), np.stack(numbers))

    def _take_prompts(self) -> bool:
        """Encode as many prompts as there are slots for their samples."""
        most = max(1, len(self._free) // self._queue.num_samples)
        free = sorted(set(range(self._largest.num_places)) - set(self._place_of.values()))
        taken = self._queue.take_prompts(min(most, len(free)))
        self._queue.add_samples(taken)
        if taken:
            places = free[: len(taken)]
            self._decoder.hold(np.array(places), [prompt.ids for prompt in taken])
            self._place_of.update(zip(taken, places, strict=True))
            self._free_lanes.update((prompt, list(range(self._num_lanes))) for prompt in taken)
        return bool(taken)

    def _take_out(self) -> Iterator[Sample]:
        has_ended, is_finite = self._decoder.has_ended(), self._decoder.is_finite()
        for slot, (prompt, number) in self._samples.items():
            if not is_finite[slot]:
                raise not_finite(prompt.number, number)
        slots = [slot for slot in self._samples if has_ended[slot]]
        tokens = self._decoder.samples(np.array(slots, np.int64))
        for slot, ids in zip(slots, tokens, strict=True):
            prompt, number = self._samples.pop(slot)
            self._free.append(slot)
            self._free_lanes[prompt].append(int(self._lanes[slot]))
            prompt.num_unfinished -= 1
            is_last = prompt.num_unfinished == 0
            if is_last:
                del self._place_of[prompt], self._free_lanes[prompt]
            yield Sample(prompt.number, number, ids, is_last)

    # ---- Shapes ----

    def _arrange(self) -> Shape:
        """The shape of the next steps, in which all that is under way has been put."""
        largest = self._largest
        shape = Shape(
            _quartered(largest.num_rows, len(self._samples)),
            _quartered(largest.num_places, len(self._place_of)),
            self._source(max(len(prompt.ids) for prompt in self._place_of)),
        )
        self._move_below(shape.num_places)
        slots = np.fromiter(self._samples, np.int64)
        places = np.array([self._place_of[prompt] for prompt, _ in self._samples.values()])
        self._decoder.arrange(shape, slots, places, self._lanes[slots])
        return shape

    def _source(self, longest: int) -> int:
        """What is looked at of prompts: a quarter, a half, three quarters, or all."""
        unit = -(-self._largest.source // (4 * _ALIGNED)) * _ALIGNED
        return min(-(-longest // unit) * unit, self._largest.source)

    def _move_below(self, num_places: int) -> None:
        """Put prompts into the first places."""
        outside = [prompt for prompt, place in self._place_of.items() if place >= num_places]
        if outside:
            before = [self._place_of[prompt] for prompt in outside]
            free = sorted(set(range(num_places)) - set(self._place_of.values()))
            after = free[: len(outside)]
            self._decoder.move(np.array(before), np.array(after))
            self._place_of.update(zip(outside, after, strict=True))


def _quartered(most: int, count: int) -> int:
    """The smallest of `most`, its quarter and so on that is no less than count."""
    while (most + 3) // 4 >= count and most > 1:
        most = (most + 3) // 4
    return most


class Steps:
    """A step as a CUDA graph for each shape, once it has been captured; as it is on a CPU, and
    wherever capturing fails."""

    def __init__(self, step: Callable[[Shape], None], device: torch.device) -> None:
        self._step = step
        self._graphs: dict[Shape, torch.cuda.CUDAGraph] = {}
        self._is_captured = device.type == "cuda"
        if self._is_captured:
            self._pool = torch.cuda.graph_pool_handle()
            self._stream = torch.cuda.Stream(device)

    @property
    def num_graphs(self) -> int:
        """Those that there are by now."""
        return len(self._graphs)

    def run(self, shape: Shape, count: int) -> None:
        """So many steps."""
        if not self._is_captured:
            for _ in range(count):
                self._step(shape)
            return
        if shape not in self._graphs:
            # The first step sets up what its kernels need; it counts like any other.
            current = torch.cuda.current_stream(self._stream.device)
            self._stream.wait_stream(current)
            with torch.cuda.stream(self._stream):
                self._step(shape)
            current.wait_stream(self._stream)
            count -= 1
            self._is_captured = self._capture(shape)
            if not self._is_captured:
                self.run(shape, count)
                return
        for _ in range(count):
            self._graphs[shape].replay()

    def _capture(self, shape: Shape) -> bool:
        """Whether there is a graph of that shape now. No step is taken."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                self._step(shape)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            message = f"no CUDA graph of a step could be made, which is slower: {reason}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
            return False
        self._graphs[shape] = graph
        return True
