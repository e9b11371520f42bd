# Two commands do everything on a fresh machine: `make run` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
# Only files whose hashes are in the lock file are installed.
INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes

.PHONY: help run test test-fast test-long fuzz faults soak simulate-clones simulate-alerts simulate-rollouts check format lock licenses sbom audit test-pythons test-agent test-agent-pythons test-container test-install test-release demo demo-clean backup restore bench bench-quick bench-wave bench-growth bench-panel bench-doorbell bench-alerts bench-fleet seed-large screenshots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run.stamp .venv/fast.stamp ## set everything up, start the server, print what to do next
	@$(BIN)/python scripts/run.py

test: .venv/dev.stamp .venv/fast.stamp ## check the code, then run all but the longest tests on SQLite, on PostgreSQL and against running servers
	@$(MAKE) --no-print-directory check
	@$(BIN)/python scripts/with_services.py scripts/test.sh

test-fast: .venv/dev.stamp ## the tests on SQLite without the slow ones, in less than a minute
	@ENV_FILE=/dev/null DEBUG=true LOG_LEVEL=WARNING DATABASE_URL=sqlite:///var/tests.sqlite3 \
		$(BIN)/pytest -q -n 2 -m "not e2e and not postgresql and not slow"

test-long: .venv/dev.stamp .venv/fast.stamp ## the tests that `make test` leaves out because they take long and say little more than another one
	@scripts/system_packages.sh
	@ENV_FILE=/dev/null DEBUG=true LOG_LEVEL=WARNING $(BIN)/python scripts/with_services.py sh -c '\
		DATABASE_URL=sqlite:///var/tests.sqlite3 $(BIN)/pytest -q --long -m "long and not postgresql" && \
		DATABASE_URL=$$TEST_POSTGRES_URL $(BIN)/pytest -q --long -m "long and postgresql"'

FUZZ_EXAMPLES ?= 200
fuzz: .venv/dev.stamp .venv/fast.stamp ## send random requests to every endpoint and compare the responses with the API's description; FUZZ_EXAMPLES=200
	@scripts/system_packages.sh
	@ENV_FILE=/dev/null DEBUG=true DATABASE_URL=sqlite:///var/tests.sqlite3 FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) \
		$(BIN)/python scripts/with_services.py $(BIN)/pytest -q -m e2e tests/test_schemathesis.py

test-install: .venv/dev.stamp ## follow docs/install.md in a fresh Debian root file system; as root, some minutes
	@scripts/system_packages.sh install
	@$(BIN)/python -m tests.installation

faults: .venv/dev.stamp .venv/fast.stamp ## end, stop and fill up each part of the product under load; writes docs/reliability.md
	@scripts/system_packages.sh
	@ENV_FILE=/dev/null $(BIN)/python -m tests.faults

SOAK_MINUTES ?= 30
soak: .venv/dev.stamp .venv/fast.stamp ## half an hour at half the maximum with faults at random times; SOAK_MINUTES=30
	@scripts/system_packages.sh
	@ENV_FILE=/dev/null $(BIN)/python -m tests.faults.soak --minutes $(SOAK_MINUTES)

RELEASE_SECONDS ?= 20
test-release: .venv/dev.stamp .venv/fast.stamp ## replace the previous release by this one and back under load, with RELEASE_SECONDS=20 after each step
	@scripts/system_packages.sh
	@ENV_FILE=/dev/null DEBUG=true DATABASE_URL=sqlite:///var/tests.sqlite3 RELEASE_SECONDS=$(RELEASE_SECONDS) \
		$(BIN)/python scripts/with_services.py $(BIN)/pytest -q -s -m e2e tests/release

simulate-clones: .venv/dev.stamp ## simulate 1,000 restaurants with clones and 100,000 events without; compares the suspicions with the rule
	@$(BIN)/python -m tests.simulations.clones

simulate-alerts: .venv/dev.stamp ## a year of 1,000 simulated sites through the rules of alerts; compares what is told with what happened; some two minutes
	@ENV_FILE=/dev/null DEBUG=true DATABASE_URL=sqlite:///var/unused.sqlite3 $(BIN)/python manage.py simulate_alerts --sites 1000

simulate-rollouts: .venv/dev.stamp ## a good version and one that kills 30 %, each for 1,000 simulated devices at 300 locations; some four minutes
	@ENV_FILE=/dev/null DEBUG=true DATABASE_URL=sqlite:///var/unused.sqlite3 $(BIN)/python manage.py simulate_rollout
	@ENV_FILE=/dev/null DEBUG=true DATABASE_URL=sqlite:///var/unused.sqlite3 $(BIN)/python manage.py simulate_rollout --killed-percent 0

check: .venv/dev.stamp ## format, lint, types, imports, migrations, deployment settings, API description
	@scripts/system_packages.sh
	@scripts/check.sh

format: .venv/dev.stamp ## format the code and fix what ruff can fix
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

lock: .venv/dev.stamp ## write the lock files from the requirements files; versions that are locked already stay
	@scripts/lock.sh

licenses: .venv/dev.stamp ## write docs/licenses.md: the licence of each package that runs in production
	@$(BIN)/python scripts/licenses.py

