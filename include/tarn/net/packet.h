// SPDX-License-Identifier: MIT
/*
 * Packets: bytes on their way through the network.  net/core/packet.c.
 *
 * A packet is a small header with room for protocol headers of its own (buf),
 * and pages that hold the rest:
 *
 *	buf  |<- headroom ->|<- head_len bytes ->|   tailroom   |
 *	                    ^ data
 *	frags[0..nr_frags)  page, offset, length                    then the packets of ->more
 *
 * len counts all of it: the linear part, the fragments, and those of the chain.
 *
 * What lies in frags never changes: a page is filled before it is attached, and
 * may then belong to several packets at once (TCP's queue and the copy on the
 * wire, a page cache, both ends of loopback). What is in buf belongs to this
 * packet alone, so headers are written without asking; packet_clone() copies
 * buf and shares pages. There is no shared header, hence nothing to unshare.
 *
 * Segmentation and checksums travel with the packet as state: one packet of 64 KiB
 * goes down the stack and is cut, by the device or by packet_segment(), at the
 * very end.  Layers pull and push at ->data and note where headers begin.
 *
 * A packet has one owner at a time and no lock of its own; its queue's lock is
 * the owner's.  Everything here works in any context unless it says otherwise.
 */
#pragma once

#include <tarn/endian.h>
#include <tarn/iov.h>
#include <tarn/list.h>
#include <tarn/page.h>

struct net_device;
struct route;
struct sock;

#define PACKET_BUF 384u       /* bytes of ->buf */
#define PACKET_HEADROOM 128u  /* Ethernet, VLAN, IPv6, TCP with all options, and an encapsulation: 14+4+40+60 */
#define PACKET_INLINE (PACKET_BUF - PACKET_HEADROOM) /* payload up to this lies in buf: no page for small ones */
#define PACKET_FRAGS 17u      /* 64 KiB that begin anywhere in a page */
#define PACKET_MAX 65535u     /* ->len at most, headers included: lengths on the wire have 16 bits */

struct packet_frag {
	struct page *page;    /* counted: each fragment holds one reference of the (first) frame */
	u32 offset, len;      /* bytes */
};

/* How much is known of the transport checksum. */
enum packet_csum {
	CSUM_NONE,      /* nothing: software verifies (in), or it stands in the packet already (out) */
	CSUM_PARTIAL,   /* the field holds the pseudo-header's sum; from csum_start on the rest is to be added, and the
	                 * complement written at csum_start + csum_offset: by the device, or packet_csum_complete() */
	CSUM_VALID,     /* in: the device verified it, or it never left memory (loopback, veth) */
	CSUM_COMPLETE,  /* in: ->csum is the sum over everything from the network header on */
};

enum packet_gso {
	GSO_NONE,
	GSO_TCP4,
	GSO_TCP6,
	GSO_UDP,        /* UDP_SEGMENT: each segment a datagram of its own */
};

