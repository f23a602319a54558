.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
SECONDS ?= 600
FUZZ ?= 25

.PHONY: help demo test check types generate changes test-integration fuzz soak bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements-dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH: install Python 3.11, or say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## stream, chat, embed and list against $OLLAMA_HOST, or against the emulator
	@$(BIN)/python -m ollama_sdk.testing.demo

test: $(READY)  ## run the tests
	$(BIN)/python -m pytest tests/testing/test_emulator_document.py  # by itself: its tests share one name, which xdist cannot tell apart
	$(BIN)/python -m pytest -n 4 --dist loadfile --ignore tests/testing/test_emulator_document.py

check: $(READY)  ## format, lint, types, import contract, document, generated code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --warnings
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m generator check

types: $(READY)  ## whether every public name has a known type; pyright looks for the package on the PATH
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes ollama_sdk --ignoreexternal

generate: $(READY)  ## remake the typed client from openapi/ollama.yaml
	$(BIN)/python -m generator build

changes: $(READY)  ## what the edited document changes in the public interface, as Markdown
	$(BIN)/python -m generator changes

test-integration: $(READY)  ## run every method against the live server at $OLLAMA_HOST
	$(BIN)/python -m pytest tests/integration

soak: $(READY)  ## chaos on real sockets for SECONDS (600)
	$(BIN)/python benchmarks/soak.py $(SECONDS)

bench: $(READY)  ## measure against the published clients and against bare httpx
	$(BIN)/python -m benchmarks

fuzz: $(READY)  ## try new examples in every property test, FUZZ (25) times as many as `make test`
	FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/testing/test_emulator_document.py
	FUZZ=$(FUZZ) $(BIN)/python -m pytest -m hypothesis -n 4 --ignore tests/testing/test_emulator_document.py

clean:  ## remove what the other targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
