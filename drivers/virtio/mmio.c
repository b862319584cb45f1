// SPDX-License-Identifier: MIT
/*
 * virtio over memory-mapped registers (virtio 1.1, 4.2), found through
 * `virtio_mmio.device=SIZE@ADDRESS:IRQ` words of the command line, as microvm
 * and Firecracker announce them.  Only version 2 (virtio 1.0 and later).
 */
#include <arch/boot.h>
#include <arch/io.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <linux/virtio_mmio.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/math.h>
#include <tarn/parse.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#include "virtio_internal.h"

#define MAGIC 0x74726976u /* "virt" */
#define MAX_QUEUES 64

struct virtio_mmio {
	struct virtio_dev v;
	u8 *regs;                    /* [I] */
	u32 nqueues;                 /* [I] once started */
	struct virtq *queues[MAX_QUEUES];
};

static struct virtio_mmio *to_mmio(struct virtio_dev *v)
{
	return container_of(v, struct virtio_mmio, v);
}

static u32 reg_read(const struct virtio_mmio *m, u32 reg)
{
	return mmio_read32(m->regs + reg);
}

static void reg_write(struct virtio_mmio *m, u32 reg, u32 value)
{
	mmio_write32(m->regs + reg, value);
}

static u64 features_read(struct virtio_dev *v)
{
	struct virtio_mmio *m = to_mmio(v);
	u64 low;

	reg_write(m, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	low = reg_read(m, VIRTIO_MMIO_DEVICE_FEATURES);
	reg_write(m, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	return low | (u64)reg_read(m, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
}

static int features_write(struct virtio_dev *v, u64 features)
{
	struct virtio_mmio *m = to_mmio(v);

	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES, (u32)features);
	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES, (u32)(features >> 32));
	return 0;
}

static void config_read(struct virtio_dev *v, u32 offset, void *buf, u32 len)
{
	u8 *out = buf;

	for (u32 i = 0; i < len; i++)
		out[i] = mmio_read8(to_mmio(v)->regs + VIRTIO_MMIO_CONFIG + offset + i);
}

static void config_write(struct virtio_dev *v, u32 offset, const void *buf, u32 len)
{
	const u8 *in = buf;

	for (u32 i = 0; i < len; i++)
		mmio_write8(to_mmio(v)->regs + VIRTIO_MMIO_CONFIG + offset + i, in[i]);
}

static u8 status_read(struct virtio_dev *v)
{
	return (u8)reg_read(to_mmio(v), VIRTIO_MMIO_STATUS);
}

static void status_write(struct virtio_dev *v, u8 status)
{
	reg_write(to_mmio(v), VIRTIO_MMIO_STATUS, status);
}

static void address_write(struct virtio_mmio *m, u32 low_reg, const void *p)
{
	phys_t pa = virt_to_phys(p);

	reg_write(m, low_reg, (u32)pa);
	reg_write(m, low_reg + 4, (u32)(pa >> 32));
}

static struct virtq *queue_setup(struct virtio_dev *v, u32 index, void (*fn)(struct virtq *q))
{
	struct virtio_mmio *m = to_mmio(v);
	struct virtq *q;
	u32 size;

	if (index >= MAX_QUEUES)
		return ERR_PTR(-ENODEV);
	reg_write(m, VIRTIO_MMIO_QUEUE_SEL, index);
	size = rounddown_pow2(reg_read(m, VIRTIO_MMIO_QUEUE_NUM_MAX));
	if (!size)
		return ERR_PTR(-ENODEV);
	size = MIN(size, VIRTQ_MAX_SIZE);
	q = virtq_create(v, index, size, fn);
	if (!q)
		return ERR_PTR(-ENOMEM);
	q->notify_addr = m->regs + VIRTIO_MMIO_QUEUE_NOTIFY;
	reg_write(m, VIRTIO_MMIO_QUEUE_NUM, size);
	address_write(m, VIRTIO_MMIO_QUEUE_DESC_LOW, q->desc);
	address_write(m, VIRTIO_MMIO_QUEUE_AVAIL_LOW, q->avail);
	address_write(m, VIRTIO_MMIO_QUEUE_USED_LOW, q->used);
	m->queues[index] = q;
	m->nqueues = MAX(m->nqueues, index + 1);
	reg_write(m, VIRTIO_MMIO_QUEUE_READY, 1);
	return q;
}

static void queue_notify(struct virtq *q)
{
	mmio_write32(q->notify_addr, q->index);
}

static const struct virtio_transport mmio_transport = {
	.features = features_read,
	.set_features = features_write,
	.config_read = config_read,
	.config_write = config_write,
	.status = status_read,
	.set_status = status_write,
	.queue_setup = queue_setup,
	.notify = queue_notify,
};

/* Acknowledged before the queues are looked at: what comes later raises the line again. */
static void mmio_interrupt(void *arg)
{
	struct virtio_mmio *m = arg;
	u32 why = reg_read(m, VIRTIO_MMIO_INTERRUPT_STATUS);

	if (!why)
		return;
	reg_write(m, VIRTIO_MMIO_INTERRUPT_ACK, why);
	for (u32 i = 0; i < m->nqueues; i++)
		if (m->queues[i])
			virtq_interrupt(m->queues[i]);
	if ((why & VIRTIO_MMIO_INT_CONFIG) && m->v.config_changed)
		m->v.config_changed(&m->v);
}

static void device_probe(phys_t base, u64 size, u32 irq)
{
	struct virtio_mmio *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return;
	m->regs = size >= VIRTIO_MMIO_CONFIG ? mmu_map_device(base, size) : NULL;
	if (!m->regs || reg_read(m, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC)
		goto not_there;
	m->v.id = reg_read(m, VIRTIO_MMIO_DEVICE_ID);
	if (!m->v.id)
		goto not_there;
	if (reg_read(m, VIRTIO_MMIO_VERSION) != 2) {
		pr_warn("virtio-mmio at %#lx is the legacy version: start QEMU with "
			"-global virtio-mmio.force-legacy=false\n", (ulong)base);
		goto not_there;
	}
	m->v.ops = &mmio_transport;
	m->v.transport = m;
	if (irq_request_gsi(irq, true, false, mmio_interrupt, m)) {
		pr_warn("virtio-mmio at %#lx: no interrupt line %u\n", (ulong)base, irq);
		goto not_there;
	}
	virtio_register(&m->v);
	return;

not_there:
	kfree(m);
}

/* SIZE@ADDRESS:IRQ[:ID]; false: malformed. */
static bool word_parse(char *word, u64 *size, u64 *base, u32 *irq)
{
	char *at = strchr(word, '@'), *colon = at ? strchr(at, ':') : NULL, *end;

	if (!at || !colon)
		return false;
	*at = *colon = '\0';
	end = strchr(colon + 1, ':');
	if (end)
		*end = '\0';
	return parse_size(word, size) == 0 && parse_u64(at + 1, 0, base) == 0 &&
	       parse_u32(colon + 1, 0, irq) == 0;
}

void virtio_mmio_init(void)
{
	static const char key[] = "virtio_mmio.device=";
	char *copy = kstrdup(boot_info.cmdline, GFP_KERNEL), *rest = copy, *word;

	while (rest && (word = parse_word(&rest))) {
		u64 size, base;
		u32 irq;

		if (!str_starts_with(word, key))
			continue;
		if (word_parse(word + sizeof(key) - 1, &size, &base, &irq))
			device_probe(base, size, irq);
		else
			pr_warn("virtio_mmio.device: want SIZE@ADDRESS:IRQ\n");
	}
	kfree(copy);
}
