// SPDX-License-Identifier: MIT
/* /proc/PID/stat, statm, io, comm: a process's state for programs, in proc(5)'s formats. */
#include <tarn/errno.h>
#include <tarn/string.h>
#include <tarn/tty.h>

#include "pid_sample.h"
#include "proc_internal.h"

#define CLOCK_TICK_NS (NSEC_PER_SEC / 100) /* USER_HZ is 100 */

void signal_sample(struct thread *t, struct signal_sample *s)
{
	struct process *p = t->process;
	struct sighand *sh;
	u64 irq;

	memset(s, 0, sizeof(*s));
	sh = process_lock_signals(p, &irq);
	assert_held(&sh->lock);
	s->pending = t->sig.pending;
	s->shared_pending = p->sig.pending;
	s->blocked = t->blocked;
	/* A main thread that has ended counts until its process is reaped: Linux. */
	s->nthreads = p->nthreads + (atomic_load(&p->leader->state) == TS_DEAD);
	for (int sig = 1; sig <= NSIG_TOTAL; sig++) {
		u64 h = sh->action[sig - 1].handler;

		if (h == (u64)SIG_IGN)
			s->ignored |= SIGMASK(sig);
		else if (h != (u64)SIG_DFL)
			s->caught |= SIGMASK(sig);
	}
	process_unlock_signals(sh, irq);
}

void tree_sample(struct thread *t, struct tree_sample *ids)
{
	struct process *p = t->process;
	struct tty *tty = NULL;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	*ids = (struct tree_sample){ .tty_pgrp = -1 };
	if (p->parent)
		ids->ppid = p->parent->pid;
	if (p->pgrp)
		ids->pgrp = p->pgrp->id;
	if (p->session) {
		ids->session = p->session->id;
		tty = p->no_tty ? NULL : p->session->tty;
		if (tty)
			tty_get(tty);
	}
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	if (tty) {
		ids->tty = tty_dev(tty);
		ids->tty_pgrp = tty_foreground(tty);
		tty_put(tty);
	}
}

