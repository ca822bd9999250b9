"""Programs written as Python: read from the syntax tree and rewritten to the language's form.

    def verify_a(grid: Grid) -> Grid:      x1 = objects(I, T, F, T)
        found = objects(grid, T, F, T)     x2 = argmax(x1, size)
        found = argmax(found, size)   -->  x3 = subgrid(x2, I)
        return hmirror(                    O = hmirror(x3)
            subgrid(found, grid))

Nothing is run. A name that is bound again is another variable, a call within a call gets a line of
its own, and a call that was there before is not made again. What has no counterpart in the language
is refused with its line.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from codeit.language.table import Language, current
from codeit.ranges import nearest_name

_PREFIXES = "solve_", "verify_"
_ALONE = "solve", "verify"
_PAIR, _SAME = "astuple", "identity"  # what Python writes as (a, b), and as a name alone
_MOST_CHARACTERS = 100  # of a value that is shown


class NotInLanguageError(ValueError):
    """Python that is no program of the language; the message has the line and the reason."""


class Function(NamedTuple):
    """A function of a Python file that may be a program.

    Attributes:
        name: of the function, or of a file without one.
        task_id: that the name says; "" where it says none.
        line: where it begins.
    """

    name: str
    task_id: str
    line: int
    body: Sequence[ast.stmt]
    parameters: Sequence[str]


def functions_of(text: str) -> list[Function]:
    """What there is in a text: each function `solve_TASK` or `verify_TASK`; else the function
    `solve` or `verify`, or the only one that there is; else all the assignments of the file.

    Raises:
        NotInLanguageError: it is no Python.
    """
    module = _parsed(text)
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    named = [node for node in functions if node.name.startswith(_PREFIXES)]
    named = named or [node for node in functions if node.name in _ALONE]
    named = named or (functions if len(functions) == 1 else [])
    if named:
        return [_function(node) for node in named]
    lines = [node for node in module.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    has_calls = any(isinstance(node, ast.Call) for line in lines for node in ast.walk(line))
    return [Function("", "", 1, module.body, ["I"])] if has_calls and not functions else []


def language_text(function: Function, language: Language | None = None) -> str:
    """A program that returns what the function does, one assignment a line.

    Raises:
        NotInLanguageError: there is none.
    """
    if len(function.parameters) != 1 or function.parameters[0].startswith("*"):
        names = ", ".join(function.parameters) or "none"
        raise NotInLanguageError(f"line {function.line}: its parameters are {names}; there is one")
    try:
        return _Writer(function.parameters[0], language or current()).text_of(
            function.body, function.line
        )
    except RecursionError:
        raise NotInLanguageError(f"line {function.line}: it is nested too deeply") from None


def _function(node: ast.FunctionDef) -> Function:
    prefix = next((p for p in _PREFIXES if node.name.startswith(p)), node.name)
    arguments = node.args
    parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    parameters += [f"*{a.arg}" for a in (arguments.vararg, arguments.kwarg) if a]
    task_id = node.name.removeprefix(prefix)
    return Function(node.name, task_id, node.lineno, node.body, parameters)


def _parsed(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the syntax of what is only read
            return ast.parse(text)
    except SyntaxError as error:
        raise NotInLanguageError(f"line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotInLanguageError(f"not Python: {error or type(error).__name__}") from None


class _Writer:
    """Writes the lines of one program.

    A value is known by an atom, what may stand as an argument: a variable, a primitive, a constant
    or `I`.
    """

    def __init__(self, parameter: str, language: Language) -> None:
        self._language = language
        self._atoms = {parameter: "I"}
        self._modules: set[str] = set()
        self._calls: dict[str, str] = {}
        """Of each call the variable that has its value, in the order of the lines."""
        self._constants = {
            (type(constant.value), constant.value): name
            for name, constant in reversed(list(language.constants.items()))
        }

    def text_of(self, body: Sequence[ast.stmt], line: int) -> str:
        output = last = None
        for statement in body:
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    _refuse(statement, "a return without a value")
                output = self._atom(statement.value)
                break
            last = self._bind(statement) or last
        output = output or self._atoms.get("O") or last
        if output is None:
            raise NotInLanguageError(f"line {line}: there is nothing that it returns")
        lines = list(self._calls.items())
        if output not in self._calls.values():
            lines.append((f"{_SAME}({output})", output))
        elif output != lines[-1][1]:
            lines = lines[
                : list(self._calls.values()).index(output) + 1
            ]  # the others come too late
        texts = [f"{variable} = {call}" for call, variable in lines[:-1]]
        return "\n".join([*texts, f"O = {lines[-1][0]}"])

    def _bind(self, statement: ast.stmt) -> str | None:
        """Take a statement; the atom that it binds to a name, if it does."""
        targets: Sequence[ast.expr]
        match statement:
            case ast.Assign(targets=targets, value=value):
                atom = self._atom(value)
            case ast.AnnAssign(value=ast.expr() as value):
                targets, atom = [statement.target], self._atom(value)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return None
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self._modules |= {(alias.asname or alias.name).split(".")[0] for alias in names}
                return None
            case _:
                _refuse(statement, f"{_kind_of(statement)}; a program has assignments alone")
        for target in targets:
            if not isinstance(target, ast.Name):
                _refuse(statement, "an assignment to something else than a name")
            self._atoms[target.id] = atom
        return atom

    def _atom(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                if name in self._atoms:
                    return self._atoms[name]
                return self._known(name, node)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                module in self._modules and module not in self._atoms
            ):
                return self._known(name, node)
            case ast.Call():
                return self._call(node)
            case ast.Tuple(elts=[first, second]) if not _is_literal(node):
                return self._pair(first, second)
            case _ if _is_literal(node):
                return self._literal(node)
            case _:
                _refuse(node, f"{_kind_of(node)}; a program has calls alone")

    def _known(self, name: str, node: ast.expr) -> str:
        if name not in self._language.primitives and name not in self._language.constants:
            hint = nearest_name(name, self._atoms) or nearest_name(name, self._language.names)
            _refuse(node, f"{name} is no name of the language, nor bound before{hint}")
        return name

    def _call(self, node: ast.Call) -> str:
        function = self._atom(node.func)
        arguments = [self._atom(argument) for argument in node.args]
        if node.keywords:
            primitive = self._language.primitives.get(function)
            rest = [p.name for p in primitive.parameters[len(arguments) :]] if primitive else []
            given = {k.arg: k.value for k in node.keywords}
            if sorted(map(str, given)) != sorted(rest):
                _refuse(node, f"arguments of {function} by names that are not its own")
            arguments += [self._atom(given[name]) for name in rest]
        if not arguments:
            _refuse(node, f"a call of {function} without arguments")
        if function in self._language.constants or function == "I":
            _refuse(node, f"a call of {function}, which is no function")
        return self._line(function, arguments)

    def _pair(self, first: ast.expr, second: ast.expr) -> str:
        return self._line(self._known(_PAIR, first), [self._atom(first), self._atom(second)])

    def _line(self, function: str, arguments: Sequence[str]) -> str:
        call = f"{function}({', '.join(arguments)})"
        return self._calls.setdefault(call, f"x{len(self._calls) + 1}")

    def _literal(self, node: ast.expr) -> str:
        try:
            value = ast.literal_eval(node)
            kind = type(value), value
            if kind in self._constants and (
                not isinstance(value, tuple) or set(map(type, value)) == {int}
            ):
                return self._constants[kind]
        except (ValueError, TypeError):
            pass
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            return self._pair(*node.elts)
        shown = ast.unparse(node)[:_MOST_CHARACTERS]
        _refuse(node, f"the value {shown}, for which the language has no constant")


def _is_literal(node: ast.expr) -> bool:
    """Whether it is a number, or a tuple of some."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return True
        case ast.Tuple(elts=elements):
            return all(map(_is_literal, elements))
    return False


def _kind_of(node: ast.AST) -> str:
    return f"Python's `{type(node).__name__.lower()}`"


def _refuse(node: ast.stmt | ast.expr, reason: str) -> NoReturn:
    raise NotInLanguageError(f"line {node.lineno}: {reason}")
