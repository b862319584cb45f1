// SPDX-License-Identifier: MIT
/*
 * First instructions.  A PVH loader (QEMU -kernel, Firecracker, Cloud
 * Hypervisor) enters at pvh_entry in 32-bit protected mode without paging,
 * %ebx = physical address of struct hvm_start_info.  We build early page
 * tables, enter long mode and call kernel_main() on the boot stack.
 *
 * Early tables: the first 4 GiB at 0, the first 1 GiB at KERNEL_BASE, all writable
 * and executable; kaslr_init() adds the direct map, and the image where it will be.
 * mmu.c replaces them; the AP trampoline still starts from them, because it needs the identity map.
 */
#include "offsets.h"
#include <asm/processor-flags.h>

#define PHYS(sym) ((sym) - KERNEL_BASE_ADDR)
#define KERNEL_BASE_ADDR 0xffffffff80000000

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18			/* name size, desc size, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad pvh_entry_phys

	.globl pvh_entry_phys
	.set pvh_entry_phys, PHYS(pvh_entry)

	.section .head.text, "ax", @progbits
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	cli
	movl %ebx, PHYS(pvh_start_info)

	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	testl $(1 << 29), %edx
	jz no_long_mode

	/* Four page directories of 2 MiB pages: 0 .. 4 GiB. */
	movl $PHYS(early_pd), %edi
	movl $0x83, %eax
	xorl %edx, %edx
	movl $2048, %ecx
1:	movl %eax, (%edi)
	movl %edx, 4(%edi)
	addl $0x200000, %eax
	addl $8, %edi
	decl %ecx
	jnz 1b
		movl $PHYS(early_pdpt), %edi
	movl $(PHYS(early_pd) + 3), %eax
	movl $4, %ecx
1:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $8, %edi
	decl %ecx
	jnz 1b
	movl $(PHYS(early_pd) + 3), PHYS(early_pdpt_kernel) + 510 * 8
	movl $(PHYS(early_pdpt) + 3), PHYS(early_pml4)
	movl $(PHYS(early_pdpt_kernel) + 3), PHYS(early_pml4) + 511 * 8

	movl $X86_CR4_PAE, %eax
	movl %eax, %cr4
	movl $PHYS(early_pml4), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx		/* EFER: LME, and NXE where there is NX */
	rdmsr
	orl $(1 << 8), %eax
	movl %eax, %edi
	movl $0x80000001, %eax
	cpuid
	testl $(1 << 20), %edx
	jz 1f
	orl $(1 << 11), %edi
1:	movl %edi, %eax
	xorl %edx, %edx
	movl $0xc0000080, %ecx
	wrmsr
	movl $(X86_CR0_PE | X86_CR0_PG | X86_CR0_WP | X86_CR0_NE | X86_CR0_MP | X86_CR0_ET), %eax
	movl %eax, %cr0
	lgdt PHYS(early_gdt_ptr)
	ljmp $GDT_KERNEL_CS, $PHYS(1f)

	.code64
1:	movabsq $start_linked, %rax
	jmp *%rax

	.code32
no_long_mode:				/* no 64-bit mode: say so on COM1 and stop */
	movl $PHYS(no_long_mode_text), %esi
	movw $0x3f8, %dx
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	hlt
	jmp 2b

	.code64
start_linked:
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movl %eax, %ss
	movq $boot_stack + KERNEL_STACK_SIZE, %rsp
	xorl %ebp, %ebp
	call kaslr_init
	xorl %eax, %eax
	cpuid				/* code was written: forget what was fetched */
	movabsq $start_high, %rax	/* the address is another one now */
	jmp *%rax

start_high:
	movq $boot_stack + KERNEL_STACK_SIZE, %rsp
	/* GS base: the boot CPU's struct cpu.  Its self pointer is static data. */
	movq $boot_cpu, %rdi
	movq %rdi, %rax
	movq %rdi, %rdx
	shrq $32, %rdx
	movl $0xc0000101, %ecx
	wrmsr
	/* A first canary for the stack protector; no protected function returns across this. */
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movabsq $0x9e3779b97f4a7c15, %rcx
	imulq %rcx, %rax
	movb $0, %al
	movq %rax, CPU_CANARY(%rdi)
	xorl %ebp, %ebp
	pushq $0			/* end of the chain of frames */
	pushq $0
	movq %rsp, %rbp
	call kernel_main
	ud2

	.section .rodata
no_long_mode_text:
	.asciz "tarn: this CPU has no 64-bit mode\r\n"

	.section .data
	.balign 8
	.globl early_gdt
early_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff	/* 0x08: 32-bit code, for the AP trampoline */
	.quad 0x00af9b000000ffff	/* 0x10: 64-bit code */
	.quad 0x00cf93000000ffff	/* 0x18: data */
early_gdt_end:
	.globl early_gdt_ptr
early_gdt_ptr:
	.word early_gdt_end - early_gdt - 1
	.quad PHYS(early_gdt)
	.globl pvh_start_info
	.balign 8
pvh_start_info:
	.quad 0

	.section .bss.page_aligned, "aw", @nobits
	.balign 4096
	.globl early_pml4, early_pdpt, early_pdpt_direct, early_pdpt_kernel
	.globl early_pd_image, boot_stack
early_pml4:		.skip 4096
early_pdpt:		.skip 4096
early_pdpt_direct:	.skip 4096
early_pdpt_kernel:	.skip 4096
early_pd_image:		.skip 2 * 4096
early_pd:		.skip 4 * 4096
boot_stack:		.skip KERNEL_STACK_SIZE

	.section .note.GNU-stack, "", @progbits
