// SPDX-License-Identifier: MIT
/*
 * Disks and their partitions: registration, names, claims, /sys attributes.
 *
 * A driver registers a disk; its partition table is read at once and each
 * partition becomes a struct bdev of its own, with a page cache of its own (as
 * on Linux: /dev/vda and /dev/vda1 do not see each other's cached pages).
 * The inodes that hold those caches live on an internal super block, so the
 * flusher finds their dirty pages like any file's.
 *
 * Devices never go away, so pointers to them need no references and the list
 * needs no lock to be read.  bdev_lock guards adding, openers and claims.
 */
#include <linux/fs.h>
#include <linux/stat.h>
#include <tarn/block.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/inode.h>
#include <tarn/pagecache.h>
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include "block.h"

static struct mutex bdev_lock = MUTEX_INIT(bdev_lock, "bdev", LR_SLEEP_LEAF);
static struct list bdevs = LIST_INIT(bdevs);
static struct super *bdev_super;

static const struct fs_type bdev_fs = { .name = "bdev" };
static const struct super_ops bdev_super_ops = { 0 };

/* ---- /sys/class/block attributes ---- */

static int show_size(struct device *dev, struct strbuf *out)
{
	strbuf_printf(out, "%llu\n", (unsigned long long)((struct bdev *)dev->private)->sectors);
	return 0;
}

static int show_ro(struct device *dev, struct strbuf *out)
{
	strbuf_printf(out, "%d\n", bdev_read_only(dev->private));
	return 0;
}

static int show_start(struct device *dev, struct strbuf *out)
{
	strbuf_printf(out, "%llu\n", (unsigned long long)((struct bdev *)dev->private)->start);
	return 0;
}

static int show_partition(struct device *dev, struct strbuf *out)
{
	struct bdev *b = dev->private;

	strbuf_printf(out, "%u\n", KDEV_MINOR(b->dev) - KDEV_MINOR(b->disk->dev));
	return 0;
}

static int show_stat(struct device *dev, struct strbuf *out)
{
	struct bdev *b = dev->private;
	u64 ms = b->io_ns / NSEC_PER_MSEC;

	/* Documentation/block/stat: ios, merges, sectors, ticks for reads, then for writes ... */
	strbuf_printf(out, "%8llu %8u %8llu %8u %8llu %8u %8llu %8u %8llu %8llu %8llu\n",
		      (unsigned long long)b->reads, 0, (unsigned long long)b->read_sectors, 0,
		      (unsigned long long)b->writes, 0, (unsigned long long)b->write_sectors, 0,
		      (unsigned long long)b->in_flight, (unsigned long long)ms,
		      (unsigned long long)ms);
	return 0;
}

static const struct device_attr disk_attrs[] = {
	{ .name = "size", .mode = 0444, .show = show_size },
	{ .name = "ro", .mode = 0444, .show = show_ro },
	{ .name = "stat", .mode = 0444, .show = show_stat },
	{ 0 },
};

static const struct device_attr partition_attrs[] = {
	{ .name = "size", .mode = 0444, .show = show_size },
	{ .name = "ro", .mode = 0444, .show = show_ro },
	{ .name = "stat", .mode = 0444, .show = show_stat },
	{ .name = "start", .mode = 0444, .show = show_start },
	{ .name = "partition", .mode = 0444, .show = show_partition },
	{ 0 },
};

/* ---- making a device ---- */

static struct inode *make_inode(struct bdev *b)
{
	struct inode *inode = inode_new(bdev_super);

	if (!inode)
		return NULL;
	inode->mode = S_IFBLK | 0600;
	inode->rdev = b->dev;
	inode->ino = b->dev;
	inode->nlink = 1;
	inode->blkbits = PAGE_SHIFT;
	inode->private = b;
	atomic_store(&inode->size, bdev_bytes(b));
	mapping_init(&inode->data, inode, &bdev_mapping_ops);
	/* Metadata comes through this cache: read by file systems that hold their locks, and the lock
	 * taken under a file's mapping and map_lock. */
	inode->data.gfp = GFP_USER_NOFS;
	rwsem_init(&inode->data.invalidate_lock, "disk cache", LR_BDEV_MAPPING);
	inode->mapping = &inode->data;
	return inode;
}

static struct bdev *bdev_new(const char *name, kdev_t dev, u64 start, u64 sectors)
{
	struct bdev *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	strscpy(b->name, name, sizeof(b->name));
	b->dev = dev;
	b->start = start;
	b->sectors = sectors;
	b->inode = make_inode(b);
	if (!b->inode) {
		kfree(b);
		return NULL;
	}
	return b;
}

/* On the list and in /dev and /sys.  The device stays usable for a mount if the latter fail. */
static struct device *publish(struct bdev *b, struct device *parent)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err = -ENOMEM;

	mutex_lock(&bdev_lock);
	list_add_tail_rcu(&bdevs, &b->node);
	mutex_unlock(&bdev_lock);
	if (dev) {
		dev->name = b->name;
		dev->parent = parent;
		dev->subsystem = "block";
		dev->is_block = true;
		dev->dev = b->dev;
		dev->attrs = b->disk == b ? disk_attrs : partition_attrs;
		dev->private = b;
		err = device_add(dev);
	}
	if (err)
		pr_warn("%s: no device node: error %d\n", b->name, err);
	return dev;
}

