// SPDX-License-Identifier: MIT
/*
 * /proc/PID/status and limits: a process's state for people, in proc(5)'s format.
 *
 * Numbers are sampled without stopping the process: each is right, all together
 * need not be of one instant, as on Linux.
 */
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/mm.h>
#include <tarn/string.h>

#include "pid_sample.h"
#include "proc_internal.h"

static const char *state_text(char c)
{
	switch (c) {
	case 'R':
		return "R (running)";
	case 'S':
		return "S (sleeping)";
	case 'D':
		return "D (disk sleep)";
	case 'T':
		return "T (stopped)";
	case 't':
		return "t (tracing stop)";
	case 'Z':
		return "Z (zombie)";
	default:
		return "X (dead)";
	}
}

static u32 umask_of(struct thread *t)
{
	u32 mask = 0;
	u64 irq = spin_lock_irqsave(&t->lock);

	if (t->fs)
		mask = t->fs->umask;
	spin_unlock_irqrestore(&t->lock, irq);
	return mask;
}

/* The thread's credentials with a reference, or NULL. */
static const struct cred *cred_of(struct thread *t)
{
	const struct cred *c;

	rcu_read_lock();
	c = rcu_dereference(t->cred);
	if (c && !ref_get_unless_zero((struct refcount *)&c->refs))
		c = NULL;
	rcu_read_unlock();
	return c;
}

static void status_ids(const struct cred *c, struct strbuf *out)
{
	strbuf_printf(out, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	strbuf_printf(out, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
	strbuf_puts(out, "FDSize:\t64\nGroups:\t");
	for (u32 i = 0; i < c->ngroups; i++)
		strbuf_printf(out, i ? " %u" : "%u", c->groups[i]);
	strbuf_puts(out, " \n");
}

static void status_caps(const struct cred *c, struct strbuf *out)
{
	strbuf_printf(out, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n",
		      (unsigned long long)c->cap_inheritable,
		      (unsigned long long)c->cap_permitted, (unsigned long long)c->cap_effective);
	strbuf_printf(out, "CapBnd:\t%016llx\nCapAmb:\t%016llx\n",
		      (unsigned long long)c->cap_bounding, (unsigned long long)c->cap_ambient);
}

static void kb(struct strbuf *out, const char *name, s64 pages)
{
	strbuf_printf(out, "%s:\t%8lld kB\n", name, (long long)(pages * (s64)(PAGE_SIZE / 1024)));
}

static void status_mm(struct mm *mm, struct strbuf *out)
{
	s64 total = pages_read(&mm->total_vm), rss = mm_rss(mm);
	s64 text = (s64)mm_text_pages(mm);

	kb(out, "VmPeak", MAX((s64)mm->hiwater_vm, total));
	kb(out, "VmSize", total);
	kb(out, "VmLck", pages_read(&mm->locked_vm));
	kb(out, "VmPin", 0);
	kb(out, "VmHWM", MAX((s64)mm->hiwater_rss, rss));
	kb(out, "VmRSS", rss);
	kb(out, "RssAnon", pages_read(&mm->rss_anon));
	kb(out, "RssFile", pages_read(&mm->rss_file));
	kb(out, "RssShmem", pages_read(&mm->rss_shmem));
	kb(out, "VmData", pages_read(&mm->data_vm));
	kb(out, "VmStk", pages_read(&mm->stack_vm));
	kb(out, "VmExe", text);
	kb(out, "VmLib", MAX((s64)0, pages_read(&mm->exec_vm) - text));
	kb(out, "VmPTE", pages_read(&mm->table_pages));
	kb(out, "VmSwap", pages_read(&mm->swap_used));
	kb(out, "HugetlbPages", 0);
	strbuf_printf(out, "CoreDumping:\t0\nTHP_enabled:\t%d\n", !mm->thp_disabled);
}

static void status_signals(struct thread *t, const struct cred *c, struct strbuf *out)
{
	struct signal_sample s;

	signal_sample(t, &s);
	strbuf_printf(out, "Threads:\t%u\n", s.nthreads);
	if (c)
		strbuf_printf(out, "SigQ:\t%llu/%llu\n",
			      (unsigned long long)charge_of(c->user, CHARGE_SIGNALS),
			      (unsigned long long)READ_ONCE(t->process->rlimits[RLIMIT_SIGPENDING].cur));
	strbuf_printf(out, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
		      (unsigned long long)s.pending, (unsigned long long)s.shared_pending,
		      (unsigned long long)s.blocked);
	strbuf_printf(out, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)s.ignored,
		      (unsigned long long)s.caught);
}

/* "0-3,5" of a mask. */
static void cpu_list(struct strbuf *out, u64 mask)
{
	const char *sep = "";

	for (u32 c = 0; c < nr_cpus; c++) {
		u32 last = c;

		if (!(mask & BIT(c)))
			continue;
		while (last + 1 < nr_cpus && (mask & BIT(last + 1)))
			last++;
		strbuf_printf(out, "%s%u", sep, c);
		if (last > c)
			strbuf_printf(out, "-%u", last);
		sep = ",";
		c = last;
	}
	strbuf_putc(out, '\n');
}

int pid_show_status(struct thread *t, struct strbuf *out)
{
	u64 all = nr_cpus == 64 ? ~0ull : BIT(nr_cpus) - 1;
	const struct cred *cred = cred_of(t);
	struct mm *mm = thread_mm_get(t);
	struct tree_sample ids;

	tree_sample(t, &ids);
	strbuf_printf(out, "Name:\t%s\nUmask:\t%04o\nState:\t%s\n", t->comm, umask_of(t),
		      state_text(thread_state_char(t)));
	strbuf_printf(out, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		      t->process->pid, t->tid, ids.ppid);
	if (cred)
		status_ids(cred, out);
	strbuf_printf(out, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", t->process->pid,
		      t->tid, ids.pgrp, ids.session);
	if (mm) {
		status_mm(mm, out);
		mm_put(mm);
	}
	status_signals(t, cred, out);
	if (cred) {
		status_caps(cred, out);
		cred_put(cred);
	}
	strbuf_printf(out, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", t->no_new_privs);
	strbuf_printf(out, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t",
		      (unsigned long long)(t->se.affinity & all));
	cpu_list(out, t->se.affinity);
	strbuf_puts(out, "Mems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n"); /* there is one node */
	strbuf_printf(out, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		      (unsigned long long)t->nvcsw, (unsigned long long)t->nivcsw);
	return 0;
}

/* ---- limits ---- */

static void limit_value(struct strbuf *out, u64 v)
{
	if (v == ~0ull)
		strbuf_printf(out, "%-20s ", "unlimited");
	else
		strbuf_printf(out, "%-20llu ", (unsigned long long)v);
}

int pid_show_limits(struct thread *t, struct strbuf *out)
{
	static const struct {
		const char *name, *unit;
	} rows[RLIM_COUNT] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", "" },
		[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};

	strbuf_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit",
		      "Units");
	for (u32 i = 0; i < RLIM_COUNT; i++) {
		const struct rlimit64_pair *r = &t->process->rlimits[i];

		strbuf_printf(out, "%-25s ", rows[i].name);
		limit_value(out, READ_ONCE(r->cur));
		limit_value(out, READ_ONCE(r->max));
		strbuf_printf(out, "%-10s\n", rows[i].unit);
	}
	return 0;
}
