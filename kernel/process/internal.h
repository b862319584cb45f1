// SPDX-License-Identifier: MIT
/*
 * What the files of kernel/process/, kernel/exec/ and kernel/signal/ share.
 *
 * "tree lock" means proc_tree_lock, always taken with interrupts off; under it
 * a sighand->lock may be taken, not the other way round.
 */
#pragma once

#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/waitq.h>

/* Where a number stands for something: a thread, a process group, a session.  The number is free again
 * when all three are gone.  Tree lock to write, RCU to read. */
struct pid_slot {
	pid_t nr;                /* [I] */
	u64 serial;              /* [I] no other slot, of this number or another, has it */
	struct thread *thread;
	struct pgrp *pgrp;
	struct session *session;
	struct rcu_head rcu;
};

/* ---- pid.c ---- */
/* A number for nothing yet, @want or any (0).  -EAGAIN none left, -ENOMEM, -EEXIST.  Takes the tree lock. */
int pid_reserve(pid_t want, struct pid_slot **out);
struct pid_slot *pid_find(pid_t nr);             /* tree lock or RCU */
void pid_release_if_unused(struct pid_slot *s);  /* tree lock */
struct pgrp *pgrp_find(pid_t id);                /* tree lock or RCU */

/* ---- thread.c ---- */
/* Takes @t out of its group and of the pid table; drops the table's reference.  Tree and signal lock. */
void thread_unlink(struct thread *t);
/* Joins @t to @p's threads and to slot @s.  Tree and signal lock. */
void thread_link(struct thread *t, struct process *p, struct pid_slot *s);
/* exec, by the only thread left of a process whose leader is dead: current becomes the leader. */
void thread_take_leadership(void);
u32 thread_count(void);
u32 thread_limit(void);

/* ---- group.c ---- */
struct process *process_alloc(void);
/* A zombie, or a process that never ran: out of the tree and the tables, then freed with its references. */
void process_release(struct process *p);
void process_join_pgrp(struct process *p, struct pgrp *g); /* tree lock */
void process_leave_pgrp(struct process *p);                /* tree lock */

/* ---- family.c: all under the tree lock, but for the last two ---- */
/* @c becomes a child of @parent, made by @maker (NULL: init). */
void family_add(struct process *c, struct process *parent, struct thread *maker);
void family_leave(struct process *c);
/* @c waits to be reaped; no longer. */
void family_zombie_join(struct process *c);
void family_zombie_leave(struct process *c);
/* @p's group, parent or life changed, or that of its children's parent: counts pgrp->anchors anew. */
void pgrp_count_anchor(struct process *p);
void pgrp_count_children(struct process *p);
/* The same when @p or its parent, @dying, dies: a stopped group that lost its last anchor gets SIGHUP. */
void pgrp_anchor_lost(struct process *p, const struct process *dying);
/* At most @most of @t's children get another parent; who is dead and unwanted there goes to @dead. */
void family_hand_over(struct thread *t, u32 most, struct list *dead);
void family_release_dead(struct list *dead);
/* Current exits: the bulk of its children, in pieces. */
void family_before_exit(struct thread *t);

/* ---- exit.c ---- */
/* @p, a zombie, tells its parent: true if it is to be reaped at once.  Tree lock. */
bool process_notify_parent(struct process *p);
/* The parent that waits in vfork goes on.  No locks. */
void thread_vfork_release(struct thread *t);
/* Registers, robust futexes, clear_child_tid: current stops using its mm (exec and exit). */
void thread_leave_mm(void);

/* ---- rusage.c ---- */
struct rusage;
void rusage_add(struct rusage_sum *to, const struct rusage_sum *from);
/* Pages resident now or at the peak, whichever is more. */
u64 mm_peak_rss(struct mm *mm);
void rusage_to_user_form(const struct rusage_sum *in, struct rusage *out);

/* ---- user.c ---- */
extern struct user root_user;
struct user *user_find_or_make(uid_t uid); /* counted; NULL: no memory */

/* ---- cred.c ---- */
const struct cred *thread_cred_get(struct thread *t);

/* ---- namespaces.c ---- */
extern struct namespaces init_namespaces;
/* CLONE_NEW* of @flags as far as they exist: new or shared, counted; ERR_PTR. */
struct namespaces *namespaces_clone(u64 flags, struct namespaces *old);

/* ---- pidfd.c ---- */
/* An open file that stands for @p; ERR_PTR. */
struct file *pidfd_file(struct process *p, u32 flags);
/* The process behind descriptor @fd, with a reference; *nonblock: O_NONBLOCK.  ERR_PTR(-EBADF). */
struct process *pidfd_process_get(unsigned int fd, bool *nonblock);

/* ---- kernel/signal ---- */
/* SIGKILL for @t alone, past every mask; signal lock of its process. */
void signal_kill_thread(struct thread *t);
void sigqueue_init(struct sigqueue *q);
void sigqueue_flush(struct sigqueue *q); /* signal lock, or nobody else can see it */
struct sighand *sighand_alloc(void);
struct sighand *sighand_copy(struct sighand *old);
void sighand_put(struct sighand *s);
/* A stop or continuation of current's group was completed: tells the parent.  No locks. */
void signal_notify_parent_stop(struct process *p, int code);
/* A thread that was to stop with its group goes instead.  Signal lock; true: the group now stands still. */
bool signal_leave_group_stop(struct thread *t);
void signal_init(void);