/* Who it is for, as the link layer saw it: PACKET_* of <linux/if_packet.h>. */
struct packet {
	struct list node;           /* the owner's queue */
	struct packet *more;        /* further data (reassembly, merging): the next of a chain, owned */
	struct packet *last;        /* of the chain, while there is one: the first packet's alone */
	u8 *data;                   /* first byte of the linear part */
	u32 head_len;               /* linear bytes at ->data */
	u32 len;                    /* all bytes: linear, fragments, and the first packet's: the chain's */
	u16 mac, network, transport; /* where headers begin, from buf; NO_HEADER: not known yet */
	u16 protocol;               /* ETH_P_*, host order */
	u8 pkt_type;                /* PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST, _OUTGOING */
	u8 csum_state;              /* enum packet_csum */
	u8 gso_type;                /* enum packet_gso */
	u8 nr_frags;
	u16 gso_size, gso_segs;     /* payload of a segment in bytes, their number */
	u16 csum_start, csum_offset; /* CSUM_PARTIAL: from buf; from csum_start */
	u32 csum;                   /* CSUM_COMPLETE */
	u32 hash;                   /* of the flow; 0: not computed */
	u32 mark, priority;         /* SO_MARK, SO_PRIORITY */
	u16 vlan_tci;               /* with vlan_present: the tag that was taken off or is to be put on */
	bool vlan_present;
	bool ip_ect_ce;             /* congestion was met (ECN), for the transport */
	struct net_device *dev;     /* in: the device it came by. out: the one it leaves by. A reference of the device's
	                             * own kind is not held: devices are freed through RCU after their queues were
	                             * flushed */
	struct sock *sk;            /* whom it is charged to; counted by pay_back; NULL: nobody */
	void (*pay_back)(struct packet *p); /* the charge ends: called once, at free, orphan or change of owner */
	u32 truesize;               /* bytes it really takes, chain included: this struct and its pages' share */
	u32 charged;                /* of it, what pay_back takes back: appending raises truesize alone */
	struct route *route;        /* counted (route_put); NULL: none */
	ktime_t stamp;              /* CLOCK_REALTIME of arrival; 0: not taken */
	u64 cb[6];                  /* the owning layer's scratch: packet_cb() */
	struct packet_frag frags[PACKET_FRAGS];
	u8 buf[PACKET_BUF] ALIGNED(16);
};
#define NO_HEADER 0xffffu

/* The layer's own struct in ->cb. */
#define packet_cb(p, type)                                                       \
	({                                                                       \
		_Static_assert(sizeof(type) <= sizeof((p)->cb), "too large");    \
		(type *)(p)->cb;                                                 \
	})

/* An empty packet with PACKET_HEADROOM, or NULL.  ->data stands at the headroom's end. */
struct packet *packet_alloc(gfp_t gfp);
/* Pays back, drops pages, route and chain.  NULL is fine. */
void packet_free(struct packet *p);
/* Another packet with the same bytes: buf and headers copied, pages shared; without queue, owner and route. NULL. */
struct packet *packet_clone(const struct packet *p, gfp_t gfp);
/* Ends the charge early: the bytes go on without their sender's account. */
void packet_orphan(struct packet *p);
void route_put(struct route *r); /* net/inet/route.c */
void packet_init(void);          /* boot */
/* Charges @p to @sk: its truesize on sk->wmem or sk->rmem (net/core/sock.c). */
void packet_charge_send(struct packet *p, struct sock *sk);
void packet_charge_receive(struct packet *p, struct sock *sk);

/* ---- the linear part ---- */

static inline u8 *packet_header(struct packet *p, u16 at)
{
	return p->buf + at;
}
static inline u16 packet_offset(const struct packet *p)
{
	return (u16)(p->data - p->buf);
}
/* @n more bytes before ->data; the caller knows that there is headroom (a panic otherwise). */
void *packet_push(struct packet *p, u32 n);
/*
 * The first @n bytes are in one piece at ->data afterwards: moved there from the pages if need be.
 * False: there are not so many, or no room (more headers than any sane packet has): drop it.
 */
bool WARN_UNUSED packet_need(struct packet *p, u32 n);
/* Steps over @n linear bytes, a header that was looked at: after packet_need(p, n). */
void packet_pull(struct packet *p, u32 n);
/* @n more bytes at the linear part's end, uninitialised; no pages attached yet; NULL: no room. */
void *packet_put(struct packet *p, u32 n);

/* ---- pages ---- */

/* Attaches @len bytes of @page; takes over one reference. False: no slot (the reference stays the caller's). */
bool WARN_UNUSED packet_add_page(struct packet *p, struct page *page, u32 offset, u32 len);
/*
 * A piece of memory for payload: up to 32 KiB in one piece, page and offset as packet_add_page() wants them.
 * *len in: wanted, out: given (0 < given <= wanted). NULL: no memory.
 */
