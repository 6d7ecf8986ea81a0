# `make` prints the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup check test sim sim-long bench docs demo

help: ## Print the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev: $(VENV)/run
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,check]'
	@touch $@

setup: $(VENV)/dev ## Make .venv with everything development needs

check: $(VENV)/dev ## Style, types, layers, budgets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/tidy

test: $(VENV)/dev ## Install what the tests need and run them all
	bash .ci/install
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

sim: $(VENV)/dev ## Simulate the scheduler with faults at every step, many seeds
	$(BIN)/python tests/simulation/simulate.py --seeds 2000

sim-long: $(VENV)/dev ## The same with ten times as many seeds
	$(BIN)/python tests/simulation/simulate.py --seeds 20000 --start 2000

bench: $(VENV)/dev ## Measure, beside the peers (results on standard output)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/dev ## Write the generated pages of docs/
	$(BIN)/python docs/generate.py

demo: $(VENV)/run ## Start a server, run nine real jobs through boto3, print the result, stop the server
	$(BIN)/batchd demo
