// SPDX-License-Identifier: MIT
/*
 * Where things go in a fresh address space, as Linux has it on x86-64:
 *
 *   0x400000          a program linked to a fixed address
 *   2/3 of the space  a PIE, then the heap
 *   mmap_base, down   mappings; at least 128 MiB, at most 5/6 of the space below
 *   the top           the stack
 *
 * Each start moves by a random number of pages unless personality(2) or
 * kernel.randomize_va_space says no.
 */
#include "internal.h"

#include <arch/mmu.h>
#include <linux/personality.h>
#include <tarn/proc.h>
#include <tarn/random.h>

#define STACK_RANDOM_PAGES (1ul << 22)
#define MMAP_RANDOM_PAGES (1ul << 28)
#define GAP_MIN (128ul << 20)
#define GAP_MAX (USER_END / 6 * 5)
#define STACK_GUARD (256 * PAGE_SIZE)

static int randomize_va_space = 2;

static const struct sysctl randomize_sysctl = {
	.path = "kernel/randomize_va_space",
	.value = &randomize_va_space,
	.min = 0,
	.max = 2,
};
SECTION_SET(sysctls, randomize_sysctl);

bool exec_randomizes(void)
{
	return randomize_va_space && !(current->personality & ADDR_NO_RANDOMIZE);
}

void exec_layout(struct mm *mm, struct layout *out)
{
	u64 gap = rlimit_cur(RLIMIT_STACK), pad = STACK_GUARD, shift = 0;

	out->stack_top = USER_END;
	if (exec_randomizes()) {
		out->stack_top -= random_u64() % STACK_RANDOM_PAGES * PAGE_SIZE;
		pad += STACK_RANDOM_PAGES * PAGE_SIZE;
		shift = random_u64() % MMAP_RANDOM_PAGES * PAGE_SIZE;
	}
	if (gap + pad > gap)
		gap += pad;
	gap = MIN(MAX(gap, GAP_MIN), GAP_MAX);
	mm->mmap_base = ALIGN_DOWN(USER_END - gap - shift, PAGE_SIZE);
}
