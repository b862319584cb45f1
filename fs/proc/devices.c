// SPDX-License-Identifier: MIT
/* /proc's files about devices and file systems. */
#include <tarn/block.h>
#include <tarn/device.h>
#include <tarn/file.h>
#include <tarn/proc.h>
#include <tarn/super.h>

static int filesystems_show(struct strbuf *out)
{
	SET_FOR_EACH(const struct fs_type, t, filesystems) {
		strbuf_printf(out, "%s\t%s\n", t->needs_device ? "" : "nodev", t->name);
	}
	return 0;
}

static int devices_show(struct strbuf *out)
{
	struct bdev *b;

	strbuf_puts(out, "Character devices:\n");
	chrdev_show(out);
	strbuf_puts(out, "\nBlock devices:\n");
	for (b = bdev_next(NULL); b; b = bdev_next(b))
		if (b->disk == b && KDEV_MINOR(b->dev) == 0)
			strbuf_printf(out, "%3u virtblk\n", KDEV_MAJOR(b->dev));
	return 0;
}

static int partitions_show(struct strbuf *out)
{
	struct bdev *b;

	strbuf_puts(out, "major minor  #blocks  name\n\n");
	for (b = bdev_next(NULL); b; b = bdev_next(b))
		strbuf_printf(out, "%4u  %7u %10llu %s\n", KDEV_MAJOR(b->dev), KDEV_MINOR(b->dev),
			      (unsigned long long)(b->sectors / 2), b->name);
	return 0;
}

static int diskstats_show(struct strbuf *out)
{
	struct bdev *b;

	for (b = bdev_next(NULL); b; b = bdev_next(b)) {
		strbuf_printf(out, "%4u %7u %s %llu 0 %llu 0 %llu 0 %llu 0 %llu %llu 0\n",
			      KDEV_MAJOR(b->dev), KDEV_MINOR(b->dev), b->name,
			      (unsigned long long)b->reads, (unsigned long long)b->read_sectors,
			      (unsigned long long)b->writes, (unsigned long long)b->write_sectors,
			      (unsigned long long)b->in_flight,
			      (unsigned long long)(b->io_ns / NSEC_PER_MSEC));
	}
	return 0;
}

static int locks_file_show(struct strbuf *out)
{
	locks_show(out);
	return 0;
}

static const struct proc_entry proc_filesystems = { "filesystems", filesystems_show, NULL, 0 };
static const struct proc_entry proc_devices = { "devices", devices_show, NULL, 0 };
static const struct proc_entry proc_partitions = { "partitions", partitions_show, NULL, 0 };
static const struct proc_entry proc_diskstats = { "diskstats", diskstats_show, NULL, 0 };
static const struct proc_entry proc_locks = { "locks", locks_file_show, NULL, 0 };
SECTION_SET(proc_entries, proc_filesystems);
SECTION_SET(proc_entries, proc_devices);
SECTION_SET(proc_entries, proc_partitions);
SECTION_SET(proc_entries, proc_diskstats);
SECTION_SET(proc_entries, proc_locks);
