# Tocsin. `make help` lists what there is. Needs Python 3.11 or newer and GNU make; everything else it fetches itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SOURCES := libs services deploy bench tests
STACK := $(BIN)/python -m deploy.local
# Tests wait more than they work, so two files at a time take half as long.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help chaos demo test up down status logs check format bench lock docs clean tools

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## the main job: start everything, push feeds, read the mails, tell the story; FAULTS=all breaks it meanwhile
	@$(BIN)/python -m deploy.demo

test: $(READY) tools ## all tests: lint, types, architecture, unit, contracts, integration, end-to-end, browser
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

up: $(READY) ## start the stack in the background
	@$(STACK) up

down: $(READY) ## stop it
	@$(STACK) down

status: $(READY) ## show what runs: process, port, readiness, lag
	@$(STACK) status

logs: $(READY) ## follow the logs
	@$(STACK) logs

check: $(READY) ## the fast loop while writing code, under a minute
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/architecture tests/contracts tests/unit

format: $(READY) ## put the code into the house's format
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(READY) ## measure; results as a table and in .local/bench/
	@$(BIN)/python -m bench

chaos: $(READY) ## kill, pause and break everything for hours: make chaos HOURS=2
	@$(BIN)/python -m tests.chaos.long $(or $(HOURS),1)

docs: $(READY) ## make the generated pages again: contracts, settings, metrics, faults
	@$(BIN)/python -m deploy.tools.generated

lock: $(READY) ## choose the newest versions that fit pyproject.toml, and write them down with their hashes
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --upgrade \
		--no-annotate --no-header --python-version 3.11 --quiet --output-file requirements.lock

clean: ## stop the stack and remove what it kept; downloads stay cached
	@if [ -x $(BIN)/python ]; then $(STACK) clean; else rm -rf .local; fi

# The environment. uv comes first, from the lock like everything else, since it installs the rest ten times faster.
$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Tocsin needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing into $(VENV) (once, about half a minute) ..."
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@touch $@

# What tests use beside Python: a browser, what a partner's engineer has at hand, what IntelMQ runs on, a mail server,
# which is not started, and a spam filter. Debian's packages where root can install them; else Playwright's own browser, a
# word about the rest, and no tests against Postfix, which takes root, and SpamAssassin.
tools: $(READY)
	@missing=$$(for tool in chromium curl jq redis-server postfix openssl gpg spamassassin; do command -v $$tool >/dev/null || echo $$tool; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $$missing >/dev/null; \
	else \
		case "$$missing" in *curl*|*jq*|*redis*|*openssl*|*gpg*) echo "The tests need curl, jq, redis-server, openssl and gpg; please install them."; exit 1;; esac; \
		case "$$missing" in *chromium*) $(BIN)/python -m playwright install chromium;; esac; \
	fi
