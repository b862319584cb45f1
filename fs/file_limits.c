// SPDX-License-Identifier: MIT
/*
 * How many files may be open: proc_sys_fs(5), file-max, file-nr, nr_open.
 *
 * Open files are the kernel's memory, whoever opens them: at file-max an open
 * fails with ENFILE, but for those who could mend it (CAP_SYS_ADMIN).  nr_open
 * bounds RLIMIT_NOFILE, which bounds one process.
 *
 * Tests: tests/abi/fs_holes.c.
 */
#include <tarn/cred.h>
#include <tarn/page.h>
#include <tarn/parse.h>
#include <tarn/printk.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/thread.h>

#include "internal.h"

#define LEAST_FILES 8192 /* as Linux's NR_FILE */

int nr_open = 1 << 20;
static _Atomic u64 max_files;

static const struct sysctl nr_open_sysctl = {
	.path = "fs/nr_open", .value = &nr_open, .min = 64, .max = 0x7fffffc0,
};
SECTION_SET(sysctls, nr_open_sysctl);

void file_limits_init(void)
{
	struct mem_stats m;

	mem_get_stats(&m);
	/* A tenth of memory, a file and what comes with it taken for 1 KiB. */
	atomic_store(&max_files, MAX(m.free * (PAGE_SIZE / 1024) / 10, (u64)LEAST_FILES));
}

bool file_limit_reached(u64 open)
{
	static _Atomic u64 told;
	u64 max = atomic_load_explicit(&max_files, memory_order_relaxed);

	if (likely(open < max) || capable(CAP_SYS_ADMIN))
		return false;
	if (atomic_exchange(&told, max) != max)
		pr_info("Open files reached fs.file-max, %llu", (unsigned long long)max);
	return true;
}

static int file_max_show(struct strbuf *out)
{
	strbuf_printf(out, "%llu\n", (unsigned long long)atomic_load(&max_files));
	return 0;
}

static ssize_t file_max_write(const char *text, size_t n)
{
	u64 max;

	if (parse_u64(text, 0, &max) || max > INT64_MAX)
		return -EINVAL;
	atomic_store(&max_files, max);
	return (ssize_t)n;
}

static int file_nr_show(struct strbuf *out)
{
	strbuf_printf(out, "%llu\t0\t%llu\n", (unsigned long long)file_count(),
		      (unsigned long long)atomic_load(&max_files));
	return 0;
}

static const struct proc_entry file_max_entry = { "sys/fs/file-max", file_max_show, file_max_write, 0 };
static const struct proc_entry file_nr_entry = { "sys/fs/file-nr", file_nr_show, NULL, 0 };
SECTION_SET(proc_entries, file_max_entry);
SECTION_SET(proc_entries, file_nr_entry);
