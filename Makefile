# make app    the app on the bundled demo          make test   the whole suite, a browser journey included
# make lint   ruff and mypy                        make demo   train the bundled demo model again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: app test lint format demo chromium clean
.DELETE_ON_ERROR:

app: $(VENV)/.app
	$(BIN)/python -m headviz app

test: $(VENV)/.dev chromium
	$(BIN)/python -m pytest -m "not network and not browser" -n 2 --dist loadfile --durations=10
	HEADVIZ_NEED_BROWSER=1 $(BIN)/python -m pytest -m "browser and not network" --durations=10

lint: $(VENV)/.dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(VENV)/.dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

demo: $(VENV)/.dev
	$(BIN)/python -m headviz.demo.reviews --seed 0

# The stamps: what stands in them is installed as long as they are newer than the files they come from.
$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "headviz needs Python 3.11 or newer, and '$(PYTHON)' is not that: name another with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "'$(PYTHON)' cannot make virtual environments: on Debian, sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# torch first and alone, so that nothing else draws another build of it. The checkout itself is linked by a path file and
# not by an editable install, which would leave copies of app.py and pages/ behind that go stale.
$(VENV)/.app: requirements.txt pyproject.toml | $(VENV)/.venv
	@echo "Installing pinned packages into $(VENV), PyTorch among them: a few minutes and some gigabytes, once."
	$(PIP) install --quiet "$$(grep '^torch==' requirements.txt)"
	$(PIP) install --quiet -r requirements.txt
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "headviz-checkout.pth").write_text("$(CURDIR)\n")'
	@printf '#!/bin/sh\nexec "%s/$(BIN)/python" -m headviz "$$@"\n' "$(CURDIR)" > $(BIN)/headviz && chmod +x $(BIN)/headviz
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(PIP) install --quiet -r requirements-dev.txt
	@touch $@

chromium:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if ! command -v apt-get >/dev/null; then \
	  echo "The tests drive a browser: install Chromium so that 'chromium' is on the PATH, then run make test again." >&2; exit 1; \
	elif [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; \
	elif sudo -n true 2>/dev/null; then \
	  sudo -n apt-get update -qq && sudo -n DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; \
	else \
	  echo "The tests drive a browser. Install it with: sudo apt-get install chromium" >&2; exit 1; \
	fi

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist
