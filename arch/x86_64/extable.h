// SPDX-License-Identifier: MIT
/*
 * The exception table: ranges of kernel code that may fault on an address that
 * is not theirs to trust, and where they go on when the fault cannot be mended.
 */
#pragma once

#define EX_FAULT 0   /* page faults are handed to mm_fault() first; may sleep */
#define EX_NOFAULT 1 /* straight to the fix-up */

#ifndef __ASSEMBLER__
struct ex_entry {
	s32 from, to, fixup; /* relative to themselves */
	u32 kind;
};
struct regs;
static inline u64 ex_fixup(const struct ex_entry *e)
{
	return (u64)&e->fixup + (u64)(s64)e->fixup;
}
#endif
