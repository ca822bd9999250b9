"""The native table of the language as Python values."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from codeit._native import lang


@dataclass(frozen=True)
class Parameter:
    """One parameter of a primitive; its type is documentation and the mutation's guide.

    Attributes:
        called_with: the fewest arguments with which the functions that it is, or holds, are called;
            0 where there are none.
        or_more: whether it may be more arguments.
    """

    name: str
    type: str
    called_with: int
    or_more: bool

    def can_call(self, arity: int) -> bool:
        """Whether it is a function that may have that arity."""
        is_least = arity == self.called_with
        return self.called_with > 0 and (is_least or (self.or_more and arity > self.called_with))


@dataclass(frozen=True)
class Primitive:
    """One of the 160 functions of the language."""

    name: str
    opcode: int
    group: str
    parameters: tuple[Parameter, ...]
    returns: str
    summary: str

    @property
    def arity(self) -> int:
        return len(self.parameters)

    @property
    def signature(self) -> str:
        """The primitive as the reference page writes it: `crop(grid: Grid, ...) -> Grid`."""
        parameters = ", ".join(f"{p.name}: {p.type}" for p in self.parameters)
        return f"{self.name}({parameters}) -> {self.returns}"


@dataclass(frozen=True)
class Constant:
    """One of the 28 named values of the language."""

    name: str
    type: str
    value: bool | int | tuple[int, int]


def _read_primitives() -> Mapping[str, Primitive]:
    rows = enumerate(lang.primitive_table())
    return MappingProxyType(
        {
            name: Primitive(
                name=name,
                opcode=opcode,
                group=group,
                parameters=tuple(
                    Parameter(parameter, type_, called_with, or_more)
                    for type_, parameter, called_with, or_more in parameters
                ),
                returns=returns,
                summary=summary,
            )
            for opcode, (name, group, returns, parameters, summary) in rows
        }
    )


PRIMITIVES: Mapping[str, Primitive] = _read_primitives()
"""Every primitive by name, in the order of its opcode."""

CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {name: Constant(name, type_, value) for name, type_, value in lang.constant_table()}
)
"""Every constant by name."""

ACCEPTED_TYPES: Mapping[str, frozenset[str]] = MappingProxyType(lang.accepted_types())
"""By type, those whose values may stand where it is declared, itself among them."""
