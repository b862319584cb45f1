// SPDX-License-Identifier: MIT
/*
 * Intrusive linked lists.
 *
 * struct list: doubly linked and circular; the same type is the head and the
 * node.  A head is empty when it points at itself.  All operations are O(1).
 *
 * struct hlist_head / hlist_node: one-pointer heads for hash tables; a node can
 * leave without knowing its head.  A node that is on no list has pprev == NULL.
 *
 * Locks: none inside; the caller serialises.  The _rcu operations let readers
 * walk without the writers' lock: a writer publishes a node with a release
 * store only when it is filled in, readers follow with acquire loads, and a
 * removed node keeps its next pointer, so a reader standing on it finds the way
 * on.  Free such a node only after a grace period, and do not add it to another
 * list before one.
 *
 * Arguments: the list comes first, then the node.
 */
#pragma once

struct list {
	struct list *next;
	struct list *prev;
};

struct hlist_node {
	struct hlist_node *next;
	struct hlist_node **pprev;	/* the pointer that points at us */
};

struct hlist_head {
	struct hlist_node *first;
};

#define LIST_INIT(name)	 { .next = &(name), .prev = &(name) }
#define HLIST_INIT	 { .first = NULL }
#define LIST_ENTRY(ptr, type, member) container_of(ptr, type, member)

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return READ_ONCE(head->next) == head;
}

static inline void list_insert_between(struct list *prev, struct list *node, struct list *next)
{
	node->next = next;
	node->prev = prev;
	next->prev = node;
	prev->next = node;
}

/* Put @node first. */
static inline void list_add(struct list *head, struct list *node)
{
	list_insert_between(head, node, head->next);
}

/* Put @node last (or, with a node as @head, right before that node). */
static inline void list_add_tail(struct list *head, struct list *node)
{
	list_insert_between(head->prev, node, head);
}

/* @node's own pointers are NULL afterwards: a second list_del faults at once. */
static inline void list_del(struct list *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	node->next = NULL;
	node->prev = NULL;
}

/* As list_del, but list_empty(node) is true afterwards and deleting again is harmless. */
static inline void list_del_init(struct list *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	list_init(node);
}

static inline void list_move(struct list *head, struct list *node)
{
	list_del(node);
	list_add(head, node);
}

static inline void list_move_tail(struct list *head, struct list *node)
{
	list_del(node);
	list_add_tail(head, node);
}

/* Append everything on @from to @head; @from is empty afterwards. */
static inline void list_splice_tail(struct list *head, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	list_init(from);
}

static inline bool list_is_last(const struct list *head, const struct list *node)
{
	return node->next == head;
}

/* First and last entry, or NULL when the list is empty. */
#define list_first(head, type, member)                                            \
	({                                                                        \
		struct list *lh_ = (head);                                        \
		struct list *ln_ = READ_ONCE(lh_->next);                          \
		ln_ != lh_ ? LIST_ENTRY(ln_, type, member) : NULL;                \
	})
#define list_last(head, type, member)                                             \
	({                                                                        \
		struct list *lh_ = (head);                                        \
		struct list *ln_ = lh_->prev;                                     \
		ln_ != lh_ ? LIST_ENTRY(ln_, type, member) : NULL;                \
	})
/* The entry after @pos (a typed pointer), or NULL at the end. */
#define list_next(head, pos, member)                                              \
	({                                                                        \
		struct list *ln_ = (pos)->member.next;                            \
		ln_ != (head) ? LIST_ENTRY(ln_, typeof(*(pos)), member) : NULL;   \
	})

/* @pos is a typed pointer.  After a full walk it points at no entry: do not use it. */
#define LIST_FOR_EACH(pos, head, member)                                          \
	for (pos = LIST_ENTRY((head)->next, typeof(*pos), member);                \
	     &pos->member != (head);                                              \
	     pos = LIST_ENTRY(pos->member.next, typeof(*pos), member))

#define LIST_FOR_EACH_REVERSE(pos, head, member)                                  \
	for (pos = LIST_ENTRY((head)->prev, typeof(*pos), member);                \
	     &pos->member != (head);                                              \
	     pos = LIST_ENTRY(pos->member.prev, typeof(*pos), member))

