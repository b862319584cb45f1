// SPDX-License-Identifier: MIT
/*
 * What each CPU keeps for itself, reached through %gs (x86) in one load.
 *
 * The kernel is not preempted inside itself, so a CPU's own data may be used
 * without a lock between two blocking points; data that an interrupt handler
 * touches too needs interrupts off.
 */
#pragma once

#include <arch/cpu.h>

#define MAX_CPUS 64

struct thread;

/* Assembly knows the offsets of the first six fields: arch/x86_64/offsets.h asserts them. */
struct cpu {
	struct cpu *self;        /*  0 */
	struct thread *running;  /*  8: what current reads */
	u64 kernel_sp;           /* 16 top of current's kernel stack: where entries start */
	u64 user_sp;             /* 24 scratch for the system call entry */
	s64 percpu_offset;       /* 32 added to a PERCPU variable's address */
	u64 canary;              /* 40 gcc's stack protector reads %gs:40 */
	u16 relax_count;         /* 48 turns of waiting loops: cpu_relax() */
	u32 id;                  /* [I] logical number, 0 is the boot CPU */
	u32 spin_depth;          /* spinlocks held by this CPU */
	u32 irq_depth;           /* nested interrupt handlers: arch counts around each */
	bool need_resched;       /* asked to switch threads at the next chance */
	bool online;
	struct thread *idle;     /* [I] runs when nobody else wants to */
	struct wait_later *wait_later; /* irqs off: waitq_later() */
	struct arch_cpu arch;
} CACHE_ALIGNED;

extern struct cpu *cpus[MAX_CPUS]; /* [I] after boot; NULL past nr_cpus */
extern u32 nr_cpus;                /* [I] after smp_init() */

#define FOR_EACH_CPU(c) for (u32 c = 0; c < nr_cpus; c++)

/*
 * A PERCPU variable's symbol is a template in .data.percpu; each CPU has a copy
 * percpu_offset bytes away.  Before SMP starts, CPU 0 uses the template itself.
 */
#define DEFINE_PERCPU(type, name) SECTION(".data.percpu") typeof(type) percpu_##name
#define DECLARE_PERCPU(type, name) extern typeof(type) percpu_##name
#define this_percpu(name) \
	((typeof(&percpu_##name))((char *)&percpu_##name + this_cpu()->percpu_offset))
#define percpu_of(name, cpu) \
	((typeof(&percpu_##name))((char *)&percpu_##name + cpus[cpu]->percpu_offset))

/* The running CPU's number.  Stale after any point that may sleep. */
static inline u32 cpu_id(void)
{
	return this_cpu()->id;
}
