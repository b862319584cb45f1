# How the kernel is compiled and linked.  Every .c and .S in the folders below is
# part of it, except *_test.c, which are host tests (see tests/host).  debug/ and *_debug.c are
# in debug builds only.

FOLDERS_debug := debug
FOLDERS ?= arch/x86_64 lib mm kernel block fs net drivers $(FOLDERS_$(BUILD))
NOT_IN_release := ! -name '*_debug.c'
SRCS := $(shell find $(FOLDERS) -name '*.[cS]' ! -name '*_test.c' ! -path '*/vdso/*' $(NOT_IN_$(BUILD)) 2>/dev/null | sort)
OBJS := $(patsubst %,$(OUT)/obj/%.o,$(basename $(SRCS)))

CC := gcc
GCC_INCLUDE := $(shell $(CC) -print-file-name=include 2>/dev/null)
GEN := $(OUT)/gen
UAPI := $(OUT)/uapi

DEFINES_debug := -DTARN_DEBUG
CPPFLAGS_S := -nostdinc -isystem $(GCC_INCLUDE) -isystem $(UAPI) -Iinclude -Iabi -I$(GEN) -D__KERNEL__ $(DEFINES_$(BUILD))
CPPFLAGS_K := $(CPPFLAGS_S) -include include/tarn/types.h -include include/tarn/compiler.h
# Small copies of constant size become plain moves, the rest call memcpy and memset:
# gcc's own choice is rep movsq, slow to start and several times slower under emulation.
INLINE_COPIES_release := -mmemcpy-strategy=unrolled_loop:256:noalign,libcall:-1:noalign \
	-mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign
# ... but the sanitizer sees only what is called.
INLINE_COPIES_debug := -mmemcpy-strategy=libcall:-1:noalign -mmemset-strategy=libcall:-1:noalign
FRAME_release := 1024
FRAME_debug := 3072
CFLAGS_K := -std=gnu17 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -Wmissing-prototypes \
	-Wstrict-prototypes -Wframe-larger-than=$(FRAME_$(BUILD)) -Wvla -Wno-sign-compare \
	-ffreestanding -fno-strict-aliasing -fno-common -fno-delete-null-pointer-checks \
	-fno-omit-frame-pointer -fno-pic -fno-pie -fno-asynchronous-unwind-tables \
	-mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fstack-protector-strong \
	-ffunction-sections -fdata-sections -fcf-protection=none \
	$(INLINE_COPIES_$(BUILD))

# The sanitizers (docs/debugging.md).  The offset is SHADOW_OFFSET of include/arch/shadow.h; checks are
# in line, because calls are slow under emulation.
KASAN_debug := -fsanitize=kernel-address -fasan-shadow-offset=0xdffffc0000000000 \
	--param asan-stack=1 --param asan-globals=1 --param asan-instrumentation-with-call-threshold=10000
UBSAN_debug := -fsanitize=undefined -fno-sanitize=null,object-size,alignment,shift-base -fno-sanitize-recover=undefined
# Left out: null and object-size (the address sanitizer's and the MMU's), alignment (x86 has none), and
# shift-base (gcc defines 1 << 31, and Linux's headers use it).
# No address checks: the checker itself, and those who work on memory that belongs to nobody.
UNCHECKED := debug/kasan.c debug/kasan_string.c debug/kasan_report.c arch/x86_64/shadow_debug.c \
	debug/stack.c mm/slab.c mm/slab_debug.c mm/page_debug.c arch/x86_64/kaslr.c
sanitize = $(UBSAN_$(BUILD)) $(if $(filter $1,$(UNCHECKED)),,$(KASAN_$(BUILD)))
LDFLAGS_K := -nostdlib -static -z noexecstack -z max-page-size=4096 --gc-sections --build-id=none
LDSCRIPT := arch/x86_64/kernel.ld
CFLAGS_arch_x86_64_kaslr.c := -fno-stack-protector # there is no canary yet

GENERATED := $(GEN)/syscall_table.inc $(GEN)/syscalls.h

kernel: $(KERNEL) ## build the kernel (build/release/tarn.elf)
objs: $(OBJS) ## compile without linking (FOLDERS="mm fs" narrows it)

# Linux's UAPI headers alone, without the C library's beside them; <linux/shm.h> names one and needs nothing of it.
$(UAPI)/.done: tools/build/kernel.mk
	$(Q)mkdir -p $(UAPI)
	$(Q)ln -sfn /usr/include/linux $(UAPI)/linux
	$(Q)ln -sfn /usr/include/asm-generic $(UAPI)/asm-generic
	$(Q)ln -sfn $(firstword $(wildcard /usr/include/x86_64-linux-gnu/asm /usr/include/asm)) $(UAPI)/asm
	$(Q): > $(UAPI)/unistd.h
	$(Q)touch $@

