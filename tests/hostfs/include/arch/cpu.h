// SPDX-License-Identifier: MIT
/* The host as an architecture: one CPU, one thread, no interrupts.  The rest of the contract is include/arch/cpu.h's. */
#pragma once

#define this_cpu arch_this_cpu
#define current_thread arch_current_thread
#define irq_flags arch_irq_flags
#define irqs_enabled arch_irqs_enabled
#define irq_enable arch_irq_enable
#define irq_disable arch_irq_disable
#define irq_save arch_irq_save
#define irq_restore arch_irq_restore
#define cpu_relax arch_cpu_relax
#include_next <arch/cpu.h>
#undef this_cpu
#undef current_thread
#undef irq_flags
#undef irqs_enabled
#undef irq_enable
#undef irq_disable
#undef irq_save
#undef irq_restore
#undef cpu_relax

struct cpu *this_cpu(void);
struct thread *current_thread(void);
/* Nobody will change what a loop waits for. */
void cpu_relax(void);

static inline bool irqs_enabled(void)
{
	return true;
}
static inline u64 irq_save(void)
{
	return 0;
}
static inline void irq_restore(u64 flags)
{
}
