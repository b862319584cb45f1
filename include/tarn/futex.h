// SPDX-License-Identifier: MIT
/* Futexes, as the rest of the kernel needs them. kernel/futex.c. */
#pragma once

struct thread;

/* FUTEX_WAKE of up to @n waiters at @uaddr in current's mm (thread exit's clear_child_tid). */
long futex_wake_user(u32 __user *uaddr, int n, bool shared);
/* Marks the robust list's locks as owner-died. */
void futex_exit_robust(struct thread *t);
