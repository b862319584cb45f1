// SPDX-License-Identifier: MIT
/* /proc's files about memory, CPUs and time, in proc(5)'s formats. */
#include <arch/boot.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <tarn/block.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/inode.h>
#include <tarn/page.h>
#include <tarn/pagecache.h>
#include <tarn/proc.h>
#include <tarn/slab.h>
#include <tarn/swap.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include <tarn/uts.h>

#define CLOCK_TICK_NS (NSEC_PER_SEC / 100) /* USER_HZ is 100 */

static void kb(struct strbuf *out, const char *name, u64 pages)
{
	strbuf_printf(out, "%s:", name);
	strbuf_pad(out, 16);
	strbuf_printf(out, "%8lu kB\n", (ulong)(pages * (PAGE_SIZE / 1024)));
}

/* Pages in the caches of disks themselves: file systems' metadata. */
static u64 buffer_pages(void)
{
	u64 pages = 0;

	for (struct bdev *b = bdev_next(NULL); b; b = bdev_next(b))
		pages += READ_UNLOCKED(b->inode->data.nrpages);
	return pages;
}

static void show_lists(struct strbuf *out, const struct mem_stats *m)
{
	kb(out, "Active", m->active_file + m->active_anon);
	kb(out, "Inactive", m->inactive_file + m->inactive_anon);
	kb(out, "Active(anon)", m->active_anon);
	kb(out, "Inactive(anon)", m->inactive_anon);
	kb(out, "Active(file)", m->active_file);
	kb(out, "Inactive(file)", m->inactive_file);
}

static int meminfo_show(struct strbuf *out)
{
	struct mem_stats m;
	struct dirty_state d;
	u64 buffers;

	mem_get_stats(&m);
	dirty_get_state(&d);
	buffers = MIN(buffer_pages(), m.cached);
	kb(out, "MemTotal", m.total);
	kb(out, "MemFree", m.free);
	kb(out, "MemAvailable", m.available);
	kb(out, "Buffers", buffers);
	kb(out, "Cached", m.cached - buffers);
	kb(out, "SwapCached", m.swap_cached);
	show_lists(out, &m);
	kb(out, "SwapTotal", m.swap_total);
	kb(out, "SwapFree", m.swap_free);
	kb(out, "Dirty", d.dirty);
	kb(out, "Writeback", d.writeback);
	kb(out, "AnonPages", m.anon);
	kb(out, "Mapped", m.mapped);
	kb(out, "Shmem", m.shmem);
	kb(out, "KReclaimable", m.slab_reclaimable);
	kb(out, "Slab", m.slab);
	kb(out, "SReclaimable", m.slab_reclaimable);
	kb(out, "SUnreclaim", m.slab - m.slab_reclaimable);
	kb(out, "KernelStack", m.kstacks);
	kb(out, "PageTables", m.tables);
	kb(out, "CommitLimit", m.commit_limit);
	kb(out, "Committed_AS", m.committed);
	kb(out, "VmallocTotal", (VMALLOC_END - VMALLOC_WINDOW) >> PAGE_SHIFT);
	kb(out, "VmallocUsed", m.vmalloc);
	kb(out, "VmallocChunk", 0); /* as Linux: nobody looks for the largest hole */
	kb(out, "AnonHugePages", m.anon_huge);
	return 0;
}

