"""The language: its primitives and constants as Python values, and programs.

Everything here is read from the native table (csrc/lang/table.def).
"""

from codeit.language.corpus import SeedProgram, load_seed_programs
from codeit.language.program import Program, ProgramError
from codeit.language.table import (
    ACCEPTED_TYPES,
    CONSTANTS,
    PRIMITIVES,
    Constant,
    Parameter,
    Primitive,
)

__all__ = [
    "ACCEPTED_TYPES",
    "CONSTANTS",
    "PRIMITIVES",
    "Constant",
    "Parameter",
    "Primitive",
    "Program",
    "ProgramError",
    "SeedProgram",
    "load_seed_programs",
]
