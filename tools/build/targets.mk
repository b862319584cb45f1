# What a developer types: tests, runs, lint.

-include tools/build/host.mk

TARGET ?= debian
ARGS ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile tools/build/*.mk | sed 's/:.*##/\t/' | sort | expand -t 16

deps: ## install what building, running and testing need (apt)
	@tools/deps all

run: ## boot a distribution to a shell: make run [TARGET=debian|alpine] [ARGS="--smp 2"]
	@tools/deps run
	@$(MAKE) --no-print-directory kernel
	@./tarn run $(TARGET) $(ARGS)

test: ## build everything, pass every test; the last line sums up
	@tools/deps all
	@tools/test

check: ## lint: locks and user pointers (clang), cppcheck, headers alone, the tree's rules
	@tools/check

soak: ## the tests that are too long for `make test`
	@tools/deps all
	@$(MAKE) --no-print-directory kernel
	@tools/test --soak

bench: ## compare with Debian's Linux kernel: make bench [ARGS="growth --runs 3"]
	@tools/deps bench
	@$(MAKE) --no-print-directory kernel
	@bench/run --save build/bench.json --svg build/bench.svg $(ARGS)

gdb: ## attach to a machine started with `./tarn run --gdb`
	@gdb -q $(OUT)/tarn.debug -ex 'target remote :1234'

# ---- lint: one stamp a source file, so that a second check is instant ----

CLANG := $(firstword $(foreach v,-24 -23 -22,$(shell command -v clang$(v))) $(shell command -v clang))
CLANG_MAJOR := $(if $(CLANG),$(shell $(CLANG) -dumpversion | cut -d. -f1),0)
LINT := build/lint
LINT_CFLAGS := -std=gnu17 -fsyntax-only -ffreestanding -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -DTARN_LINT -Wno-everything -Wthread-safety -Wnoderef -Wuninitialized \
	-Wsometimes-uninitialized -Wformat -Werror
ifeq ($(shell test $(CLANG_MAJOR) -ge 22 && echo yes),yes)
LINT_CFLAGS += -DTARN_LINT_FIELDS -fexperimental-late-parse-attributes
endif
CLANG_INCLUDE = $(eval CLANG_INCLUDE := $(shell $(CLANG) -print-resource-dir)/include)$(CLANG_INCLUDE)
LINT_CPPFLAGS = $(subst -isystem $(GCC_INCLUDE),-isystem $(CLANG_INCLUDE),$(CPPFLAGS_K))
LINT_SRCS := $(filter %.c,$(SRCS))
DEBUG_SRCS := $(sort $(wildcard debug/*.c) $(shell find arch mm kernel -name '*_debug.c'))
LINT_HEADERS := $(shell find include abi -name '*.h' 2>/dev/null | sort)

lint-clang: $(patsubst %,$(LINT)/clang/%.ok,$(sort $(LINT_SRCS) $(DEBUG_SRCS)))
lint-headers: $(LINT_HEADERS:%=$(LINT)/headers/%.ok)

$(LINT)/clang/%.ok: % $(UAPI)/.done $(GENERATED) tools/build/targets.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(LINT_CPPFLAGS) $(LINT_CFLAGS) $(if $(filter $<,$(DEBUG_SRCS)),$(DEFINES_debug)) -MMD -MP -MT $@ -MF $(@:.ok=.d) $<
	$(Q)touch $@

$(LINT)/headers/%.ok: % $(UAPI)/.done $(GENERATED) tools/build/targets.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_K) $(CFLAGS_K) -Wno-unused-function -fsyntax-only -x c \
		-MMD -MP -MT $@ -MF $(@:.ok=.d) -include $< /dev/null
	$(Q)touch $@

# sparse-like uses of __user are clang's; cppcheck looks for the rest: leaks, overruns, dead tests.
lint-cppcheck:
	$(Q)mkdir -p $(LINT)/cppcheck
	$(Q)cppcheck -q -j 2 --std=c11 --platform=unix64 --error-exitcode=1 --inline-suppr \
		--cppcheck-build-dir=$(LINT)/cppcheck --max-configs=1 --enable=warning,performance,portability \
		--suppressions-list=tools/build/cppcheck.txt \
		--template='{file}:{line}: {message} [{id}]' -D__KERNEL__ -D__x86_64__ -D__GNUC__=12 \
		-DNULL='((void *)0)' -UTARN_DEBUG -UTARN_LINT --include=include/tarn/compiler.h \
		-Iinclude -Iabi $(LINT_SRCS)

-include $(patsubst %,$(LINT)/clang/%.d,$(sort $(LINT_SRCS) $(DEBUG_SRCS))) $(LINT_HEADERS:%=$(LINT)/headers/%.d)
.PHONY: help deps run test check soak bench gdb lint-clang lint-headers lint-cppcheck
