// SPDX-License-Identifier: MIT
/*
 * Running a function on other CPUs: TLB flushes, and whatever must happen everywhere.
 *
 * Each CPU has one call slot (a CPU starts one call at a time: nothing that is
 * called starts another).  The caller fills its slot, sets the targets' bits in
 * slot.waiting, its own bit in each target's arch.calls, interrupts them, and waits
 * until slot.waiting is 0.  While it waits it serves calls from others, so two
 * CPUs calling each other both finish, even with interrupts off.
 */
#include <arch/boot.h>
#include <stdatomic.h>
#include <tarn/cpu.h>
#include <tarn/panic.h>
#include "apic.h"
#include "smp.h"

struct call {
	void (*fn)(void *arg); /* the caller's, [I] while waiting != 0 */
	void *arg;
	_Atomic u64 waiting;   /* [a] bit per CPU still to run it */
} CACHE_ALIGNED;

static struct call calls[MAX_CPUS];
static _Atomic bool stopping; /* [a] a panic stops everybody */
static _Atomic u32 stopped;   /* [a] how many did */

static u64 online_mask(void)
{
	u64 mask = 0;

	FOR_EACH_CPU(i)
		if (cpus[i] && READ_ONCE(cpus[i]->online))
			mask |= BIT(i);
	return mask;
}

void ipi_serve(void)
{
	struct cpu *c = this_cpu();
	u64 from;

	while ((from = atomic_exchange(&c->arch.calls, 0))) {
		while (from) {
			struct call *call = &calls[__builtin_ctzl(from)];

			from &= from - 1;
			call->fn(call->arg);
			atomic_fetch_and_explicit(&call->waiting, ~BIT(c->id), memory_order_release);
		}
	}
}

void cpu_call_start(u64 mask, void (*fn)(void *arg), void *arg)
{
	u32 self = cpu_id();
	struct call *call = &calls[self];
	u64 online = online_mask() & ~BIT(self);

	mask &= online;
	if (!mask)
		return;
	assert(atomic_load_explicit(&call->waiting, memory_order_relaxed) == 0);
	call->fn = fn;
	call->arg = arg;
	atomic_store(&call->waiting, mask);
	for (u64 m = mask; m; m &= m - 1)
		atomic_fetch_or(&cpus[__builtin_ctzl(m)]->arch.calls, BIT(self));
	if (mask == online) {
		lapic_ipi_others(VEC_CALL);
		return;
	}
	for (u64 m = mask; m; m &= m - 1)
		lapic_ipi(cpus[__builtin_ctzl(m)]->arch.apic_id, VEC_CALL);
}

void cpu_call_wait(void)
{
	struct call *call = &calls[cpu_id()];
	u64 flags;

	while (atomic_load_explicit(&call->waiting, memory_order_acquire)) {
		if (atomic_load_explicit(&this_cpu()->arch.calls, memory_order_relaxed)) {
			flags = irq_save();
			ipi_serve();
			irq_restore(flags);
		}
		cpu_relax();
	}
}

void cpu_call_mask(u64 mask, void (*fn)(void *arg), void *arg)
{
	cpu_call_start(mask, fn, arg);
	cpu_call_wait();
}

void cpu_call_others(void (*fn)(void *arg), void *arg)
{
	cpu_call_mask(~0ul, fn, arg);
}

void cpu_kick(u32 cpu)
{
	if (cpu != cpu_id() && cpus[cpu] && cpus[cpu]->online)
		lapic_ipi(cpus[cpu]->arch.apic_id, VEC_RESCHED);
}

/* ---- the end ---- */

void smp_nmi(void)
{
	if (!atomic_load(&stopping))
		return; /* an NMI nobody asked for: the machine's, ignored */
	atomic_fetch_add(&stopped, 1);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void cpu_stop_others(void)
{
	u32 others = 0;

	for (u64 m = online_mask() & ~BIT(cpu_id()); m; m &= m - 1)
		others++;
	if (atomic_exchange(&stopping, true) || !others)
		return;
	lapic_nmi_others();
	for (unsigned int i = 0; i < 1000000 && atomic_load(&stopped) < others; i++)
		cpu_relax();
}

void cpu_halt_all(void)
{
	irq_disable();
	cpu_stop_others();
	for (;;)
		__asm__ volatile("cli; hlt");
}
