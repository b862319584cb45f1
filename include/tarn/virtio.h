// SPDX-License-Identifier: MIT
/*
 * virtio 1.x: devices, queues, transports.  drivers/virtio/.
 *
 * A queue belongs to its driver, which serialises virtq_add/virtq_get by its
 * own lock.  Spec: virtio 1.1, split rings.
 */
#pragma once

#include <tarn/device.h>

struct virtio_dev;
struct virtq;

struct virtio_transport {
	u64 (*features)(struct virtio_dev *v);
	int (*set_features)(struct virtio_dev *v, u64 features); /* 0 or -ENODEV: refused */
	void (*config_read)(struct virtio_dev *v, u32 offset, void *buf, u32 len);
	void (*config_write)(struct virtio_dev *v, u32 offset, const void *buf, u32 len);
	u8 (*status)(struct virtio_dev *v);
	void (*set_status)(struct virtio_dev *v, u8 status);
	/* Queue @index with call-back @fn from its interrupt (NULL: polled).  ERR_PTR. */
	struct virtq *(*queue_setup)(struct virtio_dev *v, u32 index, void (*fn)(struct virtq *q));
	void (*notify)(struct virtq *q);
};

struct virtio_dev {
	u32 id;                  /* [I] device type */
	u32 number;              /* [I] virtioN */
	u64 features;            /* [I] negotiated */
	const struct virtio_transport *ops;
	void *transport;         /* the transport's own */
	void *driver;            /* the driver's own */
	void (*config_changed)(struct virtio_dev *v);
	struct device dev;
};

struct virtio_driver {
	const char *name;
	u32 id;
	u64 wanted_features;     /* beyond VIRTIO_F_VERSION_1 */
	/* NULL, or takes out of them what makes no sense with the others that are offered. */
	u64 (*choose)(u64 offered);
	/* Features are negotiated.  Sets the queues up, then calls virtio_device_ready() before it
	 * uses them.  0 or -errno. */
	int (*probe)(struct virtio_dev *v);
};
void virtio_device_ready(struct virtio_dev *v);
/* SECTION_SET(virtio_drivers, x). */

struct virtq_buf {
	phys_t addr;
	u32 len;
};
/* @out device-readable buffers, then @in device-writable ones; @token comes back from virtq_get.
 * 0, -ENOSPC, -EIO: the queue is broken.  Driver's lock held. */
int virtq_add(struct virtq *q, const struct virtq_buf *bufs, u32 out, u32 in, void *token);
/* Tells the device if it wants to know (event index). */
void virtq_kick(struct virtq *q);
/* A finished token and the bytes the device wrote (never more than it was given), or NULL. */
void *virtq_get(struct virtq *q, u32 *len);
/* The device wrote nonsense: nothing goes in or comes out any more. */
bool virtq_broken(const struct virtq *q);
/* Interrupt on or off; enable returns false if something came meanwhile: call virtq_get again. */
void virtq_disable_cb(struct virtq *q);
bool virtq_enable_cb(struct virtq *q);
u32 virtq_free_slots(const struct virtq *q);
struct virtio_dev *virtq_device(const struct virtq *q);
void virtq_set_private(struct virtq *q, void *p);
void *virtq_private(const struct virtq *q);
/* A transport found a device. */
int virtio_register(struct virtio_dev *v);
void virtio_mmio_init(void); /* virtio_mmio.device= words of the command line */
