# SIMS. `make help` is the table of contents; each target calls one tool.
.DEFAULT_GOAL := help
UV := scripts/uv.sh
RUN := $(UV) run --frozen
PACKAGES := $(wildcard packages/* services/*)
# Checked by themselves: their tests have modules named like those of others.
APART := packages/sims-backup services/backup-operator
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install everything into .venv (uv too, if it is missing)
	@scripts/setup.sh

.PHONY: up
up: setup ## Run SIMS on this machine: database, queue, API, worker, mail catcher
	@.venv/bin/sims up $(ARGS)

.PHONY: down
down: setup ## Stop it; the data stays
	@.venv/bin/sims down

.PHONY: reset
reset: setup ## Stop it and delete its data (ARGS=--yes: without asking)
	@.venv/bin/sims reset $(ARGS)

.PHONY: test
test: setup ## Run the tests, on real servers (ARGS='-k login -x' and the like)
	@scripts/s3_server.sh $(RUN) pytest -n auto --dist loadfile -m 'not long and not chart' $(ARGS)

.PHONY: test-long
test-long: setup ## Run those that take minutes: the engine killed at every step
	@scripts/s3_server.sh $(RUN) pytest -n auto -m long $(ARGS)

.PHONY: test-chart
test-chart: setup ## Test the Helm chart without a cluster (helm and the like are built if missing)
	@$(RUN) --group chart pytest -n auto -m chart tests/chart $(ARGS)

.PHONY: generate-chart
generate-chart: setup ## Make the chart's README and schema from its values.yaml
	@$(RUN) python scripts/generate_chart.py

.PHONY: lint
lint: setup lint-style lint-types lint-layers lint-sizes lint-deps lint-shell lint-docker ## Check style, types, layers, sizes, dependencies

.PHONY: lint-style
lint-style:
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

.PHONY: lint-types
lint-types:
	@$(RUN) mypy $(filter-out $(APART),$(PACKAGES)) bench tests
	@for package in $(APART); do $(RUN) mypy $$package || exit 1; done

.PHONY: lint-layers
lint-layers:
	@$(RUN) lint-imports

.PHONY: lint-sizes
lint-sizes:
	@$(RUN) python scripts/check_sizes.py

.PHONY: lint-deps
lint-deps:
	@for package in $(PACKAGES); do echo "deptry $$package"; (cd $$package && $(abspath $(UV)) run --frozen deptry src) || exit 1; done

.PHONY: lint-shell
lint-shell:
	@$(RUN) shellcheck $(shell git ls-files '*.sh' .ci/run k8s/plugin)

.PHONY: lint-docker
lint-docker:
	@$(RUN) hadolint --failure-threshold style $(shell git ls-files '*Dockerfile')

.PHONY: audit
audit: setup audit-packages audit-secrets ## Look for known vulnerabilities and for secrets in the tree

.PHONY: audit-packages
audit-packages:
	@$(UV) export --frozen --quiet --no-emit-workspace --output-file .venv/lock.txt
	@$(RUN) python scripts/audit_packages.py .venv/lock.txt

.PHONY: audit-secrets
audit-secrets:
	@git ls-files -z | xargs -0 $(RUN) detect-secrets-hook --baseline .secrets.baseline

.PHONY: images
images: ## Build the container images, named sims-<service>:dev
	@scripts/images.sh dev

PROFILE ?= production

.PHONY: render
render: ## Print what Helm would apply (PROFILE=kind, minimal or production)
	@helm template sims charts/sims --namespace sims --values charts/sims/values-$(PROFILE).yaml

.PHONY: kind-up
kind-up: setup ## A kind cluster with SIMS in it, built from here, filled and reachable
	@$(RUN) python scripts/kind_up.py

.PHONY: kind-logins
kind-logins: setup ## Show the demo users of that cluster and their passwords
	@$(RUN) python scripts/kind_up.py --logins

.PHONY: e2e
e2e: setup ## Break it in a cluster and see it recover (the kind one; SIMS_E2E_CONTEXT=another)
	@SIMS_E2E=1 $(RUN) pytest tests/e2e --durations=10 $(ARGS)

.PHONY: kind-down
kind-down: ## Delete that cluster and all that is in it
	@kind delete cluster --name $${KIND_CLUSTER:-sims}

.PHONY: generate-crds
generate-crds: setup ## Write the chart's custom resources from the operator's models
	@$(RUN) python scripts/generate_crds.py

.PHONY: clean
clean: ## Delete caches (neither .venv nor the data in .sims)
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

.PHONY: bench
bench: setup ## Measure: what a page of students and a transcript cost
	@$(RUN) python -m bench.lists
	@$(RUN) python -m bench.transcripts

.PHONY: bench-transcripts
bench-transcripts: setup ## Measure mailed, signed transcripts: CPU, waits, memory (ARGS='--requests 10000')
	@$(RUN) python -m bench.mailed $(ARGS)

.PHONY: bench-backup
bench-backup: setup ## Measure the backup engine beside pg_dump | gzip and the like
	@$(RUN) python -m bench.backup
