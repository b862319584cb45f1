// SPDX-License-Identifier: MIT
/*
 * swapon(2) and swapoff(2): areas come and go.
 *
 * An area begins with the page mkswap(8) wrote: version, size, bad pages,
 * "SWAPSPACE2".  A partition is one extent; a file's blocks are looked up once,
 * and while it is in use it can be neither written, cut nor removed
 * (S_SWAPFILE: ETXTBSY, EPERM).
 *
 * swapoff gives no more slots out, brings every page back (swap_off.c), and
 * lets go only when no slot is in use; if memory is short it fails and the area
 * stays.
 */
#include <linux/fcntl.h>
#include <tarn/bitmap.h>
#include <tarn/block.h>
#include <tarn/cred.h>
#include <tarn/dentry.h>
#include <tarn/endian.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/swap.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include <tarn/vmalloc.h>
#include "mm_int.h"
#include "swap.h"

#define PREFER 0x8000u
#define PRIO_MASK 0x7fffu
#define DISCARD 0x10000u
#define FLAGS_KNOWN (PREFER | PRIO_MASK | DISCARD | 0x60000u) /* the last two: kinds of discard */

/* mkswap's page, all but the magic at its end. */
struct swap_header {
	char boot[1024];
	le32 version, last_page, bad_count;
	u8 uuid[16];
	char label[16];
	le32 padding[117];
	le32 bad[];
};
#define MAGIC "SWAPSPACE2"
#define MAGIC_AT (PAGE_SIZE - 10)
#define BAD_MAX ((MAGIC_AT - sizeof(struct swap_header)) / sizeof(le32))
_Static_assert(sizeof(struct swap_header) == 1536, "the header mkswap writes");

/* An area being set up. */
struct setup {
	struct file *file;
	struct inode *inode;
	struct bdev *bdev;
	bool claimed, flagged;          /* to be undone */
	u64 slots, usable;
	u16 *map;
	ulong *taken;
	struct swap_extent *extents;
	u32 nr_extents, room;
};

/* ---- the header ---- */

static int mark_bad(struct setup *s, const struct swap_header *h)
{
	u32 n = le32_to_cpu(h->bad_count);

	s->usable = s->slots - 1;
	s->map[0] = SLOT_BAD;
	bitmap_set(s->taken, 0);
	for (u32 i = 0; i < n; i++) {
		u32 page = le32_to_cpu(h->bad[i]);

		if (!page || page >= s->slots)
			return -EINVAL;
		s->usable -= s->map[page] != SLOT_BAD;
		s->map[page] = SLOT_BAD;
		bitmap_set(s->taken, page);
	}
	return s->usable ? 0 : -EINVAL;
}

static int check_header(struct setup *s, const struct swap_header *h, u64 pages)
{
	u64 last = le32_to_cpu(h->last_page);

	if (memcmp((const char *)h + MAGIC_AT, MAGIC, 10)) {
		pr_err("swap: %s has no swap signature", s->file->path.dentry->name.name);
		return -EINVAL;
	}
	if (le32_to_cpu(h->version) != 1) {
		pr_warn("swap: header version %u is not known", le32_to_cpu(h->version));
		return -EINVAL;
	}
	if (!last || last >= pages) {
		pr_warn("swap: the area is shorter than its header says");
		return -EINVAL;
	}
	if (le32_to_cpu(h->bad_count) > BAD_MAX || (le32_to_cpu(h->bad_count) && !s->bdev))
		return -EINVAL;
	s->slots = last + 1;
	return 0;
}

static int read_header(struct setup *s, u64 pages)
{
	struct page *p = pagecache_read_page(s->inode->mapping, 0);
	const struct swap_header *h;
	int err;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	h = page_address(p);
	err = check_header(s, h, pages);
	if (!err) {
		s->map = vmalloc(s->slots * sizeof(*s->map));
		s->taken = vmalloc(BITMAP_WORDS(s->slots) * sizeof(ulong));
		err = s->map && s->taken ? mark_bad(s, h) : -ENOMEM;
	}
	page_put(p);
	return err;
}

/* ---- where the pages are ---- */

