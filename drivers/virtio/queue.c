// SPDX-License-Identifier: MIT
/*
 * Split virtqueues (virtio 1.1, 2.6): descriptors, available and used rings.
 *
 *   driver: virtq_add -> descriptors filled, head in the available ring
 *           virtq_kick -> device told, unless it said it does not care
 *   device: head in the used ring -> interrupt -> virtq_get
 *
 * With VIRTIO_RING_F_EVENT_IDX each side writes the index at which it wants to
 * hear from the other, which saves most notifications.  Each notification is
 * an exit to the emulator, so that is what counts.  Both sides first write, then
 * look, and both need a barrier between, or each misses the other for good:
 *
 *   driver                         device
 *   avail->idx = new               *avail_event = seen
 *   dma_mb()                 (A)   barrier
 *   need = *avail_event            more = avail->idx
 *
 *   *used_event = seen             used->idx = new
 *   dma_mb()                 (B)   barrier
 *   more = used->idx               need = *used_event
 *
 * What the device writes is not believed: an id that is not out, or more ids than
 * are out, and the queue is broken; a length is cut to what it was given. What we
 * must know of the chains stands in q->slots, not in memory that it can reach.
 *
 * Tests: queue_test.c, tests/system/test_lost_kick.py.
 *
 * Locks: none here; a queue's driver serialises all calls on it.
 */
#include <arch/io.h>
#include <linux/virtio_ring.h>
#include <tarn/endian.h>
#include <tarn/errno.h>
#include <tarn/math.h>
#include <tarn/printk.h>
#include <tarn/radix.h>
#include <tarn/slab.h>

#include "virtio_internal.h"

struct virtq *virtq_create(struct virtio_dev *v, u32 index, u32 size, void (*fn)(struct virtq *q))
{
	size_t desc_bytes = size * sizeof(struct vring_desc);
	size_t avail_bytes = ALIGN_UP(6 + 2 * (size_t)size, 4ul);
	size_t used_bytes = 6 + sizeof(struct vring_used_elem) * (size_t)size;
	size_t total = desc_bytes + avail_bytes + used_bytes;
	struct virtq *q = kzalloc(sizeof(*q) + size * sizeof(q->slots[0]), GFP_KERNEL);
	u8 *ring;

	if (!q)
		return NULL;
	ring = pages_alloc(GFP_KERNEL | GFP_ZERO,
			   ilog2(roundup_pow2(ALIGN_UP(total, PAGE_SIZE) / PAGE_SIZE)));
	if (!ring) {
		kfree(q);
		return NULL;
	}
	q->dev = v;
	q->index = index;
	q->size = size;
	q->event_idx = v->features & BIT(VIRTIO_RING_F_EVENT_IDX);
	q->desc = (struct vring_desc *)ring;
	q->avail = (struct vring_avail *)(ring + desc_bytes);
	q->used = (struct vring_used *)(ring + desc_bytes + avail_bytes);
	q->used_event = &q->avail->ring[size];
	q->avail_event = (volatile u16 *)&q->used->ring[size];
	q->callback = fn;
	for (u32 i = 0; i < size; i++)
		q->slots[i].next = (u16)(i + 1);
	q->free_count = size;
	if (!fn)
		virtq_disable_cb(q);
	return q;
}

int virtq_add(struct virtq *q, const struct virtq_buf *bufs, u32 out, u32 in, void *token)
{
	u32 n = out + in, writable = 0;
	u16 head = q->free_head, i = head;

	if (q->broken)
		return -EIO;
	if (n > q->free_count)
		return -ENOSPC;
	for (u32 k = 0; k < n; k++) {
		u16 next = q->slots[i].next;

		q->desc[i] = (struct vring_desc){
			.addr = bufs[k].addr,
			.len = bufs[k].len,
			.flags = (k + 1 < n ? VRING_DESC_F_NEXT : 0) | (k >= out ? VRING_DESC_F_WRITE : 0),
			.next = next,
		};
		if (k >= out)
			writable += bufs[k].len;
		i = next;
	}
	q->free_head = i;
	q->free_count -= n;
	q->slots[head].token = token;
	q->slots[head].writable = writable;
	q->slots[head].length = (u16)n;
	q->out++;
	q->avail->ring[q->avail_index & (q->size - 1)] = head;
	q->avail_index++;
	dma_wmb(); /* the entry before the index that publishes it */
	WRITE_ONCE(q->avail->idx, q->avail_index);
	return 0;
}

void virtq_kick(struct virtq *q)
{
	u16 new = q->avail_index, old = q->kicked_index;
	bool need;

	dma_mb(); /* (A) our index before we read the device's wish */
	q->kicked_index = new;
	if (q->event_idx)
		need = vring_need_event(READ_ONCE(*q->avail_event), new, old);
	else
		need = !(READ_ONCE(q->used->flags) & VRING_USED_F_NO_NOTIFY);
	if (need)
		q->dev->ops->notify(q);
}

/* Gives the chain that starts at @head back to the free list. */
static void chain_free(struct virtq *q, u16 head)
{
	u16 last = head;

	for (u32 n = 1; n < q->slots[head].length; n++)
		last = q->slots[last].next;
	q->slots[last].next = q->free_head;
	q->free_head = head;
	q->free_count += q->slots[head].length;
	q->slots[head].token = NULL;
	q->out--;
}

static void *broken(struct virtq *q, const char *why, u32 value)
{
	q->broken = true;
	pr_err("virtio%u: queue %u given up: the device %s (%u)\n", q->dev->number, q->index, why, value);
	return NULL;
}

void *virtq_get(struct virtq *q, u32 *len)
{
	u16 ready = READ_ONCE(q->used->idx) - q->used_index;
	const volatile struct vring_used_elem *e;
	void *token;
	u32 head;

	if (!ready || q->broken)
		return NULL;
	if (ready > q->out)
		return broken(q, "finished more than it had", ready);
	dma_rmb(); /* the index before the entry it publishes */
	e = &q->used->ring[q->used_index & (q->size - 1)];
	head = e->id;
	if (head >= q->size || !q->slots[head].token)
		return broken(q, "finished what it did not have", head);
	if (len)
		*len = MIN(e->len, q->slots[head].writable);
	token = q->slots[head].token;
	chain_free(q, (u16)head);
	q->used_index++;
	if (q->event_idx && !q->callback_off) {
		WRITE_ONCE(*q->used_event, q->used_index);
		dma_mb(); /* (B) before the next call looks at the index */
	}
	return token;
}

bool virtq_broken(const struct virtq *q)
{
	return q->broken;
}

void virtq_disable_cb(struct virtq *q)
{
	q->callback_off = true;
	if (q->event_idx)
		WRITE_ONCE(*q->used_event, (u16)(q->used_index - 1));
	else
		WRITE_ONCE(q->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

bool virtq_enable_cb(struct virtq *q)
{
	q->callback_off = false;
	if (q->event_idx)
		WRITE_ONCE(*q->used_event, q->used_index);
	else
		WRITE_ONCE(q->avail->flags, 0);
	dma_mb(); /* (B) */
	return READ_ONCE(q->used->idx) == q->used_index || q->broken;
}

u32 virtq_free_slots(const struct virtq *q)
{
	return q->free_count;
}

struct virtio_dev *virtq_device(const struct virtq *q)
{
	return q->dev;
}

void virtq_set_private(struct virtq *q, void *p)
{
	q->private = p;
}

void *virtq_private(const struct virtq *q)
{
	return q->private;
}

void virtq_interrupt(struct virtq *q)
{
	if (q->callback && READ_ONCE(q->used->idx) != q->used_index)
		q->callback(q);
}
