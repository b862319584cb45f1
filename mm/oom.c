// SPDX-License-Identifier: MIT
/*
 * The OOM killer: when nothing can be reclaimed, one process must go.
 *
 * Badness is the memory a process would give back (resident pages, pages in swap
 * and page tables) and what the kernel keeps for its user, moved by oom_score_adj thousandths of all memory and swap.  Init and processes
 * at -1000 are never chosen.  While a victim is still dying nobody else is
 * killed; the allocator waits for it.  One that does not die soon has its memory
 * taken (oom_reap.c), and then, or when patience is over, it is the next one's
 * turn.  The log says who and why.
 */
#include <asm/signal.h>
#include <tarn/cred.h>
#include <tarn/printk.h>
#include <tarn/process.h>
#include <tarn/string.h>
#include "mm_int.h"
#include "page_int.h"
#include "swap.h"
#include "vmstat.h"

#define WAIT_FOR_VICTIM (50 * NSEC_PER_MSEC)
#define GRACE (200 * NSEC_PER_MSEC) /* to die by itself */
#define PATIENCE (5 * NSEC_PER_SEC) /* with a victim whose memory cannot be taken either */

static struct mutex oom_lock = MUTEX_INIT(oom_lock, "oom", LR_SLEEP_LEAF);
/* The process, not its number: that may be another's by the time memory is short again. */
static struct process *victim; /* oom_lock; counted; NULL: none, or it was seen dead */
static ktime_t victim_since;   /* oom_lock */

struct candidate {
	struct process *process; /* counted */
	s64 badness;
	int adj;
	u64 total_vm, anon, file, shmem, swap, tables; /* pages */
	u64 charged; /* pages of kernel memory that its user's objects hold */
	char comm[16];
};

/* A process with pid >= @pid and a reference; NULL at the end. */
static struct process *next_process(pid_t pid)
{
	struct process *p;

	rcu_read_lock();
	p = process_next(pid);
	while (p && !ref_get_unless_zero(&p->refs))
		p = process_next(p->pid + 1);
	rcu_read_unlock();
	return p;
}

/*
 * The address space of @p, with a reference: of any thread that still has it, since the main one
 * may have ended long ago, or first of all that were told to die.  NULL: none has.
 */
static struct mm *mm_of(struct process *p)
{
	struct mm *mm = NULL;
	struct thread *t;

	rcu_read_lock();
	LIST_FOR_EACH_RCU(t, &p->threads, group_node) {
		mm = thread_mm_get(t);
		if (mm)
			break;
	}
	rcu_read_unlock();
	return mm;
}

static bool runs_in(const struct process *p, const struct mm *mm)
{
	struct thread *t;
	bool found = false;

	rcu_read_lock();
	LIST_FOR_EACH_RCU(t, &p->threads, group_node)
		found |= READ_ONCE(t->mm) == mm;
	rcu_read_unlock();
	return found;
}

/* The main thread's name: it stays first in the list until its process is reaped. */
static void copy_name(char name[16], const struct process *p)
{
	struct thread *t;

	name[0] = 0;
	rcu_read_lock();
	LIST_FOR_EACH_RCU(t, &p->threads, group_node) {
		memcpy(name, t->comm, 15);
		break;
	}
	rcu_read_unlock();
	name[15] = 0;
}

/*
 * Kernel memory that the user of @p had made (pipes, sockets, watches). It is laid on each of the
 * user's processes: which of them keeps it alive nobody knows, but it is none of another's. Root's
 * services share one user without sharing the blame.
 */
static u64 charged_pages(const struct process *p)
{
	const struct cred *c;
	u64 pages;

	rcu_read_lock();
	c = rcu_dereference(p->leader->cred);
	pages = c->user->uid ? charge_pages(c->user) : 0;
	rcu_read_unlock();
	return pages;
}

static bool weigh(struct process *p, struct candidate *c)
{
	struct mm *mm;

	if (p == init_process || p->oom_score_adj == -1000)
		return false;
	mm = mm_of(p);
	if (!mm)
		return false;
	if (mm->oom_skip) {
		mm_put_later(mm);
		return false;
	}
	c->process = p;
	c->adj = p->oom_score_adj;
	c->total_vm = (u64)mm->total_vm;
	c->anon = (u64)mm->rss_anon;
	c->file = (u64)mm->rss_file;
	c->shmem = (u64)mm->rss_shmem;
	c->swap = (u64)mm->swap_used;
	c->tables = (u64)mm->table_pages;
	mm_put_later(mm);
	copy_name(c->comm, p);
	c->charged = charged_pages(p);
	c->badness = (s64)(c->anon + c->file + c->shmem + c->swap + c->tables + c->charged) +
		     (s64)(page_managed_frames() + swap_total_slots()) / 1000 * c->adj;
	return true;
}

