// SPDX-License-Identifier: MIT
/*
 * virtio-blk (virtio 1.1, 5.2): one request queue per CPU where the device has
 * them, many requests in flight on each.
 *
 * Life of a request:  bio -> slot + descriptors -> device -> interrupt -> bio_complete
 *   A bio that finds no slot or no descriptors waits on the queue's list and is
 *   started by the interrupt that frees some.  When a queue breaks (queue.c), the
 *   device is stopped by a reset and every bio ends with EIO, now and from then on.
 *
 * Locks: queue->lock (LR_DEVICE, irqs off) guards its ring, slots and waiting
 *   list.  bio_complete() runs outside it.
 */
#include <arch/mmu.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <tarn/block.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/math.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/virtio.h>

#define BLK_MAJOR 254          /* Linux's first dynamic block major, which udev rules do not care about */
#define BLK_MINORS 16          /* a disk and 15 partitions */
#define MAX_SEGMENTS 48u       /* data descriptors of one request: the list is built on the stack */
#define SLOTS 64               /* requests in flight on a queue */
#define MAX_QUEUES 8

struct slot {
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	u8 status;
	struct bio *bio;
	struct slot *next_free;
};

struct blk_queue {
	struct spinlock lock;
	struct virtq *vq;                      /* [I] */
	struct slot *free GUARDED_BY(&lock);
	struct list waiting GUARDED_BY(&lock); /* bios */
	struct slot *slots;                    /* [I] SLOTS of them */
} CACHE_ALIGNED;

struct blk_disk {
	struct virtio_dev *v;                  /* [I] as is all here */
	struct bdev *bdev;
	_Atomic bool dead;                     /* [a] stopped for good, before the queues are emptied */
	u32 nqueues;
	struct blk_queue queues[MAX_QUEUES];
};

static u32 request_type(const struct bio *bio)
{
	switch (bio->op) {
	case BIO_READ:
		return VIRTIO_BLK_T_IN;
	case BIO_WRITE:
		return VIRTIO_BLK_T_OUT;
	case BIO_FLUSH:
		return VIRTIO_BLK_T_FLUSH;
	case BIO_DISCARD:
		return VIRTIO_BLK_T_DISCARD;
	case BIO_WRITE_ZEROES:
		return VIRTIO_BLK_T_WRITE_ZEROES;
	}
	return VIRTIO_BLK_T_FLUSH;
}

static bool is_range_op(const struct bio *bio)
{
	return bio->op == BIO_DISCARD || bio->op == BIO_WRITE_ZEROES;
}

static void slot_fill(struct slot *s, struct bio *bio)
{
	s->bio = bio;
	s->header.type = request_type(bio);
	s->header.ioprio = 0;
	s->header.sector = bio->op == BIO_FLUSH || is_range_op(bio) ? 0 : bio->sector;
	s->status = 0xff;
	if (is_range_op(bio)) {
		s->range.sector = bio->sector;
		s->range.num_sectors = bio->sectors;
		s->range.flags = 0;
	}
}

/* Puts @bio into the ring; -ENOSPC when slots or descriptors are short. */
static int request_start(struct blk_queue *q, struct bio *bio) MUST_HOLD(&q->lock)
{
	struct virtq_buf bufs[MAX_SEGMENTS + 2];
	struct slot *s = q->free;
	u32 n = 0, out;
	int err;

	if (!s)
		return -ENOSPC;
	slot_fill(s, bio);
	bufs[n++] = (struct virtq_buf){ virt_to_phys(&s->header), sizeof(s->header) };
	if (is_range_op(bio))
		bufs[n++] = (struct virtq_buf){ virt_to_phys(&s->range), sizeof(s->range) };
	else
		for (u32 i = 0; i < bio->nvecs; i++)
			bufs[n++] = (struct virtq_buf){
				page_phys(bio->vecs[i].page) + bio->vecs[i].offset,
				bio->vecs[i].len };
	out = bio->op == BIO_READ ? 1 : n;
	bufs[n++] = (struct virtq_buf){ virt_to_phys(&s->status), 1 };
	err = virtq_add(q->vq, bufs, out, n - out, s);
	if (!err)
		q->free = s->next_free;
	return err;
}