/* The body may delete (and free) @pos, but no other entry.  @tmp has @pos's type. */
#define LIST_FOR_EACH_SAFE(pos, tmp, head, member)                                \
	for (pos = LIST_ENTRY((head)->next, typeof(*pos), member),                \
	    tmp = LIST_ENTRY(pos->member.next, typeof(*pos), member);             \
	     &pos->member != (head);                                              \
	     pos = tmp, tmp = LIST_ENTRY(tmp->member.next, typeof(*pos), member))

/* ---- struct list read under RCU ---- */

static inline void list_add_tail_rcu(struct list *head, struct list *node)
{
	struct list *prev = head->prev;

	node->next = head;
	node->prev = prev;
	__atomic_store_n(&prev->next, node, __ATOMIC_RELEASE);
	head->prev = node;
}

/* @node->next stays for readers that stand on it. */
static inline void list_del_rcu(struct list *node)
{
	node->next->prev = node->prev;
	WRITE_ONCE(node->prev->next, node->next);
	node->prev = NULL;
}

#define LIST_RCU_NEXT_(node, type, member)                                        \
	LIST_ENTRY(__atomic_load_n(&(node)->next, __ATOMIC_ACQUIRE), type, member)
#define LIST_FOR_EACH_RCU(pos, head, member)                                      \
	for (pos = LIST_RCU_NEXT_(head, typeof(*pos), member);                    \
	     &pos->member != (head);                                              \
	     pos = LIST_RCU_NEXT_(&pos->member, typeof(*pos), member))

/* ---- hlist ---- */

static inline void hlist_node_init(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !READ_ONCE(head->first);
}

/* Is @node on no list?  Only for nodes initialised or left by hlist_del*. */
static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !READ_ONCE(node->pprev);
}

static inline void hlist_add_head(struct hlist_head *head, struct hlist_node *node)
{
	struct hlist_node *first = head->first;

	node->next = first;
	node->pprev = &head->first;
	if (first)
		first->pprev = &node->next;
	head->first = node;
}

static inline void hlist_del(struct hlist_node *node)
{
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	node->next = NULL;
	node->pprev = NULL;
}

static inline void hlist_add_head_rcu(struct hlist_head *head, struct hlist_node *node)
{
	struct hlist_node *first = head->first;

	node->next = first;
	WRITE_ONCE(node->pprev, &head->first);
	if (first)
		WRITE_ONCE(first->pprev, &node->next);
	__atomic_store_n(&head->first, node, __ATOMIC_RELEASE);
}

/* @node->next stays for readers; hlist_unhashed(node) is true afterwards. */
static inline void hlist_del_rcu(struct hlist_node *node)
{
	WRITE_ONCE(*node->pprev, node->next);
	if (node->next)
		WRITE_ONCE(node->next->pprev, node->pprev);
	WRITE_ONCE(node->pprev, NULL);
}

/* From a node pointer that may be NULL to its entry, or NULL. */
#define HLIST_ENTRY(ptr, type, member)                                            \
	({                                                                        \
		struct hlist_node *hn_ = (ptr);                                   \
		hn_ ? LIST_ENTRY(hn_, type, member) : NULL;                       \
	})

/* @pos is a typed pointer and is NULL after a full walk. */
#define HLIST_FOR_EACH(pos, head, member)                                         \
	for (pos = HLIST_ENTRY((head)->first, typeof(*pos), member); pos;         \
	     pos = HLIST_ENTRY(pos->member.next, typeof(*pos), member))

/* The body may delete and free @pos.  @tmp has @pos's type. */
#define HLIST_FOR_EACH_SAFE(pos, tmp, head, member)                               \
	for (pos = HLIST_ENTRY((head)->first, typeof(*pos), member);              \
	     pos && (tmp = HLIST_ENTRY(pos->member.next, typeof(*pos), member), 1); \
	     pos = tmp)

#define HLIST_RCU_LOAD_(field, type, member)                                      \
	HLIST_ENTRY(__atomic_load_n(&(field), __ATOMIC_ACQUIRE), type, member)
#define HLIST_FOR_EACH_RCU(pos, head, member)                                     \
	for (pos = HLIST_RCU_LOAD_((head)->first, typeof(*pos), member); pos;     \
	     pos = HLIST_RCU_LOAD_(pos->member.next, typeof(*pos), member))
