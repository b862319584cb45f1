// SPDX-License-Identifier: MIT
/*
 * virtio-rng (virtio 1.1, 5.4): entropy from the host.
 *
 * 64 bytes at once are asked for at boot and then every five minutes, so that a
 * snapshot that is started twice does not stay in step.  Everything runs in the
 * interrupt or the timer; rng->lock (LR_DEVICE) guards the queue.
 */
#include <arch/mmu.h>
#include <linux/virtio_ids.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/random.h>
#include <tarn/slab.h>
#include <tarn/time.h>
#include <tarn/virtio.h>

#define BATCH 64u
#define PERIOD (300 * NSEC_PER_SEC)

struct rng {
	struct spinlock lock;
	struct virtq *vq;       /* [I] */
	struct timer timer;
	u8 bytes[BATCH];        /* the device's while a request is out */
};

static void request(struct rng *r)
{
	struct virtq_buf buf = { virt_to_phys(r->bytes), BATCH };
	u64 flags = spin_lock_irqsave(&r->lock);

	if (virtq_add(r->vq, &buf, 0, 1, r) == 0)
		virtq_kick(r->vq);
	spin_unlock_irqrestore(&r->lock, flags);
}

static void rng_interrupt(struct virtq *vq)
{
	struct rng *r = virtq_private(vq);
	u64 flags = spin_lock_irqsave(&r->lock);
	u32 len = 0;
	void *token = virtq_get(vq, &len);

	spin_unlock_irqrestore(&r->lock, flags);
	if (!token)
		return;
	len = MIN(len, BATCH);
	random_add(r->bytes, len, len * 8);
	timer_arm(&r->timer, clock_monotonic() + PERIOD);
}

static void rng_timer(struct timer *t)
{
	request(container_of(t, struct rng, timer));
}

static int rng_probe(struct virtio_dev *v)
{
	struct rng *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return -ENOMEM;
	spin_init(&r->lock, "virtio-rng", LR_DEVICE);
	timer_init(&r->timer, rng_timer);
	r->vq = v->ops->queue_setup(v, 0, rng_interrupt);
	if (IS_ERR(r->vq)) {
		int err = (int)PTR_ERR(r->vq);

		kfree(r);
		return err;
	}
	virtq_set_private(r->vq, r);
	v->driver = r;
	virtio_device_ready(v);
	request(r);
	return 0;
}

static const struct virtio_driver virtio_rng = {
	.name = "virtio-rng",
	.id = VIRTIO_ID_RNG,
	.probe = rng_probe,
};
SECTION_SET(virtio_drivers, virtio_rng);
