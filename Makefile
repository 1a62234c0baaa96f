# Commands to know: `make demo`, `make test`, and `make quick` while you work; `make docs` for the site. The first call of any makes a virtual environment.
#   PYTHON   the Python to make it with, 3.11 to 3.13 (found by itself where one is on the path)
#   VENV     where it goes
#   RUN_DIR  where the demo's run goes

SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.13; do \
  $$python -c '$(SUITABLE)' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
RUN_DIR ?= runs/demo

# Absolute, because `make types` runs elsewhere.
BIN := $(abspath $(VENV))/bin
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.installed_docs
# flags/ and export/ are installed inside aag_tf; mypy and mkdocstrings follow no import hooks, so they are shown the
# installed shape.
VIEW := build/view

.PHONY: demo test quick lint types docs view format install clean
.DEFAULT_GOAL := help

help: ## Show the targets.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

install: $(INSTALLED) ## Make the virtual environment and install the project in it, editable.

$(INSTALLED): setup.py pyproject.toml
	@$(or $(PYTHON),false) -c '$(SUITABLE)' || \
	  { echo "Python 3.11 to 3.13 is needed; name one with make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

demo: $(INSTALLED) ## Train on the built-in digits, evaluate, export and verify (a few minutes).
	$(BIN)/aag-train --recipe=demo --run_dir=$(RUN_DIR) --overwrite
	$(BIN)/aag-evaluate --run_dir=$(RUN_DIR)
	$(BIN)/aag-export --run_dir=$(RUN_DIR) --export_dir=$(RUN_DIR)/saved_model
	@echo
	@echo "The report, to open in a browser: $(RUN_DIR)/report.html"
	@echo "Its training in TensorBoard:      $(VENV)/bin/tensorboard --logdir $(patsubst %/,%,$(dir $(RUN_DIR)))"

test: $(INSTALLED) ## Run all tests, in two processes: most of their time is TensorFlow tracing, on one core.
	$(BIN)/python -m pytest --numprocesses=2 --dist=worksteal

quick: $(INSTALLED) ## Run the fast tests only, in under a minute (tests/conftest.py names the slow ones).
	$(BIN)/python -m pytest --quick --numprocesses=2 --dist=worksteal

lint: $(INSTALLED) ## Check style and formatting.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

view:
	@rm -rf $(VIEW) && mkdir -p $(VIEW)/aag_tf
	@ln -s $(CURDIR)/aag_tf/* $(CURDIR)/flags $(CURDIR)/export $(VIEW)/aag_tf/

# Without --quiet, which would hide the warnings from --strict too.
docs: $(DOCS_INSTALLED) view ## Build the documentation in site/; a dead link is an error.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Read it: site/index.html, or $(VENV)/bin/mkdocs serve while you write"

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

types: $(INSTALLED) view ## Check types, and of tests and benchmarks the calls.
	cd $(VIEW) && $(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache -p aag_tf
	cd $(VIEW) && MYPYPATH=$(CURDIR)/tests:$(CURDIR)/benchmarks $(BIN)/mypy --config-file $(CURDIR)/tests/mypy.ini \
		--cache-dir $(CURDIR)/.mypy_cache/calls $(CURDIR)/tests $(CURDIR)/benchmarks

format: $(INSTALLED) ## Rewrite files in the house style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Delete what building and checking leave behind; keeps runs and the virtual environment.
	rm -rf build dist site aag_tf.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
