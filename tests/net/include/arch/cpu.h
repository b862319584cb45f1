// SPDX-License-Identifier: MIT
/* <arch/cpu.h> of the network's host build: one CPU, one thread, no interrupts.  tests/net/shim.c. */
#pragma once

struct cpu;
struct thread;

#define ARCH_MACHINE "host"

struct arch_cpu {
	u32 unused;
};

extern struct thread *host_thread; /* who runs: never sleeps */
extern struct cpu *host_cpu;

static inline struct cpu *this_cpu(void)
{
	return host_cpu;
}
static inline struct thread *current_thread(void)
{
	return host_thread;
}
#define current current_thread()

static inline bool irqs_enabled(void)
{
	return true;
}
static inline void irq_enable(void)
{
}
static inline void irq_disable(void)
{
}
static inline u64 irq_save(void)
{
	return 0;
}
static inline void irq_restore(u64 flags)
{
}
static inline void cpu_relax(void)
{
}
