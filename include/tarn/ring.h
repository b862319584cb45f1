// SPDX-License-Identifier: MIT
/*
 * Byte ring in the caller's buffer, whose size is a power of two.
 *
 * head (next byte to fill) and tail (next to drain) run freely and wrap at
 * 2^32, so head - tail is always the fill, and full and empty differ.
 *
 * Locks: one producer and one consumer may work at the same time without one;
 * more of either must be serialised among themselves.  ring_clear is a consumer.
 *
 * The span calls give the longest contiguous piece, for copies to and from user
 * space: take the span, copy some of it, then commit or consume what was done.
 */
#pragma once

struct ring {
	u8 *data;			/* [I] */
	u32 size;			/* [I] power of two, at most 2^31 */
	u32 head;			/* written by the producer only */
	u32 tail;			/* written by the consumer only */
};

void ring_init(struct ring *ring, void *buf, u32 size);

static inline u32 ring_used(const struct ring *ring)
{
	return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}

static inline u32 ring_space(const struct ring *ring)
{
	return ring->size - ring_used(ring);
}

static inline bool ring_empty(const struct ring *ring)
{
	return ring_used(ring) == 0;
}

/* Each returns how many bytes it moved: less than @len when full or empty. */
u32 ring_write(struct ring *ring, const void *src, u32 len);
u32 ring_read(struct ring *ring, void *dst, u32 len);
/* As ring_read from @skip bytes behind the tail, without draining. */
u32 ring_peek(const struct ring *ring, u32 skip, void *dst, u32 len);

/* One byte: false when full; -1 when empty. */
bool ring_putc(struct ring *ring, u8 c);
int ring_getc(struct ring *ring);

void *ring_write_span(struct ring *ring, u32 *len);
const void *ring_read_span(const struct ring *ring, u32 *len);
/* @len at most what the span (or ring_space, ring_used) said. */
void ring_commit(struct ring *ring, u32 len);
void ring_consume(struct ring *ring, u32 len);

static inline void ring_clear(struct ring *ring)
{
	ring_consume(ring, ring_used(ring));
}
