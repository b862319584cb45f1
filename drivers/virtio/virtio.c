// SPDX-License-Identifier: MIT
/*
 * The virtio device life cycle (virtio 1.1, 3.1): reset, acknowledge, features,
 * the driver's probe, and on.  Transports call virtio_register() for each
 * device they find; drivers are in the linker set virtio_drivers.
 */
#include <tarn/errno.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>

#include "virtio_internal.h"

static int device_show(struct device *dev, struct strbuf *out)
{
	strbuf_printf(out, "0x%04x\n", container_of(dev, struct virtio_dev, dev)->id);
	return 0;
}

static int vendor_show(struct device *dev, struct strbuf *out)
{
	strbuf_puts(out, "0x1af4\n");
	return 0;
}

static const struct device_attr virtio_attrs[] = {
	{ "device", 0444, device_show, NULL },
	{ "vendor", 0444, vendor_show, NULL },
	{ 0 },
};

static const struct virtio_driver *driver_find(u32 id)
{
	const struct virtio_driver *found = NULL;

	SET_FOR_EACH(const struct virtio_driver, d, virtio_drivers) {
		if (d->id == id)
			found = d;
	}
	return found;
}

static void status_add(struct virtio_dev *v, u8 bits)
{
	v->ops->set_status(v, v->ops->status(v) | bits);
}

static int features_agree(struct virtio_dev *v, const struct virtio_driver *drv)
{
	u64 offered = v->ops->features(v), wanted = drv->wanted_features;

	if (drv->choose)
		wanted &= drv->choose(offered);
	if (!(offered & BIT(VIRTIO_F_VERSION_1)))
		return -ENODEV;
	v->features = offered & (wanted | BIT(VIRTIO_F_VERSION_1) |
				 BIT(VIRTIO_RING_F_EVENT_IDX));
	return v->ops->set_features(v, v->features);
}

static int device_start(struct virtio_dev *v, const struct virtio_driver *drv)
{
	int err;

	v->ops->set_status(v, 0);
	status_add(v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	status_add(v, VIRTIO_CONFIG_S_DRIVER);
	err = features_agree(v, drv);
	if (err)
		return err;
	status_add(v, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(v->ops->status(v) & VIRTIO_CONFIG_S_FEATURES_OK))
		return -ENODEV;
	return drv->probe(v);
}

int virtio_register(struct virtio_dev *v)
{
	static u32 next_number;
	const struct virtio_driver *drv = driver_find(v->id);
	char name[16];
	int err;

	v->number = next_number++;
	snprintf(name, sizeof(name), "virtio%u", v->number);
	v->dev.name = kstrdup(name, GFP_KERNEL);
	v->dev.subsystem = "virtio";
	v->dev.is_bus_device = true;
	v->dev.attrs = virtio_attrs;
	if (v->dev.name)
		device_add(&v->dev);
	if (!drv)
		return -ENODEV;
	err = device_start(v, drv);
	if (err) {
		pr_warn("%s: %s did not start: error %d\n", name, drv->name, -err);
		v->ops->set_status(v, VIRTIO_CONFIG_S_FAILED);
		return err;
	}
	return 0;
}

void virtio_device_ready(struct virtio_dev *v)
{
	status_add(v, VIRTIO_CONFIG_S_DRIVER_OK);
}