$(GEN)/syscall_table.inc $(GEN)/syscalls.h &: abi/syscall.tbl tools/build/syscalls.py
	$(call say,GEN,$@)
	$(Q)mkdir -p $(GEN)
	$(Q)/usr/bin/python3 tools/build/syscalls.py abi/syscall.tbl --table $(GEN)/syscall_table.inc --protos $(GEN)/syscalls.h

$(OUT)/obj/%.o: %.c $(UAPI)/.done $(GENERATED) tools/build/kernel.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_K) $(CFLAGS_K) $(call sanitize,$<) $(CFLAGS_$(subst /,_,$<)) -MMD -MP -c -o $@ $<

$(OUT)/obj/%.o: %.S $(UAPI)/.done $(GENERATED) tools/build/kernel.mk
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_S) -D__ASSEMBLER__ -g -MMD -MP -c -o $@ $<

# The vDSO: user-space code, a shared object of its own inside the kernel image.
VDSO := $(OUT)/vdso.so
VDSO_DIR := arch/x86_64/vdso
CFLAGS_VDSO := -std=gnu17 -O2 -Wall -Wextra -Werror -Wno-unused-parameter -ffreestanding -fPIC -shared -nostdlib \
	-fno-stack-protector -fcf-protection=none -mno-red-zone -fasynchronous-unwind-tables
$(VDSO): $(wildcard $(VDSO_DIR)/*) include/arch/time.h $(UAPI)/.done tools/build/kernel.mk
	$(call say,VDSO,$@)
	$(Q)$(CC) $(CPPFLAGS_S) -include include/tarn/types.h -include include/tarn/compiler.h $(CFLAGS_VDSO) \
		-c -o $(OUT)/vdso.o $(VDSO_DIR)/vdso.c
	$(Q)$(CC) -c -o $(OUT)/vdso_note.o $(VDSO_DIR)/note.S
	$(Q)ld -shared -soname linux-vdso.so.1 --hash-style=both --eh-frame-hdr -z noexecstack -z max-page-size=4096 \
		-Bsymbolic --build-id=none -T $(VDSO_DIR)/vdso.ld -o $@ $(OUT)/vdso.o $(OUT)/vdso_note.o
	$(Q)strip -S $@

$(OUT)/obj/arch/x86_64/vdso.o: CPPFLAGS_S += -DVDSO_IMAGE='"$(VDSO)"'
$(OUT)/obj/arch/x86_64/vdso.o: $(VDSO)

# The backtrace's symbol table is made from a first link and linked into the second; the list of absolute
# addresses (arch/x86_64/kaslr.c) from the second, and linked into the third, behind everything else.
$(KERNEL): $(OBJS) $(LDSCRIPT) tools/build/symbols.py tools/build/relocs.py
	$(call say,LD,$@)
	$(Q)mkdir -p $(GEN)
	$(Q)ld $(LDFLAGS_K) $(LDEXTRA) -T $(LDSCRIPT) -o $(OUT)/tarn.pass1 $(OBJS)
	$(Q)nm -n --defined-only $(OUT)/tarn.pass1 | /usr/bin/python3 tools/build/symbols.py >$(GEN)/symbols.S
	$(Q)$(CC) -c -o $(OUT)/symbols.o $(GEN)/symbols.S
	$(Q)ld $(LDFLAGS_K) $(LDEXTRA) --emit-relocs --strip-debug -T $(LDSCRIPT) -o $(OUT)/tarn.pass2 $(OBJS) $(OUT)/symbols.o
	$(Q)/usr/bin/python3 tools/build/relocs.py $(OUT)/tarn.pass2 >$(GEN)/relocs.S
	$(Q)$(CC) -c -o $(OUT)/relocs.o $(GEN)/relocs.S
	$(Q)ld $(LDFLAGS_K) $(LDEXTRA) -T $(LDSCRIPT) -o $(OUT)/tarn.debug $(OBJS) $(OUT)/symbols.o $(OUT)/relocs.o
	$(Q)objcopy --strip-debug $(OUT)/tarn.debug $@

clean: ## remove everything that was built
	$(Q)rm -rf build

-include $(OBJS:.o=.d)
.PHONY: kernel objs clean
