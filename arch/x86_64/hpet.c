// SPDX-License-Identifier: MIT
/* The HPET's counter: calibrates the TSC, and replaces it where it is not sound. */
#include <arch/io.h>
#include <arch/mmu.h>
#include <tarn/acpi.h>
#include "timing.h"

#define HPET_CAPABILITIES 0x00
#define HPET_CONFIG 0x10
#define HPET_COUNTER 0xf0
#define CAP_64BIT BIT(13)
#define CONFIG_ENABLE BIT(0)

static char *hpet; /* [I] registers, or NULL */
static u64 period; /* [I] femtoseconds a tick */
static bool wide;  /* [I] 64-bit counter */

/* ACPI's table: a header of 36 bytes, the block id, then a generic address whose last 8 bytes count. */
static phys_t hpet_address(void)
{
	const u8 *t = acpi_find_table("HPET", 0);
	u64 addr;
	u32 len;

	if (!t)
		return 0;
	__builtin_memcpy(&len, t + 4, 4);
	if (len < 52 || t[40] != 0)
		return 0;
	__builtin_memcpy(&addr, t + 44, 8);
	return addr;
}

bool hpet_init(void)
{
	phys_t addr = hpet_address();
	u32 caps;

	if (!addr)
		return false;
	hpet = mmu_map_device(addr, 1024);
	if (!hpet)
		return false;
	caps = mmio_read32(hpet + HPET_CAPABILITIES);
	period = mmio_read32(hpet + HPET_CAPABILITIES + 4);
	wide = caps & CAP_64BIT;
	if (period == 0 || period > 100000000) { /* the specification's limit: 100 ns */
		hpet = NULL;
		return false;
	}
	mmio_write32(hpet + HPET_CONFIG, mmio_read32(hpet + HPET_CONFIG) | CONFIG_ENABLE);
	return true;
}

u64 hpet_read(void)
{
	return wide ? mmio_read64(hpet + HPET_COUNTER) : mmio_read32(hpet + HPET_COUNTER);
}

u64 hpet_mask(void)
{
	return wide ? ~0ul : 0xffffffff;
}

u64 hpet_period_fs(void)
{
	return period;
}
