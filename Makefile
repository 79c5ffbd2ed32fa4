# Everything a newcomer, a colleague or CI types. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
export PYTHONUNBUFFERED = 1

.DEFAULT_GOAL := help
.PHONY: help install demo test check format bench soak lock wheel image manifests pictures clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## ?(.*)/  make \1	\2/' | expand -t 16

install: .venv/installed  ## the environment in .venv, from the hashed lock

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Leadloop needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(UV) || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'; }
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: install  ## watch leads go cold and come back, on a broker inside this process's family
	@$(BIN)/leadloop demo $(ARGS)

test: install  ## everything tested, on a real Kafka where one can be had
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not soak' $(ARGS)

check: install  ## format, lint, types, import rules, schemas, policy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/leadloop schemas check
	$(BIN)/leadloop policy check deploy/config/policy.yml

format: install  ## format and fix what a tool can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## the published figures, each a ratio out of one run
	$(BIN)/python -m tests.bench $(ARGS)

soak: install  ## the endurance tests: long churn, every arrival order of the Olist history, real pages
	$(BIN)/python -m pytest -m soak $(ARGS)

COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet \
    --custom-compile-command 'make lock'

lock: install  ## renew requirements.lock from pyproject.toml, and the image's share of it
	$(COMPILE) pyproject.toml --extra dev -o requirements.lock
	$(COMPILE) pyproject.toml --extra registry -c requirements.lock -o deploy/requirements-runtime.lock
	echo hatchling | $(COMPILE) - -c requirements.lock -o deploy/requirements-build.lock

wheel: install  ## build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

image:  ## build the container image (needs Docker)
	docker build -f deploy/Dockerfile -t leadloop:local .

manifests: install  ## renew what is generated in deploy/: dashboards, access lists, Strimzi, the chart's copies
	$(BIN)/python -m deploy.grafana.generate
	$(BIN)/python -m deploy.generate

pictures: install  ## draw the dashboards into docs/pictures, from a real Prometheus (needs Chromium)
	$(BIN)/python -m tests.pictures $(ARGS)

clean:  ## remove the environment and what was built
	rm -rf .venv dist
