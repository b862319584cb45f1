// SPDX-License-Identifier: MIT
/* Macros of the .S files: SMAP sites, fences, exception table entries. */
#pragma once

/* Patched to a 3-byte NOP at boot where the CPU has no SMAP. */
.macro USER_CLOSE
.Lclac\@:
	clac
	.pushsection .smap_sites, "a"
	.long .Lclac\@ - .
	.popsection
.endm
.macro USER_OPEN
.Lstac\@:
	stac
	.pushsection .smap_sites, "a"
	.long .Lstac\@ - .
	.popsection
.endm

/*
 * After the decision whether an entry swaps GS, on both ways: a CPU that guessed it wrong would go on with
 * the other's GS base.  Patched to a 3-byte NOP at boot where that cannot happen (bugs.c).
 */
.macro FENCE_SWAPGS_USER
.Lfence\@:
	lfence
	.pushsection .fence_user_sites, "a"
	.long .Lfence\@ - .
	.popsection
.endm
.macro FENCE_SWAPGS_KERNEL
.Lfence\@:
	lfence
	.pushsection .fence_kernel_sites, "a"
	.long .Lfence\@ - .
	.popsection
.endm

/* A fault between \from and \to continues at \fixup.  \kind: extable.h. */
.macro EX_TABLE from, to, fixup, kind=0
	.pushsection __ex_table, "a"
	.balign 4
	.long \from - .
	.long \to - .
	.long \fixup - .
	.long \kind
	.popsection
.endm

.macro FUNC name
	.text
	.balign 16
	.globl \name
	.type \name, @function
\name:
.endm
.macro ENDFUNC name
	.size \name, . - \name
.endm
