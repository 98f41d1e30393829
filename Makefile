# `make help` lists the targets. Everything a target needs and the machine lacks goes into .local/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PYTHONPATH := src
export PATH := $(CURDIR)/.local/venv/bin:$(CURDIR)/.local/bin:$(PATH)

PYTHON3 ?= python3
# A file that this machine lacks would stop every terraform command.
ifneq ($(TF_CLI_CONFIG_FILE),)
ifeq ($(wildcard $(TF_CLI_CONFIG_FILE)),)
unexport TF_CLI_CONFIG_FILE
endif
endif

# A CodeBuild build has its packages from the buildspec's install phase; everybody else gets .local/venv.
ifdef CODEBUILD_BUILD_ID
READY :=
else
READY := .local/toolchain.mk
# make builds an included file that is missing or old, which is the set-up; help and clean need none.
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),help)),)
include .local/toolchain.mk
endif
# Where an emulator runs (`make up`), the targets that ask AWS ask it.
-include .local/aws.mk
endif
# Without it they would ask the AWS account of whoever calls, and approve there.
EMULATOR_RUNS = @test -e .local/aws.mk || \
	{ echo 'no emulator runs here: `make up`; for AWS use `python -m release $@`' >&2; exit 1; }

REQUIREMENTS := $(wildcard requirements/*.txt) src/requirements.txt

.PHONY: help
help: # Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) # Install what the machine lacks into .local/ (every other target does it too)

.local/toolchain.mk: $(REQUIREMENTS) src/laptop/setup.py src/release/toolchain/install.py
	@$(PYTHON3) -m laptop.setup

.PHONY: terraform tools
terraform: # Terraform into .local/bin where PATH lacks it (deploy builds)
	@python -m release.toolchain.install terraform
tools: # Terraform and checkov into .local/bin where PATH lacks them (Check build)
	@python -m release.toolchain.install tools

##@ The product on this machine
.PHONY: demo
demo: $(READY) ## From git push to prod on this machine. DATA=file, KEEP=1, APPROVE=yes|no, LOGS=1
	@python -m laptop demo $(if $(value DATA),--data "$$DATA") $(if $(KEEP),--keep) $(if $(value APPROVE),--approve "$$APPROVE") $(if $(LOGS),--logs)

.PHONY: up
up: $(READY) ## Start the emulator and apply the platform; leaves both running
	@python -m laptop up $(if $(value DATA),--data "$$DATA")

.PHONY: push
push: $(READY) ## Push this working tree to the running platform, which starts the pipeline
	@python -m laptop push

# Texts reach a command through the environment, where the shell reads no backtick in them; `$` is written `$$`.
.PHONY: status approve reject invoke logs
status: $(READY) ## Stages of the running pipeline, job progress, what waits for approval
	$(EMULATOR_RUNS)
	@python -m release status
approve: $(READY) ## Approve what waits; `reject` likewise. EXECUTION=id from status, REASON=text
reject: $(READY) # Reject what waits. EXECUTION=id from status, REASON=text
approve reject:
	$(EMULATOR_RUNS)
	@python -m release $@ $(if $(value EXECUTION),--execution "$$EXECUTION") $(if $(value REASON),--reason "$$REASON")
invoke: $(READY) ## Ask the prod endpoint. TEXT=... ($ is written $$), ENVIRONMENT=staging|prod
	$(EMULATOR_RUNS)
	@python -m release invoke $(if $(value ENVIRONMENT),--environment "$$ENVIRONMENT") "$${TEXT:?say what to moderate: TEXT=...}"
logs: $(READY) ## Follow the log of the stage that runs
	$(EMULATOR_RUNS)
	@python -m release logs --follow

.PHONY: down
down: $(READY) ## Destroy the platform, prove that nothing is left, stop the emulator. FORCE=1 only stops it
	@python -m laptop down $(if $(FORCE),--force)

##@ Checks
# Suites wait as much as they compute, hence three beside each other on two cores.
SUITES := $(MAKE) --no-print-directory -j3 --output-sync=target

.PHONY: test
test: $(READY) ## Every test: lint, unit, infrastructure, then end to end
	@$(SUITES) lint infra unit-emulator unit-moderation unit-release unit-benchmarks
	@$(MAKE) --no-print-directory e2e

.PHONY: check
check: $(READY) ## What the Check stage runs: lint, unit tests of what is released, infrastructure tests
	@$(SUITES) lint infra unit-moderation unit-release

.PHONY: lint
lint: $(READY) ## ruff, types, moderation.yaml
	@python -m release check
	@ruff check . && ruff format --check . || { echo "fix with: make format"; exit 1; }
	@mypy

.PHONY: format
format: $(READY) ## Format Python and Terraform, fix what ruff can
	@ruff check --fix . ; ruff format . ; terraform fmt -recursive terraform

.PHONY: unit
unit: $(READY) ## Unit tests: no network, no credentials
	@$(SUITES) unit-emulator unit-moderation unit-release unit-benchmarks

# the models of unit tests are too small to share out: threads that wait for each other cost more than they compute
PYTEST := env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m pytest -q
.PHONY: unit-moderation unit-release unit-emulator unit-benchmarks
unit-moderation: $(READY) # Unit tests of what runs in containers
	@$(PYTEST) tests/unit/moderation --junitxml=reports/unit-moderation.xml
unit-release: $(READY) # Unit tests of what runs in CodeBuild and on a laptop, of the contract and of the walls
	@$(PYTEST) tests/unit/contract tests/unit/release tests/unit/laptop tests/unit/test_*.py --junitxml=reports/unit-release.xml
# they mostly wait for each other's processes, hence the workers, and let those go first that compute
unit-emulator: $(READY) # Unit tests of the embedded AWS
	@nice -n 3 $(PYTEST) -n 2 --dist loadscope tests/unit/emulator --junitxml=reports/unit-emulator.xml
unit-benchmarks: $(READY) # Unit tests of the benches
	@$(PYTEST) tests/unit/benchmarks --junitxml=reports/unit-benchmarks.xml

.PHONY: infra
infra: $(READY) ## terraform fmt, validate, test; checkov
	@$(PYTEST) tests/infra --junitxml=reports/infra.xml

.PHONY: e2e
e2e: $(READY) ## The whole pipeline on the emulator: push, approve, reject, gate, update
	@python -m pytest tests/e2e -q --junitxml=reports/e2e.xml

.PHONY: bench
bench: ## Which benchmarks there are, and their variables
	@grep -hE '^bench-[a-z]+:.* # ' $(MAKEFILE_LIST) | sed -E 's/:.* # /\t/' | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

.PHONY: bench-prepare
bench-prepare: $(READY) # Rows/s and peak memory of the preparation beside datasets.map. ROWS=1000000
	@python benchmarks/prepare.py $(if $(ROWS),--rows $(ROWS))

.PHONY: bench-quality
bench-quality: $(READY) # The default recipe against both baselines, cross-validated. DATA=file or directory, ROWS, FOLDS, REPEATS
	@python benchmarks/quality.py --data "$${DATA:?name a file or directory: DATA=...}" $(if $(ROWS),--rows $(ROWS)) $(if $(FOLDS),--folds $(FOLDS)) $(if $(REPEATS),--repeats $(REPEATS))

.PHONY: bench-train
bench-train: $(READY) # Samples/s of training beside the plain tutorial way, two ranks beside one. DATA=file, ROWS, PASSES, BATCH_SIZE, PRECISION=fp32
	@python benchmarks/training.py $(if $(value DATA),--data "$$DATA") $(if $(ROWS),--rows $(ROWS)) $(if $(PASSES),--passes $(PASSES)) $(if $(BATCH_SIZE),--batch-size $(BATCH_SIZE)) $(if $(PRECISION),--precision $(PRECISION))

.PHONY: bench-evaluate
bench-evaluate: $(READY) # Seconds of an evaluation in models, baselines and metrics, and its peak memory. ROWS=10000
	@python benchmarks/evaluation.py $(if $(ROWS),--rows $(ROWS))

.PHONY: clean
clean: ## Remove what runs left behind; keeps the installed tools
	@test ! -e .local/aws.mk || { echo 'an emulator runs here, and its files are in use: `make down` first' >&2; exit 1; }
	@rm -rf .local/emulator reports .pytest_cache .ruff_cache .hypothesis
