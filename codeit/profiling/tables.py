"""A profile for the eye, in 80 columns, and with words beside the stages where there are more."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from codeit.profiling.measured import Measured
from codeit.profiling.verdict import sentence
from codeit.terminal import add_row, counted, plain, say
from codeit.terminal.progress import rate_of

_WIDE = 116
"""Columns from which on it is said what each stage does."""
_NUM_KERNELS = 15

_STAGES = {
    "draw": ("", "experiences are drawn from the buffer"),
    "learn": ("tokens", "the model is trained on them"),
    "sample": ("tokens", "the model writes programs"),
    "read": ("programs", "tokens become programs"),
    "execute": ("runs", "programs run on their tasks"),
    "score": ("", "what is right is found"),
    "relabel": ("", "outputs become tasks to learn from"),
    "tokenise": ("experiences", "tasks and programs become tokens"),
    "elsewhere": ("runs", "programs run on other tasks"),
    "search": ("tasks", "search around what was written"),
    "wait": ("", "for what goes on beside"),
    "rank": ("", "solutions are counted"),
    "minimise": ("", "solutions are made shorter"),
    "store": ("experiences", "they go into the buffer"),
    "record": ("", "the iteration before is recorded"),
    "save": ("", "its checkpoint is written"),
    "mutate": ("programs", "programs are changed at random"),
}
"""The unit of each stage's rate, and what it does."""


def print_profile(measured: Measured, title: str, console: Console) -> None:
    """Starting up, the stages, the kernels, how busy the machine was, and the verdict."""
    if measured.start_up:
        console.print(_start_up(measured))
    console.print(_stages(measured, title, console.width))
    for line in _lines(measured):
        console.print(plain(line))
    if measured.kernels:
        console.print(_kernels(measured))
    say(console, "")
    console.print(plain(sentence(measured), "bold"))


def ceilings_in_words(copy: float, products: Mapping[str, float]) -> str:
    """For the console."""
    rates = ", ".join(f"{name} {_operations(rate)}" for name, rate in products.items())
    return f"copying {copy / 1e9:,.1f} GB/s; products {rates}"


def _operations(rate: float) -> str:
    return f"{rate / 1e12:,.1f} TFLOP/s" if rate >= 1e13 else f"{rate / 1e9:,.0f} GFLOP/s"


def _table(title: str) -> Table:
    return Table(
        title=plain(title, "bold"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE,
        collapse_padding=True,
        pad_edge=False,
    )


def _start_up(measured: Measured) -> Table:
    table = _table("Starting up, once in a run")
    table.add_column("what")
    for name in ("seconds", "of the processor"):
        table.add_column(name, justify="right")
    for part in measured.start_up:
        add_row(table, part.name, f"{part.wall:.1f}", f"{part.cpu:.1f}")
    return table


def _stages(measured: Measured, title: str, width: int) -> Table:
    table = _table(title)
    table.caption = plain(
        "Seconds: from, to, and busy, those of all threads of a stage. Of wall: the share of the "
        "time in which it works; stages work side by side. Of ceiling: beside the nearer of two "
        "rates of this machine, that of copying and that of large products in a precision.",
        "table.caption",
    )
    table.add_column("stage")
    if width >= _WIDE:
        table.add_column("what is done", style="dim")
    for name in ("from", "to", "busy", "of wall", "rate", "of ceiling"):
        table.add_column(name, justify="right")
    for name, stage in measured.stages.items():
        unit, does = _STAGES.get(name, ("", ""))
        use = measured.use_of_ceiling(name)
        cells = [
            f"{stage['begin']:.1f}",
            f"{stage['end']:.1f}",
            f"{stage['busy']:.2f}",
            f"{measured.covered(name) / max(measured.wall, 1e-9):.0%}",
            rate_of(measured.rate(name), 1.0, unit) if unit and stage["items"] else "",
            f"{use.share:.0%} {use.ceiling.removesuffix(' products')}" if use else "",
        ]
        add_row(table, name, *([does] if width >= _WIDE else []), *cells)
    return table


def _lines(measured: Measured) -> list[str]:
    model = "" if measured.alone else f"the model ran during {measured.model:.0%} of them, "
    lines = [
        f"{measured.wall:.1f} s; {model}"
        f"{counted(measured.num_cores, 'core')} {measured.cores:.0%} busy"
    ]
    if measured.is_crowded:
        lines.append(
            f"others are at work, too: {measured.load:.1f} threads want these "
            f"{measured.num_cores} cores (load average), so that all takes longer than alone"
        )
    if measured.queue_most:
        lines.append(
            f"queue: {measured.queue_mean:.1f} tasks waited to be run on average, "
            f"{measured.queue_most} at most, {measured.queue_capacity} could"
        )
    sampling, training = measured.sampling, measured.training
    if training:
        lines.append(
            f"training: {training['num_tokens']:,.0f} tokens in {training['num_steps']:,.0f} "
            f"steps, {training['share_of_padding']:.0%} of the attention padding"
        )
    if sampling:
        lines.append(
            f"sampling: {sampling['num_tokens']:,.0f} tokens in {sampling['num_steps']:,.0f} steps "
            f"of {sampling['mean_rows']:.1f} samples, {sampling['share_of_slots']:.0%} of the "
            f"slots; {sampling['num_captures']:.0f} graphs captured"
        )
    return lines


def _kernels(measured: Measured) -> Table:
    total = sum(kernel.seconds for kernel in measured.kernels)
    table = _table(f"Kernels, {_NUM_KERNELS} of {len(measured.kernels)}")
    table.add_column("kernel", no_wrap=True, overflow="ellipsis", max_width=48)
    for name in ("calls", "seconds", "share"):
        table.add_column(name, justify="right")
    for kernel in measured.kernels[:_NUM_KERNELS]:
        add_row(
            table,
            kernel.name,
            f"{kernel.calls:,}",
            f"{kernel.seconds:.2f}",
            f"{kernel.seconds / total:.0%}",
        )
    return table
