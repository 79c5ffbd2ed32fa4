# The commands of developers and CI. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
export PYTHONUNBUFFERED = 1
export PYTHONDONTWRITEBYTECODE =  # the tests start some hundred processes: without compiled modules each costs twice as much CPU

.DEFAULT_GOAL := help
.PHONY: help install demo test check format bench simulate soak long sbom lock wheel image manifests contract pictures clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## ?(.*)/  make \1	\2/' | expand -t 16

install: .venv/installed  ## create .venv from the hashed requirements.lock

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Leadloop needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(UV) || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'; }
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: install  ## run the whole system on an embedded broker, with a generated history
	@$(BIN)/leadloop demo $(ARGS)

test: install  ## run all tests, on a real Kafka if one can be started
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m 'not soak' $(ARGS)

check: install  ## check format, lint, types, import rules, schemas and policy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/leadloop schemas check
	$(BIN)/leadloop policy check deploy/config/policy.yml

format: install  ## format the code, and apply the automatic fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## run the published benchmarks
	$(BIN)/python -m tests.bench $(ARGS)

SEEDS ?= 1000

simulate: install  ## run the engine under simulated faults, SEEDS=10000 times
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

MINUTES ?= 12
EVENTS ?= 20000
SEED ?=

soak: install  ## inject faults into all processes under load; MINUTES=60 EVENTS=1000000 SEED=7
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --events $(EVENTS) $(if $(SEED),--seed $(SEED)) $(ARGS)

long: install  ## run the long tests: churn, every arrival order of the Olist history, real alert notifications
	$(BIN)/python -m pytest -m soak $(ARGS)

COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet \
    --custom-compile-command 'make lock'

lock: install  ## regenerate requirements.lock and the image's lock files from pyproject.toml
	$(COMPILE) pyproject.toml --extra dev -o requirements.lock
	$(COMPILE) pyproject.toml --extra registry --extra mcp --extra tracing -c requirements.lock -o deploy/requirements-runtime.lock
	echo hatchling | $(COMPILE) - -c requirements.lock -o deploy/requirements-build.lock

sbom: install  ## list the packages of the container image in dist/leadloop.cdx.json (CycloneDX)
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements deploy/requirements-runtime.lock --pyproject pyproject.toml \
	    --output-reproducible --output-format JSON -o dist/leadloop.cdx.json

wheel: install  ## build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

image:  ## build the container image (needs Docker)
	docker build -f deploy/Dockerfile -t leadloop:local .

manifests: install  ## regenerate deploy/: dashboards, access lists, Strimzi objects, copies in the chart
	$(BIN)/python -m deploy.grafana.generate
	$(BIN)/python -m deploy.generate

contract: install  ## regenerate docs/contract from the schemas and their meanings
	@$(BIN)/python -m workers.contract docs/contract

pictures: install  ## draw the dashboards and the web page into docs/pictures (needs Chromium)
	$(BIN)/python -m tests.pictures $(ARGS)
	$(BIN)/python -m tests.pictures.web_page

clean:  ## remove .venv and dist/
	rm -rf .venv dist
