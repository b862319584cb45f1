// SPDX-License-Identifier: MIT
/*
 * The CPUs: their own data, and starting the others.
 *
 * A PERCPU variable's template stays as the compiler made it; CPU 0's copy lies
 * in .bss (boot.c), the others' are allocated.  CPUs are started one after the
 * other: the trampoline page and start_* below serve one at a time.
 *
 *   boot CPU                               other CPU
 *   cpus[n], stack, idle thread
 *   INIT, STARTUP ----------------------->  trampoline.S, ap_start()
 *   waits for cpu->online  <--------------  sets it, waits in cpu_main()
 */
#include <arch/boot.h>
#include <arch/time.h>
#include <tarn/cpu.h>
#include <tarn/mm.h>
#include <tarn/page.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include "apic.h"
#include "smp.h"
#include "x86.h"

extern char __percpu_start[], __percpu_end[];
extern const char trampoline_start[], trampoline_end[];
extern pte_t early_pml4[];

struct cpu boot_cpu = { .self = &boot_cpu, .online = true };
struct cpu *cpus[MAX_CPUS] = { &boot_cpu };
u32 nr_cpus = 1;

/* Where the trampoline finds its CPU: read by trampoline.S. */
struct cpu *start_cpu;
u64 start_stack, start_cr3;

void NORETURN ap_start(void);

static struct cpu *cpu_alloc(u32 id, u32 apic_id)
{
	size_t size = (size_t)(__percpu_end - __percpu_start);
	struct cpu *c = kzalloc(sizeof(*c), GFP_KERNEL);
	char *area = kmalloc(size, GFP_KERNEL);
	struct cpu_tables *t = gdt_alloc();

	if (!c || !area || !t) {
		kfree(c);
		kfree(area);
		return NULL;
	}
	memcpy(area, __percpu_start, size);
	c->self = c;
	c->id = id;
	c->percpu_offset = area - __percpu_start;
	c->canary = boot_cpu.canary; /* a thread checks on one CPU what it noted on another */
	c->arch.apic_id = apic_id;
	gdt_init(c, t);
	return c;
}

static bool cpu_is_online(struct cpu *c, unsigned int wait_us)
{
	for (unsigned int us = 0; us < wait_us; us += 20) {
		if (READ_ONCE(c->online))
			return true;
		delay_us(20);
	}
	return READ_ONCE(c->online);
}

/* True once the CPU runs.  The second STARTUP is for hardware that lost the first. */
static bool cpu_start(struct cpu *c)
{
	start_cpu = c;
	start_stack = (u64)c->idle->kstack + KSTACK_SIZE;
	start_cr3 = virt_to_phys(kernel_mm.root);
	barrier();
	lapic_init_ipi(c->arch.apic_id);
	delay_us(10);
	lapic_start_ipi(c->arch.apic_id, TRAMPOLINE_ADDR >> PAGE_SHIFT);
	if (cpu_is_online(c, 10000))
		return true;
	lapic_start_ipi(c->arch.apic_id, TRAMPOLINE_ADDR >> PAGE_SHIFT);
	return cpu_is_online(c, 2000000);
}

static bool cpu_add(u32 apic_id)
{
	struct cpu *c = cpu_alloc(nr_cpus, apic_id);

	if (!c)
		return false;
	c->idle = sched_idle_create(c->id);
	c->running = c->idle;
	c->kernel_sp = (u64)c->idle->kstack + KSTACK_SIZE;
	gdt_set_kernel_stack(c, c->kernel_sp);
	cpus[c->id] = c;
	nr_cpus++;
	if (cpu_start(c))
		return true;
	/* It may still come up: it must find its struct, so nothing is freed.  It is told to halt. */
	c->arch.calls = 0;
	start_cpu = NULL;
	nr_cpus--;
	cpus[c->id] = NULL;
	pr_err("CPU with APIC id %u does not start", apic_id);
	return false;
}

void smp_init(void)
{
	u32 boot_id = boot_cpu.arch.apic_id;

	memcpy(phys_to_virt(TRAMPOLINE_ADDR), trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	for (u32 i = 0; i < apic_config.ncpus && nr_cpus < MAX_CPUS; i++)
		if (apic_config.apic_ids[i] != boot_id && !cpu_add(apic_config.apic_ids[i]))
			break;
	pr_info("%u CPU%s", nr_cpus, nr_cpus == 1 ? "" : "s");
}

/* First C code of another CPU: on its idle thread's stack, GS base set, the kernel's tables. */
void ap_start(void)
{
	struct cpu *c = this_cpu();

	gdt_load(c);
	idt_load();
	cpu_setup();
	lapic_setup_cpu();
	lapic_timer_mask(false);
	__atomic_store_n(&c->online, true, __ATOMIC_RELEASE);
	cpu_main();
}
