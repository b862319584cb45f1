// SPDX-License-Identifier: MIT
/*
 * Threads: what the scheduler runs.
 *
 * A thread belongs to a process (its thread group) and points at the counted
 * objects it shares: mm, files, fs context, signal handlers, namespaces.
 * fork, vfork, clone and clone3 differ only in which of these they share.
 *
 * Life:  new -> runnable <-> running <-> sleeping/stopped -> dead -> freed
 *   A dead thread's stack is freed by the thread that runs after it, and the
 *   struct by its last reference (RCU: lookups by pid need no lock).
 */
#pragma once

#include <arch/thread.h>
#include <tarn/cpu.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/rbtree.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>
#include <tarn/signal.h>
#include <tarn/time.h>

enum thread_state {
	TS_RUNNING,         /* on a CPU or a run queue */
	TS_INTERRUPTIBLE,   /* any signal wakes it */
	TS_KILLABLE,        /* only a fatal signal does */
	TS_UNINTERRUPTIBLE, /* only its event does */
	TS_IDLE,            /* the same for a kernel thread with nothing to do: no part of the load */
	TS_STOPPED,         /* job control */
	TS_TRACED,
	TS_DEAD,            /* never runs again */
};

#ifdef TARN_DEBUG /* the sanitizers' frames are larger */
#define KSTACK_SIZE (32 * 1024)
#else
#define KSTACK_SIZE (16 * 1024)
#endif

#define TF_KTHREAD BIT(0)
#define TF_EXITING BIT(1)
#define TF_FORKNOEXEC BIT(2)
#define TF_IDLE BIT(4)
#define TF_RECLAIM BIT(5)     /* frees memory right now: may use the reserve, must not reclaim again */
#define TF_FAIL BIT(6)        /* debug: in the scope of the failure injector */

/* thread->pending: why the way back to user mode must call return_to_user_work(). */
#define TP_SIGNAL BIT(0)      /* a signal may be deliverable */
#define TP_RESCHED BIT(1)
#define TP_RESTORE_MASK BIT(2) /* saved_mask is put back when no handler takes over (sigsuspend, ppoll) */
#define TP_TRACE BIT(3)       /* ptrace wants system call stops */
#define TP_EXIT BIT(4)        /* the group is exiting */
#define TP_NET BIT(5)         /* packets wait on this CPU: tarn/net/rx.h */

/* The scheduler's part. */
struct sched_entity {
	struct rb_node node;      /* in the run queue's tree, by deadline */
	u64 vruntime, deadline;   /* weighted ns */
	u64 min_vruntime;         /* smallest vruntime in the subtree */
	s64 lag;                  /* what it was owed when it left the queue */
	u64 sum_exec;             /* ns of CPU time, exact */
	u64 exec_start;           /* when it last got the CPU */
	u64 turn_start;           /* sum_exec when it was last picked */
	u32 weight;               /* from nice */
	s8 nice;                  /* -20..19 */
	u8 policy;                /* SCHED_* */
	u8 rt_priority;           /* 1..99 for FIFO and RR */
	u8 on_rq;                 /* RQ_*: kernel/sched/sched.h */
	bool reset_on_fork;
	u64 rr_left;              /* ns left of a SCHED_RR turn */
	u64 rt_run;               /* ns of FIFO or RR without sleeping: RLIMIT_RTTIME */
	u64 counted;              /* of sum_exec in process->cpu_time; the tick of its CPU, and its end */
	u32 pressure;             /* what it adds to its run queue's; while on_rq is RQ_YES */
	struct list rt_node;
	u64 affinity;             /* bit per CPU */
};

struct process;
struct mm;
struct files;
struct fs_context;
struct namespaces;
struct cred;

struct thread {
	/* Hot: the scheduler and the entry code */
	struct arch_thread arch;
	_Atomic u32 state;             /* [a] enum thread_state; leaves RUNNING by the thread itself */
	_Atomic u32 pending;           /* [a] TP_* */
	u32 flags;                     /* TF_*: written by the thread itself */
	u32 cpu;                       /* where it runs or is queued; runq lock */
	_Atomic bool on_cpu;           /* [a] its stack is in use */
	void *kstack;                  /* [I] lowest address */
	struct sched_entity se;

	/* What it shares */
	struct process *process;       /* [I] */
	struct mm *mm;                 /* current only, or its process->exec_lock; NULL: kernel thread */
	struct files *files;           /* current only, or thread->lock */
	struct fs_context *fs;         /* current only, or thread->lock */
	struct namespaces *ns;         /* current only, or thread->lock */
	const struct cred *cred;       /* RCU: immutable object, replaced by current */
	struct walk *path_walk;        /* fs/path.c: the walk whose get_link runs; current only */
	const struct cred *real_cred_override; /* set while access(2) uses real ids; else NULL */

	/* Identity */
	pid_t tid;                     /* [I], but a thread that execs takes its leader's */
	struct refcount refs;
	struct spinlock lock;          /* rank LR_LEAF: pointers above seen from outside, comm */
	char comm[16];                 /* thread->lock to write; readers may see either */
	struct list group_node;        /* in process->threads; see there */
	struct list children;          /* process->by_thread: those this thread made or got; proc_tree_lock */
	bool stop_pending;             /* shall take part in its group's stop; sighand->lock */
	bool counted_dead;             /* its use is in process->dead_threads; sighand->lock */

