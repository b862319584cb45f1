// SPDX-License-Identifier: MIT
/*
 * Protection keys, pkeys(7): a page's entry names one of 16 keys, and a register of the thread says of each
 * what may not be done to its pages.  The register is part of the FPU's image; user code writes it itself.
 */
#pragma once

#define PKEYS 16

extern bool cpu_has_pkeys; /* [I] after cpu_detect() */

/* PKEY_DISABLE_ACCESS and _WRITE of @key for the thread that runs. */
void arch_pkey_set(unsigned int key, u32 rights);

static ALWAYS_INLINE u32 arch_pkey_register(void)
{
	u32 v, zero;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(v), "=d"(zero) : "c"(0)); /* RDPKRU */
	return v;
}

/* Would the running thread's register let it read, or write, a page of @key?  Two bits a key: no access, no write. */
static ALWAYS_INLINE bool arch_pkey_allows(unsigned int key, bool write)
{
	return !cpu_has_pkeys || !(arch_pkey_register() >> 2 * key & (write ? 3 : 1));
}
