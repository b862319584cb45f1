// SPDX-License-Identifier: MIT
/* The end of the kernel: for kernel bugs only, never for bad input. */
#pragma once

struct regs;

/* Prints the message, registers and a backtrace with names; other CPUs stop; QEMU exits non-zero. */
void NORETURN panic(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same for a trap in kernel mode. */
void NORETURN panic_regs(const struct regs *regs, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The boot cannot go on for a reason outside the kernel (no root disk, no init): one clear line,
 * no backtrace, QEMU exit status non-zero. */
void NORETURN boot_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* panic= of the command line: seconds before a reboot where there is no QEMU to leave; 0: halt. */
extern int panic_timeout;
/* A panic is being reported: locks are not to be trusted. */
bool panic_in_progress(void);

/* In every build: a false condition is a kernel bug. */
#ifdef __KERNEL__
#define assert(cond)                                                                   \
	do {                                                                           \
		if (unlikely(!(cond)))                                                 \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
	} while (0)
#else
#include <assert.h>
#endif

/* "name+0x12" of a code address; false if it is outside the kernel's text. */
bool symbol_format(u64 addr, char *buf, size_t size);
