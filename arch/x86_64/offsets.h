// SPDX-License-Identifier: MIT
/* Numbers that assembly shares with C; offsets.c asserts that they are true. */
#pragma once

#define GDT_KERNEL_CS 0x10
#define GDT_KERNEL_DS 0x18
#define GDT_USER_CS32 0x23 /* SYSRET's base selector, an empty entry */
#define GDT_USER_DS 0x2b
#define GDT_USER_CS 0x33
#define GDT_TSS 0x40
#define GDT_CPU_NUMBER 0x7b /* its limit is the CPU's number, for getcpu in the vDSO */

#ifdef TARN_DEBUG
#define KERNEL_STACK_SIZE 32768
#else
#define KERNEL_STACK_SIZE 16384
#endif

/* struct cpu */
#define CPU_SELF 0
#define CPU_CURRENT 8
#define CPU_KERNEL_SP 16
#define CPU_USER_SP 24
#define CPU_CANARY 40

/* struct regs */
#define REGS_R15 0
#define REGS_R14 8
#define REGS_R13 16
#define REGS_R12 24
#define REGS_RBP 32
#define REGS_RBX 40
#define REGS_R11 48
#define REGS_R10 56
#define REGS_R9 64
#define REGS_R8 72
#define REGS_RAX 80
#define REGS_RCX 88
#define REGS_RDX 96
#define REGS_RSI 104
#define REGS_RDI 112
#define REGS_ORIG_RAX 120
#define REGS_RIP 128
#define REGS_CS 136
#define REGS_RFLAGS 144
#define REGS_RSP 152
#define REGS_SS 160
#define REGS_SIZE 168

/* struct thread */
#define THREAD_PENDING 76
