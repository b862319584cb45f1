// SPDX-License-Identifier: MIT
/*
 * Where the other CPUs wake up: real mode, at TRAMPOLINE_ADDR, where smp.c copied
 * this.  Straight to long mode on the early page tables (they hold the identity
 * map) and to ap_start() on the stack smp.c names.
 */
#include <asm/processor-flags.h>
#include "offsets.h"

#define TRAMPOLINE_ADDR 0x8000
#define HERE(sym) ((sym) - trampoline_start + TRAMPOLINE_ADDR)
#define PHYS(sym) ((sym) - 0xffffffff80000000)

	.section .rodata
	.balign 16
	.globl trampoline_start, trampoline_end
	.code16
trampoline_start:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl HERE(gdt_ptr)
	movl $(X86_CR0_PE | X86_CR0_ET), %eax
	movl %eax, %cr0
	ljmpl $0x08, $HERE(protected)

	.code32
protected:
	movl $0x18, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl $X86_CR4_PAE, %eax
	movl %eax, %cr4
	movl $PHYS(early_pml4), %eax
	movl %eax, %cr3
	movl $0x80000001, %eax
	cpuid
	movl $(1 << 8), %edi		/* EFER.LME */
	testl $(1 << 20), %edx
	jz 1f
	orl $(1 << 11), %edi		/* EFER.NXE */
1:	movl %edi, %eax
	xorl %edx, %edx
	movl $0xc0000080, %ecx
	wrmsr
	movl $(X86_CR0_PE | X86_CR0_PG | X86_CR0_WP | X86_CR0_NE | X86_CR0_MP | X86_CR0_ET), %eax
	movl %eax, %cr0
	ljmpl $GDT_KERNEL_CS, $HERE(long_mode)

	.code64
long_mode:
	movabsq $ap_start_high, %rax
	jmp *%rax

	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
gdt_ptr:
	.word . - gdt - 1
	.long HERE(gdt)
trampoline_end:

	.text
	.code64
ap_start_high:
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movl %eax, %ss
	movq start_cpu, %rdi
	testq %rdi, %rdi
	jz 2f				/* too late: smp.c gave up on us */
	movq start_cr3, %rax		/* the kernel's own tables: stacks are only in those */
	movq %rax, %cr3
	movq start_stack, %rsp
	movq %rdi, %rax
	movq %rdi, %rdx
	shrq $32, %rdx
	movl $0xc0000101, %ecx
	wrmsr
	xorl %ebp, %ebp
	pushq $0
	pushq $0
	movq %rsp, %rbp
	call ap_start
2:	cli
	hlt
	jmp 2b

	.section .note.GNU-stack, "", @progbits
