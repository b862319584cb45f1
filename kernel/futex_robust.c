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

/* An entry of the list: the lock's address and, in bit 0, whether it is one with priority inheritance. */
static u64 entry_address(u64 entry)
{
	return entry & ~1ull;
}

/*
 * The lock word of @entry, if we own it, passes to whoever comes next. False: there
 * is no word there, and the list ends. As on Linux only waiters of a shared futex
 * are woken: those of a private one die with us, or could not have let the lock go.
 */
static bool mark_dead(u64 entry, s64 offset, u32 tid, bool pending)
{
	u32 __user *uaddr = (u32 __user *)(entry_address(entry) + (u64)offset);
	bool pi = entry & 1;
	u32 val, found;

	if ((u64)uaddr % sizeof(u32) || get_user(val, uaddr))
		return false;
	/* Died between taking itself off the list and waking: the word may be free already. */
	if (pending && !pi && !val) {
		(void)futex_wake_user(uaddr, 1, true);
		return true;
	}
	while ((val & FUTEX_TID_MASK) == tid) {
		u32 dead = (val & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

		if (user_cmpxchg32(uaddr, val, dead, &found))
			return false;
		if (found == val) {
			if (val & FUTEX_WAITERS && !pi)
				(void)futex_wake_user(uaddr, 1, true);
			break;
		}
		val = found;
	}
	return true;
}

void futex_exit_robust(struct thread *t)
{
	struct robust_list_head __user *uhead = t->robust_list;
	struct robust_list_head head;
	u64 entry, next, pending;

	if (!uhead)
		return;
	t->robust_list = NULL;
	if (copy_from_user(&head, uhead, sizeof(head)))
		return;
	entry = (u64)head.list.next;
	pending = (u64)head.list_op_pending;
	for (u32 i = 0; i < ROBUST_LIST_LIMIT && entry_address(entry) != (u64)&uhead->list; i++) {
		/* Read on before the word is let go: its memory may be freed by the next owner. */
		int err = copy_from_user(&next, (const void __user *)entry_address(entry), sizeof(next));

		if (entry_address(entry) != entry_address(pending) &&
		    !mark_dead(entry, head.futex_offset, (u32)t->tid, false))
			return;
		if (err)
			return;
		entry = next;
	}
	if (pending)
		(void)mark_dead(pending, head.futex_offset, (u32)t->tid, true);
}