u32 oom_score(struct process *p)
{
	s64 all = (s64)(page_managed_frames() + swap_total_slots());
	struct candidate c;
	s64 points;

	if (!weigh(p, &c))
		return 0;
	points = 1000 + c.badness * 1000 / all;
	return points > 0 ? (u32)points * 2 / 3 : 0;
}

/* The process comes with a reference. */
static bool choose(struct candidate *worst)
{
	struct candidate c;
	struct process *p;

	worst->process = NULL;
	for (pid_t pid = 1; (p = next_process(pid));) {
		pid = p->pid + 1;
		if (!weigh(p, &c) || (worst->process && c.badness <= worst->badness)) {
			process_put(p);
			continue;
		}
		if (worst->process)
			process_put(worst->process);
		*worst = c;
	}
	return worst->process;
}

/* @p shares the victim's address space; false: it may not be killed. */
static bool kill_sharer(struct process *p)
{
	char name[16];

	if (p == init_process || p->oom_score_adj == -1000)
		return false;
	if (READ_ONCE(p->group_exit))
		return true;
	copy_name(name, p);
	pr_err("Out of memory: Killed process %d (%s), which shares the address space of %d", p->pid, name,
	       victim->pid);
	signal_process(p, SIGKILL);
	return true;
}

/*
 * Whoever else runs in the victim's @mm (vfork(2), clone(2) without CLONE_THREAD) must die as well, or
 * nothing comes back.  True: everybody in it has been told.
 */
static bool kill_sharers(const struct mm *mm)
{
	struct process *p;
	bool all = true;

	for (pid_t pid = 1; (p = next_process(pid));) {
		pid = p->pid + 1;
		if (p != victim && runs_in(p, mm))
			all &= kill_sharer(p);
		process_put(p);
	}
	return all;
}

/* True while @mm of the victim may give something: it is new, or its pages were taken just now. */
static bool is_worth_waiting(struct mm *mm, u64 age)
{
	bool taken;

	if (mm->oom_skip)
		return false;
	taken = kill_sharers(mm) && age > GRACE && oom_reap(mm);
	mm->oom_skip = taken || age > PATIENCE;
	return taken || !mm->oom_skip;
}

static bool hope_for_victim(void)
{
	u64 age = clock_monotonic() - victim_since;
	struct mm *mm;
	bool hope;

	if (!victim)
		return false;
	if (READ_ONCE(victim->zombie)) {
		process_put(victim);
		victim = NULL;
		return false;
	}
	mm = mm_of(victim);
	if (!mm) /* its last thread unmaps it, or closes files that live in memory */
		return age < PATIENCE;
	hope = is_worth_waiting(mm, age);
	mm_put_later(mm);
	return hope;
}

static void report(const struct candidate *c, gfp_t gfp, unsigned int order)
{
	struct mem_stats s;

	mem_get_stats(&s);
	pr_err("out of memory: %s (pid %d) wants %u pages (gfp %x); of %lu KiB %lu free, %lu anonymous, "
	       "%lu cached (%lu dirty, %lu being written), %lu slab; of %lu KiB of swap %lu free",
	       current->comm, current->tid, 1u << order, gfp, (ulong)s.total * 4, (ulong)s.free * 4,
	       (ulong)s.anon * 4, (ulong)s.cached * 4, (ulong)s.dirty * 4,
	       (ulong)s.writeback * 4, (ulong)s.slab * 4, (ulong)s.swap_total * 4,
	       (ulong)s.swap_free * 4);
	pr_err("Out of memory: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, file-rss:%lukB, "
	       "shmem-rss:%lukB, swap:%lukB, pgtables:%lukB, charged:%lukB oom_score_adj:%d, the largest user of memory",
	       c->process->pid, c->comm, (ulong)c->total_vm * 4, (ulong)c->anon * 4, (ulong)c->file * 4,
	       (ulong)c->shmem * 4, (ulong)c->swap * 4, (ulong)c->tables * 4, (ulong)c->charged * 4, c->adj);
}

static bool kill_one(gfp_t gfp, unsigned int order)
{
	struct candidate worst;

	if (!choose(&worst))
		return false;
	if (victim)
		process_put(victim);
	victim = worst.process;
	victim_since = clock_monotonic();
	if (READ_ONCE(victim->group_exit))
		return true; /* it dies anyway: wait for it */
	report(&worst, gfp, order);
	vm_count(VM_OOM_KILLS, 1);
	signal_process(victim, SIGKILL);
	hope_for_victim(); /* and who shares its memory */
	return true;
}

/* Room came meanwhile, or is coming: a victim without an address space may still be giving its pages back. */
static bool relief(void)
{
	return page_free_frames() > page_marks.low || atomic_load(&mms_dying);
}

bool oom_kill(gfp_t gfp, unsigned int order)
{
	bool again = true;

	if (mutex_trylock(&oom_lock)) {
		if (!relief() && !hope_for_victim())
			again = kill_one(gfp, order);
		mutex_unlock(&oom_lock);
	}
	if (again && !fatal_signal_pending())
		sleep_ns(WAIT_FOR_VICTIM);
	return again;
}
