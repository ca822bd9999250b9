# Each target makes .venv and installs what it needs when that is missing.
#   make demo      the whole loop on the real tasks, on two CPU cores, a few minutes
#   make test      the test suite, file by file on all cores
#   make bench     the benchmarks
#   make lint      formatting, lint and types
#   make sanitize  all native code under sanitizers, the core under valgrind
#   make fuzz      the parser, programs, the automaton, mutants and the search under the fuzzer, SECONDS=60 each
#   make docs      the site of all pages, in build/site; a warning is an error
#   make native    what has changed in csrc/ and the .pyx files is built, as before all of these
# TORCH=torch==2.13.0 pins torch, CONSTRAINTS=.ci/versions.txt all packages; OUT=DIR says where the
# demo's run goes, PYTHON=python3.12 picks the interpreter, VENV=DIR puts the virtual environment elsewhere.

PYTHON ?= python3
TORCH ?=
CONSTRAINTS ?=
OUT ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
VENV ?= .venv
SECONDS ?= 60
BIN := $(VENV)/bin

# As variables, they bind what an isolated build installs, too.
ifneq ($(CONSTRAINTS),)
export PIP_CONSTRAINT := $(abspath $(CONSTRAINTS))
export PIP_BUILD_CONSTRAINT := $(PIP_CONSTRAINT)
endif

.PHONY: demo test bench lint sanitize fuzz docs native clean

demo: native
	$(BIN)/codeit train --preset demo --out $(OUT)

test: native
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

bench: native
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done
	$(BIN)/python -m pytest -q benchmarks/latency.py

lint: $(VENV)/installed $(VENV)/lint-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror csrc/*/*.cc csrc/*/*.h

sanitize: native
	csrc/fuzz/sanitize.sh $(BIN)

fuzz:
	csrc/fuzz/fuzz.sh $(SECONDS)

docs: native $(VENV)/docs-installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "the site begins at build/site/index.html"

# Builds what has changed since the installation, which for an editable one is all that it takes.
native: $(VENV)/installed
	$(BIN)/python setup.py -q build_ext --inplace

$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/torch: $(VENV)/created
	$(if $(TORCH),$(BIN)/python -m pip install --quiet $(TORCH))
	touch $@

$(VENV)/installed: $(VENV)/torch pyproject.toml
	@echo "# brings torch and more, and compiles the native code: minutes, in silence"
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/lint-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	touch $@

$(VENV)/docs-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build codeit.egg-info compile_commands.json codeit/_native/*.so codeit/_native/*.cpp
