# `make run` is all a newcomer needs; `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
# Two processes; one that has no tests left takes some of the other. 5: ARGS chose none of a part.
TWO := -n 2 --dist worksteal
NONE := test $$? -eq 5
PIP := $(BIN)/python -m pip --disable-pip-version-check

# The stamps carry a checksum of the requirements, so nothing is installed twice.
RUNTIME := $(VENV)/.runtime-$(shell cksum < requirements.txt | cut -d' ' -f1)
DEV := $(VENV)/.dev-$(shell cat requirements.txt requirements-dev.txt | cksum | cut -d' ' -f1)

# On Linux without an NVIDIA driver PyPI's torch would bring gigabytes of CUDA libraries; PyTorch's
# own index has the CPU build. A pip that is configured with other indexes or wheels is left alone.
CPU_INDEX := https://download.pytorch.org/whl/cpu
NEEDS_CPU_INDEX = test "$$(uname)" = Linux && ! command -v nvidia-smi > /dev/null \
	&& ! $(PIP) config list | grep -E 'index-url|find-links' > /dev/null

.DEFAULT_GOAL := help
.PHONY: help run test fast check lint format figures clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 16

run: $(RUNTIME)  ## install what is missing and start the app; flags: make run ARGS="--port 7861"
	$(BIN)/python app.py $(ARGS)

test: $(DEV)  ## the whole test suite, browser tests included
	$(BIN)/python -m pytest $(TWO) -m "not alone and not e2e" $(ARGS) || $(NONE)
	$(BIN)/python -m pytest $(TWO) -m "e2e and not alone" $(ARGS) || $(NONE)
	$(BIN)/python -m pytest -m alone $(ARGS) || $(NONE)

fast: $(DEV)  ## the tests that are neither slow nor in a browser
	$(BIN)/python -m pytest $(TWO) -m "not slow and not e2e" $(ARGS)

check: lint fast  ## lint and the fast tests, the architecture test among them

lint: $(DEV)  ## formatting, lint and types
	@find demos -name '*.pyi' -delete  # stubs that gradio leaves; stale ones mislead pyright
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(DEV)  ## format the code and apply safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

figures: $(DEV)  ## regenerate the opening run, the cards and the screenshots in assets/
	$(BIN)/python -m tests.figures $(ARGS)

clean:  ## remove caches and what tests left; the virtual environment and checkpoints stay
	rm -rf .pytest_cache .ruff_cache .gradio test-results playwright-report
	find demos -name '*.pyi' -delete
	find app.py core demos tests -name __pycache__ -prune -exec rm -rf {} +

$(RUNTIME):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Stepwise needs Python 3.11 or newer, and "$(PYTHON)" is older or missing.' >&2; \
		echo 'Name another one like this: make run PYTHON=python3.12' >&2; exit 1; }
	@echo 'Installing into $(VENV); the first time takes a few minutes.'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@if $(NEEDS_CPU_INDEX); then extra='--extra-index-url $(CPU_INDEX)'; fi; \
		$(PIP) install -q $$extra -r requirements.txt
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEV): $(RUNTIME)
	@$(PIP) install -q -r requirements-dev.txt
	@rm -f $(VENV)/.dev-* && touch $@
