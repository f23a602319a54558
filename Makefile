.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
SECONDS ?= 600
FUZZ ?= 25

.PHONY: help demo test check types generate changes docs test-integration fuzz soak bench package publish clean

##@ Use
help:  ## list the targets
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements-dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH: install Python 3.11, or say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## stream, chat, embed and list against $OLLAMA_HOST, or against the emulator
	@$(BIN)/python -m ollama_sdk.testing.demo

##@ Change
check: $(READY)  ## format, lint, types, import contract, document, generated code, pictures
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --warnings
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m generator check
	$(BIN)/python docs/draw_architecture.py --check

types: $(READY)  ## whether every public name has a known type; pyright looks for the package on the PATH
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes ollama_sdk --ignoreexternal

generate: $(READY)  ## remake the typed client from openapi/ollama.yaml
	$(BIN)/python -m generator build

changes: $(READY)  ## what the edited document changes in the public interface, as Markdown
	$(BIN)/python -m generator changes

docs: $(READY)  ## draw the pictures of docs/ from the code
	$(BIN)/python docs/draw_architecture.py

##@ Test
test: $(READY)  ## run the tests
	$(BIN)/python -m pytest tests/testing/test_emulator_document.py  # by itself: its tests share one name, which xdist cannot tell apart
	$(BIN)/python -m pytest -n 4 --dist loadfile --ignore tests/testing/test_emulator_document.py

test-integration: $(READY)  ## run every method against the live server at $OLLAMA_HOST
	$(BIN)/python -m pytest tests/integration

##@ Search for faults, and measure
soak: $(READY)  ## chaos on real sockets for SECONDS (600)
	$(BIN)/python -m benchmarks.soak $(SECONDS)

fuzz: $(READY)  ## try new examples in every property test, FUZZ (25) times as many as `make test`
	FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/testing/test_emulator_document.py
	FUZZ=$(FUZZ) $(BIN)/python -m pytest -m hypothesis -n 4 --ignore tests/testing/test_emulator_document.py

bench: $(READY)  ## measure against the published clients and against bare httpx
	$(BIN)/python -m benchmarks

##@ Release
.venv-package/.ready: requirements-package.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH: install Python 3.11, or say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv-package
	.venv-package/bin/python -m pip install -qq --disable-pip-version-check -r requirements-package.txt
	@touch $@

package: $(READY) .venv-package/.ready  ## build wheel and source distribution, install both elsewhere, and run the demo there
	rm -rf dist
	.venv-package/bin/python -m build --no-isolation
	.venv-package/bin/python -m twine check --strict dist/*
	$(BIN)/python -m pytest tests/packaging

publish: .venv-package/.ready  ## upload dist/ by trusted publishing (the release workflow does)
	.venv-package/bin/python -m twine upload --non-interactive dist/*

clean:  ## remove what the other targets made
	rm -rf .venv .venv-package .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
