# Targets for people; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help run stop deps test lint typecheck unit test-faults bench-extract bench-transform format clean

PYTHON ?= python3
AS_OF ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 20

run: $(INSTALLED) ## start everything, make one release and show it (AS_OF=2026-09-30 for another date)
	@$(BIN)/rapport local run $(if $(AS_OF),--as-of $(AS_OF))

stop: ## stop everything that `make run` started
	@if [ -x $(BIN)/rapport ]; then $(BIN)/rapport local stop; else echo "Nothing is installed, nothing runs."; fi

deps: $(INSTALLED) ## install requirements.lock into .venv
	@:

$(INSTALLED): requirements.lock pyproject.toml .ci/install.py
	@$(PYTHON) .ci/install.py

test: lint typecheck unit ## lint, types and all tests, with a PostgreSQL of their own (under 15 minutes)

unit: $(INSTALLED)
	@$(BIN)/pytest

test-faults: $(INSTALLED) ## break everything that can break, and see that nothing is lost (under 30 minutes)
	@$(BIN)/pytest tests/faults

bench-extract: $(INSTALLED) ## speed of extraction beside psql, pandas and dlt (ROWS=5000000 for another size)
	@$(BIN)/python tests/benchmarks/bench_extract.py $(if $(ROWS),--rows $(ROWS))

lint: $(INSTALLED) ## check style of Python and SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 dbt_project

typecheck: $(INSTALLED) ## check types (mypy strict)
	@$(BIN)/mypy

bench-transform: $(INSTALLED) ## speed of the risk layer beside one statement, and its growth (ROWS=500000 for another size)
	@$(BIN)/python tests/benchmarks/bench_transform.py $(if $(ROWS),--rows $(ROWS))

format: $(INSTALLED) ## put Python and SQL into the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix --disable-progress-bar --processes 2 dbt_project

clean: stop ## stop, and remove all that was installed and made
	@rm -rf $(VENV) .rapport .mypy_cache .ruff_cache .pytest_cache .hypothesis plugins/rapport.egg-info dbt_project/target dbt_project/logs
