// SPDX-License-Identifier: MIT
/*
 * kfree_rcu: frees after a grace period without touching the object before, so
 * that readers may still look at all of it.
 *
 * Pointers are gathered in a batch per CPU.  A batch lives through two grace
 * periods: during the first it still takes pointers, at its end it is closed,
 * and after the second everything in it is free to go.  One call-back thus
 * serves many objects.
 *
 *   open (in its CPU's slot) -> closed (full, or its first period ended) -> freed
 *
 * A few batches are kept in reserve: when there is no memory at all, those who
 * die to give some back must be able to free what they leave.
 *
 * Lock: batch_lock (LR_RCU, irqs off), held for a few instructions.
 */
#include <tarn/cpu.h>
#include <tarn/printk.h>
#include <tarn/rcu.h>
#include <tarn/slab.h>

#define BATCH 60
#define RESERVE 16

struct batch {
	struct rcu_head rcu;
	u32 count;
	bool reserved; /* from the reserve, and in use */
	void *ptr[BATCH];
};

static struct spinlock batch_lock = SPINLOCK_INIT("kfree_rcu", LR_RCU);
static struct batch *open_batch[MAX_CPUS]; /* batch_lock */
static struct batch reserve[RESERVE];      /* batch_lock; ->reserved: in use */

/* Empty; NULL: not even in reserve. */
static struct batch *batch_new(void)
{
	struct batch *b = kmalloc(sizeof(*b), GFP_ATOMIC | GFP_ZERO);
	u64 flags;

	if (b)
		return b;
	flags = spin_lock_irqsave(&batch_lock);
	for (u32 i = 0; i < RESERVE && !b; i++)
		if (!reserve[i].reserved)
			b = &reserve[i];
	if (b)
		*b = (struct batch){ .reserved = true };
	spin_unlock_irqrestore(&batch_lock, flags);
	return b;
}

static void batch_give_back(struct batch *b)
{
	u64 flags = spin_lock_irqsave(&batch_lock);

	b->reserved = false;
	spin_unlock_irqrestore(&batch_lock, flags);
}

static void batch_free(struct rcu_head *h)
{
	struct batch *b = container_of(h, struct batch, rcu);

	for (u32 i = 0; i < b->count; i++)
		kfree(b->ptr[i]);
	if (b->reserved)
		batch_give_back(b);
	else
		kfree(b);
}

static void batch_close(struct rcu_head *h)
{
	struct batch *b = container_of(h, struct batch, rcu);
	u64 flags = spin_lock_irqsave(&batch_lock);

	for (u32 i = 0; i < MAX_CPUS; i++)
		if (open_batch[i] == b)
			open_batch[i] = NULL;
	spin_unlock_irqrestore(&batch_lock, flags);
	rcu_call(&b->rcu, batch_free);
}

static bool batch_add(void *p)
{
	u64 flags = spin_lock_irqsave(&batch_lock);
	struct batch **slot = &open_batch[cpu_id()];
	bool added = *slot != NULL;

	if (added) {
		struct batch *b = *slot;

		b->ptr[b->count++] = p;
		if (b->count == BATCH)
			*slot = NULL;
	}
	spin_unlock_irqrestore(&batch_lock, flags);
	return added;
}

void kfree_rcu(void *p)
{
	struct batch *b;
	u64 flags;

	if (!p || batch_add(p))
		return;
	b = batch_new();
	if (!b) {
		/* Readers may hold it and we may not wait here: losing it is the safe way. */
		pr_warn("memory: no room to free an object later; %zu bytes lost", kmalloc_size(p));
		return;
	}
	b->ptr[b->count++] = p;
	flags = spin_lock_irqsave(&batch_lock);
	if (!open_batch[cpu_id()])
		open_batch[cpu_id()] = b;
	spin_unlock_irqrestore(&batch_lock, flags);
	rcu_call(&b->rcu, batch_close);
}
