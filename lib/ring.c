// SPDX-License-Identifier: MIT
/*
 * Byte ring (contract: include/tarn/ring.h).
 *
 * The producer fills bytes and then moves head with a release store, which the
 * consumer reads with acquire; tail goes the other way.  So neither side sees
 * an index before the bytes it stands for.
 */
#include <tarn/ring.h>
#include <tarn/string.h>

void ring_init(struct ring *ring, void *buf, u32 size)
{
	*ring = (struct ring){ .data = buf, .size = size };
}

void ring_commit(struct ring *ring, u32 len)
{
	__atomic_store_n(&ring->head, ring->head + len, __ATOMIC_RELEASE);
}

void ring_consume(struct ring *ring, u32 len)
{
	__atomic_store_n(&ring->tail, ring->tail + len, __ATOMIC_RELEASE);
}

/* How far @len bytes from free-running position @pos run before the buffer wraps. */
static u32 until_wrap(const struct ring *ring, u32 pos, u32 len)
{
	u32 room = ring->size - (pos & (ring->size - 1));

	return MIN(len, room);
}

void *ring_write_span(struct ring *ring, u32 *len)
{
	*len = until_wrap(ring, ring->head, ring_space(ring));
	return ring->data + (ring->head & (ring->size - 1));
}

const void *ring_read_span(const struct ring *ring, u32 *len)
{
	*len = until_wrap(ring, ring->tail, ring_used(ring));
	return ring->data + (ring->tail & (ring->size - 1));
}

u32 ring_write(struct ring *ring, const void *src, u32 len)
{
	u32 pos = ring->head & (ring->size - 1);
	u32 first;

	len = MIN(len, ring_space(ring));
	first = until_wrap(ring, pos, len);
	memcpy(ring->data + pos, src, first);
	memcpy(ring->data, (const u8 *)src + first, len - first);
	ring_commit(ring, len);
	return len;
}

u32 ring_peek(const struct ring *ring, u32 skip, void *dst, u32 len)
{
	u32 used = ring_used(ring);
	u32 pos = (ring->tail + skip) & (ring->size - 1);
	u32 first;

	if (skip >= used)
		return 0;
	len = MIN(len, used - skip);
	first = until_wrap(ring, pos, len);
	memcpy(dst, ring->data + pos, first);
	memcpy((u8 *)dst + first, ring->data, len - first);
	return len;
}

u32 ring_read(struct ring *ring, void *dst, u32 len)
{
	len = ring_peek(ring, 0, dst, len);
	ring_consume(ring, len);
	return len;
}

bool ring_putc(struct ring *ring, u8 c)
{
	if (!ring_space(ring))
		return false;
	ring->data[ring->head & (ring->size - 1)] = c;
	ring_commit(ring, 1);
	return true;
}

int ring_getc(struct ring *ring)
{
	int c;

	if (ring_empty(ring))
		return -1;
	c = ring->data[ring->tail & (ring->size - 1)];
	ring_consume(ring, 1);
	return c;
}
