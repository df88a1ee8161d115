# Two commands do everything: `make demo` and `make test`. The rest is for daily work.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test test-slow test-cluster faults lint bench bench-peers servers clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: $(STAMP) ## Run the main job on real data: traffic, drift, bias, late labels, alert, webhook
	@$(BIN)/evenhand demo

# The sidecar's reader runs at nice 10 above its pump; beside two busy workers on two cores it would
# starve. At 15 the workers are polite to it, since 19 is the end.
test: $(STAMP) servers ## Run all tests, against real Kafka, PostgreSQL, Prometheus, Alertmanager, MLServer, KServe
	@nice -n 15 $(BIN)/python -m pytest -n 2 -m "not slow"

# Evidently goes into an environment of its own (800 MB, once) in the user's cache folder, and a
# server of OpenAI's kind is compiled there (six minutes, once).
test-slow: $(STAMP) servers ## Run the long guarantee tests and print their tables
	-@$(BIN)/python -m tests.testkit evidently
	-@$(BIN)/python -m tests.testkit openai
	@$(BIN)/python -m pytest -m slow

# Builds Kubernetes' API server once (4 to 9 minutes, 5 GB of disk), into the user's cache folder.
test-cluster: $(STAMP) ## Test CRD, webhook, operator and chart at a real Kubernetes API
	@$(BIN)/python -m tests.kubernetes

faults: $(STAMP) servers ## Break workers, Kafka and PostgreSQL in 20 ways; findings must stay the same
	@$(BIN)/python -m tests.faults

lint: $(STAMP) ## ruff, mypy strict, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(STAMP) ## Print the benchmarks, as ratios to a named peer in one run
	@$(BIN)/python -m benchmarks

# Downloads 10 GB once, into the user's cache folder; then about 15 minutes on one core.
bench-peers: $(STAMP) ## Measure Evenhand beside NannyML, Evidently, AIF360, Fairlearn, Alibi Detect
	@$(BIN)/python -m benchmarks peers

# What cannot be had is said; its tests are skipped loudly, and fail where CI is set.
servers: $(STAMP) ## Fetch the servers that the tests start (into .cache)
	-@$(BIN)/python -m tests.testkit

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (first run only) ..."
	@$(PYTHON) scripts/make_environment.py $(VENV)
	@touch $(STAMP)

clean: ## Remove the environment and the fetched servers
	@rm -rf $(VENV) .cache dist
