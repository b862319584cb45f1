// SPDX-License-Identifier: MIT
/*
 * The first file system: an initramfs if it holds an init, else the disk that
 * root= names.
 *
 * As on Linux, devtmpfs is put on the disk's /dev by the kernel, while an
 * initramfs mounts its own.  Without rootfstype= every file system that lives on
 * a device is tried.
 */
#include <linux/mount.h>
#include <arch/boot.h>
#include <arch/mmu.h>
#include <tarn/block.h>
#include <tarn/cmdline.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/mount.h>
#include <tarn/panic.h>
#include <tarn/path.h>
#include <tarn/printk.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include "boot.h"

#define ROOT_WAIT_NS (30 * NSEC_PER_SEC)

bool initramfs_has_init;

static bool file_exists(const char *name)
{
	struct path p;

	if (path_lookup(name, LOOKUP_FOLLOW, &p) != 0)
		return false;
	path_put(&p);
	return true;
}

static bool initramfs_mount(void)
{
	size_t size = boot_info.initrd_end - boot_info.initrd_start;
	int err;

	if (!size)
		return false;
	err = mount_root("rootfs", "tmpfs", 0, NULL);
	if (err)
		panic("no root file system in memory: error %d", -err);
	err = initramfs_unpack(phys_to_virt(boot_info.initrd_start), size);
	if (err)
		boot_fail("the initramfs is damaged (error %d)", -err);
	initramfs_has_init = file_exists(boot_options.rdinit);
	if (!initramfs_has_init && !boot_options.root)
		boot_fail("the initramfs has no %s and no root= was given", boot_options.rdinit);
	return initramfs_has_init;
}

static int try_type(const char *type, u32 flags)
{
	char data[256] = "";

	if (boot_options.rootflags)
		(void)strscpy(data, boot_options.rootflags, sizeof(data));
	return mount_root(boot_options.root, type, flags, data);
}

/* -EINVAL from a type: not mine; the next one is asked. */
static int try_all_types(u32 flags)
{
	int err = -ENODEV;

	if (boot_options.rootfstype)
		return try_type(boot_options.rootfstype, flags);
	SET_FOR_EACH(const struct fs_type, type, filesystems) {
		if (!type->needs_device)
			continue;
		err = try_type(type->name, flags);
		if (err != -EINVAL)
			return err;
	}
	return err;
}

static void list_disks(void)
{
	if (!bdev_next(NULL))
		pr_err("There is no disk");
	for (struct bdev *b = bdev_next(NULL); b; b = bdev_next(b))
		pr_err("Disk %s: %llu MiB", b->name, (unsigned long long)(b->sectors >> 11));
}

static void wait_for_root(void)
{
	ktime_t end = clock_monotonic() + ROOT_WAIT_NS;

	while (boot_options.root_wait && clock_monotonic() < end) {
		struct bdev *b = super_open_device(boot_options.root, true);

		if (!IS_ERR(b)) /* found, not claimed */
			return;
		sleep_ns(20 * NSEC_PER_MSEC);
	}
}

void root_mount(void)
{
	u32 flags = boot_options.read_write ? 0 : MS_RDONLY;
	int err;

	if (initramfs_mount())
		return;
	if (!boot_options.root)
		boot_fail("no root file system: no initramfs, and no root= on the command line");
	wait_for_root();
	err = try_all_types(flags);
	if (err) {
		list_disks();
		boot_fail("cannot mount %s as root: error %d", boot_options.root, -err);
	}
	pr_info("Root is %s, %s", boot_options.root, flags ? "read-only" : "read-write");
	err = mount_fs("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	if (err)
		pr_warn("cannot mount devtmpfs on /dev: error %d", -err);
}
