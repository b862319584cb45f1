// SPDX-License-Identifier: MIT
/* Interrupt controllers: lapic.c (one per CPU), ioapic.c, and the tables that describe them. */
#pragma once

/* Vectors.  Devices get 0x30 .. 0xef; the high ones are served first. */
#define VEC_DEVICE_FIRST 0x30
#define VEC_DEVICE_END 0xf0
#define VEC_TIMER 0xf0
#define VEC_CALL 0xf1
#define VEC_RESCHED 0xf2
#define VEC_ERROR 0xfe
#define VEC_SPURIOUS 0xff

#define MAX_IOAPICS 8

/* What MADT or MP table said. */
struct ioapic_info {
	u32 id, gsi_base;
	phys_t addr;
};
struct isa_override {
	u32 gsi;
	bool set, level, active_low;
};
struct apic_config {
	phys_t lapic_addr;
	u32 ncpus;                  /* usable CPUs, the boot CPU included */
	u32 apic_ids[MAX_CPUS];
	u32 nioapics;
	struct ioapic_info ioapics[MAX_IOAPICS];
	struct isa_override isa[16];
};
extern struct apic_config apic_config; /* [I] after arch_irq_init() */

/* Each fills apic_config; false: no such table. */
bool madt_read(void);
bool mptable_read(void);

/* ---- lapic.c ---- */
void lapic_map(void);
void lapic_setup_cpu(void); /* on each CPU */
u32 lapic_id(void);
void lapic_eoi(void);
void lapic_ipi(u32 apic_id, u8 vector);
void lapic_ipi_others(u8 vector); /* all but the sender */
void lapic_nmi_others(void);
void lapic_init_ipi(u32 apic_id);
void lapic_start_ipi(u32 apic_id, u8 page);
/* Timer: raw counts at 1/16 of the bus clock. */
void lapic_timer_set(u32 count);
u32 lapic_timer_count(void);
void lapic_timer_mask(bool masked);

/* ---- ioapic.c ---- */
void ioapic_init(void);
/* 0 or -ENODEV: nobody has this line. */
int ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low);
