# What a developer types: tests, runs, lint.

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile tools/build/*.mk | sed 's/:.*##/\t/' | sort | expand -t 16

.PHONY: help
