// SPDX-License-Identifier: MIT
/*
 * Devices in files: /proc/net/dev, and /sys/class/net/<name> with its statistics (sysfs-class-net of Linux's ABI).
 *
 * Only the first namespace's devices are in sysfs, whose nodes stay for good; such devices stay as well.
 *
 * Tests: tests/abi/net_device.c.
 */
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/parse.h>
#include <tarn/printk.h>
#include <tarn/proc.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/strbuf.h>
#include <tarn/sysfs.h>
#include "device_int.h"

/* ---- /proc/net/dev ---- */

static void dev_line(const struct net_device *d, struct strbuf *out)
{
	struct device_stats s;

	device_get_stats(d, &s);
	strbuf_printf(out, "%6s: %7lu %7lu %4lu %4lu %4lu %5lu %10lu %9lu ", d->name, s.rx_bytes,
		      s.rx_packets, s.rx_errors, s.rx_dropped, s.rx_over, s.rx_frame, 0ul,
		      s.rx_multicast);
	strbuf_printf(out, "%8lu %7lu %4lu %4lu %4lu %5lu %7lu %10lu\n", s.tx_bytes, s.tx_packets,
		      s.tx_errors, s.tx_dropped, s.tx_fifo, s.collisions, s.tx_carrier, 0ul);
}

static int dev_show(struct strbuf *out)
{
	struct net *net = current_net();
	struct net_device *d;

	strbuf_printf(
		out,
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		"packets "
		"errs drop fifo colls carrier compressed\n");
	mutex_lock(&net->config);
	LIST_FOR_EACH(d, &net->devices, node)
		dev_line(d, out);
	mutex_unlock(&net->config);
	return 0;
}

static const struct proc_entry proc_dev = { .path = "net/dev", .show = dev_show };
SECTION_SET(proc_entries, proc_dev);

/* ---- /sys/class/net ---- */

static struct net_device *net_device_of(struct device *dev)
{
	return dev->private;
}

static int addr_show(const struct net_device *d, const u8 *addr, struct strbuf *out)
{
	for (u32 i = 0; i < d->addr_len; i++)
		strbuf_printf(out, "%s%02x", i ? ":" : "", addr[i]);
	strbuf_printf(out, "\n");
	return 0;
}

static int address_show(struct device *dev, struct strbuf *out)
{
	return addr_show(net_device_of(dev), net_device_of(dev)->addr, out);
}

static int broadcast_show(struct device *dev, struct strbuf *out)
{
	return addr_show(net_device_of(dev), net_device_of(dev)->broadcast, out);
}

static int operstate_show(struct device *dev, struct strbuf *out)
{
	static const char *const names[] = { "unknown", "notpresent", "down", "lowerlayerdown",
					     "testing", "dormant",    "up" };
	const struct net_device *d = net_device_of(dev);

	strbuf_printf(out, "%s\n", device_up(d) || !d->operstate ? names[d->operstate] : "down");
	return 0;
}

/* Linux knows no carrier of a device that is down. */
static int carrier_show(struct device *dev, struct strbuf *out)
{
	const struct net_device *d = net_device_of(dev);

	if (!device_up(d))
		return -EINVAL;
	strbuf_printf(out, "%d\n", (int)atomic_load(&d->carrier));
	return 0;
}

#define NUMBER_SHOW(id, fmt, value)                                                \
	static int id##_show(struct device *dev, struct strbuf *out)               \
	{                                                                          \
		const struct net_device *d = net_device_of(dev);                   \
                                                                                   \
		strbuf_printf(out, fmt "\n", value);                               \
		return 0;                                                          \
	}
NUMBER_SHOW(ifindex, "%d", d->ifindex)
NUMBER_SHOW(mtu, "%u", READ_ONCE(d->mtu))
NUMBER_SHOW(flags, "0x%x", atomic_load(&d->flags))
NUMBER_SHOW(type, "%u", d->type)
NUMBER_SHOW(addr_len, "%u", d->addr_len)
NUMBER_SHOW(tx_queue_len, "%u", READ_ONCE(d->tx_queue_len))

