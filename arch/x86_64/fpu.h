// SPDX-License-Identifier: MIT
/* FPU images: fpu.c. */
#pragma once

struct thread;

/* [I] after fpu_setup(): XCR0 (3 without XSAVE), size of an image. */
extern u64 fpu_features;
extern u32 fpu_size;

void fpu_detect(void);
void fpu_setup(void);
/* Live registers of this CPU into the image and back; interrupts off, or current's own. */
void fpu_save(void *image);
void fpu_load(const void *image);
/* The state a program starts with, straight into the registers: what current had in them is gone. */
void fpu_load_initial(void);
/* Current's image changed: the registers follow. */
void fpu_reload_current(void);
void fpu_image_init(void *image);
/*
 * The keys' register lies behind AVX-512's place, whether the CPU has that or not: copies leave the gap out.
 * [0, fpu_low) is the rest; fpu_pkru is the register's place, 0: there is none.
 */
extern u32 fpu_low, fpu_pkru;
#define FPU_PKRU_SIZE 8u
#define FPU_PKRU_BIT BIT(9)
static ALWAYS_INLINE void fpu_image_copy(void *to, const void *from)
{
	__builtin_memcpy(to, from, fpu_low);
	if (fpu_pkru)
		*(u64 *)((char *)to + fpu_pkru) = *(const u64 *)((const char *)from + fpu_pkru);
}
/* An extended image from user space, as XRSTOR would judge it: false, it faults. */
bool fpu_image_valid(const void *image, bool legacy_only);
/* A hostile image made harmless (it may have any contents); @legacy_only: no extended part came. */
void fpu_image_sanitise(void *image, bool legacy_only);
/* Second buffer behind an image, for data on its way from user space. */
static inline void *fpu_scratch(void *image)
{
	return (char *)image + ALIGN_UP(fpu_size, 64u);
}
