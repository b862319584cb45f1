// SPDX-License-Identifier: MIT
/*
 * Interrupts: vectors to handlers.
 *
 * Each CPU has its own table of vectors, so that many queues on many CPUs do
 * not exhaust them.  A line's vector is on the boot CPU.  Slots are only ever
 * added; a handler is visible (release store) before its line is routed.
 */
#include <arch/boot.h>
#include <arch/frame.h>
#include <arch/io.h>
#include <arch/irq.h>
#include <arch/time.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include "apic.h"
#include "smp.h"
#include "trap.h"
#include "x86.h"

#define DEVICE_VECTORS (VEC_DEVICE_END - VEC_DEVICE_FIRST)
#define GSI_MSI (~0u)

/* One handler; those of a shared line are chained. */
struct irq_action {
	struct irq_action *next; /* [I] once visible; new ones go in front */
	irq_handler *fn;
	void *arg;
	u32 gsi;
};

static struct irq_action *_Atomic slots[MAX_CPUS][DEVICE_VECTORS]; /* irq_lock to write */
static struct spinlock irq_lock = SPINLOCK_INIT("irq", LR_LEAF);

/* For /proc/interrupts: each CPU counts its own. */
struct irq_counts {
	u64 device[DEVICE_VECTORS];
	u64 timer, call, resched, spurious, error;
};
static DEFINE_PERCPU(struct irq_counts, irq_counts);

/* ---- dispatch: interrupts off ---- */

static void device_irq(unsigned int index)
{
	struct irq_action *a = atomic_load_explicit(&slots[cpu_id()][index], memory_order_acquire);

	this_percpu(irq_counts)->device[index]++;
	for (; a; a = a->next)
		a->fn(a->arg);
	lapic_eoi();
}

void irq_dispatch(struct regs *r, unsigned int vec)
{
	struct cpu *c = this_cpu();
	struct irq_counts *n = this_percpu(irq_counts);

	c->irq_depth++;
	switch (vec) {
	case VEC_TIMER:
		n->timer++;
		lapic_eoi();
		timer_interrupt(r);
		break;
	case VEC_CALL:
		n->call++;
		lapic_eoi();
		ipi_serve();
		break;
	case VEC_RESCHED: /* the way out of the kernel looks at current->pending */
		n->resched++;
		lapic_eoi();
		break;
	case VEC_SPURIOUS: /* has no EOI */
		n->spurious++;
		break;
	case VEC_ERROR:
		n->error++;
		lapic_eoi();
		break;
	default:
		if (vec >= VEC_DEVICE_FIRST && vec < VEC_DEVICE_END)
			device_irq(vec - VEC_DEVICE_FIRST);
		break; /* below: the old PIC, masked, can only be spurious */
	}
	c->irq_depth--;
}

/* ---- requests ---- */

static int find_line(u32 gsi)
{
	for (unsigned int i = 0; i < DEVICE_VECTORS; i++)
		if (slots[0][i] && slots[0][i]->gsi == gsi)
			return (int)i;
	return -1;
}

static int find_free(u32 cpu)
{
	/* From the top: later requests are mostly the busier devices. */
	for (int i = DEVICE_VECTORS - 1; i >= 0; i--)
		if (!slots[cpu][i])
			return i;
	return -1;
}

