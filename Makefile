# Every target is complete on a fresh machine that has Python 3.11 or 3.12 with pip.
# Windows has no make: README.md gives the same commands in words it understands.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help env demo test checks slow bench lock format packages clean

EXTRAS ?=
DEMO ?= demo-out
# Any Python starts the script; it finds a 3.11 or 3.12 for .venv itself.
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null && echo $$python && break; done)
VENV := .venv/bin
# A file's tests stay together, for they share what was made for them once.
SIDE_BY_SIDE := -n auto --dist loadfile --no-loadscope-reorder

help:  ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1   \2/p' Makefile

env:  ## build .venv from the lock (EXTRAS="fmri eeg" or EXTRAS=all adds to the base)
	@$(call environment,$(EXTRAS))

demo:  ## a whole virtual study, from its clips to the report, in ./demo-out
	@$(call environment,clips fmri)
	@$(VENV)/bazin demo $(DEMO)

test: checks  ## style, floors, types, spelling and the fast tests
	@$(VENV)/python -m pytest $(SIDE_BY_SIDE) -m "not slow and not alone"
	@$(VENV)/python -m pytest -m "alone and not slow"

checks: packages
	@$(call environment,checks)
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/lint-imports --no-logo
	$(VENV)/mypy
	$(VENV)/codespell

slow: packages  ## calibration, crash and resume, whole worlds
	@$(call environment,checks)
	@$(VENV)/python -m pytest -n auto --dist worksteal -m slow

bench:  ## timings beside the tools people use today
	@$(call environment,checks)
	@if [ -d benchmarks ]; then $(VENV)/python -m benchmarks; else echo "No benchmarks yet."; fi

format:  ## put the code into the project's style
	@$(call environment,checks)
	@$(VENV)/ruff check --fix . ; $(VENV)/ruff format .

lock:  ## pin again after a change of pyproject.toml (UPGRADE=1: newest versions that fit)
	@$(call environment,checks)
	@$(VENV)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements.lock

packages:
	@sh tools/packages.sh

clean:  ## remove the environment, caches and the demo's output
	rm -rf .venv .uv .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache build dist $(DEMO)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define environment
	if [ -z "$(PYTHON)" ]; then echo "No Python was found. Install Python 3.11 or 3.12."; exit 1; fi; \
	$(PYTHON) tools/environment.py $(1)
endef
