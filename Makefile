# Tarn: build, run and test.  `make help` lists the targets.
#
# Objects go to build/$(BUILD)/, where BUILD is release (default) or debug.

BUILD ?= release
OUT := build/$(BUILD)
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

KERNEL := $(OUT)/tarn.elf
.DEFAULT_GOAL := kernel
.DELETE_ON_ERROR:

include tools/build/kernel.mk
include tools/build/targets.mk
