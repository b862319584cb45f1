// SPDX-License-Identifier: MIT
/* Byte ring: a stream of counted bytes must come out as it went in, across every kind of wrap. */
/* test-sources: lib/ring.c */
#include <pthread.h>
#include <tarn/ring.h>
#include "test.h"

/* Byte n of the test stream. */
static u8 stream(u32 n)
{
	return (u8)(n * 7 + (n >> 8));
}

static u32 fill_some(struct ring *ring, u32 at)
{
	u8 chunk[40];
	u32 len = (u32)test_random_below(sizeof(chunk)), i, span;
	u8 *to;

	if (test_random_below(3) == 0)
		return at + ring_putc(ring, stream(at));
	if (test_random_below(2)) {
		to = ring_write_span(ring, &span);
		span = MIN(span, len);
		for (i = 0; i < span; i++)
			to[i] = stream(at + i);
		ring_commit(ring, span);
		return at + span;
	}
	for (i = 0; i < len; i++)
		chunk[i] = stream(at + i);
	span = ring_space(ring);
	EXPECT_EQ(ring_write(ring, chunk, len), MIN(len, span));
	return at + MIN(len, span);
}

static u32 drain_some(struct ring *ring, u32 at)
{
	u8 chunk[40];
	u32 len = (u32)test_random_below(sizeof(chunk)), i, n, used = ring_used(ring), skip;
	const u8 *from;

	switch (test_random_below(3)) {
	case 0:
		if (!used) {
			EXPECT_EQ(ring_getc(ring), -1);
			return at;
		}
		EXPECT_EQ(ring_getc(ring), stream(at));
		return at + 1;
	case 1:
		from = ring_read_span(ring, &n);
		for (i = 0; i < n; i++)
			EXPECT_EQ(from[i], stream(at + i));
		ring_consume(ring, n / 2);
		return at + n / 2;
	default:
		skip = (u32)test_random_below(20);
		n = ring_peek(ring, skip, chunk, len);
		EXPECT_EQ(n, skip < used ? MIN(len, used - skip) : 0);
		for (i = 0; i < n; i++)
			EXPECT_EQ(chunk[i], stream(at + skip + i));
		n = ring_read(ring, chunk, len);
		EXPECT_EQ(n, MIN(len, used));
		for (i = 0; i < n; i++)
			EXPECT_EQ(chunk[i], stream(at + i));
		return at + n;
	}
}

TEST(ring_random)
{
	u8 buf[64];
	struct ring ring;
	u32 in = 0, out = 0, step;

	ring_init(&ring, buf, sizeof(buf));
	ring.head = ring.tail = ~0u - 100;	/* so that the indexes wrap soon */
	for (step = 0; step < 100000; step++) {
		if (test_random_below(2))
			in = fill_some(&ring, in);
		else
			out = drain_some(&ring, out);
		EXPECT_EQ(ring_used(&ring), in - out);
		EXPECT_EQ(ring_space(&ring), 64 - (in - out));
		EXPECT_EQ(ring_empty(&ring), in == out);
	}
	ring_clear(&ring);
	EXPECT(ring_empty(&ring));
}

#define RACE_BYTES 200000u

static void *race_producer(void *arg)
{
	struct ring *ring = arg;
	u32 n = 0;

	while (n < RACE_BYTES)
		if (ring_putc(ring, stream(n)))
			n++;
		else
			sched_yield();
	return NULL;
}

TEST(ring_one_producer_one_consumer)
{
	u8 buf[256], chunk[50];
	struct ring ring;
	pthread_t producer;
	u32 n = 0, got, i, wrong = 0;

	ring_init(&ring, buf, sizeof(buf));
	ASSERT(pthread_create(&producer, NULL, race_producer, &ring) == 0);
	while (n < RACE_BYTES) {
		got = ring_read(&ring, chunk, sizeof(chunk));
		if (!got)
			sched_yield();
		for (i = 0; i < got; i++)
			wrong += chunk[i] != stream(n++);
	}
	pthread_join(producer, NULL);
	EXPECT_EQ(wrong, 0);
}
