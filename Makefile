# Every target makes and fills the virtual environment by itself; nothing else has to be installed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# One thread: on a small machine torch's threads spin against each other.
export OMP_NUM_THREADS ?= 1
# What is compiled is what is imported, when it is: most of what torch and Ray bring never is. It is kept, also
# where the machine is set up not to: else every process compiles torch again, for two seconds and more.
unexport PYTHONDONTWRITEBYTECODE
PIP    := $(BIN)/pip install --quiet --no-compile --constraint constraints.txt
# The panels wait for Python's packages only where these bring the only Node.
ifeq ($(shell $(PYTHON) vscode-extension/bundle.py node),yes)
BUNDLE := $(PYTHON) vscode-extension/bundle.py
else
BUNDLE := $(BIN)/python vscode-extension/bundle.py
NODE   := $(VENV)/.developing
endif

.PHONY: help demo page vsix ready test test-panels test-python vscode-newest lint lint-panels lint-python
.PHONY: bench parity verdict docs pictures clean train node-packages

help:  ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

demo: $(VENV)/.filled  ## Watch a trained model decode a date, step by step, through the protocol.
	@$(BIN)/s2sdap demo

page: node-packages  ## Build the panels, which are the browser page of `s2sdap serve --page`.
	$(BUNDLE) build

vsix: node-packages $(VENV)/.made  ## Pack the extension for VS Code, into build/.
	$(BIN)/python vscode-extension/bundle.py vsix

ready: $(VENV)/.developing page  ## Install and build all that the tests need; `make -j2 ready` does both at once.

test: test-panels test-python  ## Run the tests.

test-panels: node-packages
	$(BUNDLE) test

test-python: $(VENV)/.developing page
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -q

lint: lint-python lint-panels  ## Formatting, style, strict types, and that imports go down only.

lint-python: $(VENV)/.developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

lint-panels: node-packages
	$(BUNDLE) check

node-packages: $(NODE)
	@$(BUNDLE) install

vscode-newest: $(VENV)/.developing page  ## The tests in a real VS Code, in the newest one that is known to work.
	S2SDAP_VSCODE_VERSION=1.139.1 $(BIN)/pytest -q tests/vscode

bench: $(VENV)/.developing  ## Speed as ratios against peers in the same run.
	$(BIN)/python -m benchmarks

parity: $(VENV)/.developing  ## Every Hugging Face family under every setting against its own generate, into docs/parity.md.
	$(BIN)/python -m parity

verdict: $(VENV)/.developing  ## Faults planted at every stage, and how many the verdict names, into docs/verdict_table.md.
	$(BIN)/python -m planted

docs: $(VENV)/.developing  ## Write the pages that come from the code.
	$(BIN)/python docs/generate.py

pictures: $(VENV)/.developing page  ## Take the pictures of the page and of VS Code, in docs/pictures.
	$(BIN)/python docs/take_pictures.py
	$(BIN)/python docs/take_addition_pictures.py
	$(BIN)/python docs/take_dates_pictures.py
	$(BIN)/python docs/take_vscode_pictures.py

train: $(VENV)/.filled  ## Train the bundled date model again, into build/dates.
	$(BIN)/python examples/date_conversion/train.py --output build/dates

clean:  ## Remove what was made here.
	rm -rf $(VENV) build dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf s2sdap/page/bundle vscode-extension/dist
	rm -rf vscode-extension/node_modules vscode-extension/panels/node_modules vscode-extension/packaging/node_modules
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.made: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	touch $@

$(VENV)/.filled: $(VENV)/.made pyproject.toml
	$(PIP) --editable '.[neighbors]'
	touch $@

$(VENV)/.developing: $(VENV)/.made pyproject.toml
	$(PIP) --editable '.[dev,huggingface,keras,neighbors,scale]'
	touch $(VENV)/.filled $@
