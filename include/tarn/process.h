// SPDX-License-Identifier: MIT
/*
 * Processes: thread groups, the tree of parents and children, process groups
 * and sessions.  kernel/process/.
 *
 * proc_tree_lock (a spinlock, LR_PROC_TREE) guards every link below; pid
 * lookups run under RCU.  Signals to a process group come from interrupt
 * handlers (a terminal's ^C), so it is always taken with interrupts off.
 *
 * Life of a process:  alive -> zombie (every thread is gone) -> reaped by its
 *   parent -> freed with the last reference.
 */
#pragma once

#include <linux/resource.h>
#include <tarn/thread.h>

#define RLIM_COUNT 16

struct rlimit64_pair {
	u64 cur, max; /* ~0: infinity */
};

struct tty;

/* A process group: a number with members.  It goes with its last member. */
struct pgrp {
	pid_t id;                /* [I] */
	struct session *session; /* [I] counted */
	struct list members;     /* process->pgrp_node; proc_tree_lock */
	u32 anchors;             /* members whose parent is elsewhere in the session: 0, orphaned; proc_tree_lock */
	struct rcu_head rcu;
};
/* Lives while a group belongs to it or somebody holds a reference (a terminal). */
struct session {
	pid_t id;               /* [I] */
	struct process *leader; /* NULL once it exited; proc_tree_lock */
	struct tty *tty;        /* controlling terminal, counted; proc_tree_lock */
	struct refcount refs;
	struct rcu_head rcu;
};

/* Resource use: own or of waited-for children. */
struct rusage_sum {
	u64 utime, stime;
	u64 min_flt, maj_flt, nvcsw, nivcsw, inblock, oublock;
	u64 max_rss; /* pages */
	u64 rchar, wchar, syscr, syscw; /* as in struct thread */
	u64 read_bytes, write_bytes;
};

struct process {
	pid_t pid;                       /* [I] thread group id */
	struct refcount refs;
	struct thread *leader;           /* changes when a non-leader execs; proc_tree_lock */
	/* thread->group_node.  Changes need proc_tree_lock and sighand->lock, walks one of them or RCU. */
	struct list threads;
	u32 nthreads;                    /* not dead yet; as threads */
	u32 live;                        /* that have not begun to exit; sighand->lock */

	struct process *parent;          /* never NULL but for pid 1 and the kernel's; RCU to read */
	struct list children, sibling;
	struct thread *parent_thread;    /* which of the parent's; NULL: init */
	struct list by_thread;           /* in parent_thread->children */
	u64 birth;                       /* rises along parent->children */
	struct rb_root zombies;          /* children that wait to be reaped, by birth */
	struct rb_node zombie_node;      /* clear: not in the parent's */
	bool anchor;                     /* counted in pgrp->anchors */
	struct pgrp *pgrp;               /* RCU to read */
	struct list pgrp_node;
	struct session *session;         /* = pgrp->session; RCU to read */
	bool no_tty;                     /* let go of the session's terminal (TIOCNOTTY); proc_tree_lock */

	struct sighand *sighand;         /* changes at exec (unshare) only: process_lock_signals() */
	struct sigqueue sig;             /* pending for the process; sighand->lock */
	/* Group exit and stop: sighand->lock */
	bool group_exit;                 /* every thread has been told to die */
	bool stopped;                    /* every thread stands still, by stop_signal */
	bool stop_waitable;              /* and wait4(WUNTRACED) has not seen it */
	bool stop_dequeued;              /* a stop signal is being acted on; SIGCONT clears it */
	bool fault_forced;               /* a fault nobody catches: kills even init */
	bool cont_waitable;              /* continued, and wait4(WCONTINUED) has not seen it */
	int group_exit_code;             /* wait status */
	int stop_signal;
	u32 stopping_threads;            /* still to stop; > 0 while a stop is under way */
	int notify_parent;               /* CLD_STOPPED, CLD_CONTINUED: a woken thread tells the parent; 0 */
	struct thread *exec_thread;      /* has told the others to die and waits for it */

	int exit_signal;                 /* sent to the parent; SIGCHLD */
	/* A parent that became another program since gets SIGCHLD whatever exit_signal says: the new program may be
	 * set-uid, and did not choose its children. */
	u64 exec_id;                     /* counts exec; [a] */
	u64 parent_exec_id;              /* the parent's when it made us; proc_tree_lock */
	bool zombie;                     /* every thread is gone, waiting to be reaped; proc_tree_lock */
	bool reaped;                     /* no longer findable; proc_tree_lock */
	bool is_kernel;                  /* [I] kernel threads' process: takes no signals */
	bool is_subreaper;
	bool did_exec;                   /* setpgid by the parent is refused afterwards */
	struct waitq wait_children;      /* wait4 sleeps here */
	struct waitq pidfd_waitq;

	struct mutex exec_lock;          /* exec, ptrace attach, /proc's look into mm */
	struct spinlock rlimit_lock;
	struct rlimit64_pair rlimits[RLIM_COUNT]; /* rlimit_lock to write; readers take READ_ONCE */
	struct rusage_sum dead_threads;  /* sighand->lock */
	struct rusage_sum children_usage;
	struct rb_root posix_timers;     /* by id; sighand->lock */
	struct list ignored_timers;      /* of these, whose signal nobody wants; sighand->lock */
	u32 next_timer_id;
	_Atomic u64 cpu_time;            /* [a] ns of all threads, up to the last tick of each: for RLIMIT_CPU */
	struct timer itimer_real;
	u64 itimer_real_interval;
	struct { u64 value, interval; } itimer_cpu[2]; /* ITIMER_VIRTUAL, ITIMER_PROF; ns of CPU time */

