"""What a command loads before it begins: no more than it needs."""

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from codeit.policy.model import uncompiled as room  # noqa: E402
from codeit.policy.model.uncompiled import mark_uncompiled, uncompiled  # noqa: E402


def loaded_by(code, *names):
    """Which of some modules a new process has loaded after some code."""
    code += f"; import sys; print([name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HEAVY = ("transformers", "torch._dynamo", "sympy")


@pytest.mark.parametrize("module", ["codeit.runs.running", "codeit.policy.policy"])
def test_the_loop_and_the_policy_load_neither_transformers_nor_the_compiler(module):
    assert loaded_by(f"import {module}", *HEAVY) == "[]"


def test_a_policy_of_a_directory_is_loaded_without_transformers(finished):
    code = f"import codeit; policy = codeit.Policy.load({str(finished[0])!r}, device='cpu')"
    code += "; list(policy.sample(codeit.arc.load('arc1-training', ['00d62c1b']), 1))"
    assert loaded_by(code, *HEAVY) == "[]"


def test_help_loads_neither_torch_nor_the_settings():
    code = "import codeit.cli; codeit.cli.main(['--version'])"
    assert loaded_by(code, "torch", "pydantic", "rich").endswith("[]")


def test_a_function_that_is_to_stay_as_it_is_is_left_alone_by_the_compiler(monkeypatch):
    monkeypatch.setattr(room, "_noted", [])
    seen = []

    @uncompiled
    def inner(x):
        seen.append(torch.compiler.is_compiling())
        return x + 1

    def outer(x):
        return inner(x) * 2

    assert outer(torch.ones(1)).item() == 4
    mark_uncompiled()
    mark_uncompiled()
    assert torch.compile(outer, backend="eager")(torch.ones(1)).item() == 4
    assert seen == [False, False]
    torch.compiler.reset()  # what was compiled with a break before
    with pytest.raises(RuntimeError, match="disable"):
        torch.compile(outer, backend="eager", fullgraph=True)(torch.ones(1))
    assert inner.__name__ == "inner"
