// SPDX-License-Identifier: MIT
/*
 * Signals: queues, handlers, delivery.  kernel/signal/.
 *
 * Every signal that carries information is queued with a siginfo; a standard
 * signal is queued once, a real-time signal as often as it is sent.
 */
#pragma once

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>

#define NSIG_TOTAL 64
#define SIGMASK(sig) (1ull << ((sig)-1))
#define SIG_UNMASKABLE (SIGMASK(SIGKILL) | SIGMASK(SIGSTOP))

/* Kernel's view of a siginfo: the UAPI layout itself, so that it copies as it is. */
struct ksiginfo {
	siginfo_t si;
};

/* The kernel's struct sigaction of x86-64 (rt_sigaction(2)); not in a UAPI header in this form. */
struct abi_sigaction {
	u64 handler;
	u64 flags;
	u64 restorer;
	u64 mask;
};

/* One queued signal. */
struct sigitem {
	struct list node;
	struct ksiginfo info;
	struct posix_timer *timer; /* NULL: free the item at dequeue; else posix_timer_dequeued() */
	struct thread *target;     /* signal_send_item: whose queue, NULL the process's */
	struct user *user;         /* whose RLIMIT_SIGPENDING it counts against; NULL: nobody's */
};

/* Pending signals of a thread or a process; sighand->lock. */
struct sigqueue {
	u64 pending;
	struct list items;
};

/* Handlers, shared by CLONE_SIGHAND. */
struct sighand {
	struct refcount refs;
	struct spinlock lock; /* rank LR_SIGNAL, irqs off: also guards the queues of its threads */
	struct abi_sigaction action[NSIG_TOTAL] GUARDED_BY(&lock); /* [sig - 1] */
	struct waitq signalfd_waitq;
	struct rcu_head rcu;
};

/* Drops a reference to handlers.  Any context. */
void sighand_put(struct sighand *s);

struct thread;
struct process;
struct session;
struct regs;
struct user;

/* Fills in a kernel-born siginfo: SI_KERNEL or SI_USER from current. */
void siginfo_kernel(struct ksiginfo *info, int sig);
void siginfo_user(struct ksiginfo *info, int sig, int code);

/* To current, for what it just did, as if it had sent it itself: SIGPIPE, SIGXFSZ. */
void signal_self(int sig);

/* A siginfo that user space made for @sig: 0, -EFAULT, -E2BIG.  si_signo is the caller's to check or set. */
long siginfo_from_user(struct ksiginfo *info, int sig, const void __user *uinfo);
/* It says that kill(2), tgkill(2) or the kernel sent it. */
bool siginfo_claims_sender(const struct ksiginfo *info);

/* To one thread / to the whole process.  0, or -EAGAIN (queue limit, real-time only).  Any context but NMI. */
int signal_send_thread(struct thread *t, const struct ksiginfo *info);
int signal_send_process(struct process *p, const struct ksiginfo *info);
/* Queues @item, which its posix timer owns and keeps alive, to @t or (NULL) to @p; also when it is there already.
 * At dequeue posix_timer_dequeued() fills the overrun in. sighand->lock held. */
enum item_sent { ITEM_QUEUED, ITEM_IGNORED, ITEM_LOST /* @t is dead */ };
enum item_sent signal_send_item(struct process *p, struct thread *t, struct sigitem *item);
/* Takes it back off the queue if it is there (timer_delete). */
void signal_cancel_item(struct process *p, struct sigitem *item);
/* Kernel-born, no further information. */
void signal_process(struct process *p, int sig);
/* To each member of process group @pgid if it is one of *@session's (read under proc_tree_lock): a group's number may
 * have come again elsewhere. */
void signal_pgrp(struct session *const *session, pid_t pgid, const struct ksiginfo *info);
/* A fault in current: cannot be ignored or blocked (then it kills). @addr goes to si_addr. */
void signal_fault(int sig, int code, u64 addr);
/* As kill(2) asks for permission: 0, -EPERM. */
int signal_check_permission(struct thread *target, int sig);

/* current->blocked := set (without the unmaskable), wakes what must be. */
void signal_set_mask(u64 set);
/* For ppoll, pselect, epoll_pwait, sigsuspend: @set applies until the return to user mode.
 * 0, -EINVAL (size), -EFAULT; a NULL @uset changes nothing. */
int signal_set_temporary_mask(const u64 __user *uset, size_t size);
/* The call finished without a signal: puts the mask back at once. */
void signal_restore_mask(void);
/* Sets TP_SIGNAL as the queues and mask say; sighand->lock held. */
void signal_recalc(struct thread *t);
/* Takes the next signal in @set (a mask of wanted ones) from current's queues; 0: none. sighand->lock held. */
int signal_dequeue(u64 set, struct ksiginfo *info);
/* Called on the way to user mode: delivers, stops, kills, restarts calls. */
void signal_deliver(struct regs *regs);
/* exec: caught handlers back to default, alternate stack gone. */
void signal_exec(struct thread *t);
