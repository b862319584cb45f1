// SPDX-License-Identifier: MIT
/*
 * Resource use: getrusage(2), and the sums that exit and wait hand on.
 *
 * A thread counts for itself; at its exit its counts are added to its
 * process's dead_threads; a reaped process adds to its parent's children_usage.
 */
#include "internal.h"

#include <linux/resource.h>
#include <tarn/mm.h>
#include <tarn/syscall.h>

void rusage_add(struct rusage_sum *to, const struct rusage_sum *from)
{
	to->utime += from->utime;
	to->stime += from->stime;
	to->min_flt += from->min_flt;
	to->maj_flt += from->maj_flt;
	to->nvcsw += from->nvcsw;
	to->nivcsw += from->nivcsw;
	to->inblock += from->inblock;
	to->oublock += from->oublock;
	to->rchar += from->rchar;
	to->wchar += from->wchar;
	to->syscr += from->syscr;
	to->syscw += from->syscw;
	to->read_bytes += from->read_bytes;
	to->write_bytes += from->write_bytes;
	to->max_rss = MAX(to->max_rss, from->max_rss);
}

void rusage_add_thread(struct rusage_sum *to, struct thread *t)
{
	struct rusage_sum one = {
		.min_flt = t->min_flt,
		.maj_flt = t->maj_flt,
		.nvcsw = t->nvcsw,
		.nivcsw = t->nivcsw,
		.inblock = t->read_bytes / 512,
		.oublock = t->write_bytes / 512,
		.rchar = t->rchar,
		.wchar = t->wchar,
		.syscr = t->syscr,
		.syscw = t->syscw,
		.read_bytes = t->read_bytes,
		.write_bytes = t->write_bytes,
	};

	thread_cpu_times(t, &one.utime, &one.stime);
	rusage_add(to, &one);
}

u64 mm_peak_rss(struct mm *mm)
{
	u64 now = (u64)(atomic_load_explicit(&mm->rss_anon, memory_order_relaxed) +
			atomic_load_explicit(&mm->rss_file, memory_order_relaxed) +
			atomic_load_explicit(&mm->rss_shmem, memory_order_relaxed));

	return MAX(now, mm->hiwater_rss);
}

void rusage_of_process(struct process *p, struct rusage_sum *out)
{
	struct thread *t;
	u64 irq;
	struct sighand *s = process_lock_signals(p, &irq);

	*out = p->dead_threads;
	LIST_FOR_EACH(t, &p->threads, group_node)
		if (!t->counted_dead)
			rusage_add_thread(out, t);
	process_unlock_signals(s, irq);
	if (p == current->process && current->mm)
		out->max_rss = MAX(out->max_rss, mm_peak_rss(current->mm));
}

void rusage_to_user_form(const struct rusage_sum *in, struct rusage *out)
{
	memset(out, 0, sizeof(*out));
	out->ru_utime.tv_sec = (long)(in->utime / NSEC_PER_SEC);
	out->ru_utime.tv_usec = (long)(in->utime % NSEC_PER_SEC / NSEC_PER_USEC);
	out->ru_stime.tv_sec = (long)(in->stime / NSEC_PER_SEC);
	out->ru_stime.tv_usec = (long)(in->stime % NSEC_PER_SEC / NSEC_PER_USEC);
	out->ru_maxrss = (long)(in->max_rss * (PAGE_SIZE / 1024));
	out->ru_minflt = (long)in->min_flt;
	out->ru_majflt = (long)in->maj_flt;
	out->ru_inblock = (long)in->inblock;
	out->ru_oublock = (long)in->oublock;
	out->ru_nvcsw = (long)in->nvcsw;
	out->ru_nivcsw = (long)in->nivcsw;
}

static void usage_of_children(struct process *p, struct rusage_sum *out)
{
	u64 irq;
	struct sighand *s = process_lock_signals(p, &irq);

	*out = p->children_usage;
	process_unlock_signals(s, irq);
}

long sys_getrusage(int who, void __user *usage)
{
	struct rusage_sum sum = { 0 };
	struct rusage ru;

	switch (who) {
	case RUSAGE_SELF:
		rusage_of_process(current->process, &sum);
		break;
	case RUSAGE_CHILDREN:
		usage_of_children(current->process, &sum);
		break;
	case RUSAGE_THREAD:
		rusage_add_thread(&sum, current);
		sum.max_rss = mm_peak_rss(current->mm);
		break;
	default:
		return -EINVAL;
	}
	rusage_to_user_form(&sum, &ru);
	return copy_to_user(usage, &ru, sizeof(ru));
}
