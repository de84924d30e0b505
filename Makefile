# Everything runs in .venv, which the first target that needs it makes. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test audit lint types imports unit verify bench bench-growth bench-emulator bench-server crash docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv and install Wavetank with its development tools

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Wavetank needs Python 3.11 or newer; run make with PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "installing into .venv (a minute or two, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@echo "compiling the simulator's engine (half a minute, once)"
	@$(BIN)/python -m simulator.precompile
	@touch $(STAMP)

demo: $(STAMP) ## simulate a campaign, load-test a server, write the report, print where
	@$(BIN)/wavetank demo

test: $(STAMP) lint types imports unit ## all checks and tests, as CI runs them

audit: $(STAMP) ## known vulnerabilities of what is installed; skipped, with the reason, where nobody can be asked
	@$(BIN)/python .ci/audit.py

lint: $(STAMP) ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP) ## static types, strict
	$(BIN)/mypy

imports: $(STAMP) ## who may import whom
	$(BIN)/lint-imports

unit: $(STAMP) ## unit, property, integration and browser tests; each benchmark once, untimed
	@# In the order of the folders: by the number of their tests, files with few but long ones would come last.
	$(BIN)/pytest -m 'not alone' --numprocesses 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest tests/integration -m alone

verify: $(STAMP) ## closed forms, published figures and real data; prints the table, writes docs/verification.md
	$(BIN)/pytest tests/verification --write-table docs/verification.md

bench: $(STAMP) ## benchmarks with their ratios to peers; run it alone, it takes minutes
	$(BIN)/pytest tests/benchmarks --benchmark-enable --benchmark-only -s

bench-growth: $(STAMP) ## time and memory from 10,000 to 3,000,000 customers; draws docs/growth.svg, some minutes
	$(BIN)/python tests/benchmarks/growth.py docs/growth.svg

bench-emulator: $(STAMP) ## the emulated Cloud API at 1,000 messages a second, three minutes
	$(BIN)/pytest tests/benchmarks/test_emulator_speed.py --benchmark-enable -s

crash: $(STAMP) ## kill -9 under load, 20 times on each database; prints what became of every message
	$(BIN)/pytest tests/integration/test_server_crash.py -k kill --kills 20 -s

bench-server: $(STAMP) ## the server's speed beside a bare route, with its targets; run it alone, it takes minutes
	$(BIN)/python tests/benchmarks/server_speed.py

docs: $(STAMP) ## write the generated pages of docs/
	$(BIN)/python -m scenarios.kpis > docs/kpis.md

clean: ## remove .venv, caches and results
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks out
