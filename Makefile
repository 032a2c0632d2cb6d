# What a newcomer and a developer type. `make help` lists it.

.DEFAULT_GOAL := help
VENV := .venv/bin
# Two workers are enough for the servers that they share.
JOBS ?= 2
# Images like to set it; packages are installed uncompiled, and every process would compile them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-run check format test test-long events bench demo clean

help: ## List what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | \
	  awk -F'|' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup: ## Make .venv with everything for development, from the locked requirements
	@python=$$(sh deploy/find_python.sh) && "$$python" -m deploy.bootstrap dev

setup-run:
	@python=$$(sh deploy/find_python.sh) && "$$python" -m deploy.bootstrap run

demo: setup-run ## Run a whole instance with the Vallée du Lot loaded (FRESH=1: start anew; PORT=8001)
	@$(VENV)/marathon demo $(if $(FRESH),--fresh) $(if $(PORT),--port $(PORT))

check: setup ## Format, lint, types, import contracts
	@$(VENV)/ruff format --check .
	@$(VENV)/ruff check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo

format: setup ## Format the code and mend what can be mended
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

test: setup ## All tests but the long ones, on RabbitMQ and PostgreSQL too (ARGS="-k relay")
	@$(VENV)/marathon local install --browser || true
	@$(VENV)/pytest -n $(JOBS) --dist worksteal $(ARGS)

test-long: setup ## The long tests: every crash at every arrow, all ways to look, many examples
	@$(VENV)/marathon local install --browser || true
	@$(VENV)/pytest -n $(JOBS) --dist worksteal -m long $(ARGS)

events: setup ## Make docs/events/ again from the schemas in services/*/messages*.py
	@$(VENV)/python -m services.registration.partners.schema
	@$(VENV)/python -m tests.registration.partners.vectors
	@$(VENV)/python -m services.chassis.asyncapi

bench: setup ## Measure beside baselines; writes docs/benchmarks.md (ARGS="intake relay": shows these)
	@$(VENV)/marathon local install
	@$(VENV)/python -m tests.benchmarks.bench $(ARGS)

clean: ## Take away what can be made again (the demo's data stay)
	@if [ -x $(VENV)/marathon ]; then $(VENV)/marathon local down --wipe; fi
	@rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
