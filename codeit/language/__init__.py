"""The language: its primitives and constants as Python values, and programs.

What the standard language has is read from the native table (csrc/lang/table.def).
"""

from codeit.language.corpus import SeedProgram, load_seed_programs
from codeit.language.program import Program, ProgramError
from codeit.language.table import (
    ACCEPTED_TYPES,
    CONSTANTS,
    PRIMITIVES,
    STANDARD,
    Constant,
    Language,
    NewPrimitive,
    Parameter,
    Primitive,
    add_own,
    current,
    own_primitives,
    remove_own,
)

__all__ = [
    "ACCEPTED_TYPES",
    "CONSTANTS",
    "PRIMITIVES",
    "STANDARD",
    "Constant",
    "Language",
    "NewPrimitive",
    "Parameter",
    "Primitive",
    "Program",
    "ProgramError",
    "SeedProgram",
    "add_own",
    "current",
    "load_seed_programs",
    "own_primitives",
    "remove_own",
]
