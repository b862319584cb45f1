// SPDX-License-Identifier: MIT
/* struct pipe for pipe.c and splice.c; pipe.c's head tells how it works. */
#pragma once

#include <tarn/pipe.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#define PIPE_SLOTS 16u

struct pipe_slot {
	struct page *page;   /* counted */
	u32 offset, len;
	bool own;            /* filled by a write: more may join it */
	bool packet;         /* O_DIRECT: a read takes it whole or drops the rest */
};

struct pipe {
	struct mutex lock;                               /* LR_PIPE */
	struct pipe_slot *slots;                         /* lock */
	u32 nslots;                                      /* power of two; lock to write */
	u32 head, tail;                                  /* lock to write */
	u32 reserved;                                    /* places of slots splice has taken out or will fill; lock to write */
	u32 taken;                                       /* of these, taken out: they may come back; lock to write */
	u32 readers, writers;                            /* open ends; lock to write */
	u32 reader_opens, writer_opens;                  /* ever; lock to write */
	u32 files;                                       /* inode->spin */
	struct user *user;                               /* [I] the maker, charged for nslots */
	struct page *spare;                              /* lock; kept for the next write */
	bool nameless;                                   /* [I] pipe(2)'s: opening it never waits */
	struct waitq readable, writable;
};

static inline u32 pipe_used(const struct pipe *p)
{
	return p->head - p->tail;
}
/* Nothing will ever come out of it again. */
static inline bool pipe_at_end(const struct pipe *p)
{
	return !READ_ONCE(p->writers) && !READ_ONCE(p->taken) && READ_ONCE(p->head) == READ_ONCE(p->tail);
}
static inline bool pipe_full(const struct pipe *p)
{
	return pipe_used(p) + p->reserved >= p->nslots;
}
static inline struct pipe_slot *pipe_tail(struct pipe *p)
{
	return &p->slots[p->tail & (p->nslots - 1)];
}

/* The tail slot is used up. */
void pipe_slot_drop(struct pipe *p, struct pipe_slot *s) MUST_HOLD(&p->lock);
/* Takes over the reference of @page; there must be a free slot. */
struct pipe_slot *pipe_slot_add(struct pipe *p, struct page *page, u32 offset, u32 len, bool own)
	MUST_HOLD(&p->lock);
/* Keeps a place for a page that is not there yet, waiting for it: 0, -EAGAIN, -EPIPE, -ERESTARTSYS. */
int pipe_reserve(struct pipe *p, bool nonblock);
void pipe_unreserve(struct pipe *p);
/* The page, whose reference is taken over, comes to its place. */
void pipe_push_reserved(struct pipe *p, struct page *page, u32 offset, u32 len);
/* Lock dropped meanwhile: 0 or -ERESTARTSYS. */
int pipe_wait_readable(struct pipe *p);
int pipe_wait_writable(struct pipe *p);
void pipe_wake_readers(struct pipe *p);
void pipe_wake_writers(struct pipe *p);
