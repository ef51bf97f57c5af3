# Tellal. Two commands on a fresh machine: `make run`, `make test`. All others: `make help`.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SBOM := var/sbom.json
TRANSLATIONS := $(patsubst %.po,%.mo,$(wildcard service/translations/*/LC_MESSAGES/*.po))

# Debian's Chromium, for root where no other is found; `make browser` helps everybody else.
CHROMIUM := $(shell for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	command -v $$name && exit; done >/dev/null || [ "$$(id -u)" != 0 ] || echo chromium)

# Debian packages that tests need beside what comes from the lock file.
TEST_PACKAGES := $(CHROMIUM) curl dovecot-imapd dovecot-lmtpd libmail-dkim-perl newsboat nginx openssl php-cli \
	postfix prometheus rabbitmq-server rss2email spamassassin systemd

# Tests run in so many processes; with 0, in pytest's own (PROCESSES=0 ARGS="--pdb …").
PROCESSES := $(shell nproc 2>/dev/null || echo 2)

# Taken in this order; `make run PYTHON=/path/to/python3.12` puts one of your own first.
PYTHONS := $(PYTHON) python3.12 python3.11 python3

.DEFAULT_GOAL := help
.PHONY: help run demo docs journeys import-large test lint types contracts apt-packages browser tests format lock setup venv \
	install secrets chaos bench soak bench-ledger bench-digest bench-mail bench-ingest bench-classify bench-urgent bench-chat bench-races fuzz \
	admin-plans bench-admin bench-feeds readers audit sbom licences

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## start everything on this machine, until Ctrl-C (data in var/)
	@exec $(BIN)/tellal up --demo-hosts --with-parent

demo: setup ## post the sample article to a running `make run` and show the way it takes
	@exec $(BIN)/tellal demo

test: setup ## every check and every test; what is missing is said, the rest runs
	@$(MAKE) --no-print-directory --keep-going apt-packages browser lint types contracts \
		tests

lint: setup ## style: ruff
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check . || status=1; \
	exit $$status

types: setup ## types: mypy
	@$(BIN)/mypy

contracts: setup ## who may import whom: import-linter
	@$(BIN)/lint-imports

browser: setup ## say which Chromium tests of pages use; download Playwright's where there is none
	@$(BIN)/python -m tests.browser.chromium

tests: setup ## the tests alone, in PROCESSES=2; choose some with ARGS="tests/unit -k turkish"
	@$(BIN)/pytest --numprocesses $(PROCESSES) $(ARGS)

journeys: setup ## the browser tests; writes docs/journeys.md: which test shows what, and what axe saw
	@TELLAL_WRITE_JOURNEYS=1 $(BIN)/pytest -q tests/browser

docs: setup ## the documentation as a site, into var/site; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

readers: setup ## real feed readers at a running server; writes docs/feeds-readers.md
	@TELLAL_WRITE_READERS=1 $(BIN)/pytest -q tests/integration/feeds/readers

chaos: setup ## the proof: hurt a running Tellal, count what was lost (FAULT= SEED= DB= QUICK=1 FRESH=1)
	@$(MAKE) --no-print-directory apt-packages TEST_PACKAGES=libfaketime || true
	@$(BIN)/python -m tests.chaos

import-large: setup ## an import of 100,000 rows, killed four times on the way (ROWS=)
	@TELLAL_IMPORT_ROWS=$${ROWS:-100000} $(BIN)/pytest -q -o timeout=3600 tests/integration/jobs/test_imports.py \
		-k killed

bench: setup ## all benches in one run; writes docs/performance/README.md (QUICK=1: less; ONLY=chat,feeds)
	@DEBIAN_FRONTEND=noninteractive $(MAKE) --no-print-directory apt-packages \
		TEST_PACKAGES="nginx openssl postfix wrk" || true
	@$(BIN)/python -m tests.bench

soak: setup ## `make run` under load for SOAK=3600 s, RATE=300 a second; writes docs/performance/soak.md
	@$(BIN)/python -m tests.bench.soak

bench-ledger: setup ## planning against a bare insert, memory, cost of a delivery (QUICK=1: less)
	@$(BIN)/python -m tests.bench.ledger

bench-digest: setup ## a day's digests against bare SQL and an oracle, letters a second (QUICK=1: less)
	@$(BIN)/python -m tests.bench.digest

bench-mail: setup ## letters a second, near and far, against other senders (QUICK=1: less; SOAK=600)
	@DEBIAN_FRONTEND=noninteractive $(MAKE) --no-print-directory apt-packages \
		TEST_PACKAGES="postfix openssl" || true
	@$(BIN)/python -m tests.bench.mail

bench-ingest: setup ## what the door takes, against an empty view of the same server (QUICK=1: less)
	@$(BIN)/python -m tests.bench.ingest

bench-chat: setup ## channels against a loop of Apprise, near and far; a dead one; memory (QUICK=1: less)
	@$(BIN)/python -m tests.bench.chat

bench-urgent: setup ## how soon urgent news leaves behind ten articles to 100,000 each (QUICK=1: less)
	@$(BIN)/python -m tests.bench.urgent

bench-races: setup ## readers who leave while their mail is sent: how late one still starts (RACES=1000)
	@RACES=$${RACES:-1000} $(BIN)/pytest -q tests/integration/email/test_unsubscribe_race.py

admin-plans: setup ## by which indexes the staff's pages read; writes docs/performance/admin-plans.md
	@TELLAL_WRITE_PLANS=1 $(BIN)/pytest -q tests/integration/admin/test_plans.py

bench-admin: setup ## every page of staff with 20,000,000 deliveries, each query's time (QUICK=1: less)
	@$(BIN)/python -m tests.bench.admin

bench-feeds: setup ## what a feed costs against an empty view, nginx and feedgen (QUICK=1: less)
	@$(MAKE) --no-print-directory apt-packages TEST_PACKAGES="nginx wrk" || true
	@$(BIN)/python -m tests.bench.feeds

fuzz: setup ## made-up bodies at the door, others in every run (FUZZ_BODIES=50000)
	@FUZZ_BODIES=$${FUZZ_BODIES:-50000} $(BIN)/pytest tests/integration/ingest/test_fuzz.py \
		tests/integration/ingest/test_openapi.py

bench-classify: setup ## accuracy and cost of classification (data: TELLAL_BENCH_DATA; QUICK=1)
	@$(BIN)/python -m tests.bench.classify

format: setup ## rewrite the code in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: venv ## renew the lock files after a change in pyproject.toml (UPGRADE=--upgrade for all)
	@$(BIN)/uv pip compile pyproject.toml $(UPGRADE) --extra tracing --universal \
		--python-version 3.11 --generate-hashes --no-header --quiet --output-file requirements.lock
	@$(BIN)/uv pip compile pyproject.toml $(UPGRADE) --extra embedded --extra tracing --group dev \
		--constraints requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-header --quiet --output-file requirements-dev.lock
	@$(BIN)/uv pip compile --group build --constraints requirements-dev.lock --universal \
		--python-version 3.11 --generate-hashes --no-header --quiet \
		--output-file requirements-build.lock

audit: setup ## known holes in dependencies; asks the network, and fails where nobody answers
	@status=0; for lock in requirements.lock requirements-build.lock; do \
		$(BIN)/python -m pip_audit --progress-spinner off --strict --disable-pip --require-hashes -r $$lock || status=1; \
	done; exit $$status

sbom: setup ## a CycloneDX list of what runs in production, with hashes (SBOM=var/sbom.json)
	@mkdir -p $(dir $(SBOM))
	@$(BIN)/python -W ignore -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON -o $(SBOM)

licences: setup ## the licences of what runs in production; writes docs/licences.md
	@TELLAL_WRITE_LICENCES=1 $(BIN)/pytest -q tests/unit/deploy/test_licences.py

secrets: setup ## make the secret files of docker-compose.yml in var/secrets, where missing
	@$(BIN)/tellal config secrets var/secrets

apt-packages:
	@missing=; for package in $(TEST_PACKAGES); do \
		dpkg-query --show --showformat '$${Status}' "$$package" 2>/dev/null \
			| grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then \
		echo "Some tests need packages that are not here: sudo apt install$$missing" >&2; exit 1; fi; \
	apt-get update -q && apt-get install -qy --no-install-recommends $$missing

setup: venv $(TRANSLATIONS)

%.mo: %.po | venv
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

# Compares contents, not times: a checkout that changes nothing installs nothing.
venv:
	@cat requirements-dev.lock pyproject.toml | sha256sum | cmp -s - $(STAMP) \
		&& $(BIN)/python -c '' 2>/dev/null \
		|| $(MAKE) --no-print-directory install

install:
	@test -w . || { echo "make: $(CURDIR) is not writable; clone it where you may write" >&2; exit 1; }
	@found=; bare=; for python in $(PYTHONS); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
			2>/dev/null || continue; \
		if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then found=$$python; break; fi; \
		bare=$$("$$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'); \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
		echo "make: $$bare lacks venv: apt install $$bare-venv" >&2; exit 1; fi; \
	if [ -z "$$found" ]; then \
		echo "make: no Python 3.11 or 3.12 found: apt install python3.11 python3.11-venv" \
			"(or 3.12)" >&2; exit 1; fi; \
	$(BIN)/python -c '' 2>/dev/null || "$$found" -m venv --clear $(VENV)
	@echo "Installing into $(VENV) from requirements-dev.lock; this takes a minute or two."
	@$(BIN)/python -m pip install -qq --require-hashes --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@cat requirements-dev.lock pyproject.toml | sha256sum > $(STAMP)