sbom: .venv/dev.stamp ## write var/sbom.cdx.json, the software bill of materials (CycloneDX)
	@scripts/sbom.sh

audit: .venv/dev.stamp ## ask PyPI and OSV for known vulnerabilities; exit code 1 if there is one, 2 if neither answers
	@$(BIN)/python scripts/audit.py

test-pythons: .venv/dev.stamp ## the fast tests with each of Python 3.11 to 3.13 that is on this machine
	@scripts/test_pythons.sh

test-agent: .venv/dev.stamp ## the agent's long tests: each fault with each clock and each restart, and 200 kills; half an hour
	@cd agent && PYTHONPATH=src ../$(BIN)/python -m tests.matrix --full
	@cd agent && PYTHONPATH=src ../$(BIN)/python -m tests.kills

test-agent-pythons: ## the agent's tests with each of Python 3.9 to 3.13 that is on this machine
	@scripts/test_agent_pythons.sh

test-container: .venv/dev.stamp ## build the image and run compose.yaml without a container engine; as root, some minutes
	@scripts/system_packages.sh container
	@$(BIN)/python -m tests.container

demo: .venv/run.stamp .venv/demo.stamp ## fill the running server (or start one) with forty restaurants that send heartbeats
	@$(BIN)/python scripts/demo.py

demo-clean: .venv/run.stamp ## remove the demo's restaurants
	@DEMO=true $(BIN)/python manage.py demo_clean

screenshots: .venv/dev.stamp ## renew the screenshots of the panel in docs/screenshots
	@scripts/system_packages.sh
	@$(BIN)/python scripts/with_services.py $(BIN)/python scripts/screenshots.py

bench: .venv/bench.stamp .venv/fast.stamp ## measure heartbeats against another implementation and an upper bound; writes benchmarks/results.md
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.heartbeat

bench-quick: .venv/bench.stamp .venv/fast.stamp ## the same measurements in less than a minute, less exact; writes nothing
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.heartbeat --quick

bench-wave: .venv/bench.stamp .venv/fast.stamp ## measure 10,000 sites that come back at once after an outage; less than three minutes
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.wave

bench-growth: .venv/bench.stamp .venv/fast.stamp ## measure 1,000 to 1,000,000 sites: heartbeats, list, memory, pruning; half an hour, 10 GB
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.growth

bench-panel: .venv/bench.stamp .venv/fast.stamp ## measure the panel's pages at 100, 10,000 and 100,000 sites; some ten minutes
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.panel

bench-doorbell: .venv/bench.stamp .venv/fast.stamp ## measure how soon 2,000 sites apply a lock, and what 10,000 waiting sites cost; some ten minutes
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.doorbell

bench-alerts: .venv/bench.stamp .venv/fast.stamp ## measure a look of the alerts' judge at 100,000 sites, and the delivery of 1,000 messages; some three minutes
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.alerts

bench-fleet: .venv/bench.stamp .venv/fast.stamp ## measure the heartbeats of 30,000 devices, an overload, the pages with 100,000, and a fleet with faults; some ten minutes
	@scripts/system_packages.sh bench
	@$(BIN)/python -m benchmarks.fleet

backup: .venv/run.stamp ## back the database of your settings up into var/backups
	@$(BIN)/python manage.py backup

restore: .venv/run.stamp ## replace the database of your settings with the backup FILE=; OVERWRITE=name if it is not empty
	@[ -n "$(FILE)" ] || { echo "Which backup? make restore FILE=var/backups/portcullis-….zip" >&2; exit 2; }
	@$(BIN)/python manage.py restore $(if $(OVERWRITE),--overwrite "$(OVERWRITE)") "$(FILE)"

SITES ?= 100000
seed-large: .venv/run.stamp ## fill the PostgreSQL of your settings, if it has no site yet, with SITES=100000 sites and 30 heartbeats each
	@$(BIN)/python -m benchmarks.fill --sites $(SITES)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Portcullis needs Python 3.11, 3.12 or 3.13: set PYTHON, as in 'make PYTHON=python3.12 run'." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv is missing: run 'apt-get install python3-venv' as root." >&2; exit 1; }

.venv/run.stamp: requirements.lock | .venv/bin/python
	@$(INSTALL) --only-binary :all: -r requirements.lock
	@touch $@

.venv/dev.stamp: requirements-dev.lock requirements.lock | .venv/bin/python
	@$(INSTALL) --only-binary :all: -r requirements-dev.lock
	@touch $@ .venv/run.stamp

.venv/bench.stamp: benchmarks/requirements.lock requirements.lock | .venv/bin/python
	@$(INSTALL) --only-binary :all: -r benchmarks/requirements.lock
	@touch $@ .venv/run.stamp

.venv/demo.stamp: demo/requirements.lock requirements.lock | .venv/bin/python
	@$(INSTALL) --only-binary :all: -r demo/requirements.lock
	@touch $@ .venv/run.stamp

.venv/fast.stamp: requirements-fast.lock | .venv/bin/python
	@$(INSTALL) -r requirements-fast.lock >.venv/fast.log 2>&1 || \
		echo "gunicorn will read HTTP in Python: its parser in C could not be installed (.venv/fast.log says why;" \
			"a compiler and Python's headers would do, as root 'apt-get install gcc python3-dev')."
	@touch $@
