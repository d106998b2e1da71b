# Every target sets up the virtual environment it needs. PYTHON names the interpreter to make it with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REPORT ?= report/index.html
# Which mutants `make mutation` runs, by name (tdwii_conformance.checks.find*); empty: all that were not run yet.
MUTANTS ?=
# How many tests `make test` runs at once: half of their time they wait, for event reports and processes.
WORKERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) * 2 )))
JOBS ?= 2

.PHONY: conformance test thorough fuzz witnessed mutation lint strict proof pairs shuffled load endurance mutated bench coverage docs wheelhouse clean

conformance: $(READY)  ## judge the embedded simulators, and write the report
	$(BIN)/python -m pytest tests/conformance --embedded -q --report $(REPORT)

test: lint  ## everything: lint, types, layers, the tool's own tests, the conformance run
	$(BIN)/python -m pytest -q -n $(WORKERS)

thorough: $(READY)  ## the random tests, long and anew each time
	$(BIN)/python -m pytest tests/conformance --embedded -q --hypothesis-profile thorough -k "random or round_trip or sequences"
	$(BIN)/python -m pytest tests/unit/dimse/test_every_way_out.py tests/unit/ups/test_date_times_on_the_wire.py -q --hypothesis-profile thorough

fuzz: $(READY)  ## a million mutated PDUs through the upper layer; at night
	$(BIN)/python -m tests.fuzz

mutated: $(READY)  ## all of the TMS's part while 3 % of a conformant TMS's PDUs are mutated: it ends, without error; at night
	$(BIN)/python -m tests.mutated

witnessed: $(READY)  ## what the witness finds: each deviation recorded at work and judged from the record; at night, goes on where it was ended
	$(BIN)/python -m tests.witnessed

mutation: $(READY)  ## attack the judging code by mutation, and compare the survivors with docs/mutation.md
	$(BIN)/python -m pip install --quiet --editable '.[mutation]'
	JOBS=$(JOBS) nice -n 19 $(BIN)/python -m tests.mutants run $(MUTANTS)
	$(BIN)/python -m tests.mutants

coverage: $(READY)  ## branch coverage of the package by all tests, with a floor (pyproject.toml); takes longer than `make test`
	$(BIN)/python -m pip install --quiet --editable '.[coverage]'
	$(BIN)/python -m pytest -q -n $(WORKERS) --cov --cov-report=term --cov-report=html:report/coverage

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy -p tests.conformance -p tests.plugin -p tests.proof -m tests.mutants -m tests.reference -m tests.strict -m tests.loaded -m tests.endurance -p benchmarks  # not strictly
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32  # what Windows has not is guarded
	$(BIN)/lint-imports

strict: $(READY)  ## all of the TMS's part on a TMS that refuses what it may, with names of many scripts; nothing may be found
	$(BIN)/python -m tests.strict

proof: $(READY)  ## every defect and variation in full; writes report/proof.html, docs/proof.md and docs/proof-matrix.md
	$(BIN)/python -m tests.proof
	$(BIN)/python -m tests.proof.without_push

pairs: $(READY)  ## 100 pairs of variations drawn at random, each with the whole suite; at night, goes on where it was ended
	$(BIN)/python -m tests.proof.pairs

shuffled: $(READY)  ## the embedded run a hundred times, each in another order; no verdict may differ; at night, goes on where it was ended
	$(BIN)/python -m tests.proof.shuffling

load: $(READY)  ## defects that many at once show, each found by `tdwii load`; and nothing found without one; at night
	$(BIN)/python -m tests.loaded

endurance: $(READY)  ## our own TMS for half an hour under a large clinic, and killed 50 times: nothing grows, nothing is lost; at night
	$(BIN)/python -m tests.endurance

bench: $(READY)  ## measured speed, beside plain pynetdicom
	$(BIN)/python -m benchmarks

docs: $(READY)  ## the site of the documentation, as files to open: report/site/index.html
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	$(BIN)/python -m mkdocs build --strict

wheelhouse: $(READY)  ## a folder with all that a computer without internet needs; OPTIONS="--platform win_amd64 --python-version 3.12"
	$(BIN)/python .ci/wheelhouse.py wheelhouse $(OPTIONS)

$(READY): pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis report allure-results mutants .coverage* build dist wheelhouse *.egg-info
