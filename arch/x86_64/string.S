// SPDX-License-Identifier: MIT
/*
 * memcpy, memmove, memset, whole pages, and the user copies.
 *
 * Small blocks are moved by a few overlapping words.  Large ones end in a
 * direct jump that boot aims at `rep movsb`/`rep stosb` or at a loop of 8-byte
 * moves, whichever string_pick.c measured faster: on real CPUs the first, under
 * an emulator the second, several times over.
 *
 * The user copies are two functions, copy_user_rep and copy_user_loop, with one
 * contract: rdi = to, rsi = from, rdx = bytes; returns in rax how many were NOT copied.
 */
#include "asm.h"
#include "extable.h"

#ifdef TARN_DEBUG /* C's names belong to debug/kasan_string.c, which checks and calls these */
#define memcpy memcpy_unchecked
#define memmove memmove_unchecked
#define memset memset_unchecked
#define copy_page copy_page_unchecked
#define clear_page clear_page_unchecked
#endif

/* A 5-byte jump that string_pick.c re-aims. */
.macro JUMP_SITE name, target
	.globl \name
\name:
	.byte 0xe9
	.long \target - (. + 4)
.endm

/* 64 bytes, from @at on. */
.macro COPY_64 at=0
	movq \at(%rsi), %r8
	movq \at+8(%rsi), %r9
	movq \at+16(%rsi), %r10
	movq \at+24(%rsi), %r11
	movq %r8, \at(%rdi)
	movq %r9, \at+8(%rdi)
	movq %r10, \at+16(%rdi)
	movq %r11, \at+24(%rdi)
	movq \at+32(%rsi), %r8
	movq \at+40(%rsi), %r9
	movq \at+48(%rsi), %r10
	movq \at+56(%rsi), %r11
	movq %r8, \at+32(%rdi)
	movq %r9, \at+40(%rdi)
	movq %r10, \at+48(%rdi)
	movq %r11, \at+56(%rdi)
.endm

.macro COPY_256
	COPY_64 0
	COPY_64 64
	COPY_64 128
	COPY_64 192
.endm

/* @value to 64 bytes, from @at on. */
.macro SET_64 value, at=0
	movq \value, \at(%rdi)
	movq \value, \at+8(%rdi)
	movq \value, \at+16(%rdi)
	movq \value, \at+24(%rdi)
	movq \value, \at+32(%rdi)
	movq \value, \at+40(%rdi)
	movq \value, \at+48(%rdi)
	movq \value, \at+56(%rdi)
.endm

.macro SET_256 value
	SET_64 \value, 0
	SET_64 \value, 64
	SET_64 \value, 128
	SET_64 \value, 192
.endm

/* 256 bytes per turn, then 64, then 8, then 1.  rdi, rsi move; rdx = bytes; clobbers rcx, r8-r11. */
.macro COPY_WORDS done
	subq $256, %rdx
	jb 8f
	.balign 16
7:	COPY_256
	addq $256, %rsi
	addq $256, %rdi
	subq $256, %rdx
	jae 7b
8:	movzbl %dl, %ecx		/* what is left: rdx modulo 256 */
	shrl $6, %ecx
	jz 2f
1:	COPY_64
	addq $64, %rsi
	addq $64, %rdi
	decl %ecx
	jnz 1b
2:	andl $63, %edx
	movl %edx, %ecx
	shrl $3, %ecx
	jz 4f
3:	movq (%rsi), %r8
	movq %r8, (%rdi)
	addq $8, %rsi
	addq $8, %rdi
	decl %ecx
	jnz 3b
4:	andl $7, %edx
	jz \done
5:	movb (%rsi), %r8b
	movb %r8b, (%rdi)
	incq %rsi
	incq %rdi
	decl %edx
	jnz 5b
.endm

FUNC memcpy
	movq %rdi, %rax
	cmpq $16, %rdx
	jb .Lcopy_under_16
	cmpq $32, %rdx
	ja JUMP_memcpy
.Lcopy_16_32:
	movq (%rsi), %r8
	movq 8(%rsi), %r9
	movq -16(%rsi,%rdx), %r10
	movq -8(%rsi,%rdx), %r11
	movq %r8, (%rdi)
	movq %r9, 8(%rdi)
	movq %r10, -16(%rdi,%rdx)
	movq %r11, -8(%rdi,%rdx)
	ret
.Lcopy_under_16:
	cmpl $8, %edx
	jb 1f
	movq (%rsi), %r8
	movq -8(%rsi,%rdx), %r9
	movq %r8, (%rdi)
	movq %r9, -8(%rdi,%rdx)
	ret
