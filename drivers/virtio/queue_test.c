// SPDX-License-Identifier: MIT
/* The split ring against a device that is played here: a good one, and ones that lie. */
/* test-flags: -Idrivers/virtio */
#include <sys/stat.h> /* what the kernel's headers get from <linux/stat.h> */
#include "queue.c"
#include "test.h"

#define SIZE 8u

/* ---- what queue.c needs of the kernel ---- */

bool dma_mb_by_rdtsc = true;

void *kzalloc(size_t size, gfp_t gfp)
{
	return calloc(1, size);
}

void kfree(const void *p)
{
	free((void *)(uintptr_t)p);
}

void *pages_alloc(gfp_t gfp, u32 order)
{
	return calloc(1u << order, PAGE_SIZE);
}

void printk(int level, const char *fmt, ...)
{
}

/* ---- the device ---- */

static u32 notified;

static void notify(struct virtq *q)
{
	notified++;
}

static const struct virtio_transport transport = { .notify = notify };
static struct virtio_dev dev;
static struct virtq *q;

static void interrupt(struct virtq *vq)
{
}

static void setup(u64 features)
{
	dev = (struct virtio_dev){ .features = features, .ops = &transport };
	q = virtq_create(&dev, 0, SIZE, interrupt);
	notified = 0;
}

static void teardown(void)
{
	free(q->desc);
	free(q);
}

/* The device writes what it likes into the used ring. */
static void finish(u32 id, u32 len)
{
	q->used->ring[q->used->idx % SIZE].id = id;
	q->used->ring[q->used->idx % SIZE].len = len;
	q->used->idx++;
}

static u16 add(u32 out, u32 in, void *token)
{
	struct virtq_buf bufs[4] = { { 0x1000, 16 }, { 0x2000, 100 }, { 0x3000, 200 }, { 0x4000, 1 } };
	u16 at = q->avail->idx % SIZE;

	EXPECT_EQ(virtq_add(q, bufs, out, in, token), 0);
	return q->avail->ring[at];
}

/* ---- a good device ---- */

TEST(chains_come_back_in_any_order)
{
	char a, b, c;
	u32 len;

	setup(0);
	for (int turn = 0; turn < 20; turn++) {
		u16 one = add(1, 2, &a), two = add(2, 0, &b), three = add(1, 1, &c);

		EXPECT_EQ(virtq_free_slots(q), 1);
		finish(three, 3);
		finish(one, 1);
		finish(two, 0);
		EXPECT_EQ(virtq_get(q, &len), &c);
		EXPECT_EQ(virtq_get(q, &len), &a);
		EXPECT_EQ(virtq_get(q, &len), &b);
		EXPECT_EQ(virtq_get(q, &len), NULL);
		EXPECT_EQ(virtq_free_slots(q), SIZE);
	}
	EXPECT(!virtq_broken(q));
	teardown();
}

TEST(a_full_ring_takes_no_more)
{
	struct virtq_buf buf = { 0x1000, 1 };

	setup(0);
	for (u32 i = 0; i < SIZE; i++)
		EXPECT_EQ(virtq_add(q, &buf, 1, 0, q), 0);
	EXPECT_EQ(virtq_add(q, &buf, 1, 0, q), -ENOSPC);
	teardown();
}

TEST(a_kick_is_left_out_only_if_the_device_does_not_ask)
{
	setup(BIT(VIRTIO_RING_F_EVENT_IDX));
	*q->avail_event = 0;
	add(1, 0, q);
	virtq_kick(q);
	EXPECT_EQ(notified, 1);
	add(1, 0, q);
	virtq_kick(q); /* the device still waits for index 0, which has been */
	EXPECT_EQ(notified, 1);
	*q->avail_event = 2;
	add(1, 0, q);
	virtq_kick(q);
	EXPECT_EQ(notified, 2);
	teardown();
}

TEST(what_comes_during_enabling_is_seen)
{
	u16 head;

	setup(BIT(VIRTIO_RING_F_EVENT_IDX));
	head = add(1, 0, q);
	virtq_disable_cb(q);
	finish(head, 0);
	EXPECT(!virtq_enable_cb(q));
	EXPECT_EQ(virtq_get(q, NULL), q);
	EXPECT(virtq_enable_cb(q));
	teardown();
}

/* ---- devices that lie ---- */

/* Broken: nothing comes out, nothing goes in, nobody loops. */
static void expect_broken(void)
{
	struct virtq_buf buf = { 0x1000, 1 };

	EXPECT_EQ(virtq_get(q, NULL), NULL);
	EXPECT(virtq_broken(q));
	EXPECT_EQ(virtq_get(q, NULL), NULL);
	EXPECT_EQ(virtq_add(q, &buf, 1, 0, q), -EIO);
	EXPECT(virtq_enable_cb(q));
	teardown();
}

TEST(an_id_beyond_the_table)
{
	setup(0);
	add(1, 1, q);
	finish(SIZE, 0);
	expect_broken();
	setup(0);
	add(1, 1, q);
	finish(~0u, 0);
	expect_broken();
}

TEST(an_id_that_is_not_out)
{
	setup(0);
	finish(add(1, 1, q) + 1, 0); /* the second descriptor of a chain */
	expect_broken();
}

TEST(an_id_twice)
{
	u16 head;

	setup(0);
	head = add(1, 1, &dev);
	add(1, 1, q);
	finish(head, 0);
	EXPECT_EQ(virtq_get(q, NULL), &dev);
	finish(head, 0);
	expect_broken();
}

TEST(an_index_far_ahead)
{
	setup(0);
	add(1, 1, q);
	q->used->idx = 2;
	expect_broken();
	setup(0);
	add(1, 1, q);
	q->used->idx = 0xffff;
	expect_broken();
}

TEST(a_length_beyond_the_buffers)
{
	u32 len = 0;

	setup(0);
	finish(add(1, 2, q), ~0u);
	EXPECT_EQ(virtq_get(q, &len), q);
	EXPECT_EQ(len, 300);
	finish(add(1, 0, q), 5); /* nothing was writable */
	EXPECT_EQ(virtq_get(q, &len), q);
	EXPECT_EQ(len, 0);
	teardown();
}

TEST(descriptors_that_the_device_rewrote_are_not_followed)
{
	u16 head;

	setup(0);
	for (int turn = 0; turn < 4; turn++) {
		head = add(1, 2, q);
		for (u32 i = 0; i < SIZE; i++) {
			q->desc[i].next = 0xfff0;
			q->desc[i].flags = VRING_DESC_F_NEXT;
		}
		finish(head, 0);
		EXPECT_EQ(virtq_get(q, NULL), q);
		EXPECT_EQ(virtq_free_slots(q), SIZE);
	}
	teardown();
}
