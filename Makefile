# make demo   trains an AE and a VAE on the bundled digits and says where to look
# make test   format, lint, types, layers, tests and docs drift
# make slow   the tests that take minutes or need real data (LATENTRY_DATA=folder)
# make docs   writes the README's table of models, docs/reference.md, docs/cli.md and the tables of docs/models
# make site   builds the documentation as pages into build/site
# make clean  removes the virtual environment and the caches; runs/ stays

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test format lint types layers tests slow docs docs-drift site clean

# The first Python that is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
    "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

BIN := .venv/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet -c constraints.txt
WORKERS ?= 2

help:
	@sed -n 's/^# //p' Makefile | head -n 6

.venv/python:
	@test -n "$(PYTHON)" || { echo "latentry needs Python 3.11 or newer on the PATH (or PYTHON=/path/to/python)." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/package: .venv/python pyproject.toml constraints.txt
	@echo "Installing latentry and what it needs into .venv (a few hundred MB the first time)..."
	$(PIP) -e .
	@touch $@

.venv/dev: .venv/package
	$(PIP) -e '.[dev]'
	@touch $@

demo: .venv/package
	$(BIN)/latentry fit digits --model ae --latent 2 --epochs 200 --seed 0 --out runs/demo-ae --force
	$(BIN)/latentry fit digits --model vae --latent 2 --epochs 200 --seed 0 --out runs/demo-vae --force
	@echo
	@echo "Two finished runs. Open these pages in a browser:"
	@for run in demo-ae demo-vae; do echo "  $(CURDIR)/runs/$$run/report.html"; done
	@echo "and the pictures beside them in figures/. Next: $(BIN)/latentry info runs/demo-vae"

test: format lint types layers docs-drift tests

format: .venv/dev
	$(BIN)/ruff format --check .

lint: .venv/dev
	$(BIN)/ruff check .

types: .venv/dev
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: .venv/dev
	$(BIN)/lint-imports

# One thread per worker: the models under test are too small to gain from more.
tests: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS)

slow: .venv/dev
	$(BIN)/python -m pytest -q -m slow

docs: .venv/dev
	$(BIN)/python tools/docs.py

docs-drift: .venv/dev
	$(BIN)/python tools/docs.py --check

site: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open $(CURDIR)/build/site/index.html, or serve it, which its search needs:"
	@echo "  $(BIN)/python -m http.server -d build/site"

clean:
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache build dist
	find latentry tests tools -name __pycache__ -prune -exec rm -rf {} +