	/* Signals: sighand->lock guards what others touch */
	u64 blocked;                   /* current only to write */
	u64 real_blocked;              /* while rt_sigtimedwait has its set unblocked: what was blocked; else 0 */
	u64 saved_mask;                /* with TP_RESTORE_MASK */
	struct sigqueue sig;           /* pending for this thread */
	u64 altstack_sp, altstack_size;
	u32 altstack_flags;
	long restart_call;             /* for restart_syscall(2) */
	struct {
		long (*fn)(struct thread *t);
		u64 arg[5];
	} restart;

	/* User-visible odds and ends */
	int __user *clear_child_tid;
	void __user *robust_list;
	struct waitq *vfork_done;      /* parent waits here until exec or exit, then NULL; proc_tree_lock */
	u64 rseq;                      /* reserved */
	int exit_code;
	int exit_signal;               /* -1: a thread other than the leader */
	int pdeath_signal;
	u32 personality;
	bool no_new_privs;
	bool over_nproc;               /* set*uid to a user with too many threads: the next exec fails */
	struct ptrace_state *ptrace;   /* NULL: not traced */

	/* Accounting */
	_Atomic u64 utime, stime;      /* [a] ns as ticks sampled them; thread_cpu_times() scales se.sum_exec */
	ktime_t start_time;
	u64 nvcsw, nivcsw, min_flt, maj_flt;
	u64 rchar, wchar, syscr, syscw; /* bytes and calls of read(2), write(2) and their kin */
	u64 read_bytes, write_bytes;    /* from and to disks; writes as pages become dirty */
	unsigned long timer_slack_ns, default_timer_slack_ns; /* the default is what the maker had */
	u32 rcu_depth;                 /* debug: read sections open */

	struct rcu_head rcu;
#ifdef TARN_DEBUG
	struct held_locks *held;       /* sleeping locks held: kernel/lock/rank.c */
#endif
};

/* True when a sleep in @state must end now because of a signal to current. */
bool thread_sleep_interrupted(enum thread_state state);
/* A signal that current could take (not blocked). */
static inline bool signal_pending(void)
{
	return atomic_load_explicit(&current->pending, memory_order_relaxed) & (TP_SIGNAL | TP_EXIT);
}
bool fatal_signal_pending(void); /* kernel/signal/ */

/* ---- scheduler: kernel/sched/ ---- */
void sched_init(void);
/* Gives up the CPU; current->state decides whether it comes back by itself.  Panics if a spinlock is held
 * or interrupts are off. */
void schedule(void);
/* Lets others run if they should; a no-op when nothing asks for it.  For long loops in the kernel. */
void cond_resched(void);
void sched_yield_current(void);
/* The idle thread of a CPU about to start: stack ready, not on any queue.  Panics when out of memory. */
struct thread *sched_idle_create(u32 cpu);
/* A new thread's scheduling state: like current's (fork), or plain for kernel threads. */
void sched_fork(struct thread *t);
/* A new thread onto a run queue. */
void sched_start(struct thread *t);
/* TS_INTERRUPTIBLE / KILLABLE / ... -> RUNNING if its state is in @states (bit mask of BIT(TS_*)); any context.
 * True if it was woken. */
bool thread_wake_states(struct thread *t, u32 states);
#define TS_SLEEPING \
	(BIT(TS_INTERRUPTIBLE) | BIT(TS_KILLABLE) | BIT(TS_UNINTERRUPTIBLE) | BIT(TS_IDLE))
static inline bool thread_wake(struct thread *t)
{
	return thread_wake_states(t, TS_SLEEPING);
}
/* If it is running on another CPU in user mode, makes it enter the kernel. */
void thread_kick(struct thread *t);
static inline void thread_set_state(enum thread_state s)
{
	atomic_store_explicit(&current->state, s, memory_order_seq_cst);
}
/* Current ends: never returns. */
void NORETURN sched_exit(void);
int sched_set_nice(struct thread *t, int nice);
int sched_set_policy(struct thread *t, int policy, int rt_priority);
int sched_set_affinity(struct thread *t, u64 mask);
/* For /proc: 1-, 5-, 15-minute load as fixed point 16.16; running and total counts; per-CPU times in ns. */
struct sched_stats {
	u64 load[3];
	u32 running, total;
	pid_t last_pid;
	u64 ctxt_switches, forks;
};
void sched_get_stats(struct sched_stats *out);
struct cpu_times {
	u64 user, nice, system, idle, iowait, irq;
};
void sched_cpu_times(u32 cpu, struct cpu_times *out);
/* Sum for a thread, current slice included. */
void thread_cpu_times(struct thread *t, u64 *utime, u64 *stime);

/* ---- life: kernel/process/thread.c ---- */
/* Allocates a thread with stack and tid 0, nothing shared yet; NULL: out of memory.  Its one reference is the
 * scheduler's, which frees the stack after the last switch away, sets kstack NULL, and puts the thread. */
struct thread *thread_alloc(void);
static inline void thread_get(struct thread *t)
{
	ref_get(&t->refs);
}
void thread_put(struct thread *t); /* any context */
/* By thread id in current's pid namespace, with a reference; NULL: none. */
struct thread *thread_find_get(pid_t tid);
/* The thread of a program with the lowest id from @tid (over 0) on, counted; NULL: none. */
struct thread *thread_next_get(pid_t tid);
/* RCU or proc_tree_lock held. */
struct thread *thread_find(pid_t tid);
