// SPDX-License-Identifier: MIT
/*
 * `rep movsb` or a loop?  CPUID's ERMS bit does not tell: an emulator may set it
 * and run the instruction byte by byte.  So measure, once, on warm pages.
 */
#include <tarn/page.h>
#include "string_pick.h"
#include "x86.h"

#define PAGES 8
#define ROUNDS 5

static u8 buffer[2][PAGES * PAGE_SIZE] ALIGNED(4096);

void copy_page_loop(void *d, const void *s);
void copy_page_rep(void *d, const void *s);
void clear_page_loop(void *d);
void clear_page_rep(void *d);
extern const char memcpy_rep[], memset_rep[], copy_user_rep[], clear_user_rep[];
extern u8 JUMP_memcpy[], JUMP_memset[], JUMP_copy_page[], JUMP_clear_page[], JUMP_copy_user[],
	JUMP_clear_user[];

/* Best time of some rounds: interrupts of the host only ever add. */
static u64 time_copy(void (*copy)(void *d, const void *s))
{
	u64 best = ~0ull;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		u64 t = rdtsc();

		for (unsigned int i = 0; i < PAGES; i++)
			copy(buffer[0] + i * PAGE_SIZE, buffer[1] + i * PAGE_SIZE);
		t = rdtsc() - t;
		best = MIN(best, t);
	}
	return best;
}

static u64 time_clear(void (*clear)(void *d))
{
	u64 best = ~0ull;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		u64 t = rdtsc();

		for (unsigned int i = 0; i < PAGES; i++)
			clear(buffer[0] + i * PAGE_SIZE);
		t = rdtsc() - t;
		best = MIN(best, t);
	}
	return best;
}

static void aim(u8 *site, const void *target)
{
	s32 rel = (s32)((u64)target - (u64)site - 5);

	__builtin_memcpy(site + 1, &rel, 4);
}

void string_pick(void)
{
	if (time_copy(copy_page_rep) < time_copy(copy_page_loop)) {
		aim(JUMP_memcpy, memcpy_rep);
		aim(JUMP_copy_page, copy_page_rep);
		aim(JUMP_copy_user, copy_user_rep);
	}
	if (time_clear(clear_page_rep) < time_clear(clear_page_loop)) {
		aim(JUMP_memset, memset_rep);
		aim(JUMP_clear_page, clear_page_rep);
		aim(JUMP_clear_user, clear_user_rep);
	}
}
