"""The house plan: the rooms, what each holds, and which others each may use.

CONTRIBUTING's table is made of it: `python tests/house.py` writes it there anew. `test_layers.py`
holds the code to the plan.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Room:
    """A folder, or a file, with all that is in it.

    Attributes:
        path: from the root of the repository.
        holds: what is in it, for CONTRIBUTING.
        uses: the rooms of its own language that it may use, in the order of the plan.
    """

    path: str
    holds: str
    uses: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.split("/", 1)[1].removesuffix(".py")


CPP_ROOMS = [
    Room(
        "csrc/lang",
        "`table.def`: one row for each primitive and constant; what the types mean",
    ),
    Room(
        "csrc/code",
        "a program's one encoded form: parsed from text, printed, checked; the key that is its "
        "identity",
        ("lang",),
    ),
    Room(
        "csrc/core",
        "outcome, arena, value, bitmap, sets (the one room of set order: `set`, `packed_set`, "
        "`packed_table`, `patch_union`, `scattered_set`, `set_algebra`), grid, sequence, sort, "
        "print, machine "
        "(fuel, bytes, depth), interrupt, random",
        ("lang",),
    ),
    Room(
        "csrc/primitives",
        "the bodies, one file a group; what several groups share (patch, selection, labeling, "
        "occurrences, flood, place_table, distance, wide_cells, applying, steps, images); "
        "primitives of one's own (`foreign`, over the C interface of `foreign_abi.h`)",
        ("lang", "core"),
    ),
    Room(
        "csrc/vm",
        "a program's code to instructions; one run; a batch over threads (bodies by way of a "
        "table); families of programs that share most lines, and which of them hit what is "
        "expected",
        ("lang", "code", "core"),
    ),
    Room(
        "csrc/mutation",
        "types of the language; typed one-change mutants; populations of mutants that are distinct "
        "and valid",
        ("lang", "code", "core", "vm"),
    ),
    Room(
        "csrc/search",
        "search of one task: `pool` (all values, and how each came about), `prior` (which calls "
        "are likely), `search` (stages, what is kept an eye on), the methods (`programs`, "
        "`mutants`, `objects`, `grids`, `cover`), `pieces` of the outputs, `task` as planes of "
        "bits; a shorter program for one that was found (`minimise`, by the `ways` to write its "
        "lines and a `judge`)",
        ("lang", "code", "core", "vm"),
    ),
    Room(
        "csrc/text",
        "grids and programs to token ids; the automaton that lets only programs through, token by "
        "token",
        ("lang", "code"),
    ),
    Room(
        "csrc/replay",
        "priority buffer: columns, key index, heap, draws",
        ("lang",),
    ),
    Room(
        "csrc/decoding",
        "a decoder's step on a CPU; `processors.h` compiles each file of kernels once for each "
        "kind of processor",
        ("core",),
    ),
    Room(
        "csrc/tests",
        "unit tests of what Python cannot see; those of `lang`, `code` and `core` are linked with "
        "nothing else",
        ("lang", "code", "core", "primitives", "vm", "mutation", "search"),
    ),
    Room(
        "csrc/fuzz",
        "fuzz targets and their driver; what runs native code under sanitizers",
        ("lang", "code", "core", "primitives", "vm", "mutation", "search", "text"),
    ),
]

PYTHON_ROOMS = [
    Room("codeit/version.py", "the version"),
    Room(
        "codeit/ranges.py",
        "the checks of numbers, arrays and lists from outside",
    ),
    Room(
        "codeit/validation.py",
        "makes the dataclasses of settings, which pydantic checks",
        ("ranges",),
    ),
    Room(
        "codeit/_native",
        "Cython: arrays in, arrays out, no decisions; the only way to `csrc`",
        ("ranges",),
    ),
    Room(
        "codeit/grids.py",
        "what a grid is, the one check of it, its largest sides",
        ("ranges", "_native"),
    ),
    Room(
        "codeit/terminal",
        "prints what came from outside, without markup and control characters; progress bars; the "
        "words of a command line",
        ("ranges",),
    ),
    Room(
        "codeit/files",
        "files and directories that appear whole or not at all; directories that one process "
        "writes; JSON that may be damaged; numbers for TensorBoard; text that people wrote, and "
        "the links by which they name it; several sources in one text, and what is left out of one",
    ),
    Room(
        "codeit/public",
        "`codeit data`, public data that is not in the package: `catalogue.py` (names and pinned "
        "revisions), `cache.py` (where it is), `download.py` (goes on after a break), "
        "`unpacking.py` (hostile archives; Git's ids), `fetching.py` (whole or not at all), "
        "`command.py`",
        ("version", "terminal", "files"),
    ),
    Room(
        "codeit/parallel",
        "threads; processes that work as one",
    ),
    Room(
        "codeit/language",
        "Language, a value; its primitives and constants; Program; corpora, and Python as programs",
        ("ranges", "_native", "files", "public"),
    ),
    Room(
        "codeit/primitives",
        "primitives of one's own: `decorator.py` (`codeit.primitive`), `signature.py` (what one "
        "takes and returns), `compiled.py` (by Numba), `counted.py` (loops that count their "
        "steps), `plain.py` (by Python), `trial.py` (the first calls), `file.py` (those of a "
        "command)",
        ("ranges", "_native", "language"),
    ),
    Room(
        "codeit/tasks",
        "tasks, their files and data sets; grids for the eye; what is submitted, and what counts "
        "as solved",
        ("ranges", "grids", "terminal", "files", "public"),
    ),
    Room(
        "codeit/execution",
        "run, execute, trace, explain: programs x grids; their limits; how runs ended; what met a "
        "broken invariant of the machine, on disk",
        ("version", "ranges", "_native", "grids", "terminal", "language"),
    ),
    Room(
        "codeit/explaining",
        "for the eye: what each line of a run comes to (`values.py`, `tracing.py`), which call "
        "failed (`failures.py`), and the language, with an example of each primitive "
        "(`glossary.py`, `examples.py`, `language_command.py`)",
        ("ranges", "grids", "terminal", "language", "tasks", "execution"),
    ),
    Room(
        "codeit/candidates.py",
        "programs that reproduce a demonstration of a task, and what they answer to its tests",
        ("grids", "language", "tasks", "execution"),
    ),
    Room(
        "codeit/mutation.py",
        "mutants that are tasks",
        ("validation", "_native", "grids", "language", "tasks", "execution"),
    ),
    Room(
        "codeit/minimising",
        "`codeit minimise`, shorter programs that do the same: `minimiser.py` (one program on its "
        "grids), `solutions.py` (what is kept as a solution), `command.py`",
        (
            *("ranges", "_native", "grids", "terminal", "files", "parallel", "language"),
            *("tasks", "execution"),
        ),
    ),
    Room(
        "codeit/searching",
        "search without a model: `engine.py` (one task), `found.py` (what it comes to), "
        "`ranking.py` (which of what fits comes first), `votes.py` (what programs make of a turned"
        " input), `search.py` (many, over threads), "
        "`corpus.py` (which programs it begins with), "
        "`records.py` (what is known of a task), `budget.py` (minutes to evaluations), "
        "`shards.py`, `plan.py` (what was asked), `directory.py` and `summary.py` (on disk), "
        "`running.py` (begin, go on, merge), `settings.py`, `command.py`",
        (
            *(
                "version",
                "ranges",
                "validation",
                "_native",
                "grids",
                "terminal",
                "files",
                "parallel",
            ),
            *("language", "primitives", "tasks", "execution", "candidates", "minimising"),
        ),
    ),
    Room(
        "codeit/fuzzing",
        "random programs, natively and by a reference",
        ("_native", "grids", "terminal", "files", "language", "tasks", "execution"),
    ),
    Room(
        "codeit/policy",
        "what writes programs: `prompts.py` (what is read of a task), `tokenizer.py` (grids and "
        "programs to token ids, and back), `tokenizer_files.py` (the same for transformers), "
        "`spelling.py` (what programs are spelled of), `text.py` (grids as text), `hub.py` (what "
        "may be a name on the hub, and whether the hub answers), "
        "`model`, `sampling`, `policy.py`",
        ("ranges", "_native", "grids", "files", "language", "tasks"),
    ),
    Room(
        "codeit/policy/model",
        "T5 on packed sequences; `checkpoint.py` and `weight_files.py` are the only files that "
        "know Hugging Face's names, `attention` the only folder that knows which kernel exists "
        "(`choice.py` chooses; `tiled.py` for a CPU, `fused*.py` over `triton_kernels.py` for "
        "CUDA, `padded.py` for all)",
        ("validation", "files", "language", "policy"),
    ),
    Room(
        "codeit/policy/sampling",
        "programs from the policy (`engine` schedules, `decoder` steps, `kernels` knows which "
        "kernel exists, `memory_budget` plans, `strategy` has the modes, `sampling_law` draws, "
        "`rows` says what begins next, `distinct` the same where nothing is drawn twice, `counts` "
        "what it took; `static_*` are the same for CUDA graphs; `generate` is the plain way)",
        ("ranges", "validation", "_native", "parallel", "policy", "policy/model"),
    ),
    Room(
        "codeit/policy/trained.py",
        "how a policy was trained, as its checkpoint says it",
        ("ranges", "files", "language", "policy", "policy/sampling"),
    ),
    Room(
        "codeit/policy/policy.py",
        "the policy as a whole: loads, writes programs, says how likely they are",
        (
            *("parallel", "language", "tasks", "policy", "policy/model", "policy/sampling"),
            "policy/trained",
        ),
    ),
    Room(
        "codeit/learning",
        "what the policy learns from: `experience.py` (tasks and programs to rows of the buffer), "
        "`samples.py` (what was written for a task, and what it teaches), `replay.py` and "
        "`replay_file.py` (priorities, the buffer, its file), `known_programs.py` (which programs "
        "are new), `training` (the trainer)",
        (
            *("ranges", "validation", "_native", "grids", "files", "parallel", "language"),
            *("tasks", "execution", "mutation"),
            *("policy", "policy/model"),
        ),
    ),
    Room(
        "codeit/runs",
        "a run: `settings.py` (`effects.py`: which settings have no effect beside the others; "
        "`setting_words.py`: settings as words of a command line; `resuming.py`: which may change "
        "when a run goes on), `directory.py` (what is on disk), `seeds.py` and `evaluation.py` "
        "(which seed programs are used, which tasks are to be solved), `stages.py` (the stages of "
        "an iteration), `harvest.py` (what comes of the programs written for a task), "
        "`led_search.py` (search around them), `timeline.py` (when each stage worked), "
        "`ending.py` (ends it early), "
        "`tracking.py` (metrics for wandb or trackio), `loop.py` "
        "(puts them together), `running.py` (begins a run, or goes on with it), `metrics.py` (what "
        "is recorded)",
        (
            *(
                "ranges",
                "validation",
                "terminal",
                "files",
                "public",
                "parallel",
                "language",
                "primitives",
                "tasks",
            ),
            *("execution", "candidates", "mutation", "minimising", "searching"),
            *(
                "policy",
                "policy/model",
                "policy/sampling",
                "policy/trained",
                "policy/policy",
                "learning",
            ),
        ),
    ),
    Room(
        "codeit/solving",
        "`codeit solve`, `codeit submit` and `codeit score`, answers by search and by a policy: "
        "`written.py` (what "
        "a policy has written), `misses.py` (how far programs are from the demonstrations), "
        "`answer.py` (what is known of a task), `solver.py`, `submission.py` and `partial_file.py` "
        "(what is handed in, and kept until then), `picture.py` and `live.py` (what a person "
        "sees), `words.py`, `solve_command.py`, `submit_command.py`, `score_command.py` "
        "(files that others made, too)",
        (
            *(
                "version",
                "ranges",
                "grids",
                "terminal",
                "files",
                "parallel",
                "language",
                "primitives",
                "tasks",
            ),
            *("execution", "minimising", "searching", "policy/trained", "policy/policy"),
        ),
    ),
    Room(
        "codeit/mutating",
        "`codeit mutate`, mutants by the million and what they solve: `settings.py`, `plan.py` "
        "(what was asked), `mutants.py` (made and scored), `curve.py`, `running.py`, "
        "`directory.py` (what is on disk), `command.py`",
        (
            *("version", "ranges", "validation", "_native", "terminal", "files", "parallel"),
            *(
                "language",
                "primitives",
                "tasks",
                "execution",
                "candidates",
                "mutation",
                "minimising",
                "runs",
            ),
        ),
    ),
    Room(
        "codeit/profiling",
        "`codeit profile`, where an iteration's time goes: `size.py` (which part of one is run), "
        "`ceilings.py` (what the machine reaches at best), `measuring.py` (runs it), `kernels.py` "
        "(torch's profiler), `measured.py` (the figures), `verdict.py` (the bottleneck in one "
        "sentence), `tables.py`, `trace.py` (for Perfetto), `command.py`",
        (
            *("terminal", "files", "tasks", "execution", "mutation", "policy/model", "learning"),
            "runs",
        ),
    ),
    Room(
        "codeit/reporting",
        "`codeit report`: `history.py` (what a directory has to tell, typed; `of_run.py`, "
        "`of_search.py`, `of_mutants.py` and `reading.py` read it), `text.py` (in the terminal), "
        "`picture.py`; the page: `page.py` (over `templates`), `charts.py` (where lines and labels "
        "stand), `sections.py` (its charts and tables), `details.py` and `pieces.py` (its tasks, "
        "and values as drawings), `written.py` (what the policy wrote last), `paper.py` (the "
        "paper's figures), `watch.py` (served while a run goes on); `command.py`",
        (
            *("version", "grids", "terminal", "files", "language", "tasks", "execution"),
            *("searching", "runs", "solving", "mutating"),
        ),
    ),
    Room(
        "codeit/benching",
        "`codeit bench`, how fast the parts work on a user's own programs: `case.py` (what can be "
        "timed), `timing.py` and `timed_cases.py` (pytest-benchmark times it), `record.py` and "
        "`comparison.py` (figures, and what is slower than before), a file for each subject, "
        "`inputs.py` and `options.py` (what they work on), `models.py` (whose model), "
        "`plain_python.py`, `buffers.py`, `padded_loop.py` and `ctranslate2.py` (peers), "
        "`machine.py`, `table.py`, `command.py`",
        (
            *("version", "ranges", "_native", "terminal", "files", "parallel", "language"),
            *("tasks", "execution", "mutation", "searching", "policy", "policy/model"),
            *("policy/sampling", "policy/policy", "learning", "runs", "mutating", "profiling"),
        ),
    ),
    Room(
        "codeit/cli.py",
        "the commands",
        (
            *(
                "version",
                "ranges",
                "terminal",
                "files",
                "public",
                "language",
                "primitives",
                "tasks",
                "execution",
                "explaining",
                "minimising",
                "searching",
                "fuzzing",
            ),
            *("policy/model", "policy/sampling", "runs", "solving", "mutating", "profiling"),
            *("reporting", "benching"),
        ),
    ),
]

TORCH_FILES = {
    "benching/command.py",
    "benching/loop.py",
    "benching/padded_loop.py",
    "benching/sampling.py",
    "benching/training.py",
    "cli.py",
    "learning/training/trainer.py",
    "parallel/processes.py",
    "profiling/ceilings.py",
    "profiling/kernels.py",
    "policy/model/attention/availability.py",
    "policy/model/attention/choice.py",
    "policy/model/attention/decoding.py",
    "policy/model/attention/fused.py",
    "policy/model/attention/fused_decoding.py",
    "policy/model/attention/padded.py",
    "policy/model/attention/plan.py",
    "policy/model/attention/tiled.py",
    "policy/model/checkpoint.py",
    "policy/model/dropout.py",
    "policy/model/finite.py",
    "policy/model/growing.py",
    "policy/model/layers.py",
    "policy/model/t5.py",
    "policy/model/uncompiled.py",
    "policy/model/weight_files.py",
    "policy/sampling/decoder.py",
    "policy/sampling/distinct.py",
    "policy/sampling/engine.py",
    "policy/sampling/generate.py",
    "policy/sampling/strategy.py",
    "policy/sampling/kernels.py",
    "policy/sampling/sampling_law.py",
    "policy/sampling/memory_budget.py",
    "policy/sampling/rows.py",
    "policy/sampling/static_decoder.py",
    "policy/sampling/static_grammar.py",
    "policy/sampling/static_strategy.py",
    "policy/sampling/static_session.py",
    "policy/sampling/weights.py",
    "runs/loop.py",
}
"""The only files of `codeit` that import torch."""

_BEGIN = "<!-- rooms: written by tests/house.py -->\n"
_END = "<!-- end of rooms -->\n"


def table() -> str:
    """The rooms as a table in Markdown."""
    lines = ["| room | what it holds | uses |", "|---|---|---|"]
    for room in [*CPP_ROOMS, *PYTHON_ROOMS]:
        lines.append(f"| `{room.path}` | {room.holds} | {', '.join(room.uses)} |")
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """A text with the table in its place."""
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    return before + _BEGIN + "\n" + table() + "\n" + _END + after


if __name__ == "__main__":
    page = ROOT / "CONTRIBUTING.md"
    page.write_text(with_table(page.read_text()))
