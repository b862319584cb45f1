// SPDX-License-Identifier: MIT
/* What entry.S calls. */
#pragma once

struct regs;

void trap_dispatch(struct regs *r, unsigned int vec);
void page_fault_user(struct regs *r, u64 addr);
void page_fault_kernel(struct regs *r, u64 addr);
void trap_stepped_syscall(struct regs *r);
void trap_bad_user_rip(struct regs *r);
void paranoid_dispatch(struct regs *r, unsigned int vec);
void irq_dispatch(struct regs *r, unsigned int vec);
