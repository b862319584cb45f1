// SPDX-License-Identifier: MIT
/* What the files of kernel/signal/ share.  "Signal lock": sighand->lock of the process in question. */
#pragma once

#include "../process/internal.h"

#include <linux/signal.h>
#include <tarn/signal.h>

#define SIG_FAULTS                                                                     \
	(SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) |     \
	 SIGMASK(SIGFPE) | SIGMASK(SIGSYS))
#define SIG_STOPS (SIGMASK(SIGSTOP) | SIGMASK(SIGTSTP) | SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU))
/* Ignored by default. */
#define SIG_IGNORED (SIGMASK(SIGCONT) | SIGMASK(SIGCHLD) | SIGMASK(SIGWINCH) | SIGMASK(SIGURG))
/* Would write a core file. */
#define SIG_CORES                                                                      \
	(SIGMASK(SIGQUIT) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | SIGMASK(SIGABRT) |    \
	 SIGMASK(SIGFPE) | SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGSYS) |      \
	 SIGMASK(SIGXCPU) | SIGMASK(SIGXFSZ))

static inline bool sig_valid(int sig)
{
	return sig >= 1 && sig <= NSIG_TOTAL;
}

/* ---- queue.c: all under the signal lock ---- */
/* Queues a copy of @info for a target process @p: 0; 1: a standard signal that is pending already; -EAGAIN when the limit says no and the sender must know. */
int sigqueue_add(struct sigqueue *q, struct process *p, const struct ksiginfo *info);
void sigqueue_remove(struct sigqueue *q, u64 set);
int sigqueue_take(struct sigqueue *q, u64 wanted, struct ksiginfo *info);

/* ---- send.c ---- */
/* TP_SIGNAL for @t, which wakes up if it sleeps interruptibly. */
void signal_wake(struct thread *t);
/* Drops what is pending in the whole process; signal lock. */
void signal_flush_process(struct process *p, u64 set);

/* ---- mask.c ---- */
long sigset_from_user(u64 *set, const u64 __user *uset, size_t size);

/* ---- altstack.c ---- */
bool altstack_in_use(const struct thread *t, u64 sp);
long altstack_set(u64 sp, int flags, u64 size, u64 user_sp);
