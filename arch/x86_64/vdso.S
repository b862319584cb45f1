// SPDX-License-Identifier: MIT
/* The vDSO's ELF image (vdso/, built as a shared object of its own), page aligned. */
	.section .vdso_image, "a"
	.balign 4096
	.globl vdso_start, vdso_end
vdso_start:
	.incbin VDSO_IMAGE
	.balign 4096
vdso_end:
	.section .note.GNU-stack, "", @progbits
