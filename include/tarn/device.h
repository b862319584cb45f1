// SPDX-License-Identifier: MIT
/*
 * Devices as user space meets them: character device numbers, /dev nodes, and
 * the small device model that /sys shows.  fs/dev/, drivers/base.c.
 */
#pragma once

#include <tarn/list.h>

struct file_ops;
struct strbuf;

/*
 * Character devices @first .. @first + @count - 1 are served by @fops; open's
 * inode->rdev tells which.  0 or -EBUSY.
 */
int chrdev_register(kdev_t first, u32 count, const char *name, const struct file_ops *fops);
/* A free major number for "dynamic" drivers. */
u32 chrdev_dynamic_major(void);
void chrdev_show(struct strbuf *out); /* /proc/devices */

struct device;
/*
 * Devices of the model.  A device_add() makes /sys/devices/<path>, its class or bus
 * links and the /dev node (if dev != 0) in devtmpfs.  The device stays for good.
 */
struct device_attr {
	const char *name;
	mode_t mode;
	/* Text into @out; 0 or -errno. */
	int (*show)(struct device *dev, struct strbuf *out);
	int (*store)(struct device *dev, const char *text, size_t n);
};
struct device {
	const char *name;            /* [I] "vda", "tty0", "virtio0" */
	struct device *parent;       /* [I] NULL: /sys/devices/virtual/<class> or /sys/devices */
	const char *subsystem;       /* [I] "block", "tty", "mem", "pci", "virtio", "virtio-ports" ... */
	bool is_bus_device;          /* [I] /sys/bus/<subsystem>/devices rather than /sys/class */
	kdev_t dev;                  /* [I] 0: no node */
	bool is_block;
	mode_t node_mode;            /* [I] permissions of the node, 0600 if 0 */
	const char *node_name;       /* [I] NULL: name; may have slashes */
	const struct device_attr *attrs; /* [I] ends with an empty name; may be NULL */
	void *private;               /* [I] the driver's own */
	struct sysfs_node *sysfs;    /* set by device_add() */
};
int device_add(struct device *dev);
/* devtmpfs: makes or removes a node; callable before devtmpfs is mounted.  0 or -errno. */
int devtmpfs_add(const char *name, mode_t mode, kdev_t dev);
void cpu_devices_init(void);
void rtc_init(void);
void drivers_init(void); /* drivers/init.c: serial, pci, virtio ... in order; called from kernel/main.c */
