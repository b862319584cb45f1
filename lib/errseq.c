// SPDX-License-Identifier: MIT
/*
 * include/tarn/errseq.h: | count | told | errno |.
 *
 * Every error counts, told or not: errseq_since() sees one that is like the last.
 * A count that wraps round to a cursor's between two looks takes half a million.
 */
#include <tarn/errseq.h>

#define ERRNO 0xfffu
#define TOLD 0x1000u
#define STEP 0x2000u

void errseq_set(struct errseq *e, int err)
{
	u32 old = atomic_load(&e->word);

	while (!atomic_compare_exchange_weak(&e->word, &old,
					     ((old & ~(ERRNO | TOLD)) + STEP) | ((u32)-err & ERRNO)))
		;
}

u32 errseq_sample(struct errseq *e)
{
	u32 now = errseq_now(e);

	return now & TOLD ? now : 0;
}

int errseq_since(struct errseq *e, u32 then)
{
	u32 now = errseq_now(e);

	return (now ^ then) & ~TOLD ? -(int)(now & ERRNO) : 0;
}

/* The word, told; 0: there never was an error. */
static u32 tell(struct errseq *e)
{
	u32 now = errseq_now(e);

	while (now && !(now & TOLD))
		if (atomic_compare_exchange_weak(&e->word, &now, now | TOLD))
			now |= TOLD;
	return now;
}

int errseq_check(struct errseq *e, _Atomic u32 *cursor)
{
	u32 old = atomic_load(cursor), now;

	if (errseq_now(e) == old)
		return 0;
	do {
		now = tell(e);
		if (now == old)
			return 0;
	} while (!atomic_compare_exchange_weak(cursor, &old, now));
	return -(int)(now & ERRNO);
}
