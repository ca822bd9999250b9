# Each target makes .venv and installs what it needs when that is missing.
#   make demo      the whole loop on the real tasks, on two CPU cores, a few minutes
#   make test      the test suite, file by file on all cores
#   make bench     the benchmarks
#   make lint      formatting, lint and types
#   make sanitize  all native code under sanitizers, the core under valgrind
#   make fuzz      the parser, codes, programs and the automaton under the fuzzer, SECONDS=60 each
# TORCH=torch==2.13.0 pins torch, OUT=DIR says where the demo's run goes, PYTHON=python3.12 picks the
# interpreter, VENV=DIR puts the virtual environment elsewhere.

PYTHON ?= python3
TORCH ?=
OUT ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
VENV ?= .venv
SECONDS ?= 60
BIN := $(VENV)/bin

# What the native extensions are built from; a change installs the package anew.
SOURCES := setup.py pyproject.toml $(wildcard codeit/_native/*.p[xy][xd] csrc/*/*)

.PHONY: demo test bench lint sanitize fuzz clean

demo: $(VENV)/installed
	$(BIN)/codeit train --preset demo --out $(OUT)

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

bench: $(VENV)/installed
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done
	$(BIN)/python -m pytest -q benchmarks/latency.py

lint: $(VENV)/installed $(VENV)/lint-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror csrc/*/*.cc csrc/*/*.h

sanitize: $(VENV)/installed $(VENV)/sanitize-installed
	csrc/fuzz/sanitize.sh $(BIN)

fuzz:
	csrc/fuzz/fuzz.sh $(SECONDS)

$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/torch: $(VENV)/created
	$(if $(TORCH),$(BIN)/python -m pip install --quiet $(TORCH))
	touch $@

$(VENV)/installed: $(VENV)/torch $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/sanitize-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[sanitize]'
	touch $@

$(VENV)/lint-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	touch $@

clean:
	rm -rf $(VENV) build codeit.egg-info codeit/_native/*.so codeit/_native/*.cpp