static int add_extent(struct setup *s, u64 page, u64 count, u64 sector)
{
	struct swap_extent *last = s->nr_extents ? &s->extents[s->nr_extents - 1] : NULL;

	if (last && last->sector + last->count * (PAGE_SIZE / SECTOR_SIZE) == sector) {
		last->count += count;
		return 0;
	}
	if (s->nr_extents == s->room) {
		u32 room = MAX(s->room * 2, 64u);
		struct swap_extent *more = vmalloc(room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (s->extents)
			memcpy(more, s->extents, s->nr_extents * sizeof(*more));
		vfree(s->extents);
		s->extents = more;
		s->room = room;
	}
	s->extents[s->nr_extents++] = (struct swap_extent){ page, count, sector };
	return 0;
}

static int map_file(struct setup *s)
{
	struct mapping *m = s->inode->mapping;
	int err = 0;

	for (u64 page = 0; page < s->slots && !err;) {
		u64 sector, count = s->slots - page;

		err = m->ops->swap_place(m, page, &sector, &count);
		if (!err)
			err = add_extent(s, page, count, sector);
		page += count;
		cond_resched();
	}
	if (err == -EINVAL)
		pr_err("swap: the file has holes");
	return err;
}

/* ---- the two kinds ---- */

static int set_up_device(struct setup *s)
{
	int err;

	s->bdev = bdev_find(s->inode->rdev);
	if (!s->bdev)
		return -ENXIO;
	err = bdev_claim(s->bdev, false);
	if (err)
		return err;
	s->claimed = true;
	/* What mkswap left in the device's cache must not be written over pages later. */
	err = bdev_sync(s->bdev);
	if (!err)
		err = read_header(s, s->bdev->sectors / (PAGE_SIZE / SECTOR_SIZE));
	return err ? err : add_extent(s, 0, s->slots, 0);
}

static int set_up_file(struct setup *s)
{
	struct inode *inode = s->inode;
	int err;

	if (inode->attr_flags & S_SWAPFILE)
		return -EBUSY;
	if (!inode->mapping->ops->swap_place)
		return -EINVAL;
	inode->attr_flags |= S_SWAPFILE;
	s->flagged = true;
	/* Everything has its place on the disk and nothing will be written there any more. */
	err = mapping_write_range(inode->mapping, 0, ~0ull);
	if (!err)
		err = read_header(s, inode_size(inode) >> PAGE_SHIFT);
	if (!err)
		err = map_file(s);
	if (!err)
		s->bdev = inode->super->bdev;
	return err;
}

static void set_up_undo(struct setup *s)
{
	if (s->claimed)
		bdev_release(s->bdev);
	if (s->flagged) {
		rwsem_write_lock(&s->inode->lock);
		s->inode->attr_flags &= ~(u32)S_SWAPFILE;
		rwsem_write_unlock(&s->inode->lock);
	}
	vfree(s->map);
	vfree(s->taken);
	vfree(s->extents);
}

static int set_up(struct setup *s)
{
	int err;

	if ((s->inode->mode & S_IFMT) == S_IFBLK)
		return set_up_device(s);
	if (!mode_is_reg(s->inode->mode))
		return -EINVAL;
	rwsem_write_lock(&s->inode->lock);
	err = set_up_file(s);
	rwsem_write_unlock(&s->inode->lock);
	return err;
}

/* ---- swapon ---- */

static s16 next_default_prio(void) MUST_HOLD(&swap_lock)
{
	s16 least = -1;

	for (struct swap_area *a = swap_areas; a < swap_areas + SWAP_AREAS; a++)
		if (a->file)
			least = MIN(least, a->prio);
	return least - 1;
}

static void discard_all(const struct setup *s)
{
	int err = 0;

	for (u32 i = 0; i < s->nr_extents && !err; i++) {
		u64 skip = i ? 0 : PAGE_SIZE / SECTOR_SIZE; /* not the header */
		u64 sectors = s->extents[i].count * (PAGE_SIZE / SECTOR_SIZE);

		if (sectors > skip)
			err = bdev_discard_sectors(s->bdev, s->extents[i].sector + skip,
						   sectors - skip);
	}
}

static void install(struct swap_area *a, const struct setup *s, u32 flags) MUST_HOLD(&swap_lock)
{
	u64 irq;

	a->prio = flags & PREFER ? (s16)(flags & PRIO_MASK) : next_default_prio();
	a->usable = s->usable;
	a->file = s->file;
	a->bdev = s->bdev;
	a->extents = s->extents;
	a->nr_extents = s->nr_extents;
	irq = spin_lock_irqsave(&a->lock);
	a->map = s->map;
	a->taken = s->taken;
	a->slots = s->slots;
	a->used = 0;
	a->next = 1;
	spin_unlock_irqrestore(&a->lock, irq);
	swap_area_open(a);
	pr_info("swap: %lu KiB on %s, priority %d, %u extents", (ulong)(a->usable * 4),
		s->file->path.dentry->name.name, a->prio, a->nr_extents);
}

/* The area of @m, or, NULL, a free one. */
static struct swap_area *find_area(const struct mapping *m) MUST_HOLD(&swap_lock)
{
	for (struct swap_area *a = swap_areas; a < swap_areas + SWAP_AREAS; a++)
		if (m ? a->file && a->file->inode->mapping == m : !a->file)
			return a;
	return NULL;
}

static struct file *open_user(const char __user *name)
{
	struct path p;
	struct file *f;
	int err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW, &p);

	if (err)
		return ERR_PTR(err);
	f = file_open_path(&p, O_RDWR | O_LARGEFILE, current_cred());
	path_put(&p);
	return f;
}

