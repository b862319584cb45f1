// SPDX-License-Identifier: MIT
/*
 * Packets: birth and death, the linear part, pages (contract: include/tarn/net/packet.h).
 *
 * A packet is one object of a slab cache, with its header room inside. Pages
 * are whole frames, or blocks of up to eight that lie together, never pieces of
 * a frame that others share: so what a packet is charged for (truesize) is what
 * would come back if it were freed, and nobody can hold 4 KiB by a byte that he pays for.
 *
 * What changes a packet's bytes as a whole (cutting, joining, copying) is in packet_data.c.
 *
 * Tests: tests/net/packet.c.
 */
#include <tarn/net/packet.h>
#include <tarn/panic.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "packet_int.h"

#define PIECE_ORDER 3u /* 32 KiB: two of them are the largest packet */

static struct kmem_cache *cache; /* [I] after boot */

void packet_init(void)
{
	cache = kmem_cache_create("packet", sizeof(struct packet), CACHE_LINE, NULL);
}

struct packet *packet_alloc(gfp_t gfp)
{
	struct packet *p = kmem_cache_alloc(cache, gfp & ~GFP_ZERO);

	if (!p)
		return NULL;
	memset(p, 0, offsetof(struct packet, frags));
	p->data = p->buf + PACKET_HEADROOM;
	p->mac = p->network = p->transport = NO_HEADER;
	p->truesize = sizeof(*p);
	return p;
}

void packet_orphan(struct packet *p)
{
	if (!p->pay_back)
		return;
	p->pay_back(p);
	p->pay_back = NULL;
	p->sk = NULL;
	p->charged = 0;
}

/* One packet of a chain. */
static void free_one(struct packet *p)
{
	packet_orphan(p);
	for (u32 i = 0; i < p->nr_frags; i++)
		page_put(p->frags[i].page);
	if (p->route)
		route_put(p->route);
	kmem_cache_free(cache, p);
}

void packet_free(struct packet *p)
{
	struct packet *next;

	for (; p; p = next) {
		next = p->more;
		free_one(p);
	}
}

void packet_queue_purge(struct packet_queue *q)
{
	struct packet *p;

	while ((p = packet_dequeue(q)) != NULL)
		packet_free(p);
}

/* ---- copies that share pages ---- */

/* The lowest byte of buf that still means something: the first header that is known. */
static u32 first_byte(const struct packet *p)
{
	u32 at = packet_offset(p);

	at = MIN(at, (u32)p->mac); /* NO_HEADER is larger than any */
	at = MIN(at, (u32)p->network);
	return MIN(at, (u32)p->transport);
}

static struct packet *clone_one(const struct packet *p, gfp_t gfp)
{
	struct packet *c = kmem_cache_alloc(cache, gfp & ~GFP_ZERO);
	u32 from = first_byte(p);

	if (!c)
		return NULL;
	memcpy(c, p, offsetof(struct packet, frags));
	c->data = c->buf + packet_offset(p);
	memcpy(c->buf + from, p->buf + from, packet_offset(p) + p->head_len - from);
	memcpy(c->frags, p->frags, p->nr_frags * sizeof(p->frags[0]));
	for (u32 i = 0; i < c->nr_frags; i++)
		page_get(c->frags[i].page);
	c->more = c->last = NULL;
	c->node = (struct list){ NULL, NULL };
	c->sk = NULL;
	c->pay_back = NULL;
	c->charged = 0;
	c->route = NULL;
	return c;
}

struct packet *packet_clone(const struct packet *p, gfp_t gfp)
{
	struct packet *first = clone_one(p, gfp), *last = first;

	for (p = p->more; first && p; p = p->more) {
		struct packet *c = clone_one(p, gfp);

		if (!c) {
			packet_free(first);
			return NULL;
		}
		last->more = c;
		first->last = last = c;
	}
	return first;
}

/* ---- the linear part ---- */

void *packet_push(struct packet *p, u32 n)
{
	assert(n <= packet_offset(p));
	p->data -= n;
	p->head_len += n;
	p->len += n;
	return p->data;
}

static inline u32 tailroom(const struct packet *p)
{
	return PACKET_BUF - packet_offset(p) - p->head_len;
}

void *packet_put(struct packet *p, u32 n)
{
	void *at = p->data + p->head_len;

	if (p->nr_frags || p->more || n > tailroom(p))
		return NULL;
	p->head_len += n;
	p->len += n;
	return at;
}

void packet_pull(struct packet *p, u32 n)
{
	assert(n <= p->head_len);
	p->data += n;
	p->head_len -= n;
	p->len -= n;
}

/*
 * Bytes behind the linear part are copied to its end, then taken off where they were: consuming
 * works on a packet without a linear part, so that is hidden meanwhile.
 */
bool packet_need(struct packet *p, u32 n)
{
	u32 more, head = p->head_len;
	u8 *data = p->data;

	if (likely(n <= head))
		return true;
	more = n - head;
	if (n > p->len || more > tailroom(p))
		return false;
	packet_read(p, head, data + head, more);
	p->data = data + n; /* what is consumed is nothing of it: the linear part is empty */
	p->head_len = 0;
	p->len -= head;
	packet_consume(p, more);
	p->data = data;
	p->head_len = n;
	p->len += n;
	return true;
}

/* ---- pages ---- */

bool packet_add_page(struct packet *p, struct page *page, u32 offset, u32 len)
{
	struct packet *last = p->more ? p->last : p;

	if (last->nr_frags == PACKET_FRAGS)
		return false;
	last->frags[last->nr_frags++] = (struct packet_frag){ page, offset, len };
	if (last != p)
		last->len += len;
	p->len += len;
	p->truesize += (u32)PAGE_SIZE << page->order;
	return true;
}

struct page *packet_page(u32 *offset, u32 *len, gfp_t gfp)
{
	struct page *page = NULL;
	u32 order = 0;

	while (order < PIECE_ORDER && (PAGE_SIZE << order) < *len)
		order++;
	if (order)
		page = page_alloc((gfp & ~GFP_RECLAIM) | GFP_NORETRY, order, PS_KERNEL);
	if (!page) {
		order = 0;
		page = page_alloc(gfp, 0, PS_KERNEL);
	}
	*offset = 0;
	*len = MIN(*len, (u32)PAGE_SIZE << order);
	return page;
}
