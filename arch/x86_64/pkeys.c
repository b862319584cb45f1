// SPDX-License-Identifier: MIT
/*
 * The register of protection keys, PKRU: two bits a key, access disabled and write disabled.
 *
 * It is always the running thread's own, in the kernel too (fpu.c saves and loads it with the rest), so user
 * copies obey it without a line here.  Tests: tests/abi/pkeys.c.
 */
#include <arch/pkeys.h>
#include "x86.h"

#define DENY_ACCESS 1u
#define DENY_WRITE 2u

bool cpu_has_pkeys;

static u32 read_pkru(void)
{
	u32 v, zero;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(v), "=d"(zero) : "c"(0)); /* RDPKRU */
	return v;
}

static void write_pkru(u32 v)
{
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(v), "c"(0), "d"(0) : "memory"); /* WRPKRU */
}

void arch_pkey_set(unsigned int key, u32 rights)
{
	write_pkru((read_pkru() & ~(3u << 2 * key)) | (rights & 3) << 2 * key);
}

bool arch_pkey_allows(unsigned int key, bool write)
{
	u32 denied;

	if (!cpu_has_pkeys)
		return true;
	denied = read_pkru() >> 2 * key;
	return !(denied & (write ? DENY_ACCESS | DENY_WRITE : DENY_ACCESS));
}
