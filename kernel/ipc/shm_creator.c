// SPDX-License-Identifier: MIT
/*
 * Which process made a segment: for kernel.shm_rmid_forced, by which segments
 * that nothing holds go with their creators.
 *
 * A tree by creator, because every exit of any process asks for its own, and
 * there may be thousands that are not.  Lock: ns->lock.
 *
 * Tests: tests/abi/mem_shm.c, mem_growth.c.
 */
#include <tarn/process.h>

#include "shm.h"

static struct shm_segment *by_creator(struct rb_node *n)
{
	return rb_entry_or_null(n, struct shm_segment, by_creator);
}

void shm_add_creator(struct ipc_ns *ns, struct shm_segment *s)
{
	struct rb_node *parent = NULL, **link = &ns->shm_creators.node;

	while (*link) {
		parent = *link;
		link = (ulong)s->creator < (ulong)by_creator(parent)->creator ? &parent->left :
										&parent->right;
	}
	rb_insert(&ns->shm_creators, &s->by_creator, parent, link, NULL);
}

void shm_forget_creator(struct ipc_ns *ns, struct shm_segment *s)
{
	if (s->creator)
		rb_erase(&ns->shm_creators, &s->by_creator, NULL);
	s->creator = NULL;
}

/* One of the segments that @p made; NULL: none is left. */
static struct shm_segment *created_by(struct ipc_ns *ns, const struct process *p) MUST_HOLD(&ns->lock)
{
	struct shm_segment *s = by_creator(ns->shm_creators.node);

	while (s && s->creator != p)
		s = by_creator((ulong)p < (ulong)s->creator ? s->by_creator.left :
							      s->by_creator.right);
	return s;
}

/* One segment of dead @p that nothing holds, out of the namespace; NULL: none is left. */
static struct shm_segment *take_orphan(struct ipc_ns *ns, struct process *p) MUST_HOLD(&ns->lock)
{
	struct shm_segment *s;

	while ((s = created_by(ns, p))) {
		shm_forget_creator(ns, s);
		if (shm_goes_unattached(s)) {
			shm_unlink(ns, s);
			return s;
		}
	}
	return NULL;
}

/* The same of those whose creators are long dead. */
static struct shm_segment *take_old_orphan(struct ipc_ns *ns) MUST_HOLD(&ns->lock)
{
	struct ipc_object *each;
	u32 index;

	IDR_FOR_EACH(&ns->shm.table, each, index) {
		struct shm_segment *s = shm_of(each);

		if (!s->creator && shm_goes_unattached(s)) {
			shm_unlink(ns, s);
			return s;
		}
	}
	return NULL;
}

void shm_process_exit(struct ipc_ns *ns, struct process *p)
{
	struct shm_segment *s;

	/* Nearly every exit: no lock that all of them would meet at. */
	if (!READ_UNLOCKED(ns->shm.in_use))
		return;
	do {
		mutex_lock(&ns->lock);
		s = p ? take_orphan(ns, p) : take_old_orphan(ns);
		mutex_unlock(&ns->lock);
		if (s)
			shm_free(s);
	} while (s);
}
