.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := $(if $(filter python3.11,$(notdir $(PYTHON))),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
READY := $(VENV)/.ready
VERSIONS := 3.12 3.13 3.14
WORKERS ?= 4
# Each worker and each program that a test starts imports the package: without bytecode they would compile it each time.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
MUTANTS ?= 60
SEED ?= $(shell date +%s)
SECONDS ?= 600
FUZZ ?= 25
N ?= 200000

.PHONY: help demo check types generate changes drift docs docs-serve pictures test test-all test-h11 test-tls test-httpx2 test-uvloop test-versions \
        coverage test-integration test-programs test-engines fuzz soak interrupts mutants bench package publish clean

##@ Use
help:  ## list the targets
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements-dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH: install Python 3.11, or say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv-%/.ready: requirements-%.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH: install Python 3.11, or say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

demo: $(READY)  ## stream, chat, embed and list against $OLLAMA_HOST, or against the emulator
	@$(BIN)/python -m ollama_sdk.testing.demo

##@ Change
check: $(READY)  ## format, lint, types, public types, import contract, document, generated code, pictures
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --warnings
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m generator check
	$(BIN)/python docs/write_methods.py --check
	$(BIN)/python docs/draw_architecture.py --check
	$(BIN)/python docs/draw_policies.py --check
	$(MAKE) --no-print-directory types

types: $(READY)  ## whether every public name has a known type; pyright looks for the package on the PATH
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes ollama_sdk --ignoreexternal

generate: $(READY)  ## remake the typed client and the table of its methods from openapi/ollama.yaml
	$(BIN)/python -m generator build
	$(BIN)/python docs/write_methods.py

changes: $(READY)  ## what the edited document changes in the public interface, as Markdown
	$(BIN)/python -m generator changes

drift: $(READY)  ## what the document lacks of the source of Ollama at OLLAMA=path
	@test -n "$(OLLAMA)" || { echo "say which: make drift OLLAMA=path"; exit 2; }
	$(BIN)/python -m generator drift --against "$(OLLAMA)"

pictures: $(READY)  ## draw the pictures of docs/ from the code
	$(BIN)/python docs/draw_architecture.py
	$(BIN)/python docs/draw_policies.py

docs: $(READY) .venv-docs/.ready  ## build the site in build/docs/html; a warning or a broken link fails
	$(BIN)/python docs/write_site.py build/docs/source
	.venv-docs/bin/python -m sphinx -q -W --keep-going -n -b html build/docs/source build/docs/html

docs-serve: docs  ## show the site at http://127.0.0.1:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/docs/html 8000

##@ Test
test: $(READY)  ## run the tests except the slow ones; PYTHON=python3.13 chooses another Python
	$(PYTEST) -m "not slow"

# The workers are Pythons of their own, so that what is asked of one is asked of each.
test-all: $(READY)  ## run every test, in random order (SEED), in Python's development mode, each warning an error
	PYTHONDEVMODE=1 PYTHONWARNINGS=error $(BIN)/python -bb -m pytest --dist loadfile \
	  --tx "$(WORKERS)*popen//python=$(CURDIR)/$(BIN)/python -bb" -p randomly --randomly-seed=$(SEED)

# test_responses.py compares the two parsers, so it needs both; what is counted of the other one is another number.
test-h11: $(READY)  ## run the tests of transport, clients and streams where llhttp cannot be imported, so that h11 reads responses
	$(PYTEST) -m "not slow" --parser h11 --ignore tests/transport/test_responses.py tests/transport tests/client tests/streaming

# These open no connection, or, as the signalled calls, do so to a server of their own in another process. The rooms that are not
# named, such as generator and models, have no connections either; of the emulator's tests only those with clients do.
NO_TLS := $(addprefix tests/,client/test_method_types.py client/test_completion.py streaming/test_accumulation.py \
  reliability/test_driver.py reliability/test_interrupts.py reliability/test_signalled_calls.py)
test-tls: $(READY)  ## run the tests of transport, clients, streams, policies and emulated servers, with servers that speak TLS
	$(PYTEST) -m "not slow and not plain" --tls $(NO_TLS:%=--ignore=%) \
	  tests/transport tests/client tests/streaming tests/reliability tests/testing/test_emulator_clients.py

test-httpx2: $(READY)  ## run the tests of clients and policies, with httpx2 in place of httpx; some also with its transport as the default
	HTTPX=httpx2 $(PYTEST) -m "not slow" tests/client tests/reliability
	HTTPX=httpx2 $(PYTEST) -m "not slow and not plain and not own" --foreign $(addprefix tests/client/test_,any_route.py arguments.py streams.py)

# What has "async" in its name, id or module is about asyncio, except for a few tests of trio.
test-uvloop: $(READY)  ## run the tests of transport, clients, streams and policies on asyncio, with the event loop of uvloop
	$(PYTEST) -m "not slow" --uvloop -k async tests/transport tests/client tests/streaming tests/reliability

test-versions:  ## run the tests on every other Python that is found here, on the PATH or by pyenv
	@missing=; for version in $(VERSIONS); do found=; \
	  for python in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python$$version; do \
	    if $$python -c "" 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -n "$$found" ]; then $(MAKE) test PYTHON=$$found || exit 1; else missing="$$missing $$version"; fi; \
	done; echo "not found, so not tested:$${missing:- none}"

