// SPDX-License-Identifier: MIT
/*
 * The FPU: x87, SSE, AVX, AVX-512 state of user threads, and their register of protection keys.
 *
 * Each user thread has an image in XSAVE's standard format (FXSAVE's on CPUs
 * without XSAVE), saved when it is switched out and loaded when it comes back
 * (thread.c).  The kernel itself never touches these registers.
 *
 * The image doubles as the signal frame's: bytes 464..511, which the hardware
 * leaves to software, always hold Linux's struct _fpx_sw_bytes.
 */
#include <arch/pkeys.h>
#include <asm/sigcontext.h>
#include <tarn/string.h>
#include "fpu.h"
#include "x86.h"

#define XFEATURE_FP BIT(0)
#define XFEATURE_SSE BIT(1)
#define XFEATURE_AVX BIT(2)
#define XFEATURE_AVX512 (BIT(5) | BIT(6) | BIT(7))

#define XFEATURE_PKRU FPU_PKRU_BIT
#define PKRU_INITIAL 0x55555554u /* no access by any key but 0, until the program says so */

#define FXSAVE_SIZE 512
#define XSAVE_HEADER 64

u64 fpu_features = XFEATURE_FP | XFEATURE_SSE;
u32 fpu_size = FXSAVE_SIZE;
u32 fpu_low = FXSAVE_SIZE, fpu_pkru;
static u32 mxcsr_mask; /* [I] bits that may be set */
static u8 fpu_initial[4096] ALIGNED(64);

void fpu_detect(void)
{
	u64 have;

	if (!x86.xsave)
		return;
	have = cpuid(0xd, 0).eax;
	fpu_features |= have & XFEATURE_AVX;
	if ((have & XFEATURE_AVX512) == XFEATURE_AVX512 && (have & XFEATURE_AVX))
		fpu_features |= XFEATURE_AVX512;
	cpu_has_pkeys = x86.pku && have & XFEATURE_PKRU;
	if (cpu_has_pkeys)
		fpu_features |= XFEATURE_PKRU;
}

void fpu_save(void *image)
{
	if (x86.xsave)
		__asm__ volatile("xsave64 (%0)" ::"r"(image), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" ::"r"(image) : "memory");
}

void fpu_load(const void *image)
{
	if (x86.xsave)
		__asm__ volatile("xrstor64 (%0)" ::"r"(image), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" ::"r"(image) : "memory");
}

static void put_sw_bytes(struct _fpstate *f)
{
	memset(&f->sw_reserved, 0, sizeof(f->sw_reserved));
	if (!x86.xsave)
		return;
	f->sw_reserved.magic1 = FP_XSTATE_MAGIC1;
	f->sw_reserved.extended_size = fpu_size + FP_XSTATE_MAGIC2_SIZE;
	f->sw_reserved.xfeatures = fpu_features;
	f->sw_reserved.xstate_size = fpu_size;
}

/* By the places of the features that are on. */
static void measure_image(void)
{
	fpu_low = x86.xsave ? FXSAVE_SIZE + XSAVE_HEADER : FXSAVE_SIZE;
	for (u32 i = 2; i < 9; i++)
		if (fpu_features & BIT(i))
			fpu_low = MAX(fpu_low, cpuid(0xd, i).ebx + cpuid(0xd, i).eax);
	fpu_pkru = cpu_has_pkeys ? cpuid(0xd, 9).ebx : 0;
}

/* Of all features only the keys begin as something else than the hardware's initial state. */
static void put_initial_pkru(u8 *image)
{
	if (!cpu_has_pkeys)
		return;
	*(u32 *)(image + fpu_pkru) = PKRU_INITIAL;
	*(u64 *)(image + FXSAVE_SIZE) |= XFEATURE_PKRU;
}

/* On each CPU: XCR0; on the first one also the size and the initial image. */
void fpu_setup(void)
{
	static bool done;
	struct _fpstate *f = (struct _fpstate *)fpu_initial;

	if (x86.xsave)
		__asm__ volatile("xsetbv" ::"c"(0), "a"((u32)fpu_features),
				 "d"((u32)(fpu_features >> 32)));
	__asm__ volatile("fninit");
	if (!done) {
		done = true;
		if (x86.xsave)
			fpu_size = cpuid(0xd, 0).ebx; /* for what XCR0 enables now */
		if (fpu_size > sizeof(fpu_initial)) {
			fpu_features &= ~XFEATURE_AVX512;
			done = false;
			fpu_setup();
			return;
		}
		measure_image();
		__asm__ volatile("fxsave64 (%0)" ::"r"(fpu_initial) : "memory");
		mxcsr_mask = f->mxcsr_mask ? f->mxcsr_mask : 0xffbf;
		memset(fpu_initial, 0, sizeof(fpu_initial));
		f->cwd = 0x37f;
		f->mxcsr = 0x1f80;
		f->mxcsr_mask = mxcsr_mask;
		put_sw_bytes(f);
		put_initial_pkru(fpu_initial);
	}
	fpu_load(fpu_initial);
}

void fpu_image_init(void *image)
{
	fpu_image_copy(image, fpu_initial);
}

void fpu_load_initial(void)
{
	fpu_load(fpu_initial); /* its header says that nothing is in use: quick */
}

bool fpu_image_valid(const void *image, bool legacy_only)
{
	const struct _fpstate *f = image;
	const u64 *header = (const u64 *)((const char *)image + FXSAVE_SIZE);

	if (f->mxcsr & ~mxcsr_mask)
		return false;
	if (legacy_only)
		return true;
	/* Bytes 8 to 23: compacted, or reserved.  The rest of the header the CPU does not look at. */
	return !header[1] && !header[2] && !(header[0] & ~fpu_features);
}

/*
 * XRSTOR faults on reserved MXCSR bits, unknown features, a compacted format or a
 * dirty header.  Afterwards it cannot.
 */
void fpu_image_sanitise(void *image, bool legacy_only)
{
	struct _fpstate *f = image;
	u64 *header = (u64 *)((char *)image + FXSAVE_SIZE);

	f->mxcsr &= mxcsr_mask;
	put_sw_bytes(f);
	if (!x86.xsave)
		return;
	if (legacy_only) {
		memcpy((char *)image + FXSAVE_SIZE, fpu_initial + FXSAVE_SIZE, fpu_size - FXSAVE_SIZE);
		header[0] = XFEATURE_FP | XFEATURE_SSE;
	}
	header[0] &= fpu_features;
	memset(header + 1, 0, XSAVE_HEADER - 8);
}
