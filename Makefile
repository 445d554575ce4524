# fractus: the commands of a checkout. They need make and Python 3.11 or newer with its venv module
# (Debian, Ubuntu: apt install make python3-venv); everything else comes from requirements.lock.
#
# The environment is the active one (VIRTUAL_ENV), else .venv, which is made when it is missing;
# `make VENV=/some/dir test` chooses another. ARGS is handed on: make up ARGS="--port 9000",
# make test ARGS="tests/unit -x".
#
# WORKERS=auto runs tests side by side, one process for each core but no more than four, as many of them start programs
# of their own. Without it they run one after another.

VENV ?= $(or $(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 0
SIDE_BY_SIDE := --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal
export PATH := $(abspath $(BIN)):$(PATH)

# The environment is up to date when it was filled from this checkout, after the lock and pyproject.toml
# were last changed. The stamp says from where, for an active environment may belong to another checkout.
STAMP := $(VENV)/.fractus-installed
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): afresh
endif

.DEFAULT_GOAL := help
.PHONY: help up dev test wheel guest-image guests check lint types contracts sizes databases test-databases requests real real-older real-nested schemas lab lab-measure lab-faults lab-burst bench bench-full backlog faults hostile docs format lock clean afresh

help:
	@echo 'make up      run fractus on this machine, with a Keystone of its own'
	@echo 'make dev     the same, in the foreground with debug logs'
	@echo 'make test    all tests but those that need real clouds'
	@echo 'make databases       a private MariaDB and PostgreSQL; test-databases: the tests that matter on each of them'
	@echo 'make check   style, types, contracts between packages, sizes'
	@echo 'make wheel   build the wheel, install it with pip and with uv as a user would, start fractus from it'
	@echo 'make real    stand up real OpenStack clouds and test against them (Debian 12, root)'
	@echo 'make real-older   the same with an older release in the place of one of them (RELEASE=zed, or 2024.1)'
	@echo 'make schemas  judge the answers of compute by the schemas that Nova has of them (tools/realcloud installed)'
	@echo 'make real-nested  a fractus in front of two others, and the walk over both floors'
	@echo 'make guest-image  build the disk that guests of real clouds boot (tools/guest; Debian 12)'
	@echo 'make guests  two real clouds whose guests run, fractus in front, and the tests that look from inside the guests'
	@echo 'make requests  send the requests of tests/requests to a running fractus or another cloud (ARGS=--help)'
	@echo 'make lab     a whole deployment of several nodes in network namespaces (Debian 12, root)'
	@echo 'make lab-measure  how long its endpoint fails when each part of it dies (docs/ha.md)'
	@echo 'make faults  many tenants while everything fails around them; then nothing may be amiss (seeded)'
	@echo 'make hostile attacks on one fractus, each while others use it: how long those wait (docs/hostile.md)'
	@echo 'make lab-faults   the same in a laboratory: databases, brokers, balancers and the network between them fail too'
	@echo 'make lab-burst    creates against a limit over three nodes while clouds go away: exactly as many as it says'
	@echo 'make bench   what everything costs, next to a real cloud if one is up, in minutes (docs/performance.md)'
	@echo 'make bench-full  the same as large as it is promised, in up to an hour; writes the tables of docs/performance.md'
	@echo 'make backlog a cloud comes back after an hour, and 10,000 operations wait for it (docs/performance.md)'
	@echo 'make real-long  kill the worker at every step of a life on real clouds'
	@echo 'make docs    write docs/api-coverage.md and docs/carried-fields.md from what is declared'
	@echo 'make format  let ruff format the code and mend what it can'
	@echo 'make lock    resolve the locks again (ARGS=--upgrade: to the newest versions)'
	@echo 'make clean   remove caches and build products; the environment is filled again on next use'

up: $(STAMP)
	@exec fractus up $(ARGS)

dev: $(STAMP)
	@exec fractus up --log-level debug $(ARGS)

test: $(STAMP)
	@python -m pytest $(SIDE_BY_SIDE) $(ARGS)

wheel: $(STAMP)
	@tools/wheel/run.sh $(ARGS)

# Under a minute. `make -k check` goes on after the first that fails, as CI does.
check: lint types contracts sizes

lint: $(STAMP)
	ruff check .
	ruff format --check .

types: $(STAMP)
	mypy --strict fractus
	mypy --strict --explicit-package-bases -p bench

contracts: $(STAMP)
	lint-imports

sizes: $(STAMP)
	python tools/checks/sizes.py
	python tools/checks/places.py
	python tools/checks/words.py
	python tools/checks/migrations.py

databases: $(STAMP)
	@tools/databases/databases up

test-databases: $(STAMP)
	@tools/databases/databases run tools/databases/test.sh $(SIDE_BY_SIDE) $(ARGS)

real: $(STAMP)
	@tools/real/run.sh $(ARGS)

RELEASE ?= zed

real-older: $(STAMP)
	@REAL_RELEASE=$(RELEASE) tools/real/run.sh $(ARGS)

schemas: $(STAMP)
	@tools/schemas/run.sh $(ARGS)

real-nested: $(STAMP)
	@tools/real/nested.sh $(ARGS)

guest-image: $(STAMP)
	@python tools/guest/build.py $(ARGS)

guests: $(STAMP)
	@tools/guests/run.sh $(ARGS)

requests: $(STAMP)
	@python -m tests.requests.run $(ARGS)

lab: $(STAMP)
	@tools/lab/lab up $(ARGS)

lab-measure: $(STAMP)
	@python -m tools.lab.measure $(ARGS)

bench: $(STAMP)
	@python -m bench.run $(ARGS)

bench-full: $(STAMP)
	@python -m bench.run --full --write $(ARGS)

backlog: $(STAMP)
	@python -m bench.backlog $(ARGS)

faults: $(STAMP)
	@python -m tests.faults.run $(ARGS)

hostile: $(STAMP)
	@python -m tests.hostile.run $(ARGS)

lab-faults: $(STAMP)
	@python -m tests.faults.run --stage lab $(ARGS)

lab-burst: $(STAMP)
	@python -m tests.faults.burst $(ARGS)

real-long: $(STAMP)
	@FRACTUS_REAL_LONG=1 tools/real/run.sh -k killed_at_every_step $(ARGS)

docs: $(STAMP)
	@python tools/docs/coverage.py
	@python tools/docs/carried.py

format: $(STAMP)
	ruff check --fix --exit-zero .
	ruff format .

# Filled by uv, or by pip where there is no uv (tools/environment/fill).
$(STAMP): requirements.lock pyproject.toml
	@PYTHON='$(PYTHON)' tools/environment/fill '$(VENV)' requirements.lock .
	@printf '%s\n' '$(CURDIR)' > $@

afresh:

# All locks, with hashes. What is pinned stays unless something asks for another version; `make lock ARGS=--upgrade`
# takes the newest of everything.
lock: $(STAMP)
	@tools/environment/lock $(ARGS)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis $(STAMP)
	find fractus tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
