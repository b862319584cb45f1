// SPDX-License-Identifier: MIT
/*
 * An error that many ask for, each of whom is to hear of each error once.
 *
 * The word holds the last errno, how many there were, and whether anybody was
 * told of the last.  Who asks keeps a cursor: the word as it was when he was
 * told.  A cursor taken while an error is still untold is 0, so that the first
 * who comes later gets it.
 */
#pragma once

#include <stdatomic.h>
#include <tarn/types.h>

struct errseq {
	_Atomic u32 word;
};

/* @err < 0 happened.  Any context. */
void errseq_set(struct errseq *e, int err);
/* A cursor for who begins now. */
u32 errseq_sample(struct errseq *e);
/* The error since *cursor, or 0; it has been told now.  Of several who share a cursor one gets it. */
int errseq_check(struct errseq *e, _Atomic u32 *cursor);

/* For one operation, which tells nobody: what happened between errseq_now() and errseq_since(). */
static inline u32 errseq_now(struct errseq *e)
{
	return atomic_load(&e->word);
}
int errseq_since(struct errseq *e, u32 then);
