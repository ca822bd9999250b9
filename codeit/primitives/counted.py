"""Functions whose loops count their steps: the same source with a charge in every loop."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

STEPS, PAY, STEP = "codeit_steps_", "codeit_pay_", "codeit_step_"
"""The parameter that a counted function has more, and what it calls: the one before a loop over a
range, with the range, the other in every round of any other loop."""


def counted(function: Callable[..., Any], pay: Any, step: Any) -> Callable[..., Any]:
    """The function with one parameter more: what its loops give to `pay` and `step`.

    Raises:
        ValueError: its source is not to be had, or no function of its own.
    """
    if not isinstance(function, FunctionType):
        raise ValueError("it is no plain function")
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        raise ValueError("its source is not to be had") from None
    found = tree.body[0]
    if not isinstance(found, ast.FunctionDef):
        raise ValueError("its source is no function of its own")
    found.decorator_list = []
    found.args.args.append(ast.arg(STEPS))
    found.returns = None
    for parameter in [*found.args.posonlyargs, *found.args.args]:
        parameter.annotation = None
    _Counting().visit(found)
    ast.fix_missing_locations(tree)
    ast.increment_lineno(tree, first - 1)
    names = dict(function.__globals__)
    names |= inspect.getclosurevars(function).nonlocals
    names |= {PAY: pay, STEP: step}
    exec(compile(tree, function.__code__.co_filename, "exec"), names)
    made: Callable[..., Any] = names[found.name]
    return made


class _Counting(ast.NodeTransformer):
    """Puts the charges into loops."""

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        call = node.iter
        is_range = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if is_range and call.func.id == "range":  # type: ignore[attr-defined]
            node.iter = _call(PAY, call)
        else:
            node.body.insert(0, ast.Expr(_call(STEP)))
        return node

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_call(STEP)))
        return node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    words = [*arguments, ast.Name(STEPS, ast.Load())]
    return ast.Call(ast.Name(name, ast.Load()), words, [])
