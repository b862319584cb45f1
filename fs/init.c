// SPDX-License-Identifier: MIT
/* Starting the virtual file system, and stopping it. */
#include <tarn/mount.h>
#include <tarn/page.h>
#include <tarn/super.h>
#include <tarn/sysfs.h>
#include "internal.h"

/* What a user may make the kernel keep goes by the machine's memory. */
static void limits_init(void)
{
	struct mem_stats stats;

	mem_get_stats(&stats);
	locks_limit_init(stats.total);
	epoll_limit_init(stats.total);
	inotify_limit_init(stats.total);
}

/* Needs slabs, RCU and kernel threads; current is the first process, without a root yet. */
void vfs_init(void)
{
	dcache_init();
	inode_cache_init();
	mount_init();
	file_cache_init(); /* the mount of nameless files: needs all of the above */
	tmpfs_init();
	devfs_init();
	writeback_init();
	limits_init();
	sysfs_memory_init();
}

static void freeze(struct super *sb, void *arg)
{
	super_freeze(sb);
}

void vfs_shutdown(void)
{
	vfs_sync();
	super_for_each(freeze, NULL);
	vfs_sync(); /* what turning read-only wrote on the devices */
}
