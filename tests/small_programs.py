"""Two programs of training tasks, for tests of what measures."""

import json

PROGRAMS = [
    {"task": "67a3c6ac", "program": "O = vmirror(I)"},
    {"task": "68b16354", "program": "O = hmirror(I)"},
]


def write_programs(folder):
    """The path of a file of them."""
    path = folder / "programs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in PROGRAMS))
    return str(path)
