# Thin names for commands that also work by hand; see README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests at a time, each on one thread.
JOBS ?= 2
PYTEST := -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: quickstart test test-long lint bench bench-cuda clean

quickstart: $(VENV)/.complete
	HF_HUB_OFFLINE=1 $(BIN)/python run.py

test: $(VENV)/.complete-dev
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST) -m "not long"

# What repeats in longer runs what `make test` shows once.
test-long: $(VENV)/.complete-dev
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST) -m long

lint: $(VENV)/.complete-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: $(VENV)/.complete-dev
	$(BIN)/python -m benchmarks.quickstart
	$(BIN)/python -m benchmarks.cached_run
	$(BIN)/python -m benchmarks.crash --kills 20
	$(BIN)/python -m benchmarks.agreement
	$(BIN)/python -m benchmarks.choice_labels
	$(BIN)/python -m benchmarks.judging
	$(BIN)/python -m benchmarks.parity
	$(BIN)/python -m benchmarks.fuzz --in-turn
	$(BIN)/python -m benchmarks.ray_loss
	$(BIN)/python -m benchmarks.pool_crash --transformers 80 --ray 10
	$(BIN)/python -m benchmarks.adaptive
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.statistics
	$(BIN)/python -m benchmarks.sweep sharing
	$(BIN)/python -m benchmarks.sweep kills --kills 20
	$(BIN)/python -m benchmarks.sweep launchers
	$(BIN)/pip install --quiet -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks.endpoint
	$(BIN)/python -m benchmarks.sft_parity
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.training --n --processor --shapes body --sources gsm8k
	$(BIN)/python -m benchmarks.attention

# On a machine with a CUDA device.
bench-cuda: $(VENV)/.complete-dev
	$(BIN)/python -m pytest tests/gpu
	$(BIN)/python -m benchmarks.cuda training --compile
	$(BIN)/python -m benchmarks.cuda generation

clean:
	rm -rf $(VENV) .venv-vllm outputs/cache outputs/cells outputs/runs outputs/sweeps outputs/wandb

# pip is brought up to date first: an old one resolves half as fast.
$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt torch
	touch $@

$(VENV)/.complete: $(VENV)/.torch pyproject.toml
	$(BIN)/pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.complete-dev: $(VENV)/.torch pyproject.toml
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(VENV)/.complete $@

include vllm_cpu.mk
