// SPDX-License-Identifier: MIT
/* The ELF note by which libraries know a vDSO's kernel: "Linux" and the version Tarn speaks, 6.1. */
	.section .note.Linux, "a", @note
	.balign 4
	.long 6, 4, 0
	.asciz "Linux"
	.balign 4
	.long 6 << 16 | 1 << 8
	.section .note.GNU-stack, "", @progbits
