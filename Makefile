# Taproot. A fresh machine needs Python 3.11 or newer, make and git; everything else is installed into .venv.

.DEFAULT_GOAL := help
.PHONY: help up demo test lint bench chaos proto images charts cluster-test lock clean local dev

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
WORKERS ?= 3
ARGS ?=

# The first interpreter that is new enough; `make PYTHON=/path/to/python ...` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(RECENT)' 2>/dev/null && { command -v $$p; break; }; done)

# Marks carry the checksum of the lock, so packages are installed again exactly when the lock changes.
READY := $(VENV)/.ready
LOCAL := $(VENV)/.local-$(shell cksum < requirements/local.txt | cut -d ' ' -f 1)
DEV := $(VENV)/.dev-$(shell cksum < requirements/dev.txt | cut -d ' ' -f 1)
# An environment whose interpreter has gone is made anew.
$(shell $(PY) -c '' 2>/dev/null || rm -f $(READY))

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

up: local ## start everything on this machine; Ctrl-C stops it (data stays in .taproot)
	@exec $(PY) -m taproot_local up $(ARGS)

demo: local ## play the whole life of a new customer in the running Taproot
	@$(PY) -m taproot_local demo $(ARGS)

test: dev ## run all tests (ARGS="-k name -x", WORKERS=4)
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: dev ## formatting, style, types, dependencies between modules, contracts, sizes
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy libs/audit/src libs/base/src libs/chassis/src libs/custom/src libs/listing/src libs/records/src libs/storage/src libs/testkit/src services/*/src deploy/local/src \
		deploy/helm/taproot_charts deploy/images/src
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/buf lint libs/contracts/src/taproot_contracts/image.binpb --config protos/buf.yaml --path taproot
	@$(PY) .ci/sizes.py

bench: dev ## measure speed against the floors of this machine
	@$(PY) bench/run.py $(ARGS)

chaos: dev ## break things by a seed while work goes on, then check the books (ARGS="--seed 7 --minutes 3")
	@PYTHONPATH=tests/chaos $(PY) tests/chaos/run.py $(ARGS)

proto: local ## compile the contracts (the other targets do it when needed)

images: local ## build the container images with Docker
	@$(PY) deploy/images/build.py $(ARGS)

charts: dev ## write the charts' generated files; package them into dist/charts
	@PYTHONPATH=deploy/helm $(PY) -m taproot_charts generate
	@PYTHONPATH=deploy/helm $(PY) -m taproot_charts package dist/charts

cluster-test: dev ## upgrades, a restore, the suite in containers and in a cluster (TAPROOT_TEST_KUBECONTEXT)
	@TAPROOT_TEST_DOCKER=start TAPROOT_TEST_UPGRADE=all $(PY) -m pytest tests/upgrade \
		tests/deploy/test_containers.py tests/deploy/test_cluster.py tests/deploy/test_releases.py

lock: dev ## choose and pin the newest versions of all packages
	@cd requirements && for name in runtime local dev; do \
		../$(VENV)/bin/uv pip compile --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet \
		--output-file $$name.txt $$name.in || exit 1; done

clean: ## stop Taproot; delete its data, generated code and caches (not .venv)
	@test ! -x $(PY) || test ! -d .taproot || $(PY) -m taproot_local down
	@test ! -L .taproot/postgres || rm -rf "$$(readlink -f .taproot/postgres)"
	@rm -rf .taproot libs/contracts/src .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

local: $(LOCAL)
	@$(PY) deploy/local/link.py
	@$(PY) protos/compile.py

dev: $(DEV)
	@$(PY) deploy/local/link.py
	@$(PY) protos/compile.py

$(READY):
	@test -n "$(PYTHON)" || { echo "Taproot needs Python 3.11 or newer, and this machine has none on its path:" \
		"install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; } >&2
	@$(PYTHON) -c '$(RECENT)' || { echo "Taproot needs Python 3.11 or newer; $(PYTHON) is" \
		"$$($(PYTHON) -V 2>&1)."; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module:" \
		"install it first (Debian and Ubuntu: apt-get install python3-venv)."; exit 1; } >&2
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(LOCAL): $(READY)
	@echo "Installing packages into $(VENV); this happens once."
	@$(PIP) install --require-hashes -r requirements/local.txt
	@touch $@

$(DEV): $(READY)
	@echo "Installing packages into $(VENV); this happens once."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
