// SPDX-License-Identifier: MIT
/*
 * virtio over PCI (virtio 1.1, 4.1), the modern interface: vendor capabilities
 * name the registers' places.  MSI-X entry 0 reports configuration changes;
 * queues get an entry each, spread over the CPUs, until only the last is left:
 * that one all further queues share (a device may have more queues than entries,
 * as QEMU's serial device does).
 */
#include <arch/io.h>
#include <linux/virtio_pci.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/math.h>
#include <tarn/pci.h>
#include <tarn/printk.h>
#include <tarn/slab.h>

#include "virtio_internal.h"

#define VIRTIO_VENDOR 0x1af4
#define PCI_CAP_VENDOR 0x09
#define NO_VECTOR 0xffff
#define MAX_SHARED 128
#define MAX_CAPS 48 /* what the configuration space can hold: a longer list is a loop */

struct virtio_pci {
	struct virtio_dev v;
	struct pci_dev *pci;          /* [I] as is all below */
	volatile struct virtio_pci_common_cfg *common;
	u8 *notify, *config;
	u32 notify_multiplier, notify_size, config_size;
	u32 next_entry;               /* while queues are set up: the next MSI-X entry to give */
	_Atomic u32 nr_shared;        /* [a] grows after its queue is in place */
	struct virtq *shared[MAX_SHARED]; /* queues of the last entry */
};

static struct virtio_pci *to_pci(struct virtio_dev *v)
{
	return container_of(v, struct virtio_pci, v);
}

static u64 features_read(struct virtio_dev *v)
{
	struct virtio_pci *p = to_pci(v);
	u64 low;

	mmio_write32(&p->common->device_feature_select, 0);
	low = mmio_read32(&p->common->device_feature);
	mmio_write32(&p->common->device_feature_select, 1);
	return low | (u64)mmio_read32(&p->common->device_feature) << 32;
}

static int features_write(struct virtio_dev *v, u64 features)
{
	struct virtio_pci *p = to_pci(v);

	mmio_write32(&p->common->guest_feature_select, 0);
	mmio_write32(&p->common->guest_feature, (u32)features);
	mmio_write32(&p->common->guest_feature_select, 1);
	mmio_write32(&p->common->guest_feature, (u32)(features >> 32));
	return 0;
}

static void config_read(struct virtio_dev *v, u32 offset, void *buf, u32 len)
{
	struct virtio_pci *p = to_pci(v);
	u8 *out = buf;

	for (u32 i = 0; i < len; i++)
		out[i] = offset + i < p->config_size ? mmio_read8(p->config + offset + i) : 0;
}

static void config_write(struct virtio_dev *v, u32 offset, const void *buf, u32 len)
{
	struct virtio_pci *p = to_pci(v);
	const u8 *in = buf;

	for (u32 i = 0; i < len && offset + i < p->config_size; i++)
		mmio_write8(p->config + offset + i, in[i]);
}

static u8 status_read(struct virtio_dev *v)
{
	return mmio_read8(&to_pci(v)->common->device_status);
}

static void status_write(struct virtio_dev *v, u8 status)
{
	volatile u8 *reg = &to_pci(v)->common->device_status;

	mmio_write8(reg, status);
	/* A reset is done when the device reads 0 (4.1.4.3.2). */
	for (int i = 0; status == 0 && i < 100000 && mmio_read8(reg); i++)
		cpu_relax();
}

static void config_interrupt(void *arg)
{
	struct virtio_dev *v = arg;

	if (v->config_changed)
		v->config_changed(v);
}

static void queue_interrupt(void *arg)
{
	virtq_interrupt(arg);
}

static void shared_interrupt(void *arg)
{
	struct virtio_pci *p = arg;
	u32 n = atomic_load_explicit(&p->nr_shared, memory_order_acquire);

	for (u32 i = 0; i < n; i++)
		virtq_interrupt(p->shared[i]);
}

/* Give @q an entry of its own, or a part of the last.  The entry, or -errno. */
static int queue_entry(struct virtio_pci *p, struct virtq *q)
{
	u32 last = p->pci->msix_count - 1, n = atomic_load(&p->nr_shared), entry;
	int err;

	if (!p->pci->msix_cap || last == 0)
		return -ENODEV;
	if (p->next_entry < last) {
		entry = p->next_entry++;
		err = pci_msix_request(p->pci, entry, entry % nr_cpus, queue_interrupt, q);
		return err ? err : (int)entry;
	}
	if (n == MAX_SHARED)
		return -ENOSPC;
	err = n ? 0 : pci_msix_request(p->pci, last, last % nr_cpus, shared_interrupt, p);
	if (err)
		return err;
	p->shared[n] = q;
	atomic_store_explicit(&p->nr_shared, n + 1, memory_order_release);
	return (int)last;
}

