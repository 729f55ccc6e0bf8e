# Every target stands on `setup`; nothing here needs root, Docker or an account.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FILES := gateway adapters tests
# Two at a time, a file's tests together: what a file starts is started once.
TESTS := $(BIN)/python -m pytest -q -n 2 --dist loadfile

.PHONY: setup setup-chart demo test check fuzz audit format bench lock chart-schema clean

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# What lints and renders the Containerfile and the chart; without it their tests are skipped.
setup-chart: $(VENV)/.installed-chart

$(VENV)/.installed-chart: requirements-chart.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-chart.lock
	touch $@

demo: setup
	$(BIN)/gateway demo

test: setup
	$(TESTS)

format: setup
	$(BIN)/ruff format $(FILES)
	$(BIN)/ruff check --fix --quiet $(FILES)

check: setup
	$(BIN)/ruff format --check $(FILES)
	$(BIN)/ruff check $(FILES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gateway check
	$(TESTS)

# Inputs of its own for every reader of what others wrote; what breaks one is kept under tests/fuzz/cases/.
FUZZ_SECONDS ?= 600
fuzz: setup
	nice -n 10 $(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

# Known weaknesses of what is installed (what can not be looked up fails it) and of what is written. It asks the
# network, so it is no part of `check`.
audit: $(VENV)/audit/.installed
	$(VENV)/audit/bin/pip-audit --requirement requirements.lock --disable-pip --require-hashes --strict --progress-spinner off
	$(VENV)/audit/bin/bandit --quiet --recursive --configfile pyproject.toml gateway adapters

$(VENV)/audit/.installed:
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1 'bandit[toml]==1.9.4'
	touch $@

bench: setup
	$(BIN)/python tests/bench/peers.py

# Half of the peak for so many minutes, while files, certificates, the bank, Redis and workers change and break.
soak: setup
	$(BIN)/python tests/bench/soak.py --minutes $(or $(MINUTES),20)

# The locks hold for Python 3.11 and newer on every platform; uv resolves, pip installs. The first is for developers;
# of the same versions, the others are what the image builds with, what runs in it, and the extra of `setup-chart`.
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
WANTED := $(PYTHON) -c 'import sys, tomllib; \
	found = tomllib.load(open("pyproject.toml", "rb")); \
	print(*(found["build-system"]["requires"] if sys.argv[1] == "build" else found["project"]["optional-dependencies"][sys.argv[1]]), sep="\n")'

lock:
	$(LOCK) --extra dev -o requirements.lock pyproject.toml
	$(LOCK) -c requirements.lock -o requirements-runtime.lock pyproject.toml
	$(WANTED) build | $(LOCK) --no-annotate -c requirements.lock -o requirements-build.lock -
	$(WANTED) chart | $(LOCK) --no-annotate -c requirements.lock -o requirements-chart.lock -

# What the chart's schema has of the gateway's settings and of the alerts; a test holds it to them.
chart-schema: setup
	$(BIN)/python tests/helm/values_schema.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