struct page *packet_page(u32 *offset, u32 *len, gfp_t gfp);

/* ---- all of it ---- */

/* Cuts to @len bytes from the front; len <= ->len. Never allocates. */
void packet_trim(struct packet *p, u32 len);
/* Takes @n bytes off the front, pages too: for data that was consumed. n <= ->len. */
void packet_consume(struct packet *p, u32 n);
/* Appends the bytes of @from to @to (pages, or the chain): @from is gone. False: does not fit, nothing changed. */
bool WARN_UNUSED packet_join(struct packet *to, struct packet *from);
/* A packet with bytes [@from, @from + @n) of @p: pages shared, headers not copied. NULL: no memory. */
struct packet *packet_slice(const struct packet *p, u32 from, u32 n, gfp_t gfp);

void packet_read(const struct packet *p, u32 offset, void *dst, u32 n);
/* To and from user space: bytes moved, short on a fault. May sleep. */
size_t packet_to_iov(const struct packet *p, u32 offset, struct iov_iter *to, size_t n);
/* Appends up to @n bytes: linear while they fit and no pages are there yet, then new pages. Bytes, or -EFAULT, -ENOMEM
 * when there was none. May sleep. */
ssize_t packet_from_iov(struct packet *p, struct iov_iter *from, size_t n, gfp_t gfp);

/*
 * Internet checksums (RFC 1071).  Sums are of 16-bit words as they lie in memory, 32 bits wide, not yet
 * folded: where a field's bytes stand does not depend on the machine's byte order.
 */
u32 csum_bytes(const void *data, size_t n, u32 seed);
/* With the carry out of the top added again at the bottom. */
static inline u32 csum_add(u32 a, u32 b)
{
	u32 sum = a + b;

	return sum + (sum < a);
}
/* The sum of bytes that begin at odd @offset of what is summed: their words' halves change places. */
static inline u32 csum_at(u32 sum, size_t offset)
{
	return offset & 1 ? sum << 8 | sum >> 24 : sum;
}
static inline u16 csum_fold16(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)(sum + (sum >> 16));
}
/* The complement: what goes into the packet, stored as it is. Over a packet with a right checksum in it: 0. */
static inline u16 csum_fold(u32 sum)
{
	return (u16)~csum_fold16(sum);
}
/* Of bytes [offset, offset + n), added to @seed. */
u32 packet_csum(const struct packet *p, u32 offset, u32 n, u32 seed);
/* CSUM_PARTIAL becomes a checksum in the packet.  False: the offsets are outside of it. */
bool WARN_UNUSED packet_csum_complete(struct packet *p);
/*
 * Cuts a GSO packet (at its network header, link header not yet there or there) into ones of gso_size payload bytes
 * with right lengths, sequence numbers, flags, IP ids and checksum state; adds them to @out in order. @p is
 * gone in any case. 0 or -ENOMEM, -EINVAL: malformed.
 */
int packet_segment(struct packet *p, struct list *out);

/* ---- queues ---- */

struct packet_queue {
	struct list list;
	u32 count;              /* packets */
	u32 bytes;              /* sum of ->len */
};
static inline void packet_queue_init(struct packet_queue *q)
{
	list_init(&q->list);
	q->count = q->bytes = 0;
}
static inline void packet_enqueue(struct packet_queue *q, struct packet *p)
{
	list_add_tail(&q->list, &p->node);
	q->count++;
	q->bytes += p->len;
}
static inline struct packet *packet_peek(struct packet_queue *q)
{
	return list_first(&q->list, struct packet, node);
}
static inline void packet_unqueue(struct packet_queue *q, struct packet *p)
{
	list_del(&p->node);
	q->count--;
	q->bytes -= p->len;
}
static inline struct packet *packet_dequeue(struct packet_queue *q)
{
	struct packet *p = packet_peek(q);

	if (p)
		packet_unqueue(q, p);
	return p;
}
void packet_queue_purge(struct packet_queue *q);