/* Adds a handler; the vector, or -ENOSPC.  *@fresh: the vector was not in use. */
static int add_action(u32 cpu, u32 gsi, irq_handler *fn, void *arg, bool *fresh)
{
	struct irq_action *a = kmalloc(sizeof(*a), GFP_KERNEL);
	u64 flags;
	int i;

	if (!a)
		return -ENOSPC;
	flags = spin_lock_irqsave(&irq_lock);
	i = gsi == GSI_MSI ? -1 : find_line(gsi);
	*fresh = i < 0;
	if (i < 0)
		i = find_free(cpu);
	if (i >= 0) {
		*a = (struct irq_action){ slots[cpu][i], fn, arg, gsi };
		atomic_store_explicit(&slots[cpu][i], a, memory_order_release);
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	if (i >= 0)
		return i + VEC_DEVICE_FIRST;
	kfree(a);
	return -ENOSPC;
}

int irq_request_gsi(unsigned int gsi, bool level, bool active_low, irq_handler *fn, void *arg)
{
	bool fresh;
	int vec = add_action(0, gsi, fn, arg, &fresh);

	if (vec < 0 || !fresh)
		return MIN(vec, 0);
	/* If nobody has this line the handler stays, never called: vectors are not freed. */
	return ioapic_route(gsi, (u8)vec, cpus[0]->arch.apic_id, level, active_low);
}

int irq_request_isa(unsigned int line, irq_handler *fn, void *arg)
{
	const struct isa_override *o;

	if (line >= ARRAY_SIZE(apic_config.isa))
		return -ENODEV;
	o = &apic_config.isa[line];
	if (o->set)
		return irq_request_gsi(o->gsi, o->level, o->active_low, fn, arg);
	return irq_request_gsi(line, false, false, fn, arg);
}

int irq_request_msi(u32 cpu, irq_handler *fn, void *arg, u64 *msg_addr, u32 *msg_data)
{
	bool fresh;
	int vec = add_action(cpu, GSI_MSI, fn, arg, &fresh);

	if (vec < 0)
		return vec;
	*msg_addr = 0xfee00000 | cpus[cpu]->arch.apic_id << 12;
	*msg_data = (u32)vec;
	return 0;
}

/* ---- start ---- */

#define PIC1_DATA 0x21
#define PIC2_DATA 0xa1
#define LAPIC_DEFAULT 0xfee00000

void arch_irq_init(void)
{
	outb(PIC1_DATA, 0xff); /* the old controllers stay silent */
	outb(PIC2_DATA, 0xff);
	if (!madt_read() && !mptable_read())
		pr_warn("no MADT and no MP table: one CPU, no device interrupt lines");
	if (!apic_config.lapic_addr)
		apic_config.lapic_addr = LAPIC_DEFAULT;
	lapic_map();
	lapic_setup_cpu();
	boot_cpu.arch.apic_id = lapic_id();
	ioapic_init();
}

/* ---- /proc/interrupts ---- */

static void show_counts(struct strbuf *out, const char *label, size_t offset, const char *what)
{
	strbuf_printf(out, "%4s:", label);
	FOR_EACH_CPU(c)
		strbuf_printf(out, " %10lu",
			      (ulong)*(u64 *)((char *)percpu_of(irq_counts, c) + offset));
	strbuf_printf(out, "  %s\n", what);
}

static bool vector_used(unsigned int index)
{
	FOR_EACH_CPU(c)
		if (slots[c][index])
			return true;
	return false;
}

static u32 vector_gsi(unsigned int index)
{
	return slots[0][index] ? slots[0][index]->gsi : GSI_MSI;
}

u64 irq_total(void)
{
	u64 sum = 0;

	FOR_EACH_CPU(c) {
		const struct irq_counts *n = percpu_of(irq_counts, c);

		for (unsigned int i = 0; i < DEVICE_VECTORS; i++)
			sum += n->device[i];
		sum += n->timer + n->call + n->resched + n->spurious;
	}
	return sum;
}

void irq_show(struct strbuf *out)
{
	char label[8];

	strbuf_puts(out, "     ");
	FOR_EACH_CPU(c)
		strbuf_printf(out, "       CPU%-3u", c);
	strbuf_putc(out, '\n');
	for (unsigned int i = 0; i < DEVICE_VECTORS; i++) {
		u32 gsi = vector_gsi(i);

		if (!vector_used(i))
			continue;
		snprintf(label, sizeof(label), "%u", gsi == GSI_MSI ? i + VEC_DEVICE_FIRST : gsi);
		show_counts(out, label, offsetof(struct irq_counts, device[0]) + i * sizeof(u64),
			    gsi == GSI_MSI ? "PCI-MSI" : "IO-APIC");
	}
	show_counts(out, "LOC", offsetof(struct irq_counts, timer), "Local timer interrupts");
	show_counts(out, "RES", offsetof(struct irq_counts, resched), "Rescheduling interrupts");
	show_counts(out, "CAL", offsetof(struct irq_counts, call), "Function call interrupts");
	show_counts(out, "SPU", offsetof(struct irq_counts, spurious), "Spurious interrupts");
	show_counts(out, "ERR", offsetof(struct irq_counts, error), "APIC errors");
}
