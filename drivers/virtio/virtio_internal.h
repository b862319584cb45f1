// SPDX-License-Identifier: MIT
/* Shared between the files of drivers/virtio: the queue's inside and the transports' calls. */
#pragma once

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <tarn/virtio.h>

/* What we keep of a descriptor where the device cannot write: its table is never read back. */
struct virtq_slot {
	void *token;             /* of the chain that begins here and is out; NULL: none */
	u32 writable;            /* bytes that the device may write into that chain */
	u16 length;              /* descriptors of that chain */
	u16 next;                /* in the chain or in the free list */
};

/* One split ring.  All fields: the driver's lock; memory is never freed. */
struct virtq {
	struct virtio_dev *dev;          /* [I] */
	u32 index, size;                 /* [I] size is a power of two */
	bool event_idx;                  /* [I] VIRTIO_RING_F_EVENT_IDX */
	bool callback_off;
	bool broken;                     /* the device wrote nonsense: it is not believed any more */
	struct vring_desc *desc;         /* [I] as are the next four */
	struct vring_avail *avail;
	struct vring_used *used;
	volatile u16 *used_event;        /* we write: interrupt when used passes this */
	volatile u16 *avail_event;       /* device writes: notify when avail passes this */
	u16 free_head, avail_index, used_index, kicked_index;
	u16 out;                         /* chains that the device has */
	u32 free_count;
	void (*callback)(struct virtq *q); /* [I] */
	void *notify_addr;               /* [I] the transport's doorbell */
	void *private;
	struct virtq_slot slots[];       /* one for each descriptor */
};

/* Queue memory for @size entries; NULL: no memory.  The transport programs its addresses. */
struct virtq *virtq_create(struct virtio_dev *v, u32 index, u32 size,
			   void (*fn)(struct virtq *q));
/* From a transport's interrupt: runs the call-back if something came. */
void virtq_interrupt(struct virtq *q);

/* The largest ring we ask for: 256 descriptors fill one page of the table. */
#define VIRTQ_MAX_SIZE 256u