/* Events and pages; what moves to and from disks is counted in KiB. */
static int vmstat_show(struct strbuf *out)
{
	struct mem_stats m;

	mem_get_stats(&m);
	const struct {
		const char *name;
		u64 value;
	} rows[] = {
		{ "nr_free_pages", m.free },
		{ "nr_inactive_anon", m.inactive_anon },
		{ "nr_active_anon", m.active_anon },
		{ "nr_inactive_file", m.inactive_file },
		{ "nr_active_file", m.active_file },
		{ "nr_slab_reclaimable", m.slab_reclaimable },
		{ "nr_slab_unreclaimable", m.slab - m.slab_reclaimable },
		{ "nr_anon_pages", m.anon },
		{ "nr_mapped", m.mapped },
		{ "nr_file_pages", m.cached },
		{ "nr_dirty", m.dirty },
		{ "nr_writeback", m.writeback },
		{ "nr_shmem", m.shmem },
		{ "nr_anon_transparent_hugepages", m.anon_huge / HUGE_FRAMES },
		{ "nr_kernel_stack", m.kstacks * (PAGE_SIZE / 1024) },
		{ "nr_page_table_pages", m.tables },
		{ "pgpgin", m.pgpgin * (PAGE_SIZE / 1024) },
		{ "pgpgout", m.pgpgout * (PAGE_SIZE / 1024) },
		{ "pswpin", m.pswpin },
		{ "pswpout", m.pswpout },
		{ "pgfree", m.pgfree },
		{ "pgfault", m.pgfault },
		{ "pgmajfault", m.pgmajfault },
		{ "oom_kill", m.oom_kills },
		{ "thp_fault_alloc", m.thp_alloc },
		{ "thp_fault_fallback", m.thp_fallback },
		{ "thp_split_pmd", m.thp_split },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		strbuf_printf(out, "%s %lu\n", rows[i].name, (ulong)rows[i].value);
	return 0;
}

static void cpu_line(struct strbuf *out, const struct cpu_times *t)
{
	strbuf_printf(out, " %llu %llu %llu %llu %llu %llu 0 0 0 0\n",
		      (unsigned long long)(t->user / CLOCK_TICK_NS),
		      (unsigned long long)(t->nice / CLOCK_TICK_NS),
		      (unsigned long long)(t->system / CLOCK_TICK_NS),
		      (unsigned long long)(t->idle / CLOCK_TICK_NS),
		      (unsigned long long)(t->iowait / CLOCK_TICK_NS),
		      (unsigned long long)(t->irq / CLOCK_TICK_NS));
}

static void cpu_times_sum(struct cpu_times *sum)
{
	*sum = (struct cpu_times){ 0 };
	FOR_EACH_CPU(c) {
		struct cpu_times t;

		sched_cpu_times(c, &t);
		sum->user += t.user;
		sum->nice += t.nice;
		sum->system += t.system;
		sum->idle += t.idle;
		sum->iowait += t.iowait;
		sum->irq += t.irq;
	}
}

static int stat_show(struct strbuf *out)
{
	struct sched_stats s;
	struct cpu_times t;

	cpu_times_sum(&t);
	strbuf_puts(out, "cpu ");
	cpu_line(out, &t);
	FOR_EACH_CPU(c) {
		sched_cpu_times(c, &t);
		strbuf_printf(out, "cpu%u", c);
		cpu_line(out, &t);
	}
	sched_get_stats(&s);
	irq_show_stat(out);
	strbuf_printf(out, "ctxt %llu\nbtime %llu\nprocesses %llu\n",
		      (unsigned long long)s.ctxt_switches,
		      (unsigned long long)clock_boot_seconds(), (unsigned long long)s.forks);
	strbuf_printf(out, "procs_running %u\nprocs_blocked 0\n", s.running);
	return 0;
}

static int uptime_show(struct strbuf *out)
{
	ktime_t up = clock_monotonic();
	struct cpu_times sum;

	cpu_times_sum(&sum);
	strbuf_printf(out, "%llu.%02llu %llu.%02llu\n", (unsigned long long)(up / NSEC_PER_SEC),
		      (unsigned long long)(up % NSEC_PER_SEC / 10000000),
		      (unsigned long long)(sum.idle / NSEC_PER_SEC),
		      (unsigned long long)(sum.idle % NSEC_PER_SEC / 10000000));
	return 0;
}

static int loadavg_show(struct strbuf *out)
{
	struct sched_stats s;

	sched_get_stats(&s);
	for (int i = 0; i < 3; i++) {
		u64 l = s.load[i] + 655 / 2; /* half of a hundredth, to round */

		strbuf_printf(out, "%llu.%02llu ", (unsigned long long)(l >> 16),
			      (unsigned long long)((l & 0xffff) * 100 >> 16));
	}
	strbuf_printf(out, "%u/%u %u\n", s.running, s.total, s.last_pid);
	return 0;
}

static int cpuinfo_show(struct strbuf *out)
{
	FOR_EACH_CPU(c)
		cpu_show_info(out, c);
	return 0;
}

static int version_show(struct strbuf *out)
{
	strbuf_printf(out, "%s version %s %s\n", UTS_SYSNAME, UTS_RELEASE, UTS_VERSION);
	return 0;
}

static int cmdline_show(struct strbuf *out)
{
	strbuf_printf(out, "%s\n", boot_info.cmdline);
	return 0;
}

static int interrupts_show(struct strbuf *out)
{
	irq_show(out);
	return 0;
}

static int slabinfo_show(struct strbuf *out)
{
	slab_show(out);
	return 0;
}

static int swaps_show(struct strbuf *out)
{
	return swap_show(out);
}

#define PROC_FILE(name, ...)                                                      \
	static const struct proc_entry proc_##name = { .path = #name,             \
						       .show = name##_show, ##__VA_ARGS__ }; \
	SECTION_SET(proc_entries, proc_##name)

PROC_FILE(meminfo);
PROC_FILE(vmstat);
PROC_FILE(stat);
PROC_FILE(uptime);
PROC_FILE(loadavg);
PROC_FILE(cpuinfo);
PROC_FILE(version);
PROC_FILE(cmdline);
PROC_FILE(interrupts);
PROC_FILE(slabinfo, .mode = 0400);
PROC_FILE(swaps);