static int number_store(struct device *dev, const char *text, size_t n,
			int (*set)(struct net_device *d, u32 v))
{
	struct net_device *d = net_device_of(dev);
	char copy[16];
	u32 v;
	int err;

	if (n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = 0;
	err = parse_u32(copy, 0, &v);
	if (err)
		return err;
	mutex_lock(&d->net->config);
	err = set(d, v);
	mutex_unlock(&d->net->config);
	return err;
}

static int set_tx_queue_len(struct net_device *d, u32 v)
{
	WRITE_ONCE(d->tx_queue_len, v);
	return 0;
}

static int mtu_store(struct device *dev, const char *text, size_t n)
{
	return number_store(dev, text, n, device_set_mtu);
}

static int tx_queue_len_store(struct device *dev, const char *text, size_t n)
{
	return number_store(dev, text, n, set_tx_queue_len);
}

static const struct device_attr attrs[] = {
	{ "address", 0444, address_show, NULL },
	{ "broadcast", 0444, broadcast_show, NULL },
	{ "operstate", 0444, operstate_show, NULL },
	{ "carrier", 0444, carrier_show, NULL },
	{ "ifindex", 0444, ifindex_show, NULL },
	{ "iflink", 0444, ifindex_show, NULL },
	{ "mtu", 0644, mtu_show, mtu_store },
	{ "flags", 0444, flags_show, NULL },
	{ "type", 0444, type_show, NULL },
	{ "addr_len", 0444, addr_len_show, NULL },
	{ "tx_queue_len", 0644, tx_queue_len_show, tx_queue_len_store },
	{ NULL, 0, NULL, NULL },
};

struct stat_file {
	const char *name;
	u32 offset;
};
#define STAT(id, field) { id, offsetof(struct device_stats, field) }
static const struct stat_file stats[] = {
	STAT("rx_packets", rx_packets),
	STAT("rx_bytes", rx_bytes),
	STAT("rx_errors", rx_errors),
	STAT("rx_dropped", rx_dropped),
	STAT("rx_over_errors", rx_over),
	STAT("rx_frame_errors", rx_frame),
	STAT("multicast", rx_multicast),
	STAT("tx_packets", tx_packets),
	STAT("tx_bytes", tx_bytes),
	STAT("tx_errors", tx_errors),
	STAT("tx_dropped", tx_dropped),
	STAT("tx_fifo_errors", tx_fifo),
	STAT("tx_carrier_errors", tx_carrier),
	STAT("collisions", collisions),
};

struct stat_arg {
	const struct net_device *d;
	u32 offset;
};

static int stat_show(void *arg, struct strbuf *out)
{
	const struct stat_arg *a = arg;
	struct device_stats s;

	device_get_stats(a->d, &s);
	strbuf_printf(out, "%lu\n", *(u64 *)((u8 *)&s + a->offset));
	return 0;
}

static const struct sysfs_file_ops stat_ops = { .show = stat_show };

static int stats_add(struct net_device *d)
{
	struct sysfs_node *dir = sysfs_dir(d->dev.sysfs, "statistics");
	int err = dir ? 0 : -ENOMEM;

	for (u32 i = 0; i < ARRAY_SIZE(stats) && !err; i++) {
		struct stat_arg *a = kmalloc(sizeof(*a), GFP_KERNEL);

		if (!a)
			return -ENOMEM;
		*a = (struct stat_arg){ d, stats[i].offset };
		err = sysfs_file(dir, stats[i].name, 0444, &stat_ops, a);
	}
	return err;
}

void net_sysfs_add(struct net_device *d)
{
	d->dev.name = d->name;
	d->dev.subsystem = "net";
	d->dev.attrs = attrs;
	d->dev.private = d;
	if (device_add(&d->dev) || stats_add(d))
		pr_warn("%s: no memory for its files in /sys", d->name);
}
