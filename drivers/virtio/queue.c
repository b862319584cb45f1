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
 * an exit to the emulator, so that is what counts.
 *
 * Locks: none here; a queue's driver serialises all calls on it.
 */
#include <arch/io.h>
#include <linux/virtio_ring.h>
#include <tarn/endian.h>
#include <tarn/errno.h>
#include <tarn/math.h>
#include <tarn/slab.h>

#include "virtio_internal.h"

struct virtq *virtq_create(struct virtio_dev *v, u32 index, u32 size, void (*fn)(struct virtq *q))
{
	size_t desc_bytes = size * sizeof(struct vring_desc);
	size_t avail_bytes = ALIGN_UP(6 + 2 * (size_t)size, 4ul);
	size_t used_bytes = 6 + sizeof(struct vring_used_elem) * (size_t)size;
	size_t total = desc_bytes + avail_bytes + used_bytes;
	struct virtq *q = kzalloc(sizeof(*q) + size * sizeof(void *), GFP_KERNEL);
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
		q->desc[i].next = (u16)(i + 1);
	q->free_count = size;
	if (!fn)
		virtq_disable_cb(q);
	return q;
}

int virtq_add(struct virtq *q, const struct virtq_buf *bufs, u32 out, u32 in, void *token)
{
	u32 n = out + in;
	u16 head = q->free_head, i = head, last = head;

	if (n > q->free_count)
		return -ENOSPC;
	for (u32 k = 0; k < n; k++) {
		struct vring_desc *d = &q->desc[i];

		d->addr = bufs[k].addr;
		d->len = bufs[k].len;
		d->flags = (k + 1 < n ? VRING_DESC_F_NEXT : 0) |
			   (k >= out ? VRING_DESC_F_WRITE : 0);
		last = i;
		i = d->next;
	}
	q->desc[last].flags &= (u16)~VRING_DESC_F_NEXT;
	q->free_head = i;
	q->free_count -= n;
	q->tokens[head] = token;
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

	dma_mb(); /* our index before we read the device's wish */
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
	u16 i = head;
	u32 n = 1;

	while ((q->desc[i].flags & VRING_DESC_F_NEXT) && n < q->size) {
		i = q->desc[i].next;
		n++;
	}
	q->desc[i].next = q->free_head;
	q->free_head = head;
	q->free_count += n;
}

void *virtq_get(struct virtq *q, u32 *len)
{
	const volatile struct vring_used_elem *e;
	void *token;
	u32 head;

	if (READ_ONCE(q->used->idx) == q->used_index)
		return NULL;
	dma_rmb(); /* the index before the entry it publishes */
	e = &q->used->ring[q->used_index & (q->size - 1)];
	head = e->id;
	q->used_index++;
	if (head >= q->size || !q->tokens[head])
		return NULL; /* the device is broken: nothing of ours to complete */
	if (len)
		*len = e->len;
	token = q->tokens[head];
	q->tokens[head] = NULL;
	chain_free(q, (u16)head);
	if (q->event_idx && !q->callback_off)
		WRITE_ONCE(*q->used_event, q->used_index);
	return token;
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
	dma_mb();
	return READ_ONCE(q->used->idx) == q->used_index;
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
