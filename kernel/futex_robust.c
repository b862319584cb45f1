// SPDX-License-Identifier: MIT
/*
 * Robust futexes: locks whose owner died.
 *
 * A thread registers a list of the locks it holds, which lives in its own
 * memory.  When it exits, each word on it that still carries its id gets
 * FUTEX_OWNER_DIED and one waiter is woken.  The list may be anything: it is
 * followed with user copies, for at most ROBUST_LIST_LIMIT steps.
 */
#include <linux/futex.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/futex.h>
#include <tarn/process.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

long sys_set_robust_list(void __user *head, size_t len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

static bool may_look_into(const struct thread *t)
{
	const struct cred *mine = current_cred(), *its = t->cred;

	return t->process == current->process || capable(CAP_SYS_PTRACE) ||
	       (mine->uid == its->uid && mine->uid == its->euid && mine->uid == its->suid);
}

long sys_get_robust_list(int pid, void __user *uhead, size_t __user *ulen)
{
	struct thread *t = pid ? thread_find_get(pid) : current;
	void __user *head = NULL;
	int err = 0;

	if (!t)
		return -ESRCH;
	if (may_look_into(t))
		head = READ_ONCE(t->robust_list);
	else
		err = -EPERM;
	if (pid)
		thread_put(t);
	if (err)
		return err;
	err = put_user(sizeof(struct robust_list_head), ulen);
	return err ? err : copy_to_user(uhead, &head, sizeof(head));
}

/* The lock word at @uaddr, if we own it, passes to whoever comes next. */
static void mark_dead(u32 __user *uaddr, u32 tid, bool pending)
{
	u32 val, found;

	if ((u64)uaddr % sizeof(u32) || get_user(val, uaddr))
		return;
	/* Died between taking itself off the list and waking: the word may be free already. */
	if (pending && !val) {
		(void)futex_wake_user(uaddr, 1, true);
		(void)futex_wake_user(uaddr, 1, false);
		return;
	}
	while ((val & FUTEX_TID_MASK) == tid) {
		u32 dead = (val & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

		if (user_cmpxchg32(uaddr, val, dead, &found))
			return;
		if (found != val) {
			val = found;
			continue;
		}
		if (val & FUTEX_WAITERS) {
			(void)futex_wake_user(uaddr, 1, true);
			(void)futex_wake_user(uaddr, 1, false);
		}
		return;
	}
}

/* Bit 0 of an entry says priority inheritance; it is not part of the address. */
static u64 entry_address(u64 entry)
{
	return entry & ~1ull;
}

void futex_exit_robust(struct thread *t)
{
	struct robust_list_head __user *uhead = t->robust_list;
	struct robust_list_head head;
	u64 entry, next;

	if (!uhead)
		return;
	t->robust_list = NULL;
	if (copy_from_user(&head, uhead, sizeof(head)))
		return;
	entry = entry_address((u64)head.list.next);
	for (u32 i = 0; i < ROBUST_LIST_LIMIT && entry != (u64)&uhead->list; i++) {
		/* Read on before the word is let go: its memory may be freed by the next owner. */
		int err = copy_from_user(&next, (const void __user *)entry, sizeof(next));

		if (entry != entry_address((u64)head.list_op_pending))
			mark_dead((u32 __user *)(entry + (u64)head.futex_offset), (u32)t->tid,
				  false);
		if (err)
			return;
		entry = entry_address(next);
	}
	if (head.list_op_pending)
		mark_dead((u32 __user *)(entry_address((u64)head.list_op_pending) +
					 (u64)head.futex_offset),
			  (u32)t->tid, true);
}