# What counts calls, modules or memory would count what the measuring adds: it runs by itself.
COUNTING := tests/test_footprint.py tests/test_import.py
# These skip under a tracer what interrupts or forks it, so they run once more without one.
UNTRACED := $(addprefix tests/,reliability/test_fork.py reliability/test_interrupts.py reliability/test_signalled_calls.py transport/test_interrupts.py)

coverage: $(READY)  ## run the tests, and show what they do not reach; fails below the floor in pyproject.toml
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(COUNTING:%=--ignore=%)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report
	$(PYTEST) $(COUNTING) $(UNTRACED)

test-integration: $(READY)  ## run every method against the live server at $OLLAMA_HOST
	$(BIN)/python -m pytest tests/integration

test-programs: $(READY) .venv-programs/.ready  ## drive the emulator by langchain, litellm, haystack … and ollama of npm
	@if command -v npm >/dev/null; then cp tests/programs/package.json .venv-programs/ && \
	  npm install --prefix .venv-programs --no-package-lock --silent; else echo "npm is not on the PATH: not tested: ollama of npm"; fi
	$(BIN)/python -m pytest tests/programs

test-engines: $(READY) .venv-engines/.ready  ## run the steps of ollama_sdk.batch on Ray, Dask, Spark and datasets, some of whose workers are killed
	$(BIN)/python -m pytest tests/engines

##@ Search for faults, and measure
soak: $(READY)  ## chaos on real sockets for SECONDS (600)
	$(BIN)/python -m benchmarks.soak $(SECONDS)

interrupts: $(READY)  ## interrupt calls by N (200000) signals for each policy, or for POLICY alone, and cancel a twentieth as many
	$(BIN)/python -m tests.reliability.signalled_calls $(N) $(if $(POLICY),"$(POLICY)")
	$(BIN)/python -m tests.reliability.cancelled_calls $$(($(N) / 20))

fuzz: $(READY)  ## try new examples in every property test, FUZZ (25) times as many as `make test`
	FUZZ=$(FUZZ) $(PYTEST) -m hypothesis

mutants: $(READY) .venv-mutants/.ready  ## change MODULE in MUTANTS (60) ways, and show which of them no test notices
	.venv-mutants/bin/python -m tests.mutants --most $(MUTANTS) $(MODULE)

bench: $(READY)  ## measure against the published clients and against bare httpx
	$(BIN)/python -m benchmarks

##@ Release
package: $(READY) .venv-package/.ready  ## build wheel and source distribution, install both elsewhere, and run the demo there
	rm -rf dist
	.venv-package/bin/python -m build --no-isolation
	.venv-package/bin/python -m twine check --strict dist/*
	$(BIN)/python -m pytest tests/packaging

publish: .venv-package/.ready  ## upload dist/ by trusted publishing (the release workflow does)
	.venv-package/bin/python -m twine upload --non-interactive dist/*

clean:  ## remove what the other targets made
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
