# Every target stands on `setup`; nothing here needs root, Docker or an account.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FILES := gateway adapters tests

.PHONY: setup demo test check format bench lock clean

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	$(BIN)/gateway demo

test: setup
	$(BIN)/python -m pytest -q

format: setup
	$(BIN)/ruff format $(FILES)
	$(BIN)/ruff check --fix --quiet $(FILES)

check: setup
	$(BIN)/ruff format --check $(FILES)
	$(BIN)/ruff check $(FILES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gateway check
	$(BIN)/python -m pytest -q

bench: setup
	$(BIN)/python tests/bench/peers.py

# The lock holds for Python 3.11 and newer on every platform; uv resolves, pip installs.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet --extra dev -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