1:	cmpl $4, %edx
	jb 2f
	movl (%rsi), %r8d
	movl -4(%rsi,%rdx), %r9d
	movl %r8d, (%rdi)
	movl %r9d, -4(%rdi,%rdx)
	ret
2:	testl %edx, %edx
	jz 3f
	movb (%rsi), %r8b
	movb %r8b, (%rdi)
	cmpl $1, %edx
	je 3f
	movzwl -2(%rsi,%rdx), %r9d
	movw %r9w, -2(%rdi,%rdx)
3:	ret
JUMP_SITE JUMP_memcpy, memcpy_loop
ENDFUNC memcpy

	.balign 16
	.globl memcpy_loop, memcpy_rep
memcpy_loop:
	COPY_WORDS 9f
9:	ret
memcpy_rep:
	movq %rdx, %rcx
	rep movsb
	ret

FUNC memmove
	/* Forward unless the destination starts inside the source. */
	movq %rdi, %rax
	movq %rdi, %rcx
	subq %rsi, %rcx
	cmpq %rdx, %rcx
	jae memcpy
	cmpq $16, %rdx			/* the small moves load everything first, */
	jb .Lmove_small
	cmpq $32, %rdx
	jbe .Lcopy_16_32
	addq %rdx, %rsi			/* backwards, from the end */
	addq %rdx, %rdi
	movq %rdx, %rcx
	shrq $3, %rcx
1:	movq -8(%rsi), %r8
	movq %r8, -8(%rdi)
	subq $8, %rsi
	subq $8, %rdi
	decq %rcx
	jnz 1b
	andl $7, %edx
	jz 3f
2:	movb -1(%rsi), %r8b
	movb %r8b, -1(%rdi)
	decq %rsi
	decq %rdi
	decl %edx
	jnz 2b
3:	ret
.Lmove_small:
	cmpl $4, %edx			/* ... but for 1 to 3 bytes memcpy does not */
	jae .Lcopy_under_16
	testl %edx, %edx
	jz 5f
4:	movb -1(%rsi,%rdx), %r8b
	movb %r8b, -1(%rdi,%rdx)
	decl %edx
	jnz 4b
5:	ret
ENDFUNC memmove

FUNC memset
	movq %rdi, %rax
	movzbl %sil, %esi
	movabsq $0x0101010101010101, %rcx
	imulq %rcx, %rsi
	cmpq $8, %rdx
	jb 2f
	cmpq $32, %rdx
	ja JUMP_memset
	movq %rsi, -8(%rdi,%rdx)
1:	movq %rsi, (%rdi)
	addq $8, %rdi
	subq $8, %rdx
	cmpq $8, %rdx
	jae 1b
	ret
2:	testl %edx, %edx
	jz 4f
3:	movb %sil, (%rdi)
	incq %rdi
	decl %edx
	jnz 3b
4:	ret
JUMP_SITE JUMP_memset, memset_loop
ENDFUNC memset

	.balign 16
	.globl memset_loop, memset_rep
memset_loop:
	movq %rsi, -8(%rdi,%rdx)	/* the ragged end, perhaps twice */
	subq $256, %rdx
	jb 6f
5:	SET_256 %rsi
	addq $256, %rdi
	subq $256, %rdx
	jae 5b
6:	movzbl %dl, %ecx		/* what is left: rdx modulo 256 */
	shrl $6, %ecx
	jz 2f
1:	SET_64 %rsi
	addq $64, %rdi
	decl %ecx
	jnz 1b
2:	andl $63, %edx
	shrl $3, %edx
	jz 4f
3:	movq %rsi, (%rdi)
	addq $8, %rdi
	decl %edx
	jnz 3b
4:	ret
memset_rep:
	movq %rax, %r8
	movl %esi, %eax
	movq %rdx, %rcx
	rep stosb
	movq %r8, %rax
	ret

/* Whole pages, page aligned. */
FUNC copy_page
JUMP_SITE JUMP_copy_page, copy_page_loop
ENDFUNC copy_page
	.globl copy_page_loop, copy_page_rep
copy_page_loop:
	movl $4096, %edx
	COPY_WORDS 9f
9:	ret
copy_page_rep:
	movl $4096, %ecx
	rep movsb
	ret

FUNC clear_page
JUMP_SITE JUMP_clear_page, clear_page_loop
ENDFUNC clear_page
	.globl clear_page_loop, clear_page_rep
clear_page_loop:
	xorl %esi, %esi
	movl $4096, %edx
	jmp memset_loop
clear_page_rep:
	xorl %eax, %eax
	movl $4096, %ecx
	rep stosb
	ret

/* ---- user copies ---- */

FUNC copy_user
JUMP_SITE JUMP_copy_user, copy_user_loop
ENDFUNC copy_user
	.globl copy_user_loop, copy_user_rep, clear_user_loop, clear_user_rep

