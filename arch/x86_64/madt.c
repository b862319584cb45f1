// SPDX-License-Identifier: MIT
/*
 * Where the interrupt controllers and CPUs are: ACPI's MADT, or without ACPI
 * the MP table (Intel MultiProcessor Specification 1.4), which firmware leaves
 * in low memory.  Tables come from outside: lengths are checked, not trusted.
 */
#include <arch/mmu.h>
#include <tarn/acpi.h>
#include <tarn/cpu.h>
#include <tarn/string.h>
#include "apic.h"

struct apic_config apic_config;

static void add_cpu(u32 apic_id)
{
	if (apic_config.ncpus < MAX_CPUS && apic_id < 255)
		apic_config.apic_ids[apic_config.ncpus++] = apic_id;
}

static void add_ioapic(u32 id, phys_t addr, u32 gsi_base)
{
	if (apic_config.nioapics < MAX_IOAPICS)
		apic_config.ioapics[apic_config.nioapics++] =
			(struct ioapic_info){ id, gsi_base, addr };
}

/* MPS INTI flags: polarity in bits 0-1, trigger in bits 2-3; 0 means "as the bus has it". */
static void add_override(u32 isa, u32 gsi, u32 flags)
{
	if (isa < 16)
		apic_config.isa[isa] = (struct isa_override){
			.gsi = gsi,
			.set = true,
			.level = (flags >> 2 & 3) == 3,
			.active_low = (flags & 3) == 3,
		};
}

/* ---- MADT ---- */

struct madt {
	char sig[4];
	u32 length;
	u8 revision, checksum;
	char oem[26];
	u32 lapic_addr, flags;
	u8 entries[];
} PACKED;
_Static_assert(offsetof(struct madt, lapic_addr) == 36, "MADT");

struct madt_entry {
	u8 type, length;
	union {
		struct {
			u8 processor, apic_id;
			u32 flags;
		} PACKED cpu; /* 0 */
		struct {
			u8 id, reserved;
			u32 addr, gsi_base;
		} PACKED ioapic; /* 1 */
		struct {
			u8 bus, irq;
			u32 gsi;
			u16 flags;
		} PACKED override; /* 2 */
		struct {
			u16 reserved;
			u64 addr;
		} PACKED lapic_addr; /* 5 */
	};
} PACKED;

#define MADT_CPU_ENABLED BIT(0)

static void madt_entry(const struct madt_entry *e)
{
	switch (e->type) {
	case 0:
		if (e->length >= 8 && (e->cpu.flags & MADT_CPU_ENABLED))
			add_cpu(e->cpu.apic_id);
		break;
	case 1:
		if (e->length >= 12)
			add_ioapic(e->ioapic.id, e->ioapic.addr, e->ioapic.gsi_base);
		break;
	case 2:
		if (e->length >= 10)
			add_override(e->override.irq, e->override.gsi, e->override.flags);
		break;
	case 5:
		if (e->length >= 12)
			apic_config.lapic_addr = e->lapic_addr.addr;
		break;
	}
}

bool madt_read(void)
{
	const struct madt *m = acpi_find_table("APIC", 0);
	const u8 *p, *end;

	if (!m || m->length < sizeof(*m))
		return false;
	apic_config.lapic_addr = m->lapic_addr;
	p = m->entries;
	end = (const u8 *)m + m->length;
	while (end - p >= 2 && p[1] >= 2 && p[1] <= end - p) {
		madt_entry((const struct madt_entry *)p);
		p += p[1];
	}
	return true;
}

/* ---- MP table ---- */

struct mp_pointer {
	char sig[4]; /* "_MP_" */
	u32 table;
	u8 length, revision, checksum, features[5];
};
struct mp_table {
	char sig[4]; /* "PCMP" */
	u16 length;
	u8 revision, checksum;
	char oem[20];
	u32 oem_table;
	u16 oem_size, count;
	u32 lapic_addr, extended;
	u8 entries[];
} PACKED;

static bool sums_to_zero(const void *p, size_t n)
{
	u8 sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ((const u8 *)p)[i];
	return sum == 0;
}

static const struct mp_table *mp_search(phys_t start, phys_t end)
{
	for (phys_t a = ALIGN_UP(start, 16); a + 16 <= end; a += 16) {
		const struct mp_pointer *p = phys_to_virt(a);
		const struct mp_table *t;

		if (memcmp(p->sig, "_MP_", 4) || !sums_to_zero(p, 16) || !p->table ||
		    p->table >= 0x100000)
			continue;
		t = phys_to_virt(p->table);
		if (memcmp(t->sig, "PCMP", 4) == 0 && sums_to_zero(t, t->length))
			return t;
	}
	return NULL;
}

static const struct mp_table *mp_find(void)
{
	phys_t ebda = (phys_t)*(const u16 *)phys_to_virt(0x40e) << 4;
	const struct mp_table *t = NULL;

	if (ebda >= 0x80000 && ebda < 0xa0000)
		t = mp_search(ebda, ebda + 1024);
	if (!t)
		t = mp_search(639 * 1024, 640 * 1024);
	if (!t)
		t = mp_search(0xe0000, 0x100000);
	return t;
}

static u32 ioapic_base_of(u32 id)
{
	for (u32 i = 0; i < apic_config.nioapics; i++)
		if (apic_config.ioapics[i].id == id)
			return apic_config.ioapics[i].gsi_base;
	return 0;
}

bool mptable_read(void)
{
	const struct mp_table *t = mp_find();
	int isa_bus = -1;
	const u8 *p, *end;

	if (!t)
		return false;
	apic_config.lapic_addr = t->lapic_addr;
	p = t->entries;
	end = (const u8 *)t + t->length;
	/* By the length: qboot leaves the count of entries 0. */
	while (p < end && *p <= 4) {
		u32 size = *p == 0 ? 20 : 8;

		if (end - p < (s64)size)
			break;
		switch (*p) {
		case 0: /* CPU: APIC id, version, flags (bit 0: usable) */
			if (p[3] & 1)
				add_cpu(p[1]);
			break;
		case 1: /* bus: id, six letters */
			if (memcmp(p + 2, "ISA   ", 6) == 0)
				isa_bus = p[1];
			break;
		case 2: /* IO-APIC: id, version, flags, address.  Lines are numbered on. */
			if (p[3] & 1) {
				u32 addr;

				memcpy(&addr, p + 4, 4);
				add_ioapic(p[1], addr, 24 * apic_config.nioapics);
			}
			break;
		case 3: /* line: type (0: vectored), flags, source bus and line, IO-APIC, its pin */
			if (p[1] == 0 && p[4] == isa_bus)
				add_override(p[5], ioapic_base_of(p[6]) + p[7], p[2]);
			break;
		}
		p += size;
	}
	return true;
}
