// SPDX-License-Identifier: MIT
/*
 * The life of a struct thread, apart from running.
 *
 * References: one is the scheduler's, dropped after the last switch away; one
 * is the pid table's, dropped when the thread leaves it (a thread other than
 * the leader at its exit, a leader when its process is reaped); the rest are
 * short visitors.  The struct is freed after an RCU grace period, because
 * lookups by pid look at it before they count it.
 */
#include "internal.h"

#include <tarn/mm.h>
#include <tarn/time.h>
#include <tarn/vmalloc.h>

static struct kmem_cache *thread_cache;
static _Atomic u32 nr_threads; /* [a] with a tid */

struct thread *thread_alloc(void)
{
	struct thread *t;

	if (unlikely(!thread_cache)) /* the first is an idle thread, before process_init() */
		thread_cache = kmem_cache_create("thread", sizeof(struct thread), CACHE_LINE, NULL);
	t = kmem_cache_alloc(thread_cache, GFP_KERNEL);
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->kstack = kstack_alloc();
	if (!t->kstack) {
		kmem_cache_free(thread_cache, t);
		return NULL;
	}
	ref_init(&t->refs, 1);
	spin_init(&t->lock, "thread", LR_LEAF);
	list_init(&t->group_node);
	list_init(&t->children);
	sigqueue_init(&t->sig);
	t->exit_signal = -1;
	t->timer_slack_ns = t->default_timer_slack_ns = 50000;
	t->start_time = clock_monotonic();
	return t;
}

static void thread_free(struct thread *t)
{
	arch_thread_free(t);
	if (t->kstack)
		kstack_free(t->kstack);
	if (t->cred)
		cred_put(t->cred);
	if (t->process)
		process_put(t->process);
	kmem_cache_free(thread_cache, t);
}

static void thread_free_rcu(struct rcu_head *h)
{
	thread_free(container_of(h, struct thread, rcu));
}

void thread_put(struct thread *t)
{
	if (ref_put(&t->refs))
		rcu_call(&t->rcu, thread_free_rcu);
}

u32 thread_count(void)
{
	return atomic_load_explicit(&nr_threads, memory_order_relaxed);
}

/* At most an eighth of memory goes into kernel stacks. */
u32 thread_limit(void)
{
	static u64 limit;
	struct mem_stats m;

	if (!limit) {
		mem_get_stats(&m);
		limit = MAX(m.total * PAGE_SIZE / (8 * KSTACK_SIZE), 64);
	}
	return (u32)MIN(limit, 0x3fffffff);
}

void thread_link(struct thread *t, struct process *p, struct pid_slot *s)
{
	assert_held(&proc_tree_lock);
	t->tid = s->nr;
	if (!t->process) {
		process_get(p);
		t->process = p;
	}
	thread_get(t); /* the table's */
	list_add_tail_rcu(&p->threads, &t->group_node);
	p->nthreads++;
	p->live++;
	rcu_assign(s->thread, t);
	atomic_fetch_add_explicit(&nr_threads, 1, memory_order_relaxed);
	if (t->cred && t->cred->user)
		charge_try(t->cred->user, CHARGE_THREADS, 1, CHARGE_NO_LIMIT);
}

void thread_unlink(struct thread *t)
{
	struct pid_slot *s = pid_find(t->tid);

	assert_held(&proc_tree_lock);
	assert(s && s->thread == t);
	rcu_assign(s->thread, NULL);
	pid_release_if_unused(s);
	list_del_rcu(&t->group_node);
	atomic_fetch_sub_explicit(&nr_threads, 1, memory_order_relaxed);
	if (t->cred && t->cred->user)
		charge_drop(t->cred->user, CHARGE_THREADS, 1);
	thread_put(t);
}

void process_counts(u32 *threads, pid_t *last)
{
	*threads = thread_count();
	*last = pid_last();
}

/* See kernel/exec/group.c: the dead leader gives place and number to current, the only thread left. */
void thread_take_leadership(void)
{
	struct thread *me = current, *old;
	struct process *p = me->process;
	struct pid_slot *mine, *its;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);
	struct sighand *s = p->sighand;

	spin_lock(&s->lock);
	old = p->leader;
	mine = pid_find(me->tid);
	its = pid_find(old->tid);
	list_del_rcu(&old->group_node);
	rcu_assign(mine->thread, NULL);
	pid_release_if_unused(mine);
	rcu_assign(its->thread, me);
	me->tid = its->nr;
	me->exit_signal = p->exit_signal;
	me->start_time = old->start_time;
	rcu_assign(p->leader, me);
	spin_unlock(&s->lock);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	atomic_fetch_sub_explicit(&nr_threads, 1, memory_order_relaxed);
	charge_drop(old->cred->user, CHARGE_THREADS, 1);
	thread_put(old);
}

struct mm *thread_mm_get(struct thread *t)
{
	struct mm *mm;

	spin_lock(&t->lock);
	mm = t->mm;
	if (mm && !mm_get_unless_dead(mm))
		mm = NULL;
	spin_unlock(&t->lock);
	return mm;
}

char thread_state_char(const struct thread *t)
{
	enum thread_state s = atomic_load_explicit(&t->state, memory_order_relaxed);

	switch (s) {
	case TS_RUNNING:
		return 'R';
	case TS_INTERRUPTIBLE:
		return 'S';
	case TS_KILLABLE:
	case TS_UNINTERRUPTIBLE:
		return 'D';
	case TS_IDLE:
		return 'I';
	case TS_STOPPED:
		return 'T';
	case TS_TRACED:
		return 't';
	case TS_DEAD:
		return 'Z';
	}
	return '?';
}
