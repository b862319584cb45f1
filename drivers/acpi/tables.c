// SPDX-License-Identifier: MIT
/*
 * ACPI tables: found once at boot, mapped, checked and kept.
 *
 * The root pointer comes from the boot loader or is searched for in low memory
 * (ACPI 6.4, 5.2.5).  A table whose checksum or length is wrong is left out
 * with a log line: the machine then lacks what it describes.
 *
 * Boot CPU only; afterwards the list is read-only.
 */
#include <arch/boot.h>
#include <arch/mmu.h>
#include <tarn/acpi.h>
#include <tarn/printk.h>
#include <tarn/string.h>

#include "acpi.h"

#define MAX_TABLES 48
#define MAX_TABLE_SIZE (1u << 20)
#define LOW_SEARCH_START 0xe0000u
#define LOW_SEARCH_END 0x100000u

struct PACKED rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 extended_checksum;
	u8 reserved[3];
};

static const struct acpi_header *tables[MAX_TABLES]; /* [I] after acpi_early_init() */
static unsigned int table_count;

static bool sum_is_zero(const void *p, size_t n)
{
	const u8 *b = p;
	u8 sum = 0;

	while (n--)
		sum += *b++;
	return sum == 0;
}

static const struct rsdp *rsdp_at(const void *p)
{
	if (memcmp(p, "RSD PTR ", 8) || !sum_is_zero(p, 20))
		return NULL;
	return p;
}

static const struct rsdp *rsdp_find(void)
{
	const u8 *low;

	if (boot_info.rsdp) {
		const void *p = mmu_map_device(boot_info.rsdp, sizeof(struct rsdp));

		return p ? rsdp_at(p) : NULL;
	}
	low = mmu_map_device(LOW_SEARCH_START, LOW_SEARCH_END - LOW_SEARCH_START);
	if (!low)
		return NULL;
	for (u32 off = 0; off < LOW_SEARCH_END - LOW_SEARCH_START; off += 16) {
		const struct rsdp *r = rsdp_at(low + off);

		if (r)
			return r;
	}
	return NULL;
}

/* Maps the table at @pa whole; NULL if it is not one. */
static const struct acpi_header *table_map(phys_t pa)
{
	const struct acpi_header *h;
	u32 length;

	if (!pa)
		return NULL;
	h = mmu_map_device(pa, sizeof(*h));
	if (!h)
		return NULL;
	length = h->length;
	if (length < sizeof(*h) || length > MAX_TABLE_SIZE) {
		pr_warn("acpi: table at %#lx has a wrong length\n", (ulong)pa);
		return NULL;
	}
	h = mmu_map_device(pa, length);
	if (!h || !sum_is_zero(h, length)) {
		pr_warn("acpi: table at %#lx has a wrong checksum\n", (ulong)pa);
		return NULL;
	}
	return h;
}

static void table_add(phys_t pa)
{
	const struct acpi_header *h = table_map(pa);

	if (h && table_count < MAX_TABLES)
		tables[table_count++] = h;
}

/* The RSDT lists 32-bit addresses, the XSDT 64-bit ones, packed behind the header. */
static void root_walk(const struct acpi_header *root, u32 entry_size)
{
	const u8 *entry = (const u8 *)(root + 1);
	u32 n = (root->length - sizeof(*root)) / entry_size;

	for (u32 i = 0; i < n; i++, entry += entry_size) {
		u64 pa = 0;

		memcpy(&pa, entry, entry_size);
		table_add(pa);
	}
}

void acpi_early_init(void)
{
	const struct rsdp *r = rsdp_find();
	const struct acpi_header *root = NULL;

	if (!r)
		return;
	if (r->revision >= 2)
		root = table_map(r->xsdt);
	if (root)
		root_walk(root, 8);
	else if ((root = table_map(r->rsdt)))
		root_walk(root, 4);
	acpi_power_init();
}

const void *acpi_find_table(const char sig[4], unsigned int nth)
{
	for (unsigned int i = 0; i < table_count; i++)
		if (!memcmp(tables[i]->signature, sig, 4) && nth-- == 0)
			return tables[i];
	return NULL;
}

const void *acpi_map_table(phys_t pa)
{
	return table_map(pa);
}
