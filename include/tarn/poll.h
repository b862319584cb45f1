// SPDX-License-Identifier: MIT
/*
 * Readiness: how poll(2), select(2) and epoll(7) ask an open file.
 *
 * A file's poll op first tells each wait queue that will be woken when its
 * answer changes (poll_on), then returns the present mask.  That order is what
 * makes a wake-up between the two impossible to lose.
 */
#pragma once

#include <linux/eventpoll.h>
#include <linux/poll.h>

struct waitq;
struct file;

struct poll_wait {
	/* Registers the asker on @q; NULL once an answer was found: only the mask is wanted. */
	void (*add)(struct poll_wait *w, struct waitq *q);
	u32 events; /* what the asker wants: POLL* */
};
static inline void poll_on(struct poll_wait *w, struct waitq *q)
{
	if (w && w->add)
		w->add(w, q);
}
/* POLL* mask of @f now; @w NULL: only ask. */
u32 file_poll(struct file *f, struct poll_wait *w);
/* The file goes: it leaves every epoll set (file_put calls it). */
void epoll_file_released(struct file *f);