	/* What /proc shows of the program; exec_lock */
	struct file *exe;                /* counted, writes denied (ETXTBSY); NULL: kernel, zombie */
	int oom_score_adj;
	bool dumpable;
	ktime_t start_time;
	struct rcu_head rcu;
};

/* Adds what a thread used; what all of @p's threads did, those included that are gone. */
void rusage_add_thread(struct rusage_sum *to, struct thread *t);
void rusage_of_process(struct process *p, struct rusage_sum *out);

extern struct spinlock proc_tree_lock;
/* Threads that exist, kernel threads included, and the pid given out last. */
void process_counts(u32 *threads, pid_t *last_pid);
extern struct process *init_process;   /* pid 1 */
/* The id given out last, for /proc/loadavg. */
pid_t pid_last(void);

static inline u64 rlimit_cur(unsigned int which)
{
	return READ_ONCE(current->process->rlimits[which].cur);
}

/* A number together with what tells it from its next use: to remember somebody without keeping him. */
struct pid_name {
	pid_t nr;
	u64 serial;
};
/* False: the number is nobody's. */
bool pid_name_of(pid_t nr, struct pid_name *out);
/* Who has that name now, as thread or group; NULL: nobody any more.  RCU or tree lock. */
struct thread *pid_name_thread(const struct pid_name *name);
struct pgrp *pid_name_pgrp(const struct pid_name *name);

/* With a reference; NULL: none. */
struct process *process_find_get(pid_t pid);
void process_put(struct process *p);
static inline void process_get(struct process *p)
{
	ref_get(&p->refs);
}
/* Walks all processes under RCU: first with pid >= @pid; NULL at the end. */
struct process *process_next(pid_t pid);
/* 'R', 'S', 'D', 'T', 't', 'Z' as /proc/PID/stat has it. */
char thread_state_char(const struct thread *t);
/* mm of @t with a reference (mm_put), or NULL (kernel thread, exiting). */
struct mm *thread_mm_get(struct thread *t);
/* May current look into @t?  kernel/process/access.c */
enum access_how {
	ACCESS_FS_IDS = 0,    /* by file system ids: /proc */
	ACCESS_REAL_IDS = 1,  /* by real ids: system calls */
	ACCESS_ATTACH = 2,    /* or'ed in: not only to look; kernel.yama.ptrace_scope has a say */
};
bool thread_may_access(struct thread *t, u32 how);
/* mm of @t if current may look into it, with a reference; NULL: it has none; ERR_PTR(-EACCES, -EINTR). */
struct mm *thread_mm_access(struct thread *t, u32 how);

/* ---- fork, exec, exit ---- */
struct clone_args_k {
	u64 flags;
	int exit_signal;
	u64 stack;      /* top; 0: keep */
	u64 tls;
	int __user *parent_tid, *child_tid, *pidfd;
	pid_t set_tid;  /* 0: any */
};
/* The new thread's id or -errno. */
long thread_clone(const struct clone_args_k *args);
void NORETURN thread_exit(int code);
/* Whole process: wait status as wait4(2) gives it. */
void NORETURN process_exit_group(int status);
/* Starts pid 1 from a kernel thread: tries @path with @argv, @envp (kernel strings).  Returns only on error. */
int kernel_execve(const char *path, const char *const *argv, const char *const *envp);
/* Once, before any thread but the boot CPU's idle one exists; needs slabs. */
void process_init(void);
/* Owner of all kernel threads, pid 0; ready before process_init(). */
extern struct process kernel_process;
/* A fresh thread (thread_alloc) becomes a kernel thread: a tid, kernel_process's group, TF_KTHREAD,
 * root credentials, the kernel's fs context and namespaces.  0 or -errno. */
int process_adopt_kthread(struct thread *t);
/* Makes process 1 with its thread, no program yet: it runs @fn(@arg) in the kernel, which ends in
 * kernel_execve().  The caller does sched_start().  ERR_PTR. */
struct thread *process_create_init(void (*fn)(void *arg), void *arg);

/* ---- signals' lock of a process whose sighand may change ---- */
/* sighand->lock of @p, irqs off. */
struct sighand *process_lock_signals(struct process *p, u64 *irq);
static inline void NO_LOCK_CHECK process_unlock_signals(struct sighand *s, u64 irq)
{
	spin_unlock_irqrestore(&s->lock, irq);
}

/* ---- namespaces ---- */
struct uts_names {
	char nodename[65], domainname[65];
};
/* All present namespaces of a thread; counted.  Today only uts can differ from its maker's. */
struct namespaces {
	struct refcount refs;
	struct mount_ns *mnt;
	struct uts_ns *uts;
	struct ipc_ns *ipc;
};
struct uts_ns {
	struct refcount refs;
	struct mutex lock;
	struct uts_names names;
};
void namespaces_put(struct namespaces *ns);
extern struct uts_ns init_uts;

/* ---- terminals: called by drivers/tty, proc_tree_lock taken inside ---- */
/* Drops a reference; takes proc_tree_lock. */
void session_put(struct session *s);
/* Process group @pgid belongs to @s. */
bool pgrp_in_session(pid_t pgid, struct session *s);
/* No member has a parent in another group of the session: stop signals from the tty are discarded. */
bool pgrp_is_orphaned(pid_t pgid);
