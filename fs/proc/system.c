// SPDX-License-Identifier: MIT
/* /proc's files about memory, CPUs and time, in proc(5)'s formats. */
#include <arch/boot.h>
#include <arch/irq.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/page.h>
#include <tarn/pagecache.h>
#include <tarn/proc.h>
#include <tarn/slab.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include <tarn/uts.h>

#define CLOCK_TICK_NS (NSEC_PER_SEC / 100) /* USER_HZ is 100 */

static void kb(struct strbuf *out, const char *name, u64 pages)
{
	size_t start = out->len;

	strbuf_printf(out, "%s:", name);
	strbuf_printf(out, "%*llu kB\n", (int)(24 - (out->len - start)),
		      (unsigned long long)(pages * (PAGE_SIZE / 1024)));
}

static int meminfo_show(struct strbuf *out)
{
	struct mem_stats m;
	struct dirty_state d;

	mem_get_stats(&m);
	dirty_get_state(&d);
	kb(out, "MemTotal", m.total);
	kb(out, "MemFree", m.free);
	/* What a new program could get: free pages and the caches that can be dropped. */
	kb(out, "MemAvailable", m.free + m.active_file + m.inactive_file + m.slab_reclaimable);
	kb(out, "Buffers", 0);
	kb(out, "Cached", m.cached);
	kb(out, "SwapCached", 0);
	kb(out, "Active", m.active_file + m.active_anon);
	kb(out, "Inactive", m.inactive_file + m.inactive_anon);
	kb(out, "Active(anon)", m.active_anon);
	kb(out, "Inactive(anon)", m.inactive_anon);
	kb(out, "Active(file)", m.active_file);
	kb(out, "Inactive(file)", m.inactive_file);
	kb(out, "SwapTotal", m.swap_total);
	kb(out, "SwapFree", m.swap_free);
	kb(out, "Dirty", d.dirty);
	kb(out, "Writeback", d.writeback);
	kb(out, "AnonPages", m.anon);
	kb(out, "Mapped", m.mapped);
	kb(out, "Shmem", m.shmem);
	kb(out, "Slab", m.slab);
	kb(out, "SReclaimable", m.slab_reclaimable);
	kb(out, "SUnreclaim", m.slab - MIN(m.slab, m.slab_reclaimable));
	kb(out, "KernelStack", m.kstacks);
	kb(out, "PageTables", m.tables);
	kb(out, "CommitLimit", m.commit_limit);
	kb(out, "Committed_AS", m.committed);
	return 0;
}

static int vmstat_show(struct strbuf *out)
{
	struct mem_stats m;

	mem_get_stats(&m);
	strbuf_printf(out, "nr_free_pages %llu\n", (unsigned long long)m.free);
	strbuf_printf(out, "nr_active_anon %llu\n", (unsigned long long)m.active_anon);
	strbuf_printf(out, "nr_inactive_anon %llu\n", (unsigned long long)m.inactive_anon);
	strbuf_printf(out, "nr_active_file %llu\n", (unsigned long long)m.active_file);
	strbuf_printf(out, "nr_inactive_file %llu\n", (unsigned long long)m.inactive_file);
	strbuf_printf(out, "nr_anon_pages %llu\n", (unsigned long long)m.anon);
	strbuf_printf(out, "nr_mapped %llu\n", (unsigned long long)m.mapped);
	strbuf_printf(out, "nr_file_pages %llu\n", (unsigned long long)m.cached);
	strbuf_printf(out, "nr_dirty %llu\n", (unsigned long long)m.dirty);
	strbuf_printf(out, "nr_writeback %llu\n", (unsigned long long)m.writeback);
	strbuf_printf(out, "pgpgin %llu\n", (unsigned long long)m.pgpgin);
	strbuf_printf(out, "pgpgout %llu\n", (unsigned long long)m.pgpgout);
	strbuf_printf(out, "pgfault %llu\n", (unsigned long long)m.pgfault);
	strbuf_printf(out, "pgmajfault %llu\n", (unsigned long long)m.pgmajfault);
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
	strbuf_printf(out, "intr 0\nctxt %llu\nbtime %llu\nprocesses %llu\n",
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
	strbuf_puts(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
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
