# Every command that a person or CI types. Each does its own set-up; what it tells goes to stderr.
PYTHON ?= python3
ARGS ?=
MINUTES ?= 10

SITE := examples/jinshui-garden.toml
SCENARIO := examples/scenarios/first-alarm.toml
PY := .venv/bin/python
MODELS := build/models
# Two cores; who has nothing left to do takes from the other.
SPREAD := -n 2 --dist worksteal

# $(call set-up,LEVEL): the venv for LEVEL (run or test), then the firmware that ships.
define set-up
@command -v $(PYTHON) >/dev/null || { echo "firegrid: needs Python 3.11 or later, found no $(PYTHON); install python3 and its venv module" >&2; exit 1; }
@$(PYTHON) tools/setup.py $(1) $(MAKECMDGOALS)
@$(PY) tools/compile.py
endef

.PHONY: help setup setup-test setup-models run test test-full lint compile bench mutants soak models lock clean

## help: these lines
help:
	@sed -n 's/^## //p' Makefile

## setup: the venv with what `run` needs, and the compiled firmware
setup:
	$(call set-up,run)

setup-test:
	$(call set-up,test)

## run: a simulated community and its alarms; for example ARGS="--for 130 --json"
run: setup
	@$(PY) -m firegrid run $(SITE) --scenario $(SCENARIO) $(ARGS)

## test: all tests but the slow ones, within 5 minutes
test: setup-test
	@$(PY) -m pytest $(SPREAD) -m "not full" $(ARGS); code=$$?; $(PY) tools/left_out.py; exit $$code

## test-full: all tests, within 30 minutes
test-full: setup-test
	@$(PY) -m pytest $(SPREAD) $(ARGS); code=$$?; $(PY) tools/left_out.py; exit $$code

## lint: ruff and mypy, for the host's Python and for the firmware's
lint: setup-test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m mypy --config-file firmware/mypy.ini

## compile: firmware/ into build/firmware/, the files that ship
compile: setup

## bench: speed and size of the simulated gateways, as ratios; one area with AREA=heap
bench: setup
	@PYTHONPATH=tools $(PY) -m bench $(AREA) $(ARGS)

## mutants: small faults planted in the firmware, and which checker of the worlds catches which
mutants: setup-test
	@PYTHONPATH=tools $(PY) tools/mutants.py $(ARGS)

## soak: tests with random seeds for MINUTES=10
soak: setup-test
	@MINUTES=$(MINUTES) $(PY) tools/soak.py

## models: examples/traces anew, from CFAST (fires) and EPANET (hydrants)
models: setup-models
	@PYTHONPATH=tools $(MODELS)/bin/python -m models

# The models in a venv of their own: `test-full` compares with them where they are.
setup-models:
	@$(PYTHON) -m venv $(MODELS)
	@$(MODELS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(MODELS)/bin/python -m pip install --quiet --group models

## lock: newest exact versions into requirements/
lock: setup
	@$(PY) tools/lock.py

## clean: remove everything that make made
clean:
	rm -rf .venv build dist typings .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
