from typing import Any, Self

MAX_SIDE: int
MAX_SIZE: int

def given_types() -> tuple[list[str], list[str]]: ...

class ForeignFunction:
    last_error: str | None
    function: Any
    def __new__(
        cls,
        address: int,
        function: Any,
        parameters: tuple[str, ...],
        returns: str,
        sides: tuple[int, int],
        scratch_size: int,
        stop: type[BaseException],
    ) -> Self: ...
    @property
    def is_broken(self) -> bool: ...