static void queue_addresses(struct virtio_pci *p, const struct virtq *q)
{
	phys_t desc = virt_to_phys(q->desc), avail = virt_to_phys(q->avail),
	       used = virt_to_phys(q->used);

	mmio_write32(&p->common->queue_desc_lo, (u32)desc);
	mmio_write32(&p->common->queue_desc_hi, (u32)(desc >> 32));
	mmio_write32(&p->common->queue_avail_lo, (u32)avail);
	mmio_write32(&p->common->queue_avail_hi, (u32)(avail >> 32));
	mmio_write32(&p->common->queue_used_lo, (u32)used);
	mmio_write32(&p->common->queue_used_hi, (u32)(used >> 32));
}

static struct virtq *queue_setup(struct virtio_dev *v, u32 index, void (*fn)(struct virtq *q))
{
	struct virtio_pci *p = to_pci(v);
	struct virtq *q;
	u64 doorbell;
	u32 size;
	int entry;

	mmio_write16(&p->common->queue_select, (u16)index);
	size = mmio_read16(&p->common->queue_size);
	doorbell = (u64)mmio_read16(&p->common->queue_notify_off) * p->notify_multiplier;
	if (!size || !is_pow2(size) || doorbell + 2 > p->notify_size)
		return ERR_PTR(-ENODEV);
	size = MIN(size, VIRTQ_MAX_SIZE);
	q = virtq_create(v, index, size, fn);
	if (!q)
		return ERR_PTR(-ENOMEM);
	q->notify_addr = p->notify + doorbell;
	mmio_write16(&p->common->queue_size, (u16)size);
	queue_addresses(p, q);
	if (fn) {
		entry = queue_entry(p, q);
		if (entry < 0)
			return ERR_PTR(entry);
		mmio_write16(&p->common->queue_msix_vector, (u16)entry);
		if (mmio_read16(&p->common->queue_msix_vector) == NO_VECTOR)
			return ERR_PTR(-ENOSPC);
	}
	mmio_write16(&p->common->queue_enable, 1);
	return q;
}

static void queue_notify(struct virtq *q)
{
	mmio_write16(q->notify_addr, (u16)q->index);
}

static const struct virtio_transport pci_transport = {
	.features = features_read,
	.set_features = features_write,
	.config_read = config_read,
	.config_write = config_write,
	.status = status_read,
	.set_status = status_write,
	.queue_setup = queue_setup,
	.notify = queue_notify,
};

/* Maps the structure that the vendor capability at @cap describes; NULL if the device lies. */
static void *cap_map(struct pci_dev *d, u8 cap, u32 *size)
{
	u8 bar = pci_read(d, cap + offsetof(struct virtio_pci_cap, bar), 1);
	u32 offset = pci_read(d, cap + offsetof(struct virtio_pci_cap, offset), 4);
	u8 *base;

	*size = pci_read(d, cap + offsetof(struct virtio_pci_cap, length), 4);
	if (bar >= 6 || (u64)offset + *size > d->bar[bar].size)
		return NULL;
	base = pci_map_bar(d, bar);
	return base ? base + offset : NULL;
}

static void caps_read(struct virtio_pci *p)
{
	struct pci_dev *d = p->pci;
	u32 size, left = MAX_CAPS;

	for (u8 cap = pci_find_cap(d, PCI_CAP_VENDOR, 0); cap && left;
	     cap = pci_find_cap(d, PCI_CAP_VENDOR, cap), left--) {
		switch (pci_read(d, cap + offsetof(struct virtio_pci_cap, cfg_type), 1)) {
		case VIRTIO_PCI_CAP_COMMON_CFG:
			if (!p->common)
				p->common = cap_map(d, cap, &size);
			if (p->common && size < sizeof(*p->common))
				p->common = NULL;
			break;
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			if (p->notify)
				break;
			p->notify = cap_map(d, cap, &p->notify_size);
			p->notify_multiplier = pci_read(
				d, cap + offsetof(struct virtio_pci_notify_cap, notify_off_multiplier), 4);
			break;
		case VIRTIO_PCI_CAP_DEVICE_CFG:
			if (!p->config)
				p->config = cap_map(d, cap, &p->config_size);
			break;
		}
	}
}

static int virtio_pci_probe(struct pci_dev *d)
{
	struct virtio_pci *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->pci = d;
	p->next_entry = 1;
	pci_enable(d);
	caps_read(p);
	if (!p->common || !p->notify) {
		pr_warn("%s: no virtio 1.0 interface\n", d->name);
		kfree(p);
		return -ENODEV;
	}
	p->v.ops = &pci_transport;
	p->v.transport = p;
	p->v.dev.parent = &d->dev;
	/* Modern ids carry the type; transitional ones have it as subsystem (4.1.2.1). */
	p->v.id = d->device >= 0x1040 ? d->device - 0x1040u : d->subsystem_device;
	d->driver_data = p;
	if (pci_msix_request(d, 0, 0, config_interrupt, &p->v) == 0)
		mmio_write16(&p->common->msix_config, 0);
	virtio_register(&p->v);
	return 0;
}

static const struct pci_driver virtio_pci_driver = {
	.name = "virtio-pci",
	.vendor = VIRTIO_VENDOR,
	.device_first = 0x1000,
	.device_last = 0x107f,
	.probe = virtio_pci_probe,
};
SECTION_SET(pci_drivers, virtio_pci_driver);
