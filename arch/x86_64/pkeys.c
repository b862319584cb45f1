// SPDX-License-Identifier: MIT
/*
 * The register of protection keys, PKRU: two bits a key, access disabled and write disabled.
 *
 * It is always the running thread's own, in the kernel too (fpu.c saves and loads it with the rest), so user
 * copies obey it without a line here.  Tests: tests/abi/pkeys.c.
 */
#include <arch/pkeys.h>
#include "x86.h"

bool cpu_has_pkeys;

static void write_pkru(u32 v)
{
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(v), "c"(0), "d"(0) : "memory"); /* WRPKRU */
}

void arch_pkey_set(unsigned int key, u32 rights)
{
	write_pkru((arch_pkey_register() & ~(3u << 2 * key)) | (rights & 3) << 2 * key);
}
