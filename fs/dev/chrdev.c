// SPDX-License-Identifier: MIT
/*
 * Character devices by number: who serves an open of a device node.
 *
 * Ranges are registered at boot by drivers and stay.  opening looks the number
 * up and hands the file over to the driver's file_ops.
 */
#include <tarn/block.h>
#include <tarn/device.h>
#include <tarn/inode.h>
#include <tarn/pipe.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>

#include "../internal.h"

#define DYNAMIC_FIRST 234 /* as Linux: downwards from here */
#define DYNAMIC_LAST 200

struct chrdev_range {
	struct list node;
	kdev_t first;
	u32 count;
	const char *name;
	const struct file_ops *fops;
};

static struct spinlock lock = SPINLOCK_INIT("chrdev", LR_LEAF);
static struct list ranges GUARDED_BY(&lock) = LIST_INIT(ranges); /* by number; entries stay for ever */
static u32 next_dynamic GUARDED_BY(&lock) = DYNAMIC_FIRST;

/* lock held: where a new range belongs, or NULL if it overlaps. */
static struct list *place_for(kdev_t first, u32 count) MUST_HOLD(&lock)
{
	struct chrdev_range *r;

	LIST_FOR_EACH(r, &ranges, node) {
		if (first < r->first + r->count && r->first < first + count)
			return NULL;
		if (first < r->first)
			return &r->node;
	}
	return &ranges;
}

int chrdev_register(kdev_t first, u32 count, const char *name, const struct file_ops *fops)
{
	struct chrdev_range *r = kmalloc(sizeof(*r), GFP_KERNEL);
	struct list *place;

	if (!r)
		return -ENOMEM;
	*r = (struct chrdev_range){ .first = first, .count = count, .name = name, .fops = fops };
	spin_lock(&lock);
	place = place_for(first, count);
	if (place)
		list_add_tail(place, &r->node);
	spin_unlock(&lock);
	if (!place)
		kfree(r);
	return place ? 0 : -EBUSY;
}

/* 0: none left. */
u32 chrdev_dynamic_major(void)
{
	u32 major = 0;

	spin_lock(&lock);
	if (next_dynamic >= DYNAMIC_LAST)
		major = next_dynamic--;
	spin_unlock(&lock);
	return major;
}

static const struct file_ops *chrdev_find(kdev_t dev)
{
	const struct file_ops *fops = NULL;
	struct chrdev_range *r;

	spin_lock(&lock);
	LIST_FOR_EACH(r, &ranges, node)
		if (dev >= r->first && dev < r->first + r->count) {
			fops = r->fops;
			break;
		}
	spin_unlock(&lock);
	return fops;
}

/* Entries never go and are added at boot: the list may be read as it is. */
void chrdev_show(struct strbuf *out) NO_LOCK_CHECK
{
	struct chrdev_range *r;

	strbuf_puts(out, "Character devices:\n");
	LIST_FOR_EACH(r, &ranges, node)
		strbuf_printf(out, "%3u %s\n", KDEV_MAJOR(r->first), r->name);
}

static int chrdev_open(struct inode *inode, struct file *f)
{
	const struct file_ops *fops = chrdev_find(inode->rdev);

	if (!fops)
		return -ENXIO;
	f->ops = fops;
	return fops->open ? fops->open(inode, f) : 0;
}

static const struct file_ops chrdev_fops = {
	.open = chrdev_open,
};

/* open(2) never gets here: a socket's inode is reached by connect(2) only. */
static const struct file_ops socket_node_fops;

void inode_init_special(struct inode *inode, mode_t mode, kdev_t rdev)
{
	inode->mode = mode;
	inode->rdev = rdev;
	switch (mode & S_IFMT) {
	case S_IFCHR:
		inode->fops = &chrdev_fops;
		break;
	case S_IFBLK:
		inode->fops = &bdev_fops;
		break;
	case S_IFIFO:
		inode->fops = &fifo_fops;
		break;
	default:
		inode->fops = &socket_node_fops;
	}
}
