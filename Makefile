# Everything runs in .venv, which is made on first use. `make help` lists the targets.
# The stamps in .make/ say what is installed there; they age with the files they depend on.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALLED_FROM := pyproject.toml $(shell find jupyter-config -type f)

.DEFAULT_GOAL := help
.PHONY: help lab test test-slow lint format types bench clean distclean

help: ## List the targets
	@echo "Usage: make <target>   (PYTHON=python3.11 chooses the interpreter, PORT=9999 the port of lab)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1@\2/p' Makefile | awk -F@ '{printf "  %-12s %s\n", $$1, $$2}'

lab: .make/lab ## Start JupyterLab on examples/ and print a first request to try
	@$(BIN)/python scripts/lab.py $(if $(PORT),--port $(PORT))

test: .make/test ## Run the tests (ARGS="-k fold" goes to pytest)
	@$(BIN)/pytest -m "not slow" $(ARGS)

test-slow: .make/test ## Run the long-running tests
	@$(BIN)/pytest -m slow $(ARGS)

lint: .make/test ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: .make/test ## Format the code
	@$(BIN)/ruff format .

types: .make/test ## Check the types
	@$(BIN)/mypy

bench: .make/test ## Run the benchmarks, one after another
	@set -e; for file in benchmarks/[!_]*.py; do \
		[ -e "$$file" ] || { echo "There are no benchmarks in benchmarks/."; break; }; \
		echo "== $$file"; $(BIN)/python "$$file"; \
	done

clean: ## Remove caches and build results
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find jupyter_agent_ext tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove .venv as well
	rm -rf $(VENV) .make

.make/lab: $(VENV)/pyvenv.cfg $(INSTALLED_FROM)
	@echo "Installing jupyter_agent_ext and JupyterLab into $(VENV) (minutes, the first time) ..."
	@$(PIP) -e ".[lab]"
	@mkdir -p .make && touch $@

.make/test: $(VENV)/pyvenv.cfg $(INSTALLED_FROM)
	@echo "Installing jupyter_agent_ext and what its tests need into $(VENV) (minutes, the first time) ..."
	@$(PIP) -e ".[lab,test,dev]"
	@mkdir -p .make && touch .make/lab $@

# pyvenv.cfg dates from the making of the environment; bin/python is a link to an older file.
$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "There is no $(PYTHON). Install Python 3.11 or later, or name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is $$($(PYTHON) -V 2>&1), but 3.11 or later is needed. Name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make environments. Install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) -V) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
