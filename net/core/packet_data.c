// SPDX-License-Identifier: MIT
/*
 * The bytes of a packet as a whole: walking, cutting, joining, copying.
 *
 * A packet's bytes lie in pieces: the linear part, the fragments, and then the
 * same of each packet of its chain.  All but the sum's head count is local to
 * the packet that holds a piece: only the first one's ->len and ->truesize speak for the chain.
 *
 * Tests: tests/net/packet.c compares each operation with one on a plain array.
 */
#include <tarn/errno.h>
#include <tarn/string.h>
#include "packet_int.h"

bool packet_walk_next(struct packet_walk *w, struct packet_piece *out)
{
	const struct packet *p = w->p;
	const struct packet_frag *f;

	while (p && w->frag >= p->nr_frags) {
		p = w->p = p->more;
		w->frag = -1;
	}
	if (!p)
		return false;
	if (w->frag++ < 0) {
		*out = (struct packet_piece){ .data = p->data, .len = p->head_len };
		return true;
	}
	f = &p->frags[w->frag - 1];
	*out = (struct packet_piece){ .data = (u8 *)page_address(f->page) + f->offset, .len = f->len,
				      .page = f->page, .offset = f->offset };
	return true;
}

/* ---- cutting ---- */

/* Own bytes: of @p alone. */
static u32 own_len(const struct packet *p)
{
	u32 n = p->head_len;

	for (u32 i = 0; i < p->nr_frags; i++)
		n += p->frags[i].len;
	return n;
}

/* Keeps @len own bytes of @p. */
static void trim_own(struct packet *p, u32 len)
{
	u32 i = 0, left;

	if (len < p->head_len)
		p->head_len = len;
	left = len - p->head_len;
	for (; i < p->nr_frags && left; i++) {
		p->frags[i].len = MIN(p->frags[i].len, left);
		left -= p->frags[i].len;
	}
	for (u32 gone = i; gone < p->nr_frags; gone++)
		page_put(p->frags[gone].page);
	p->nr_frags = (u8)i;
}

void packet_trim(struct packet *p, u32 len)
{
	struct packet *q = p;
	u32 left = len;

	if (len == p->len)
		return;
	for (u32 own = own_len(q); left > own && q->more; own = own_len(q)) {
		left -= own;
		q = q->more;
	}
	trim_own(q, left);
	packet_free(q->more);
	q->more = NULL;
	if (q != p)
		q->len = left;
	p->last = p->more ? q : NULL;
	p->len = len;
}

/* Takes up to @n own bytes off the front: how many there were. */
static u32 consume_own(struct packet *p, u32 n)
{
	u32 took = MIN(n, p->head_len), i = 0;

	p->data += took;
	p->head_len -= took;
	for (; i < p->nr_frags && took < n; i++) {
		struct packet_frag *f = &p->frags[i];
		u32 part = MIN(f->len, n - took);

		took += part;
		f->offset += part;
		f->len -= part;
		if (f->len)
			break;
		page_put(f->page);
	}
	if (i)
		memmove(p->frags, p->frags + i, (p->nr_frags - i) * sizeof(p->frags[0]));
	p->nr_frags = (u8)(p->nr_frags - i);
	return took;
}

void packet_consume(struct packet *p, u32 n)
{
	struct packet *q;

	p->len -= n;
	n -= consume_own(p, n);
	while (n && (q = p->more) != NULL) {
		u32 took = consume_own(q, n);

		q->len -= took;
		n -= took;
		if (q->len)
			break;
		p->more = q->more;
		q->more = NULL;
		if (!p->more)
			p->last = NULL;
		packet_free(q);
	}
}

/* ---- joining ---- */

/* The pages of @from go to @to, if its linear part has nothing and there are slots. */
static bool move_frags(struct packet *to, struct packet *from)
{
	if (from->head_len || from->more || to->nr_frags + from->nr_frags > PACKET_FRAGS)
		return false;
	memcpy(to->frags + to->nr_frags, from->frags, from->nr_frags * sizeof(from->frags[0]));
	to->nr_frags = (u8)(to->nr_frags + from->nr_frags);
	from->nr_frags = 0;
	return true;
}

bool packet_join(struct packet *to, struct packet *from)
{
	struct packet *last = to->more ? to->last : to;
	u32 len = from->len, truesize = from->truesize;

	if (len > PACKET_MAX - to->len)
		return false;
	packet_orphan(from);
	if (move_frags(last, from)) {
		packet_free(from);
		truesize -= sizeof(*from);
		if (last != to)
			last->len += len;
	} else {
		last->more = from;
		to->last = from->more ? from->last : from;
		from->last = NULL;
		from->len = own_len(from);
	}
	to->len += len;
	to->truesize += truesize;
	return true;
}

/* ---- copying ---- */

void packet_read(const struct packet *p, u32 offset, void *dst, u32 n)
{
	struct packet_walk w = PACKET_WALK(p);
	struct packet_piece piece;
	u8 *to = dst;

	while (n && packet_walk_next(&w, &piece)) {
		u32 skip = MIN(offset, piece.len), part = MIN(n, piece.len - skip);

		memcpy(to, piece.data + skip, part);
		offset -= skip;
		to += part;
		n -= part;
	}
}

