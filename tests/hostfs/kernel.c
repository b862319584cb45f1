// SPDX-License-Identifier: MIT
/*
 * The rest of a kernel that fs/ext4 stands on: the log, panic, clocks, who current
 * is (root), and the things that do not exist here - mappings of pages into
 * processes, watchers of files, descriptors.
 *
 * What is ABSENT() is linked with and never called; a call ends the run.
 */
#include <stdarg.h>
#include <tarn/block.h>
#include <tarn/cred.h>
#include <tarn/mm.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/random.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include "../../block/block.h"
#include "../../fs/internal.h"
#include "../../mm/mm_int.h"
#include "../../mm/pagecache_int.h"
#include "disk.h"
#include "host.h"

bool cpu_pause_rarely;
struct vm_counters percpu_vm_counters;
static struct thread the_thread;
static struct cpu the_cpu = { .self = &the_cpu, .running = &the_thread };
static char last_message[256];
static bool quiet;

struct cpu *this_cpu(void)
{
	return &the_cpu;
}

struct thread *current_thread(void)
{
	return &the_thread;
}

/* ---- the log ---- */

void panic(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	host_die(text);
}

void printk(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_message, sizeof(last_message), fmt, ap);
	va_end(ap);
	if (quiet)
		return;
	host_say("# ");
	host_say(last_message);
}

void host_quiet(bool yes)
{
	quiet = yes;
}

const char *host_last_message(void)
{
	return last_message;
}

/* ---- time: it goes on by itself ---- */

ktime_t clock_monotonic(void)
{
	static ktime_t now;

	return now += NSEC_PER_USEC;
}

struct timespec64 realtime_coarse(void)
{
	return (struct timespec64){ .tv_sec = (s64)host_time(), .tv_nsec = 123456789 };
}

u64 random_u64(void)
{
	static u64 x = 0x7461726e;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* ---- root ---- */

static struct cred cred = { .cap_effective = ~0ull };

const struct cred *current_cred(void)
{
	return &cred;
}

bool cred_capable(const struct cred *c, int cap)
{
	return true;
}

bool capable(int cap)
{
	return true;
}

bool cred_in_group(const struct cred *c, gid_t gid)
{
	return gid == c->fsgid;
}

/* ---- nobody maps, watches or locks ---- */

bool page_mkclean(struct page *p)
{
	assert(!atomic_load(&p->mapcount));
	return false;
}

void page_unmap_all(struct page *p)
{
	assert(!atomic_load(&p->mapcount));
}

void mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool even_private)
{
}

u64 shmem_pages(const struct mapping *m) NO_LOCK_CHECK
{
	return m->nrpages;
}

void inotify_free_marks(struct inode *inode)
{
}

void inotify_unmount(struct super *sb)
{
}

void inode_locks_free(struct inode *inode)
{
}

void notify_inode_gone(struct inode *inode)
{
}

void notify_dentry(struct dentry *d, u32 mask)
{
}

void inode_init_special(struct inode *inode, mode_t mode, kdev_t rdev)
{
	inode->rdev = rdev;
}

int mount_want_write(const struct mount *m)
{
	return 0;
}

/* ---- what is linked with and never called ---- */

#define ABSENT(name)                                  \
	void absent_##name(void) __asm__(#name);      \
	void absent_##name(void)                      \
	{                                             \
		panic("%s is absent on the host", #name); \
	}

ABSENT(clear_user_partial)
ABSENT(copy_from_user_bounded)
ABSENT(copy_from_user_exact)
ABSENT(copy_from_user_nofault)
ABSENT(copy_from_user_partial)
ABSENT(copy_to_user_bounded)
ABSENT(copy_to_user_exact)
ABSENT(copy_to_user_partial)
ABSENT(file_read_generic)
ABSENT(file_too_large)
ABSENT(file_write_generic)
ABSENT(llseek_generic)
ABSENT(lru_get_sizes)
ABSENT(page_free_frames)
ABSENT(path_lookup)
ABSENT(path_put)
ABSENT(shmem_drop)
ABSENT(shmem_fill)
ABSENT(shmem_is_hole)
ABSENT(user_range_ok)
ABSENT(vm_sum)

/* ---- boot: what kernel/main.c calls of it, in its order ---- */

void host_boot(void)
{
	page_lock_init();
	inode_cache_init();
	dcache_init();
	buffer_init();
	bio_init_reserve();
	disk_boot();
}