copy_user_loop:
	USER_OPEN
	/* Before each word or block: rdi, rsi, and rax = bytes not yet copied, are exact. */
	movq %rdx, %rax
	cmpq $64, %rax
	jb 2f
	cmpq $256, %rax
	jb 8f
	.balign 16
1:	COPY_256
	addq $256, %rsi
	addq $256, %rdi
	subq $256, %rax
	cmpq $256, %rax
	jae 1b
	cmpq $64, %rax
	jb 2f
8:	COPY_64
	addq $64, %rsi
	addq $64, %rdi
	subq $64, %rax
	cmpq $64, %rax
	jae 8b
2:	cmpq $8, %rax
	jb 4f
3:	movq (%rsi), %r8
	movq %r8, (%rdi)
	addq $8, %rsi
	addq $8, %rdi
	subq $8, %rax
	cmpq $8, %rax
	jae 3b
	/* Four bytes are one move: an aligned number is read and written whole, as programs expect. */
4:	cmpq $4, %rax
	jb 5f
	movl (%rsi), %r8d
	movl %r8d, (%rdi)
	addq $4, %rsi
	addq $4, %rdi
	subq $4, %rax
5:	testq %rax, %rax
	jz 6f
	/* Byte by byte: the tail, and after a fault up to the byte that faults again. */
.Lcopy_byte_load:
	movb (%rsi), %r8b
	movb %r8b, (%rdi)
	incq %rsi
	incq %rdi
	decq %rax
	jnz .Lcopy_byte_load
6:	USER_CLOSE
	ret
EX_TABLE 1b, .Lcopy_byte_load, .Lcopy_byte_load
EX_TABLE .Lcopy_byte_load, 6b, 6b

copy_user_rep:
	USER_OPEN
	movq %rdx, %rcx
1:	rep movsb
2:	movq %rcx, %rax
	USER_CLOSE
	ret
EX_TABLE 1b, 2b, 2b

/* rdi = to, rsi = bytes; returns bytes not cleared. */
FUNC clear_user_asm
JUMP_SITE JUMP_clear_user, clear_user_loop
ENDFUNC clear_user_asm
clear_user_loop:
	USER_OPEN
	/* Before each word or block rdi and rax = bytes not yet cleared are exact. */
	xorl %edx, %edx
	movq %rsi, %rax
	cmpq $256, %rax
	jb 5f
1:	SET_256 %rdx
	addq $256, %rdi
	subq $256, %rax
	cmpq $256, %rax
	jae 1b
5:	cmpq $8, %rax
	jb 2f
6:	movq %rdx, (%rdi)
	addq $8, %rdi
	subq $8, %rax
	cmpq $8, %rax
	jae 6b
2:	testq %rax, %rax
	jz 4f
	/* Byte by byte: the tail, and after a fault up to the byte that faults again. */
3:	movb %dl, (%rdi)
	incq %rdi
	decq %rax
	jnz 3b
4:	USER_CLOSE
	ret
EX_TABLE 1b, 2b, 3b
EX_TABLE 3b, 4b, 4b

clear_user_rep:
	USER_OPEN
	xorl %eax, %eax
	movq %rsi, %rcx
1:	rep stosb
2:	movq %rcx, %rax
	USER_CLOSE
	ret
EX_TABLE 1b, 2b, 2b

/* Never sleeps: any fault ends it.  rdi, rsi, rdx; 0 in rax or the rest. */
FUNC copy_nofault
	USER_OPEN
	movq %rdx, %rax
	cmpq $64, %rax
	jb 1f
	cmpq $256, %rax
	jb 6f
	.balign 16
2:	COPY_256
	addq $256, %rsi
	addq $256, %rdi
	subq $256, %rax
	cmpq $256, %rax
	jae 2b
	cmpq $64, %rax
	jb 1f
6:	COPY_64
	addq $64, %rsi
	addq $64, %rdi
	subq $64, %rax
	cmpq $64, %rax
	jae 6b
1:	cmpq $8, %rax
	jb 3f
	movq (%rsi), %r8
	movq %r8, (%rdi)
	addq $8, %rsi
	addq $8, %rdi
	subq $8, %rax
	jmp 1b
3:	testq %rax, %rax
	jz 5f
4:	movb (%rsi), %r8b
	movb %r8b, (%rdi)
	incq %rsi
	incq %rdi
	decq %rax
	jmp 3b
5:	USER_CLOSE
	ret
EX_TABLE 2b, 5b, 5b, EX_NOFAULT
ENDFUNC copy_nofault

	.section .note.GNU-stack, "", @progbits
