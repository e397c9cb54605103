# Everything that is done with this project, and all that CI calls. Programs are run as `.venv/bin/python -m ...`: the
# first line of a script in .venv/bin breaks where the path is long or holds a space.
PYTHON ?= python3
PROCESS ?= vacuum
PARTS ?=
ONCE ?=
QUICK ?=
RUN := .venv/bin/python
DQ := $(RUN) -m dq_pipeline.cli.main
SYSTEM := .venv/system

.PHONY: help .venv demo up down test test-system lint type docs bench experiments ci
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z.]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F '|' '{ printf "%-16s %s\n", $$1, $$2 }'

.venv: .venv/installed  ## the virtual environment with everything in requirements.txt

.venv/installed: requirements.txt .ci/venv.py
	@$(PYTHON) .ci/venv.py
	@touch .venv/installed

demo: .venv  ## the whole platform on a simulated stream (PROCESS=hydraulic DQ_DATA_DIR=..., ONCE=1 to stop at the end)
	@$(DQ) demo --process $(PROCESS) $(if $(ONCE),--once)

up: .venv  ## start the servers (PARTS="kafka postgres mlflow airflow")
	@$(DQ) up $(PARTS)

down: .venv  ## stop the servers
	@$(DQ) down

test: .venv  ## the whole suite, with the servers it needs
	@$(RUN) -m pytest

test-system: .venv  ## the pages in a real browser (installs Chromium and Playwright where they are missing)
	@$(RUN) .ci/system.py $(SYSTEM)
	@PYTHONPATH=$(SYSTEM) $(RUN) -m pytest -m system tests/system
	@PYTHONPATH=$(SYSTEM) $(RUN) -m pytest -m system tests/loop -s

lint: .venv  ## style, format and layers
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -c 'import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())'

type: .venv  ## types, strictly
	@$(RUN) -m mypy

docs: .venv  ## the site, to var/site
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet

bench: .venv  ## the benchmarks (BENCH_SHORT=1 for a quick look)
	@$(RUN) -m benchmarks

experiments: .venv  ## the published experiments and our own (QUICK=1 for a look), to var/experiments
	$(if $(QUICK),,@-$(RUN) -m benchmarks.peers)
	@$(DQ) experiments $(if $(QUICK),--quick)

ci: lint type docs test test-system  ## what must pass before a merge
	@$(MAKE) --no-print-directory experiments QUICK=1
	@BENCH_SHORT=1 $(RUN) -m benchmarks