static void add_partition(struct bdev *disk, const struct partition *part, struct device *parent)
{
	size_t len = strlen(disk->name);
	bool digit = disk->name[len - 1] >= '0' && disk->name[len - 1] <= '9';
	struct bdev *b;
	char name[24];

	snprintf(name, sizeof(name), "%s%s%u", disk->name, digit ? "p" : "", part->number);
	b = bdev_new(name, disk->dev + part->number, part->start, part->sectors);
	if (!b) {
		pr_err("%s: no memory for partition %u\n", disk->name, part->number);
		return;
	}
	b->disk = disk;
	b->ops = disk->ops;
	b->driver = disk->driver;
	b->limits = disk->limits;
	strscpy(b->partuuid, part->uuid, sizeof(b->partuuid));
	publish(b, parent);
}

static int read_for_parser(void *disk, u64 offset, void *buf, size_t len)
{
	return bdev_read(disk, offset, buf, len);
}

static void add_partitions(struct bdev *disk, struct device *parent)
{
	struct partition *parts = kcalloc(PARTITIONS_MAX, sizeof(*parts), GFP_KERNEL);
	int n = -ENOMEM;

	if (parts)
		n = partitions_parse(read_for_parser, disk, disk->sectors, disk->limits.block_size,
				     parts, PARTITIONS_MAX);
	if (n < 0)
		pr_warn("%s: partition table not read: error %d\n", disk->name, n);
	for (int i = 0; i < n; i++)
		add_partition(disk, &parts[i], parent);
	kfree(parts);
}

struct bdev *disk_register(const char *name, kdev_t first_dev, u64 sectors,
			   const struct disk_ops *ops, void *driver,
			   const struct disk_limits *limits)
{
	struct bdev *b = bdev_new(name, first_dev, 0, sectors);
	struct device *dev;

	if (!b)
		return ERR_PTR(-ENOMEM);
	b->disk = b;
	b->ops = ops;
	b->driver = driver;
	b->limits = *limits;
	if (!b->limits.block_size)
		b->limits.block_size = SECTOR_SIZE;
	pr_info("%s: %llu sectors of 512 bytes (%llu MiB)%s\n", b->name,
		(unsigned long long)sectors, (unsigned long long)(sectors >> 11),
		limits->read_only ? ", read-only" : "");
	dev = publish(b, NULL);
	disk_files_add(b, dev ? dev->sysfs : NULL);
	add_partitions(b, dev);
	return b;
}

/* ---- finding ---- */

struct bdev *bdev_next(struct bdev *prev)
{
	struct list *next =
		__atomic_load_n(prev ? &prev->node.next : &bdevs.next, __ATOMIC_ACQUIRE);

	return next == &bdevs ? NULL : LIST_ENTRY(next, struct bdev, node);
}

struct bdev *bdev_find(kdev_t dev)
{
	for (struct bdev *b = bdev_next(NULL); b; b = bdev_next(b))
		if (b->dev == dev)
			return b;
	return NULL;
}

struct bdev *bdev_find_name(const char *name)
{
	for (struct bdev *b = bdev_next(NULL); b; b = bdev_next(b))
		if (str_eq(b->name, name))
			return b;
	return NULL;
}

/* ---- claims ---- */

static bool overlaps(const struct bdev *a, const struct bdev *b)
{
	return a->disk == b->disk && (a == b || a->disk == a || b->disk == b);
}

bool bdev_read_only(const struct bdev *b)
{
	return b->limits.read_only || READ_ONCE(b->set_read_only) || READ_ONCE(b->disk->set_read_only);
}

int bdev_claim(struct bdev *b, bool read_only)
{
	int err = 0;

	if (!read_only && bdev_read_only(b))
		return -EROFS;
	mutex_lock(&bdev_lock);
	/* A mounted partition keeps the whole disk, and the other way round. */
	for (struct bdev *o = bdev_next(NULL); o; o = bdev_next(o))
		if (o->claimed && overlaps(o, b))
			err = -EBUSY;
	if (!err)
		b->claimed = true;
	mutex_unlock(&bdev_lock);
	return err;
}

void bdev_release(struct bdev *b)
{
	mutex_lock(&bdev_lock);
	assert(b->claimed);
	b->claimed = false;
	mutex_unlock(&bdev_lock);
}

void block_init(void)
{
	buffer_init();
	bio_init_reserve();
	bdev_super = super_alloc(&bdev_fs, &bdev_super_ops, 0);
	if (!bdev_super)
		panic("no memory for block devices");
	strscpy(bdev_super->id, "bdev", sizeof(bdev_super->id));
	bdev_super->block_size = PAGE_SIZE;
	bdev_super->rootless = true;
	bdev_super->max_bytes = INT64_MAX;
}
