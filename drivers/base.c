// SPDX-License-Identifier: MIT
/*
 * The device model: a device becomes a directory in /sys with its attributes,
 * links from its class or bus and from its number, and a node in /dev.
 *
 *   /sys/devices/<parent's path or virtual/class>/<name>
 *   /sys/class/<subsystem>/<name>  or  /sys/bus/<subsystem>/devices/<name>
 *   /sys/dev/{block,char}/<major>:<minor>
 *
 * Devices are added at boot and stay.
 */
#include <linux/stat.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/printf.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/sysfs.h>

/* What an attribute file's contents are made from. */
struct attr_arg {
	struct device *dev;
	const struct device_attr *attr;
};

static int attr_show(void *arg, struct strbuf *out)
{
	const struct attr_arg *a = arg;

	return a->attr->show ? a->attr->show(a->dev, out) : -EIO;
}

static ssize_t attr_store(void *arg, const char *text, size_t n)
{
	const struct attr_arg *a = arg;
	int err;

	if (!a->attr->store)
		return -EIO;
	err = a->attr->store(a->dev, text, n);
	return err ? err : (ssize_t)n;
}

static const struct sysfs_file_ops attr_ops = { .show = attr_show, .store = attr_store };

static int dev_show(void *arg, struct strbuf *out)
{
	const struct device *d = arg;

	strbuf_printf(out, "%u:%u\n", KDEV_MAJOR(d->dev), KDEV_MINOR(d->dev));
	return 0;
}

static const char *node_name(const struct device *d)
{
	return d->node_name ? d->node_name : d->name;
}

static int uevent_show(void *arg, struct strbuf *out)
{
	const struct device *d = arg;

	if (d->dev)
		strbuf_printf(out, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", KDEV_MAJOR(d->dev),
			      KDEV_MINOR(d->dev), node_name(d));
	if (d->is_block)
		strbuf_printf(out, "DEVTYPE=%s\n",
			      d->parent && d->parent->is_block ? "partition" : "disk");
	return 0;
}

/*
 * What `udevadm trigger` writes: an action, perhaps an id behind it.  Events go out by netlink only, and
 * there is none: nobody can listen, so to accept is all there is to do.
 */
static ssize_t uevent_store(void *arg, const char *text, size_t n)
{
	static const char *const actions[] = { "add", "remove", "change", "move", "online", "offline",
					       "bind", "unbind" };

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		size_t len = strlen(actions[i]);

		if (n >= len && memcmp(text, actions[i], len) == 0 &&
		    (n == len || text[len] == '\n' || text[len] == ' '))
			return (ssize_t)n;
	}
	return -EINVAL;
}

static const struct sysfs_file_ops dev_ops = { .show = dev_show };
static const struct sysfs_file_ops uevent_ops = { .show = uevent_show, .store = uevent_store };

static struct sysfs_node *sub_dir(struct sysfs_node *base, const char *a, const char *b)
{
	struct sysfs_node *n = base ? sysfs_dir(base, a) : NULL;

	return n && b ? sysfs_dir(n, b) : n;
}

/* Where the device's own directory lies. */
static struct sysfs_node *device_home(const struct device *d)
{
	struct sysfs_node *devices = sysfs_dir(sysfs_root(), "devices");

	if (d->parent && d->parent->sysfs) {
		/* A class device below another kind of device stands in a directory of its class. */
		if (d->is_bus_device || str_eq(d->subsystem, d->parent->subsystem))
			return d->parent->sysfs;
		return sysfs_dir(d->parent->sysfs, d->subsystem);
	}
	if (d->is_bus_device)
		return sub_dir(devices, str_eq(d->subsystem, "pci") ? "pci0000:00" : d->subsystem,
			       NULL);
	return sub_dir(devices, "virtual", d->subsystem);
}

static int attrs_add(struct device *d)
{
	int err = 0;

	for (const struct device_attr *a = d->attrs; a && a->name && !err; a++) {
		struct attr_arg *arg = kmalloc(sizeof(*arg), GFP_KERNEL);

		if (!arg)
			return -ENOMEM;
		arg->dev = d;
		arg->attr = a;
		err = sysfs_file(d->sysfs, a->name, a->mode, &attr_ops, arg);
	}
	return err;
}

static int links_add(struct device *d)
{
	struct sysfs_node *sub, *list;
	char number[24];
	int err;

	if (d->is_bus_device) {
		sub = sub_dir(sysfs_dir(sysfs_root(), "bus"), d->subsystem, NULL);
		list = sub ? sysfs_dir(sub, "devices") : NULL;
	} else {
		sub = list = sub_dir(sysfs_dir(sysfs_root(), "class"), d->subsystem, NULL);
	}
	if (!list)
		return -ENOMEM;
	err = sysfs_link(list, d->name, d->sysfs);
	if (!err)
		err = sysfs_link(d->sysfs, "subsystem", sub);
	if (!err && d->is_block && !(d->parent && d->parent->is_block))
		err = sysfs_link(sysfs_dir(sysfs_root(), "block"), d->name, d->sysfs);
	if (!err && d->dev) {
		snprintf(number, sizeof(number), "%u:%u", KDEV_MAJOR(d->dev), KDEV_MINOR(d->dev));
		err = sysfs_link(sub_dir(sysfs_dir(sysfs_root(), "dev"),
					 d->is_block ? "block" : "char", NULL),
				 number, d->sysfs);
	}
	return err;
}

int device_add(struct device *d)
{
	struct sysfs_node *home = device_home(d);
	mode_t mode = d->node_mode ? d->node_mode : 0600;
	int err;

	d->sysfs = home ? sysfs_dir(home, d->name) : NULL;
	if (!d->sysfs)
		return -ENOMEM;
	err = sysfs_file(d->sysfs, "uevent", 0644, &uevent_ops, d);
	if (!err && d->dev)
		err = sysfs_file(d->sysfs, "dev", 0444, &dev_ops, d);
	if (!err)
		err = attrs_add(d);
	if (!err)
		err = links_add(d);
	if (!err && d->dev)
		err = devtmpfs_add(node_name(d), (d->is_block ? S_IFBLK : S_IFCHR) | mode, d->dev);
	return err;
}
