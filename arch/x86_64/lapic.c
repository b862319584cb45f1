// SPDX-License-Identifier: MIT
/*
 * The local APIC of each CPU, through its memory window (xAPIC): end of
 * interrupt, messages to other CPUs, the one-shot timer.
 *
 * Every access is an exit under an emulator: none is made twice.
 */
#include <arch/io.h>
#include <arch/mmu.h>
#include <tarn/cpu.h>
#include <tarn/panic.h>
#include "apic.h"
#include "x86.h"

enum {
	LAPIC_ID = 0x20,
	LAPIC_TPR = 0x80,
	LAPIC_EOI = 0xb0,
	LAPIC_SVR = 0xf0,
	LAPIC_ESR = 0x280,
	LAPIC_ICR_LOW = 0x300,
	LAPIC_ICR_HIGH = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
};

#define SVR_ENABLE BIT(8)
#define LVT_MASKED BIT(16)
#define LVT_NMI (4 << 8)
#define ICR_PENDING BIT(12)
#define ICR_ASSERT BIT(14)
#define ICR_INIT (5 << 8)
#define ICR_STARTUP (6 << 8)
#define ICR_NMI (4 << 8)
#define ICR_OTHERS (3 << 18)
#define DIVIDE_BY_16 3
#define APIC_BASE_ENABLE BIT(11)

static char *lapic; /* [I] registers; NULL before lapic_map() */

static u32 lapic_read(u32 reg)
{
	return mmio_read32(lapic + reg);
}

static void lapic_write(u32 reg, u32 v)
{
	mmio_write32(lapic + reg, v);
}

void lapic_map(void)
{
	lapic = mmu_map_device(apic_config.lapic_addr, PAGE_SIZE);
	assert(lapic);
}

void lapic_setup_cpu(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VEC_TIMER);
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
	lapic_write(LAPIC_LVT_ERROR, VEC_ERROR);
	lapic_write(LAPIC_ESR, 0);
	lapic_write(LAPIC_SVR, SVR_ENABLE | VEC_SPURIOUS);
	lapic_eoi();
}

u32 lapic_id(void)
{
	return lapic_read(LAPIC_ID) >> 24;
}

void lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

/* The two ICR writes belong together: interrupts off, NMIs send only in panics. */
static void icr_send(u32 apic_id, u32 low)
{
	u64 flags = irq_save();

	for (unsigned int i = 0; i < 100000 && (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING); i++)
		cpu_relax();
	if (!(low & ICR_OTHERS))
		lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
	lapic_write(LAPIC_ICR_LOW, low | ICR_ASSERT);
	irq_restore(flags);
}

void lapic_ipi(u32 apic_id, u8 vector)
{
	icr_send(apic_id, vector);
}

void lapic_ipi_others(u8 vector)
{
	icr_send(0, ICR_OTHERS | vector);
}

void lapic_nmi_others(void)
{
	if (lapic)
		icr_send(0, ICR_OTHERS | ICR_NMI);
}

void lapic_init_ipi(u32 apic_id)
{
	icr_send(apic_id, ICR_INIT);
}

void lapic_start_ipi(u32 apic_id, u8 page)
{
	icr_send(apic_id, ICR_STARTUP | page);
}

void lapic_timer_set(u32 count)
{
	lapic_write(LAPIC_TIMER_INITIAL, count);
}

u32 lapic_timer_count(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}

void lapic_timer_mask(bool masked)
{
	lapic_write(LAPIC_LVT_TIMER, (masked ? LVT_MASKED : 0) | VEC_TIMER);
}
