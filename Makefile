# One place for every command a developer, a pipeline or a new colleague needs: `make help` lists them.
# Plain GNU make and pip are enough; uv is used where it is installed, because it is faster.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.lock-installed
COMPOSE_FILE := docker-compose.yml

# A virtual environment that happens to be active must not redirect uv or mypy.
unexport VIRTUAL_ENV
# Without compiled files each process that a test starts, and each workflow's sandbox, compiles the house anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test bench mutations lint lock clean check-python

help: ## list these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv and install the lock, once per lock

check-python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "No '$(PYTHON)' on PATH. Install Python 3.11 or newer, or name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) -V 2>&1 | cut -d" " -f2); this project needs Python 3.11 or newer." >&2; \
	  echo "Install a newer Python, or name one that is there: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }

# Order-only: the version is checked before every installation, and does not by itself cause one.
$(STAMP): requirements.lock | check-python
	@if command -v uv >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock; \
	else \
	  $(PYTHON) -m venv --clear $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	fi
	@touch $@

demo: setup ## a sample county through a whole year, on the embedded engine
	$(BIN)/python starter.py demo

test: lint ## every gate: lint, types, walls between rooms, tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup ## what a campaign costs on this machine
	$(BIN)/python -m bench

mutations: setup ## small faults in the bundle's verifier, each killed by a test or named with its reason
	$(BIN)/python -m bench.mutations

lint: setup ## style, types, import rules, workflow rules, shell, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" .ci/walls
	$(BIN)/temporalint workflows activities worker.py
	$(BIN)/shellcheck .ci/run .ci/walls
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec $(COMPOSE_FILE)

lock: ## resolve pyproject.toml anew into requirements.lock (needs uv)
	@command -v uv >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes -o requirements.lock

clean: ## remove .venv and caches; the data in var/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage dist
	find . -type d -name __pycache__ -prune -exec rm -rf {} +