size_t packet_to_iov(const struct packet *p, u32 offset, struct iov_iter *to, size_t n)
{
	struct packet_walk w = PACKET_WALK(p);
	struct packet_piece piece;
	size_t done = 0;

	while (done < n && packet_walk_next(&w, &piece)) {
		u32 skip = MIN(offset, piece.len);
		size_t part = MIN(n - done, (size_t)(piece.len - skip)), moved;

		offset -= skip;
		moved = part ? iov_copy_to(to, piece.data + skip, part) : 0;
		done += moved;
		if (moved < part)
			break;
	}
	return done;
}

/* Room behind the last fragment in a frame that nobody else holds: bytes there belong to no fragment yet. */
static u32 spare_room(const struct packet *p)
{
	const struct packet_frag *f;

	if (!p->nr_frags)
		return 0;
	f = &p->frags[p->nr_frags - 1];
	if (f->page->state != PS_KERNEL ||
	    atomic_load_explicit(&f->page->refs, memory_order_acquire) != 1)
		return 0;
	return ((u32)PAGE_SIZE << f->page->order) - f->offset - f->len;
}

static ssize_t fill_spare(struct packet *p, struct iov_iter *from, u32 n)
{
	struct packet_frag *f = &p->frags[p->nr_frags - 1];
	size_t got = iov_copy_from((u8 *)page_address(f->page) + f->offset + f->len, from, n);

	f->len += (u32)got;
	p->len += (u32)got;
	return got < n ? -EFAULT : (ssize_t)got;
}

static ssize_t fill_page(struct packet *p, struct iov_iter *from, u32 n, gfp_t gfp)
{
	u32 offset, len = n;
	struct page *page;
	size_t got;

	if (p->nr_frags == PACKET_FRAGS)
		return -EMSGSIZE;
	page = packet_page(&offset, &len, gfp);
	if (!page)
		return -ENOMEM;
	got = iov_copy_from((u8 *)page_address(page) + offset, from, len);
	if (!got || !packet_add_page(p, page, offset, (u32)got))
		page_put(page);
	return got < len ? -EFAULT : (ssize_t)got;
}

/* What fits into the linear part at once goes there; all else into pages, so that those begin aligned. */
ssize_t packet_from_iov(struct packet *p, struct iov_iter *from, size_t n, gfp_t gfp)
{
	u32 before = p->len, want = (u32)MIN(MIN(n, from->count), (size_t)(PACKET_MAX - p->len)),
	    left = want;
	u8 *linear = packet_put(p, want);
	ssize_t got = 0;

	if (linear) {
		u32 lack = want - (u32)iov_copy_from(linear, from, want);

		p->head_len -= lack;
		p->len -= lack;
		left = 0;
		got = lack ? -EFAULT : 0;
	}
	while (left && got >= 0) {
		u32 room = MIN(spare_room(p), left);

		got = room ? fill_spare(p, from, room) : fill_page(p, from, left, gfp);
		left = want - (p->len - before);
	}
	return p->len > before ? (ssize_t)(p->len - before) : MIN(got, (ssize_t)0);
}

/* Adds @n bytes that lie at @data, copied: to the linear part, or a new page. */
static bool append_copy(struct packet *p, const u8 *data, u32 n, gfp_t gfp)
{
	struct iov_iter it;

	iov_init_kernel(&it, (void *)data, n);
	return packet_from_iov(p, &it, n, gfp) == (ssize_t)n;
}

/* Adds a piece of somebody's page, or a copy of somebody's header. A packet that is full gets a chain. */
static bool append_piece(struct packet *p, const struct packet_piece *piece, u32 skip, u32 n,
			 gfp_t gfp)
{
	struct packet *last = p->more ? p->last : p, *fresh;

	if (last->nr_frags == PACKET_FRAGS) {
		fresh = packet_alloc(gfp);
		if (!fresh)
			return false;
		last->more = fresh;
		p->last = last = fresh;
		p->truesize += fresh->truesize;
	}
	if (!piece->page && last == p)
		return append_copy(p, piece->data + skip, n, gfp);
	if (!piece->page) {
		u32 had = last->len, size = last->truesize;
		bool ok = append_copy(last, piece->data + skip, n, gfp);

		p->len += last->len - had;
		p->truesize += last->truesize - size;
		return ok;
	}
	page_get(piece->page);
	return packet_add_page(p, piece->page, piece->offset + skip, n);
}

struct packet *packet_slice(const struct packet *p, u32 from, u32 n, gfp_t gfp)
{
	struct packet_walk w = PACKET_WALK(p);
	struct packet *out = packet_alloc(gfp);
	struct packet_piece piece;

	while (out && n && packet_walk_next(&w, &piece)) {
		u32 skip = MIN(from, piece.len), part = MIN(n, piece.len - skip);

		from -= skip;
		if (part && !append_piece(out, &piece, skip, part, gfp)) {
			packet_free(out);
			return NULL;
		}
		n -= part;
	}
	return out;
}
