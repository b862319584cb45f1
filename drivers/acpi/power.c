// SPDX-License-Identifier: MIT
/*
 * Soft-off and reset by the FADT.
 *
 * Soft-off needs the sleep type of S5, which is AML: a package named _S5_ in
 * the DSDT.  It is found by its bytes, without an interpreter: NameOp, "_S5_",
 * PackageOp, length, count, then the first element as a constant.
 */
#include <arch/io.h>
#include <arch/mmu.h>
#include <arch/time.h>
#include <tarn/acpi.h>
#include <tarn/printk.h>
#include <tarn/string.h>

#include "acpi.h"

struct PACKED gas { /* generic address structure, ACPI 5.2.3.2 */
	u8 space, bits, offset, access;
	u64 address;
};
#define GAS_MEMORY 0
#define GAS_IO 1

struct PACKED fadt {
	struct acpi_header header;
	u32 facs, dsdt;
	u8 unused1[12];
	u32 pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt;
	u8 unused2[40];
	u32 flags; /* offset 112 */
	struct gas reset_reg;
	u8 reset_value;
	u8 unused3[11];
	u64 x_dsdt; /* offset 140 */
	u8 unused4[96];
	struct gas sleep_control; /* offset 244 */
	struct gas sleep_status;
};
_Static_assert(offsetof(struct fadt, pm1a_cnt) == 64, "FADT");
_Static_assert(offsetof(struct fadt, flags) == 112, "FADT");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "FADT");
_Static_assert(offsetof(struct fadt, sleep_control) == 244, "FADT");

#define FADT_RESET_SUPPORTED BIT(10)
#define FADT_HW_REDUCED BIT(20)
#define PM1_SLEEP_ENABLE (1u << 13)

/* What soft-off and reset write; [I] after acpi_power_init(). */
static struct {
	u16 pm1a_port, pm1b_port;
	u8 s5_type_a, s5_type_b;
	bool has_s5;
	struct gas sleep_control, reset;
	void *sleep_mmio, *reset_mmio;
	u8 reset_value;
} power;

/* One integer constant of AML (ACPI 20.2.3); false: something else. */
static bool aml_const(const u8 **p, const u8 *end, u8 *out)
{
	if (*p >= end)
		return false;
	switch (**p) {
	case 0x00: /* ZeroOp */
	case 0x01: /* OneOp */
		*out = *(*p)++;
		return true;
	case 0x0a: /* BytePrefix */
		if (end - *p < 2)
			return false;
		*out = (*p)[1];
		*p += 2;
		return true;
	default:
		return false;
	}
}

static void s5_parse(const u8 *p, const u8 *end)
{
	if (end - p < 8 || p[4] != 0x12) /* PackageOp */
		return;
	p += 5;
	p += 1 + (*p >> 6); /* package length: its top bits say how many bytes follow */
	p += 1;             /* number of elements */
	if (!aml_const(&p, end, &power.s5_type_a))
		return;
	if (!aml_const(&p, end, &power.s5_type_b))
		power.s5_type_b = power.s5_type_a;
	power.has_s5 = true;
}

static void s5_find(const struct acpi_header *dsdt)
{
	const u8 *start = (const u8 *)(dsdt + 1), *end = (const u8 *)dsdt + dsdt->length;

	for (const u8 *p = start; p + 4 < end; p++)
		if (!memcmp(p, "_S5_", 4)) {
			s5_parse(p, end);
			return;
		}
}

static void *gas_map(const struct gas *g)
{
	return g->space == GAS_MEMORY && g->address ? mmu_map_device(g->address, 8) : NULL;
}

void acpi_power_init(void)
{
	const struct fadt *f = acpi_find_table("FACP", 0);
	const struct acpi_header *dsdt;
	u32 len;

	if (!f)
		return;
	len = f->header.length;
	dsdt = acpi_map_table(len >= 148 && f->x_dsdt ? f->x_dsdt : f->dsdt);
	if (dsdt)
		s5_find(dsdt);
	power.pm1a_port = f->pm1a_cnt;
	power.pm1b_port = f->pm1b_cnt;
	if (len >= 129 && (f->flags & FADT_RESET_SUPPORTED)) {
		power.reset = f->reset_reg;
		power.reset_value = f->reset_value;
		power.reset_mmio = gas_map(&power.reset);
	}
	if (len >= sizeof(*f) && (f->flags & FADT_HW_REDUCED)) {
		power.sleep_control = f->sleep_control;
		power.sleep_mmio = gas_map(&power.sleep_control);
	}
}

static void gas_write8(const struct gas *g, void *mmio, u8 value)
{
	if (mmio)
		mmio_write8(mmio, value);
	else if (g->space == GAS_IO && g->address)
		outb((u16)g->address, value);
}

void acpi_poweroff(void)
{
	if (!power.has_s5)
		return;
	if (power.sleep_control.address)
		gas_write8(&power.sleep_control, power.sleep_mmio,
			   (u8)(power.s5_type_a << 2 | 1u << 5));
	if (power.pm1a_port)
		outw(power.pm1a_port, (u16)(power.s5_type_a << 10 | PM1_SLEEP_ENABLE));
	if (power.pm1b_port)
		outw(power.pm1b_port, (u16)(power.s5_type_b << 10 | PM1_SLEEP_ENABLE));
	delay_us(100000);
}

void acpi_reset(void)
{
	gas_write8(&power.reset, power.reset_mmio, power.reset_value);
	delay_us(100000);
}
