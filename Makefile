# `make demo` sets everything up and detects on the example photo; `make test` runs the tests.
# Both work in the private environment .venv and are quick once it stands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.crowdmask
# `TORCH_BUILD=cuda make setup-train` takes the build with CUDA; left out, any torch that is there will do.
TRAIN := $(STAMP)-train-$(or $(TORCH_BUILD),any)

.DEFAULT_GOAL := help
.PHONY: web rates help setup setup-train hooks demo test test-int8 coverage lint format types docs check build check-wheel clean
# MkDocs would tell at each build of a successor of its theme.
export NO_MKDOCS_2_WARNING := 1

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP)-venv:
	@$(PYTHON) scripts/make_venv.py $(VENV)
	@touch $@

$(STAMP)-base: $(STAMP)-venv pyproject.toml
	@echo "Installing crowdmask into $(VENV) (about a minute) ..."
	@$(PIP) install --quiet --editable '.[video]'
	@touch $@

$(TRAIN): $(STAMP)-base scripts/install_torch.sh
	@echo "Installing what training and the tests need into $(VENV) (a minute or two) ..."
	@sh scripts/install_torch.sh $(BIN)/python
	@$(PIP) install --quiet --editable '.[train,dev]' --editable ./supplement
	@touch $@

setup: $(STAMP)-base ## private environment for photos, videos and cameras

setup-train: $(TRAIN) ## the same with torch (CPU build), for training and for the tests

hooks: $(TRAIN) ## check style and types before each commit
	@$(BIN)/python -m pre_commit install

demo: $(STAMP)-base ## set up and detect on the example photo
	@$(BIN)/python Detect_image.py --image 1.jpg

test: $(TRAIN) ## set up and run the tests
	$(BIN)/python -m pytest $(TEST_OPTIONS)

coverage: $(TRAIN) ## run the tests and measure how much of the code they reach; fails below the figure reached
	$(MAKE) test TEST_OPTIONS="-n 2 --dist loadfile -rs --cov --cov-report=term --cov-report=html"

test-int8: $(TRAIN) ## the int8 tests with guarded sums, and on an emulated processor without VNNI
	CROWDMASK_INT8_GUARD=on $(BIN)/python -m pytest -q tests/export/test_rewrite.py tests/export/test_quantize.py \
		tests/inference/test_golden.py tests/inference/test_shipped.py
	sh scripts/test_without_vnni.sh $(BIN)/python

lint: $(TRAIN) ## ruff: rules and formatting
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

format: $(TRAIN) ## format the code
	$(BIN)/python -m ruff format .

types: $(TRAIN) ## mypy over the package, tests, benchmarks, tools and examples
	$(BIN)/python -m mypy

docs: $(TRAIN) ## the documentation site into site/; a broken link fails
	$(BIN)/python -m mkdocs build --strict

rates: $(TRAIN) ## the shipped models' error rates on val, for surveys (docs/survey.md)
	@for model in crowd crowd-fast crowd-float ssdlite; do \
	  $(BIN)/python -m crowdmask evaluate recipes/data/crowdmask.yaml --split val --model $$model \
	    --rates src/crowdmask/assets/$$model.rates.json || exit 1; done

# npm writes this file last.
web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund

web: web/node_modules/.package-lock.json $(TRAIN) ## check the package for browsers and build its page into the Python package (needs Node.js)
	cd web && npm run check && npm run build
	PYTHONPATH=src $(BIN)/python tools/pack_page.py

check: lint types test ## all three

build: $(TRAIN) ## wheels of the package and its supplement, and a source distribution, into dist/
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m build --wheel --outdir dist supplement

check-wheel: build ## install the wheels into a clean environment, first without extras, and use them there
	$(BIN)/python tools/check_wheel.py dist

clean: ## remove the environment, caches and builds
	rm -rf $(VENV) build dist site .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
