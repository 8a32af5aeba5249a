# Needs GNU make and a POSIX shell; README.md has the same steps for Windows.

BIN = .venv/bin
SAMPLE_QUESTION = When is the first auction for large consumers under Estmark's new reserve law?
LIBRARY ?= samples

# What was typed reaches the shell through the environment as it is, quotation marks and dollar signs too.
override Q := $(value Q)
export LIBRARY Q

help:
	@echo 'make run             set up, answer a question about the sample reports, then open the page (OPEN=no: do not)'
	@echo 'make ask Q="…"       answer a question in the terminal (LIBRARY=samples, or one that `rag add` has made)'
	@echo 'make test            set up with the test tools, then check everything'
	@echo 'make install         set up only: .venv with the project and its models'
	@echo 'make clean           remove .venv and what tools have cached here; libraries stay'

# What the first run does is not done again, so that the page is there in seconds.
run: install
	@$(BIN)/rag list --library samples >/dev/null 2>&1 || $(MAKE) --no-print-directory first
	$(BIN)/rag serve --library samples $(if $(filter no,$(OPEN)),,--open)

first: library
	@echo
	$(BIN)/rag ask --library samples "$(SAMPLE_QUESTION)" || [ $$? -eq 3 ]
	@echo

# Exit code 3 says that the reports do not answer: no failure of make.
ask: $(if $(filter samples,$(LIBRARY)),library,install)
	@[ "$$Q" ] || { echo 'Ask something: make ask Q="How much …?"' >&2; exit 2; }
	@$(BIN)/rag ask --library "$$LIBRARY" "$$Q" || [ $$? -eq 3 ]

# Where `rag add` fails, what follows stops with its own sentence.
library: install
	@$(BIN)/rag list --library samples >/dev/null 2>&1 || $(BIN)/rag add --samples --library samples

test: .venv/tested-with
	@sh scripts/test_tools.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=25

install: .venv/installed

# The stamps are set only after all went well, so a set-up that failed or was stopped is repeated before anything uses it.
.venv/installed: pyproject.toml requirements-reader.txt
	@rm -f .venv/installed .venv/tested-with
	@sh scripts/install.sh
	@touch $@

.venv/tested-with: pyproject.toml requirements-reader.txt $(wildcard requirements/*.txt)
	@rm -f .venv/installed .venv/tested-with
	@sh scripts/install.sh '[test]'
	@touch .venv/installed $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

.PHONY: help run first ask library test install clean
