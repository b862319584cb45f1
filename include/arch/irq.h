// SPDX-License-Identifier: MIT
/*
 * Interrupts: lines, vectors, message-signalled interrupts.
 *
 * A handler runs with interrupts off and may not sleep; it wakes a thread for
 * anything long.  Vectors are allocated once by drivers and not freed.
 */
#pragma once

typedef void irq_handler(void *arg);

/* ISA line (through MADT overrides) or GSI to a handler on the boot CPU.  Shared lines call each handler.
 * 0, -ENOSPC no vector, -ENODEV no controller has this line.  @level: level-triggered. */
int irq_request_isa(unsigned int line, irq_handler *fn, void *arg);
int irq_request_gsi(unsigned int gsi, bool level, bool active_low, irq_handler *fn, void *arg);
/* A vector for MSI/MSI-X on @cpu: fills the message to program into the device.  0 or -ENOSPC. */
int irq_request_msi(u32 cpu, irq_handler *fn, void *arg, u64 *msg_addr, u32 *msg_data);
/* Lines of /proc/interrupts. */
struct strbuf;
void irq_show(struct strbuf *out);
/* All interrupts of all CPUs since boot. */
u64 irq_total(void);