/* As stat(2) encodes a device number in 32 bits. */
static u32 dev_encode(kdev_t dev)
{
	u32 major = KDEV_MAJOR(dev), minor = KDEV_MINOR(dev);

	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

/* CPU time of one thread or of the whole group, in clock ticks. */
static void times_get(struct thread *t, bool whole, u64 *utime, u64 *stime)
{
	struct thread *each;
	u64 u, s;

	*utime = *stime = 0;
	if (!whole) {
		thread_cpu_times(t, utime, stime);
	} else {
		rcu_read_lock();
		LIST_FOR_EACH_RCU(each, &t->process->threads, group_node) {
			thread_cpu_times(each, &u, &s);
			*utime += u;
			*stime += s;
		}
		rcu_read_unlock();
		*utime += t->process->dead_threads.utime;
		*stime += t->process->dead_threads.stime;
	}
	*utime /= CLOCK_TICK_NS;
	*stime /= CLOCK_TICK_NS;
}

static int priority_of(const struct thread *t)
{
	return t->se.rt_priority ? -1 - t->se.rt_priority : 20 + t->se.nice;
}

static void stat_head(struct thread *t, bool whole, struct strbuf *out)
{
	struct process *p = t->process;
	struct tree_sample ids;
	u64 utime, stime;

	tree_sample(t, &ids);
	times_get(t, whole, &utime, &stime);
	strbuf_printf(out, "%d (%s) %c %d %d %d %u %d %u", whole ? p->pid : t->tid, t->comm,
		      thread_state_char(t), ids.ppid, ids.pgrp, ids.session, dev_encode(ids.tty),
		      ids.tty_pgrp, t->flags & TF_KTHREAD ? 0x200000u : 0u);
	strbuf_printf(out, " %llu %llu %llu %llu", (unsigned long long)t->min_flt,
		      (unsigned long long)p->children_usage.min_flt,
		      (unsigned long long)t->maj_flt,
		      (unsigned long long)p->children_usage.maj_flt);
	strbuf_printf(out, " %llu %llu %llu %llu", (unsigned long long)utime,
		      (unsigned long long)stime,
		      (unsigned long long)(p->children_usage.utime / CLOCK_TICK_NS),
		      (unsigned long long)(p->children_usage.stime / CLOCK_TICK_NS));
}

/* vsize, rss, rsslim, startcode, endcode, startstack, kstkesp, kstkeip. */
static void stat_addresses(struct thread *t, struct mm *mm, struct strbuf *out)
{
	strbuf_printf(out, " %llu %lld %llu",
		      mm ? (unsigned long long)pages_read(&mm->total_vm) * PAGE_SIZE : 0ull,
		      mm ? (long long)mm_rss(mm) : 0ll,
		      (unsigned long long)t->process->rlimits[RLIMIT_RSS].cur);
	if (mm && proc_may_access(t))
		strbuf_printf(out, " %llu %llu %llu 0 0", (unsigned long long)mm->start_code,
			      (unsigned long long)mm->end_code,
			      (unsigned long long)mm->start_stack);
	else
		strbuf_puts(out, " 0 0 0 0 0");
}

static void stat_tail(struct thread *t, struct mm *mm, struct strbuf *out)
{
	if (mm && proc_may_access(t))
		strbuf_printf(out, " %llu %llu %llu %llu %llu %llu %llu %d\n",
			      (unsigned long long)mm->start_data, (unsigned long long)mm->end_data,
			      (unsigned long long)mm->start_brk, (unsigned long long)mm->arg_start,
			      (unsigned long long)mm->arg_end, (unsigned long long)mm->env_start,
			      (unsigned long long)mm->env_end, t->process->group_exit_code);
	else
		strbuf_puts(out, " 0 0 0 0 0 0 0 0\n");
}

static int show_stat(struct thread *t, struct strbuf *out, bool whole)
{
	struct mm *mm = thread_mm_get(t);
	struct signal_sample sig;

	signal_sample(t, &sig);
	stat_head(t, whole, out);
	strbuf_printf(out, " %d %d %u 0 %llu", priority_of(t), t->se.nice, sig.nthreads,
		      (unsigned long long)(t->start_time / CLOCK_TICK_NS));
	stat_addresses(t, mm, out);
	/* These four masks are for the low 31 signals only: status has them whole. */
	strbuf_printf(out, " %llu %llu %llu %llu", (unsigned long long)(sig.pending & 0x7fffffff),
		      (unsigned long long)(sig.blocked & 0x7fffffff),
		      (unsigned long long)(sig.ignored & 0x7fffffff),
		      (unsigned long long)(sig.caught & 0x7fffffff));
	strbuf_printf(out, " 0 0 0 %d %u %u %u 0 0 0", t->process->exit_signal, t->cpu,
		      t->se.rt_priority, t->se.policy);
	stat_tail(t, mm, out);
	if (mm)
		mm_put(mm);
	return 0;
}

int pid_show_stat(struct thread *t, struct strbuf *out)
{
	return show_stat(t, out, true);
}

int pid_show_task_stat(struct thread *t, struct strbuf *out)
{
	return show_stat(t, out, false);
}

int pid_show_statm(struct thread *t, struct strbuf *out)
{
	struct mm *mm = thread_mm_get(t);

	if (!mm) {
		strbuf_puts(out, "0 0 0 0 0 0 0\n");
		return 0;
	}
	strbuf_printf(out, "%lld %lld %lld %llu 0 %lld 0\n", (long long)pages_read(&mm->total_vm),
		      (long long)mm_rss(mm),
		      (long long)(pages_read(&mm->rss_file) + pages_read(&mm->rss_shmem)),
		      (unsigned long long)mm_text_pages(mm),
		      (long long)(pages_read(&mm->data_vm) + pages_read(&mm->stack_vm)));
	mm_put(mm);
	return 0;
}

static void io_line(struct strbuf *out, const char *name, u64 value)
{
	strbuf_printf(out, "%s: %llu\n", name, (unsigned long long)value);
}

static void show_io(const struct rusage_sum *u, struct strbuf *out)
{
	io_line(out, "rchar", u->rchar);
	io_line(out, "wchar", u->wchar);
	io_line(out, "syscr", u->syscr);
	io_line(out, "syscw", u->syscw);
	io_line(out, "read_bytes", u->read_bytes);
	io_line(out, "write_bytes", u->write_bytes);
}

/* All threads of the process, those included that are gone. */
int pid_show_io(struct thread *t, struct strbuf *out)
{
	struct rusage_sum u;

	rusage_of_process(t->process, &u);
	show_io(&u, out);
	return 0;
}

int pid_show_task_io(struct thread *t, struct strbuf *out)
{
	struct rusage_sum u = { 0 };

	rusage_add_thread(&u, t);
	show_io(&u, out);
	return 0;
}

int pid_show_comm(struct thread *t, struct strbuf *out)
{
	strbuf_printf(out, "%s\n", t->comm);
	return 0;
}

ssize_t pid_write_comm(struct thread *t, char *text, size_t n)
{
	u64 irq;

	if (t->process != current->process)
		return -EINVAL;
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	irq = spin_lock_irqsave(&t->lock);
	strscpy(t->comm, text, sizeof(t->comm));
	spin_unlock_irqrestore(&t->lock, irq);
	return n;
}