static void blk_submit(void *disk, struct bio *bio)
{
	struct blk_disk *d = disk;
	struct blk_queue *q = &d->queues[cpu_id() % d->nqueues];
	u64 flags = spin_lock_irqsave(&q->lock);
	bool dead = atomic_load(&d->dead);

	if (!dead && (!list_empty(&q->waiting) || request_start(q, bio)))
		list_add_tail(&q->waiting, &bio->node);
	else if (!dead)
		virtq_kick(q->vq);
	spin_unlock_irqrestore(&q->lock, flags);
	if (dead)
		bio_complete(bio, -EIO);
}

static int status_to_errno(u8 status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return 0;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

static void waiting_start(struct blk_queue *q) MUST_HOLD(&q->lock)
{
	struct bio *bio;
	bool started = false;

	while ((bio = list_first(&q->waiting, struct bio, node)) && !request_start(q, bio)) {
		list_del(&bio->node);
		started = true;
	}
	if (started)
		virtq_kick(q->vq);
}

static void done_complete(struct list *done)
{
	struct bio *bio;

	while ((bio = list_first(done, struct bio, node))) {
		list_del(&bio->node);
		bio_complete(bio, bio->status);
	}
}

/* Moves all that @q still has to @done, as failed. */
static void queue_empty(struct blk_queue *q, struct list *done) MUST_HOLD(&q->lock)
{
	struct bio *bio;

	for (u32 i = 0; i < SLOTS; i++)
		if (q->slots[i].bio) {
			list_add_tail(&q->waiting, &q->slots[i].bio->node);
			q->slots[i].bio = NULL;
		}
	while ((bio = list_first(&q->waiting, struct bio, node))) {
		bio->status = -EIO;
		list_del(&bio->node);
		list_add_tail(done, &bio->node);
	}
}

/* The device lied.  After the reset it touches no memory: what it had may be given back. */
static void disk_give_up(struct blk_disk *d)
{
	struct list done = LIST_INIT(done);

	if (atomic_exchange(&d->dead, true))
		return;
	d->v->ops->set_status(d->v, 0);
	for (u32 i = 0; i < d->nqueues; i++) {
		u64 flags = spin_lock_irqsave(&d->queues[i].lock);

		queue_empty(&d->queues[i], &done);
		spin_unlock_irqrestore(&d->queues[i].lock, flags);
	}
	done_complete(&done);
}

/* The used ring holds finished requests: collect them under the lock, complete them outside. */
static void blk_interrupt(struct virtq *vq)
{
	struct blk_queue *q = virtq_private(vq);
	struct list done = LIST_INIT(done);
	struct slot *s;
	u64 flags = spin_lock_irqsave(&q->lock);
	bool lies;

	do {
		virtq_disable_cb(vq);
		while ((s = virtq_get(vq, NULL))) {
			s->bio->status = status_to_errno(s->status);
			list_add_tail(&done, &s->bio->node);
			s->bio = NULL;
			s->next_free = q->free;
			q->free = s;
		}
	} while (!virtq_enable_cb(vq));
	waiting_start(q);
	lies = virtq_broken(vq);
	spin_unlock_irqrestore(&q->lock, flags);
	done_complete(&done);
	if (unlikely(lies))
		disk_give_up(virtq_device(vq)->driver);
}

static const struct disk_ops blk_ops = {
	.submit = blk_submit,
};

static int queue_init(struct blk_disk *d, u32 index) NO_LOCK_CHECK /* no requests yet */
{
	struct blk_queue *q = &d->queues[index];

	spin_init(&q->lock, "virtio-blk queue", LR_DEVICE);
	list_init(&q->waiting);
	q->slots = kcalloc(SLOTS, sizeof(*q->slots), GFP_KERNEL);
	if (!q->slots)
		return -ENOMEM;
	for (u32 i = 0; i < SLOTS; i++) {
		q->slots[i].next_free = q->free;
		q->free = &q->slots[i];
	}
	q->vq = d->v->ops->queue_setup(d->v, index, blk_interrupt);
	if (IS_ERR(q->vq))
		return (int)PTR_ERR(q->vq);
	virtq_set_private(q->vq, q);
	return 0;
}

/* The sizes that all arithmetic behind is made for, whatever the device says. */
static bool sizes_are_sane(u64 sectors, u32 block_size)
{
	return is_pow2(block_size) && block_size >= SECTOR_SIZE && block_size <= PAGE_SIZE &&
	       sectors <= (u64)INT64_MAX >> SECTOR_SHIFT;
}

static void limits_read(struct virtio_dev *v, struct disk_limits *l)
{
	struct virtio_blk_config c = { 0 };

	v->ops->config_read(v, 0, &c, sizeof(c));
	l->max_segments = MAX_SEGMENTS;
	if (v->features & BIT(VIRTIO_BLK_F_SEG_MAX))
		l->max_segments = MIN(MAX_SEGMENTS, MAX(c.seg_max, 1u));
	l->max_sectors = l->max_segments * (PAGE_SIZE / SECTOR_SIZE) * 16;
	l->block_size = v->features & BIT(VIRTIO_BLK_F_BLK_SIZE) ? c.blk_size : SECTOR_SIZE;
	l->rotational = true; /* the device does not tell: as Linux takes it */
	l->read_only = v->features & BIT(VIRTIO_BLK_F_RO);
	l->has_flush = v->features & BIT(VIRTIO_BLK_F_FLUSH);
	l->max_discard_sectors = v->features & BIT(VIRTIO_BLK_F_DISCARD) ? c.max_discard_sectors : 0;
	l->max_write_zeroes_sectors =
		v->features & BIT(VIRTIO_BLK_F_WRITE_ZEROES) ? c.max_write_zeroes_sectors : 0;
}

static u32 queue_count(struct virtio_dev *v)
{
	u16 n = 1;

	if (v->features & BIT(VIRTIO_BLK_F_MQ))
		v->ops->config_read(v, offsetof(struct virtio_blk_config, num_queues), &n,
				    sizeof(n));
	return MAX(1u, MIN(MIN((u32)n, nr_cpus), (u32)MAX_QUEUES));
}

static int blk_probe(struct virtio_dev *v)
{
	static u32 disks; /* probed one after the other at boot */
	struct blk_disk *d;
	struct disk_limits limits = { 0 };
	char name[] = "vda";
	u64 sectors;
	int err;

	if (disks >= 26)
		return -ENOSPC;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->v = v;
	v->driver = d;
	d->nqueues = queue_count(v);
	for (u32 i = 0; i < d->nqueues; i++) {
		err = queue_init(d, i);
		if (err)
			return err; /* what is set up belongs to a device that is given up: kept */
	}
	limits_read(v, &limits);
	v->ops->config_read(v, 0, &sectors, sizeof(sectors));
	if (!sizes_are_sane(sectors, limits.block_size))
		return -EINVAL;
	virtio_device_ready(v);
	name[2] = (char)('a' + disks);
	d->bdev = disk_register(name, KDEV(BLK_MAJOR, disks * BLK_MINORS), sectors, &blk_ops, d,
				&limits);
	if (IS_ERR(d->bdev))
		return (int)PTR_ERR(d->bdev);
	disks++;
	return 0;
}

static const struct virtio_driver virtio_blk = {
	.name = "virtio-blk",
	.id = VIRTIO_ID_BLOCK,
	.wanted_features = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_RO) |
			   BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH) |
			   BIT(VIRTIO_BLK_F_MQ) | BIT(VIRTIO_BLK_F_DISCARD) |
			   BIT(VIRTIO_BLK_F_WRITE_ZEROES),
	.probe = blk_probe,
};
SECTION_SET(virtio_drivers, virtio_blk);
