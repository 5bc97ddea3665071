# Everything a developer does, by name. It needs Python 3.11 or newer, make and git, and brings the rest into .venv.

# The Python that .venv is built with, where the one on the PATH will not do: make test PYTHON="/some where/python3.12"
PYTHON ?=
export PYTHON
# Passed on to the command that a target runs: make test ARGS="-k retire", make lock ARGS=--upgrade
ARGS ?=

BIN := .venv/bin
READY := .venv/ready
CLIENT := api/client/service-worker.js
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
COMPILE := $(LOCK) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help client demo test lint audit docs screens bench bench-engine bench-refit lock clean

help: ## list what can be made
	@echo "Chaffinch. The first of these builds .venv, which takes a minute or two; ARGS=\"...\" is passed on."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

client: $(CLIENT) ## build the phone client, with the system's Node or one from PyPI

demo: $(READY) $(CLIENT) ## run a campaign over real galaxies, and print where to go
	$(BIN)/chaffinch demo $(ARGS)

# The suite starts many Pythons: where they may not keep bytecode, each compiles all of ours anew.
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY) $(CLIENT) ## run the whole test suite, with a real Postgres and browser, in two processes (ARGS="-n 0": in one)
	@sh .ci/browser
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY) $(CLIENT) ## check style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@sh .ci/client check

audit: $(READY) $(CLIENT) ## ask the registries for known vulnerabilities of everything that is locked
	@sh .ci/audit

docs: export NO_MKDOCS_2_WARNING = 1
docs: $(READY) ## build docs/ as a site in site/, with dead links as errors
	$(BIN)/mkdocs build --strict --clean $(ARGS)
	@echo "to read it, search included: $(BIN)/python -m http.server --directory site 8001"

screens: $(READY) $(CLIENT) ## take the pictures of docs/screens of the demonstration that runs (ARGS: its address)
	@sh .ci/browser
	$(BIN)/python -m docs.screens $(or $(ARGS),http://127.0.0.1:8000) docs/screens

bench: $(READY) $(CLIENT) ## measure speed, with client and database included
	@sh .ci/browser
	$(BIN)/python -m benchmarks $(ARGS)

bench-engine: $(READY) ## play vote logs to the engine and its rivals (ARGS="--logs FOLDER --shuffles 4")
	$(BIN)/python -m benchmarks engine $(ARGS)

bench-refit: $(READY) ## measure a refit, beside crowd-kit's (ARGS="--votes FILE": of a log of yours)
	@$(MAKE) --no-print-directory .venv-peers/ready || echo "crowd-kit cannot be had, so ours is measured alone"
	$(BIN)/python -m benchmarks refit $(ARGS)

lock: $(READY) ## renew requirements/ from pyproject.toml (ARGS=--upgrade: with newer versions)
	@echo "locking requirements/develop.txt, requirements/runtime.txt, requirements/node.txt and requirements/peers.txt"
	@$(COMPILE) --all-extras --group dev $(ARGS) --output-file requirements/develop.txt > /dev/null
	@$(COMPILE) --constraint requirements/develop.txt $(ARGS) --output-file requirements/runtime.txt > /dev/null
	@$(LOCK) --group pyproject.toml:node $(ARGS) --output-file requirements/node.txt > /dev/null
	@$(LOCK) --group pyproject.toml:peers $(ARGS) --output-file requirements/peers.txt > /dev/null

clean: ## remove .venv and the caches (campaigns in .chaffinch stay)
	rm -rf .venv .venv-node .venv-peers api/client web/node_modules dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The client is built of its sources and of what it knows of the API.
$(CLIENT): $(READY) .ci/client $(wildcard web/*.json web/*.ts web/*.html mobile_schemas/*.py) \
		$(shell find web/src web/public -type f -not -name contract.d.ts)
	@sh .ci/client

# Kept apart from .venv: what the benchmarks measure beside ours pins other versions of what we use.
.venv-peers/ready: requirements/peers.txt $(READY)
	@echo "installing crowd-kit into .venv-peers, which takes a minute or two"
	@rm -rf .venv-peers
	@$(BIN)/python -m venv .venv-peers
	@.venv-peers/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

$(READY): requirements/develop.txt pyproject.toml .ci/setup
	@sh .ci/setup