static int swap_on(struct file *f, u32 flags) MUST_HOLD(&swap_lock)
{
	struct setup s = { .file = f, .inode = f->inode };
	struct swap_area *a = find_area(NULL);
	int err = a ? find_area(f->inode->mapping) ? -EBUSY : set_up(&s) : -EPERM;

	if (err) {
		set_up_undo(&s);
		return err;
	}
	if (flags & DISCARD)
		discard_all(&s);
	install(a, &s, flags);
	return 0;
}

long sys_swapon(const char __user *name, int flags)
{
	struct file *f;
	int err;

	if ((u32)flags & ~FLAGS_KNOWN)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	f = open_user(name);
	if (IS_ERR(f))
		return PTR_ERR(f);
	mutex_lock(&swap_lock);
	err = swap_on(f, (u32)flags);
	mutex_unlock(&swap_lock);
	if (err)
		file_put(f);
	return err;
}

/* ---- swapoff ---- */

static void tear_down(struct swap_area *a) MUST_HOLD(&swap_lock)
{
	struct setup s = { .file = a->file, .inode = a->file->inode, .bdev = a->bdev };
	u64 irq = spin_lock_irqsave(&a->lock);

	assert(!a->used && !a->cached);
	s.map = a->map;
	s.taken = a->taken;
	s.extents = a->extents;
	a->slots = 0;
	a->map = NULL;
	a->taken = NULL;
	a->extents = NULL;
	spin_unlock_irqrestore(&a->lock, irq);
	a->file = NULL; /* the caller has it */
	s.claimed = !mode_is_reg(s.inode->mode);
	s.flagged = !s.claimed;
	set_up_undo(&s);
}

/* *file: what swapon(2) opened, if it is let go. */
static int swap_off(const struct mapping *m, struct file **file) MUST_HOLD(&swap_lock)
{
	struct swap_area *a = find_area(m);
	int err;

	if (!a)
		return -EINVAL;
	*file = a->file;
	swap_area_close(a);
	err = swap_bring_back(a);
	if (err)
		swap_area_open(a);
	else
		tear_down(a);
	return err;
}

long sys_swapoff(const char __user *name)
{
	struct file *f, *used;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	f = open_user(name);
	if (IS_ERR(f))
		return PTR_ERR(f);
	err = mutex_lock_killable(&swap_lock);
	if (!err) {
		err = swap_off(f->inode->mapping, &used);
		mutex_unlock(&swap_lock);
		if (!err)
			file_put(used);
	}
	file_put(f);
	return err;
}

/* ---- /proc/swaps ---- */

static void show_area(struct strbuf *out, const struct swap_area *a, const struct path *root, char *buf)
{
	ulong size = (ulong)(a->usable * 4), used = (ulong)(READ_UNLOCKED(a->used) * 4);
	const char *name;
	bool unreachable;

	name = path_format(&a->file->path, root, buf, PATH_MAX_LEN, &unreachable);
	strbuf_escape(out, IS_ERR(name) ? "?" : name, " \t\n\\");
	strbuf_puts(out, " ");
	strbuf_pad(out, 40);
	strbuf_printf(out, "%s\t%lu\t%s%lu\t%s%d\n",
		      mode_is_reg(a->file->inode->mode) ? "file\t" : "partition", size,
		      size < 10000000 ? "\t" : "", used, used < 10000000 ? "\t" : "", a->prio);
}

int swap_show(struct strbuf *out)
{
	char *buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	struct path root;

	if (!buf)
		return -ENOMEM;
	strbuf_puts(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	fs_get_root(&root);
	mutex_lock(&swap_lock);
	for (struct swap_area *a = swap_next_area(NULL); a; a = swap_next_area(a))
		show_area(out, a, &root, buf);
	mutex_unlock(&swap_lock);
	path_put(&root);
	kfree(buf);
	return 0;
}
