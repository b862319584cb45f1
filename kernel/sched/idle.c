// SPDX-License-Identifier: MIT
/* What a CPU does when nobody wants it. */
#include <arch/boot.h>
#include <tarn/net/rx.h>
#include "../boot.h"
#include "sched.h"

/*
 * Interrupts are off between the look at need_resched and the halt, so a wake-up
 * in between ends the halt at once.
 */
void idle_loop(void)
{
	struct cpu *cpu = this_cpu();

	for (;;) {
		deferred_wakes();
		rx_run();
		irq_disable();
		if (!READ_ONCE(cpu->need_resched) && !rx_is_pending()) {
			atomic_fetch_or_explicit(&idle_mask, BIT(cpu->id), memory_order_relaxed);
			rcu_enter_idle();
			cpu_idle_wait();
			rcu_leave_idle();
		}
		irq_enable();
		if (READ_ONCE(cpu->need_resched))
			schedule();
	}
}

void cpu_main(void)
{
	irq_enable();
	schedule(); /* work may have been queued while this CPU started */
	idle_loop();
}
