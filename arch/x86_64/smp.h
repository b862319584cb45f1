// SPDX-License-Identifier: MIT
/* Shared among smp.c, ipi.c, irq.c, lapic.c, boot.c. */
#pragma once

/* Physical memory below this is never given to the page allocator. */
#define LOW_RESERVED 0x10000
/* The page where other CPUs start, in real mode. */
#define TRAMPOLINE_ADDR 0x8000

/* An NMI arrived: stops this CPU if a panic asked for it. */
void smp_nmi(void);
/* Function calls other CPUs asked for; interrupts off. */
void ipi_serve(void);
/* Starts @fn on the CPUs of @mask without waiting; cpu_call_wait() does. */
void cpu_call_start(u64 mask, void (*fn)(void *arg), void *arg);
void cpu_call_wait(void);
