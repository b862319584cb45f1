// SPDX-License-Identifier: MIT
/*
 * TCP's own: a connection, what waits before and after it, and what the files tcp_*.c offer each other.
 *
 *	in:   tcp_input.c (segment to owner, RFC 9293 3.10.7), tcp_options.c, tcp_data.c (in order, out of order, FIN)
 *	      tcp_ack.c (what was acknowledged), tcp_sack.c (scoreboard), tcp_rack.c (what is lost), tcp_recover.c
 * 	 out: tcp_output.c (what may leave now), tcp_segment.c (a header around it), tcp_reply.c (answers without a
 * 	socket)
 *	time: tcp_timer.c, tcp_rtt.c
 *	rate: tcp_cc.c (how large the window on the network is), tcp_cubic.c, tcp_reno.c; tcp_window.c (what we offer)
 *	life: tcp_listen.c, tcp_request.c, tcp_cookie.c, tcp_open.c, tcp_close.c, tcp_timewait.c, tcp_table.c, tcp_net.c
 *	user: tcp_socket.c and its kin
 *
 * All of a struct tcp_sock is used with the socket locked (tarn/net/sock.h) unless a field says otherwise.
 *
 * Sequence space.  Bytes are counted in 32 bits that wrap; SYN and FIN take one each.
 *
 *	acknowledged | sent: `sent` | not sent: `unsent` |
 *	         snd_una        snd_nxt              write_seq
 *
 *	read by the user | `in`     | holes and `ofo`  | not offered
 *	           copied_seq   rcv_nxt        rcv_wup + rcv_wnd
 *
 * What the network holds is counted in bytes of that space: flight = sent - sacked - lost + retransmitted
 * (RFC 6675's pipe).  Only tcp_mark() changes the three counters, together with the packet's state, and
 * debug builds count again after each ACK.
 */
#pragma once

#include <linux/tcp.h>
#include <tarn/errptr.h>
#include <tarn/math.h>
#include <tarn/rbtree.h>
#include <tarn/rcu.h>
#include <tarn/string.h>
#include "inet.h"

void inet_sock_free(struct inet_sock *s);

/* As /proc/net/tcp and TCP_INFO number them. */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};
#define TCPF(state) (1u << (state))
#define TCPF_SYNCED (~(TCPF(TCP_SYN_SENT) | TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)))
#define TCPF_MAY_SEND (TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT))

/* Header bits (RFC 9293 3.1, RFC 3168). */
#define TH_FIN 0x01u
#define TH_SYN 0x02u
#define TH_RST 0x04u
#define TH_PSH 0x08u
#define TH_ACK 0x10u
#define TH_URG 0x20u
#define TH_ECE 0x40u
#define TH_CWR 0x80u

struct tcp_header {
	be16 sport, dport;
	be32 seq, ack;
	u8 offset;               /* header words, in the high half */
	u8 flags;
	be16 window, csum, urgent;
};
_Static_assert(sizeof(struct tcp_header) == 20, "RFC 9293 3.1");
#define TCP_HEADER_MAX 60u

static inline bool seq_lt(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}
static inline bool seq_le(u32 a, u32 b)
{
	return (s32)(a - b) <= 0;
}
static inline bool seq_gt(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}
static inline bool seq_ge(u32 a, u32 b)
{
	return (s32)(a - b) >= 0;
}

/* TCP_MSS_DEFAULT: 536 (RFC 9293 3.7.1) is <linux/tcp.h>'s. */
#define TCP_MSS_MIN 48u          /* a peer's smaller one is not believed: each segment costs us (CVE-2019-11479) */
#define TCP_SACKS 4
#define TCP_WSCALE_MAX 14u       /* RFC 7323 2.3 */
#define TCP_DELACK_MIN (40 * NSEC_PER_MSEC)
#define TCP_DELACK_MAX (200 * NSEC_PER_MSEC)
#define TCP_RTO_MIN (200 * NSEC_PER_MSEC)
#define TCP_RTO_MAX (120 * NSEC_PER_SEC)
#define TCP_RTO_INIT NSEC_PER_SEC /* RFC 6298 2.1 */
#define TCP_TIMEWAIT_NS (60 * NSEC_PER_SEC)
#define TCP_QUICKACKS 16u        /* segments acknowledged at once while the peer is in slow start */

/* ---- what came in ---- */

struct tcp_key {
	struct inet_addr local, remote;
	be16 lport, rport;
};

struct tcp_range {
	u32 start, end;
};

struct tcp_options {
	bool has_ts, has_wscale, sack_ok;
	u8 wscale;
	u8 nr_sacks;
	u16 mss;                 /* 0: none */
	u32 tsval, tsecr;
	struct tcp_range sacks[TCP_SACKS];
};

/* A segment taken apart: tcp_segment_parse(). */
struct tcp_seg {
	struct packet *p;        /* NULL once somebody kept it */
	struct tcp_key key;      /* seen from here */
	u32 seq, end_seq, ack;   /* end_seq counts SYN and FIN */
	u32 data_len;
	u16 window, urgent;      /* not scaled */
	u8 flags, header_len;
	bool ce;                 /* congestion was met on the way */
	bool ect;
	u8 tos;
	int iif;
	struct tcp_options opt;
};

/* What TCP notes in packets that it keeps. */
struct tcp_cb {
	struct rb_node rb;       /* of t->ofo */
	u32 seq, end_seq;
	ktime_t sent;            /* last time; write queue only */
	u8 flags;                /* TH_* of this piece */
	u8 state;                /* SEG_* */
	u16 retransmits;
};
#define SEG_SACKED 1u        /* the peer has it, in its out-of-order store */
#define SEG_LOST 2u          /* thought to be lost */
#define SEG_RETRANS 4u       /* sent again since then, and on its way */
#define SEG_EVER 8u          /* was sent again once: its times say nothing (Karn) */
#define tcp_cb(p) packet_cb(p, struct tcp_cb)

/* ---- what the table of connections holds ---- */

enum tcp_kind { TCP_KIND_SOCK, TCP_KIND_REQUEST, TCP_KIND_TIMEWAIT };

struct tcp_hashed {
	struct hlist_node node;  /* its bucket's lock; RCU to read */
	struct tcp_key key;      /* [I] while in the table */
	u8 kind;                 /* [I] enum tcp_kind */
	bool in_table;           /* the bucket's lock */
	struct refcount *refs;   /* [I] of the object around it */
};

struct tcp_cc;

enum tcp_ca { CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY, CA_LOSS }; /* as TCP_INFO has them */

struct tcp_sock {
	struct inet_sock inet;
	struct tcp_hashed hashed;
	u8 state;                /* enum tcp_state; read unlocked by poll and /proc */
	u8 ca_state;             /* enum tcp_ca */
	u8 shut;                 /* TCP_SHUT_* */
	u8 conn;                 /* TCP_CONN_*: what connect(2) has been asked */
	bool fin_received, fin_queued;

	/* Sending. */
	u32 iss, snd_una, snd_nxt, write_seq;
	u32 snd_wnd, snd_wl1, max_window;
	u32 snd_sml;             /* end of the last small segment sent: Minshall's Nagle */
	u32 snd_up;              /* urgent pointer, one past the urgent byte; valid while snd_urgent */
	u32 pushed_seq;          /* up to here PSH was asked for */
	struct list sent, unsent; /* packets by cb seq */
	u32 sacked, lost, retrans; /* bytes: tcp_mark() */
	u32 dupacks;             /* without SACK */
	u32 mss_peer;            /* its MSS option */
	u32 mss;                 /* payload of a full segment, TS option taken off, by path and peer */
	u32 mss_user;            /* TCP_MAXSEG; 0 */
	u32 mtu;                 /* path's, when mss was computed */
	bool snd_urgent, nonagle, cork, sack_ok, ts_ok, wscale_ok, defer_push;
	u8 snd_wscale, rcv_wscale;

	/* Receiving. */
	u32 irs, rcv_nxt, copied_seq, rcv_wup, rcv_wnd;
	u32 rcv_up;              /* sequence number of the urgent byte */
	u16 urg_state;           /* URG_*, and the byte in the low 8 bits */
	u32 rcv_mss;             /* the peer's segment size as seen: delayed ACKs */
	u32 rcvbuf;              /* tuned; the user's own if he chose one */
	u32 window_clamp;
	u32 rcv_ratio;           /* of 256 bytes of buffer so many hold data: as packets come */
	struct packet_queue in;  /* in order, from copied_seq on */
	struct rb_root ofo;      /* out of order, disjoint, by seq */
	u32 ofo_count;
	struct tcp_range sacks[TCP_SACKS]; /* what of it we tell, newest first (RFC 2018 4) */
	struct tcp_range dsack;  /* RFC 2883: told once */
	u8 nr_sacks;
	bool has_dsack;
	u8 ack_pending;          /* ACK_* */
	u8 quickacks;
	bool pingpong;           /* the user answers: an ACK may ride on the answer */
	u32 tune_seq, tune_space; /* tcp_window.c: bytes read in an RTT */
	ktime_t tune_time;
	ktime_t last_data_in;

	/* Time (RFC 6298, 7323). */
	u32 srtt_us8, rttvar_us4, min_rtt_us; /* scaled by 8, by 4 */
	ktime_t rto;
	u32 backoff;             /* how often it was doubled */
	u32 ts_recent, ts_offset; /* ts_recent_time: when, ms */
	u32 ts_recent_time, last_ack_sent;
	ktime_t first_retransmit; /* of what is at snd_una: gives up some time after; 0 */
	ktime_t last_sent, last_ack_in;
	struct net_timer rtx_timer, persist_timer, delack_timer, keep_timer;
	u8 rtx_kind;             /* RTX_* */
	u8 probes;               /* keep-alives or persist probes without answer */
	u32 deferred;            /* TCP_DEFER_*: timers that fired while a thread owned the socket; sk->lock */
	u32 keep_idle, keep_interval, keep_count, user_timeout_ms, syn_retries, defer_accept,
		notsent_lowat;
	int linger2;             /* seconds in FIN_WAIT2; <0: none; 0: the namespace's */

	/* Congestion (RFC 5681, 6937, 8985, 9438); bytes. */
	const struct tcp_cc *cc;
	u32 cwnd, ssthresh, recovery_point, max_flight;
	bool cwnd_limited;
	u32 prr_delivered, prr_out, prr_start;
	u32 undo_cwnd, undo_ssthresh, undo_seq, undo_retrans; /* undo_seq: valid while undo */
	bool undo;
	u32 retransmit_ts;       /* tsval of the first retransmission: Eifel (RFC 3522) */
	u64 cc_priv[6];
	ktime_t rack_sent, rack_rtt;
	u32 rack_end, reo_mult, tlp_end;
	bool reordering_seen, tlp_out, tlp_retransmitted;
	u8 ecn;                  /* ECN_* */
	u32 ecn_point;           /* the next ECE counts once this was acknowledged */

	/* Listening, and being listened for. */
	struct tcp_listen *listen; /* NULL: never listened */
	struct list accept_node; /* tcp_listen.accept: its queue_lock */
	u32 challenge_stamp, challenge_count; /* RFC 5961 10: of this socket */

	u64 bytes_sent, bytes_acked, bytes_received, bytes_retrans; /* TCP_INFO */
	u32 segs_in, segs_out, data_in, data_out, total_retrans, delivered;
	int soft_error;          /* an ICMP error that is reported if we give up */
};
static inline struct tcp_sock *tcp_sk(struct sock *sk)
{
	return (struct tcp_sock *)sk;
}
static inline struct sock *tcp_sock(struct tcp_sock *t)
{
	return &t->inet.sk;
}

#define TCP_CONN_NONE 0u
#define TCP_CONN_ASKED 1u
#define TCP_CONN_DONE 2u
#define TCP_SHUT_RD 1u
#define TCP_SHUT_WR 2u
#define ACK_SCHEDULED 1u
#define ACK_NOW 2u
#define RTX_RTO 0u
#define RTX_TLP 1u
#define RTX_RACK 2u
#define TCP_DEFER_RTX BIT(0)
#define TCP_DEFER_PERSIST BIT(1)
#define TCP_DEFER_DELACK BIT(2)
#define TCP_DEFER_KEEP BIT(3)
#define ECN_OK 1u
#define ECN_DEMAND_ECE 2u    /* we saw CE and say so until the peer says CWR */
#define ECN_SEND_CWR 4u
#define ECN_ASKED 8u         /* our SYN did */
#define URG_VALID 0x100u     /* the byte is here */
#define URG_NOTYET 0x200u    /* announced */
#define URG_READ 0x400u

/* A connection half open: what a SYN costs us. tcp_request.c. */
struct tcp_request {
	struct tcp_hashed hashed;
	struct refcount refs;
	struct tcp_sock *listener; /* [I] counted */
	struct list node;          /* tcp_listen.requests; its queue_lock */
	struct net_timer timer;
	ktime_t sent;              /* the SYN-ACK, first */
	u32 irs, iss, ts_recent, ts_offset;
	u32 rcv_wnd;
	u16 mss;
	u8 snd_wscale, rcv_wscale, retries;
	bool sack_ok, ts_ok, wscale_ok, ecn, acked;
	u8 tos;
	int iif;
	struct rcu_head rcu;
};

struct tcp_listen {
	u32 backlog;                  /* socket locked */
	struct spinlock queue_lock;   /* LR_SOCK_QUEUE: timers of requests come without the socket's */
	struct list requests GUARDED_BY(&queue_lock); /* tcp_request.node */
	struct list accept GUARDED_BY(&queue_lock);   /* tcp_sock.accept_node; each with a reference */
	u32 nr_requests, nr_accept;   /* the same to write; read unlocked by poll and by the rules for full queues */
};

/* What is left of a connection that ended first here: 2 MSL long it answers for it.  tcp_timewait.c. */
struct tcp_timewait {
	struct tcp_hashed hashed;
	struct refcount refs;
	struct net *net;           /* [I] not counted: the namespace's death flushes these */
	struct list node;          /* tcp_net.timewaits */
	struct net_timer timer;
	u32 snd_nxt, rcv_nxt, rcv_wnd, ts_recent, ts_offset;
	ktime_t ts_recent_time;
	bool ts_ok;
	u8 tos;
	u32 uid;
	struct rcu_head rcu;
};

/* ---- a namespace's TCP: tcp_net.c ---- */

#define TCP_LOCKS 64u
#define TCP_LISTEN_BUCKETS 64u

struct tcp_bucket_lock {
	struct spinlock lock;
} CACHE_ALIGNED;

struct tcp_net {
	struct hlist_head *table;  /* mask + 1 chains; locks[] guard them */
	u32 mask;
	struct tcp_bucket_lock locks[TCP_LOCKS];
	struct spinlock listen_lock;
	struct list listening[TCP_LISTEN_BUCKETS]; /* inet_sock.hash_node; listen_lock, RCU to read */
	struct spinlock timewait_lock;
	struct list timewaits;
	u32 nr_timewait;
	_Atomic u64 counters[32];  /* TCPC_* */
	/* sysctls net.ipv4.tcp_* */
	int sack, timestamps, window_scaling, ecn, syncookies, syn_retries, synack_retries,
		retries2, orphan_retries;
	int fin_timeout, keepalive_time, keepalive_intvl, keepalive_probes, max_syn_backlog,
		max_tw_buckets;
	int abort_on_overflow, slow_start_after_idle, moderate_rcvbuf, rfc1337, dsack, rmem[3],
		wmem[3];
	int challenge_ack_limit, notsent_lowat;
};
enum tcp_counter {
	TCPC_ACTIVE_OPENS,
	TCPC_PASSIVE_OPENS,
	TCPC_ATTEMPT_FAILS,
	TCPC_ESTAB_RESETS,
	TCPC_IN_SEGS,
	TCPC_OUT_SEGS,
	TCPC_RETRANS_SEGS,
	TCPC_IN_ERRS,
	TCPC_OUT_RSTS,
	TCPC_CSUM_ERRORS,
	TCPC_SYNCOOKIES_SENT,
	TCPC_SYNCOOKIES_RECV,
	TCPC_SYNCOOKIES_FAILED,
	TCPC_LISTEN_OVERFLOWS,
	TCPC_LISTEN_DROPS,
	TCPC_TIMEOUTS,
	TCPC_LOSS_PROBES,
	TCPC_PAWS_ESTAB,
	TCPC_TW,
	TCPC_CHALLENGE_ACK,
	TCPC_OFO_PRUNED,
	TCPC_ABORT_ON_DATA,
	TCPC_ABORT_ON_CLOSE,
	TCPC_ABORT_ON_TIMEOUT,
	TCPC_COUNTERS,
};
static inline struct tcp_net *tcp_net(const struct net *net)
{
	return net->tcp;
}
static inline void tcp_count(const struct net *net, enum tcp_counter c)
{
	atomic_fetch_add_explicit(&net->tcp->counters[c], 1, memory_order_relaxed);
}
static inline u32 tcp_now_ms(void)
{
	return (u32)(net_now() / NSEC_PER_MSEC);
}

/* tcp_table.c */
/* With a reference of the object around it; NULL. Inside rcu_read_lock(). */
struct tcp_hashed *tcp_lookup(struct net *net, const struct tcp_key *k);
/* False: the key is taken (by what is not a TIME_WAIT that may go). Takes no reference: the caller gives one. */
bool tcp_table_insert(struct net *net, struct tcp_hashed *h);
/* @new in the place of @old in one step; false: @old is not there any more. */
bool tcp_table_replace(struct net *net, struct tcp_hashed *old, struct tcp_hashed *new);
/* True if it was there: the caller drops the table's reference. */
bool tcp_table_remove(struct net *net, struct tcp_hashed *h);
void tcp_key_of(const struct inet_sock *s, struct tcp_key *k);
void tcp_listen_insert(struct tcp_sock *t);
void tcp_listen_remove(struct tcp_sock *t);
/* The listener for a segment, counted; NULL. Inside rcu_read_lock(). */
struct tcp_sock *tcp_listen_lookup(struct net *net, const struct tcp_seg *s);

/* tcp_options.c */
bool tcp_segment_parse(struct packet *p, struct tcp_seg *s);
void tcp_options_parse(const u8 *at, u32 len, bool syn, struct tcp_options *o);
u32 tcp_options_syn(const struct tcp_net *n, u8 *at, u32 mss, bool sack, bool ts, u32 tsval,
		    u32 tsecr, int wscale);
u32 tcp_options_put(const struct tcp_sock *t, u8 *at);
u32 tcp_options_len(const struct tcp_sock *t);

/* tcp_input.c */
void tcp_input(struct tcp_sock *t, struct tcp_seg *s);
void tcp_backlog_receive(struct sock *sk, struct packet *p);
/* tcp_synsent.c */
void tcp_synsent_input(struct tcp_sock *t, struct tcp_seg *s);
void tcp_established(struct tcp_sock *t);
/* tcp_data.c */
void tcp_data_receive(struct tcp_sock *t, struct tcp_seg *s);
void tcp_fin_received(struct tcp_sock *t);
void tcp_ofo_purge(struct tcp_sock *t);
/* tcp_ack.c: false: the segment is to be dropped. */
bool tcp_ack_receive(struct tcp_sock *t, const struct tcp_seg *s);
u32 tcp_flight(const struct tcp_sock *t);
struct tcp_acked {
	u32 acked;               /* bytes, cumulatively */
	u32 delivered;           /* that left the network by this ACK: sacked now, or acked and not sacked before */
	u32 newly_sacked;
	s64 rtt_ns;              /* of a segment sent once; <0: none */
	ktime_t last_sent;       /* when the latest of them was sent */
	bool dsack, new_loss, fin_acked;
	bool retrans_acked;      /* something that was sent twice is acknowledged */
	u32 tsecr;
	bool has_ts;
};
/* tcp_sack.c */
void tcp_mark(struct tcp_sock *t, struct packet *p, u8 state);
void tcp_sack_receive(struct tcp_sock *t, const struct tcp_seg *s, struct tcp_acked *a);
void tcp_sacks_update(struct tcp_sock *t, u32 start, u32 end);
void tcp_sacks_trim(struct tcp_sock *t);
void tcp_recount(const struct tcp_sock *t);
/* Cuts @p of the write queue at @n bytes: the rest is a packet of its own behind it. NULL: no memory. */
struct packet *tcp_split(struct tcp_sock *t, struct packet *p, u32 n);
/* tcp_rack.c */
void tcp_rack_acked(struct tcp_sock *t, struct packet *p, struct tcp_acked *a);
void tcp_rack_detect(struct tcp_sock *t, struct tcp_acked *a);
bool tcp_tlp_arm(struct tcp_sock *t);
void tcp_tlp_fire(struct tcp_sock *t);
void tcp_tlp_acked(struct tcp_sock *t, const struct tcp_seg *s, const struct tcp_acked *a);
/* tcp_recover.c */
void tcp_recover(struct tcp_sock *t, struct tcp_acked *a);
void tcp_enter_loss(struct tcp_sock *t);
void tcp_enter_cwr(struct tcp_sock *t);
void tcp_retransmit_lost(struct tcp_sock *t);
bool tcp_retransmit(struct tcp_sock *t, struct packet *p);
/* tcp_output.c */
void tcp_push(struct tcp_sock *t, bool force);
bool tcp_queue_fin(struct tcp_sock *t);
/* A packet at the end of the write queue: its bytes belong to the connection now. */
void tcp_queue_data(struct tcp_sock *t, struct packet *p);
void tcp_send_ack(struct tcp_sock *t);
void tcp_send_probe(struct tcp_sock *t);
void tcp_send_reset(struct tcp_sock *t);
void tcp_ack_schedule(struct tcp_sock *t);
void tcp_ack_check(struct tcp_sock *t);
void tcp_mss_sync(struct tcp_sock *t);
u32 tcp_mss_now(const struct tcp_sock *t);
/* tcp_segment.c */
bool tcp_transmit(struct tcp_sock *t, struct packet *p);
int tcp_send_header(struct tcp_sock *t, struct packet *p, u32 seq, u8 flags);
u32 tcp_ts_now(const struct tcp_sock *t);
bool tcp_refresh_route(struct tcp_sock *t);
/* tcp_reply.c: a segment from no socket (RST, TIME_WAIT's ACK, SYN-ACK). */
struct tcp_reply {
	u32 seq, ack;
	u8 flags;
	u16 window;
	u8 tos;
	bool ts;
	u32 tsval, tsecr;
	const u8 *options;       /* of a SYN-ACK, instead of ts */
	u32 options_len;
	int oif;
};
void tcp_reply(struct net *net, const struct tcp_key *k, const struct tcp_reply *r);
void tcp_reset_stranger(struct net *net, const struct tcp_seg *s);
/* tcp_rtt.c */
void tcp_rtt_sample(struct tcp_sock *t, s64 ns);
void tcp_rto_set(struct tcp_sock *t);
/* tcp_timer.c */
void tcp_timers_init(struct tcp_sock *t);
void tcp_timers_stop(struct tcp_sock *t);
void tcp_timer_set(struct tcp_sock *t, struct net_timer *timer, ktime_t at);
void tcp_timer_stop(struct tcp_sock *t, struct net_timer *timer);
void tcp_rtx_arm(struct tcp_sock *t);
void tcp_persist_check(struct tcp_sock *t);
void tcp_keep_arm(struct tcp_sock *t, ktime_t after);
void tcp_deferred(struct sock *sk);
/* tcp_window.c */
u32 tcp_window_select(struct tcp_sock *t);
u32 tcp_window_receive(const struct tcp_sock *t);
void tcp_window_init(struct tcp_sock *t);
u8 tcp_window_scale(u32 space);
/* The user took bytes: tells the peer if the window opened enough. */
void tcp_window_read(struct tcp_sock *t);
/* tcp_cc.c */
struct tcp_cc {
	char name[16];
	void (*init)(struct tcp_sock *t);
	u32 (*ssthresh)(struct tcp_sock *t);             /* on loss */
	void (*acked)(struct tcp_sock *t, u32 bytes);    /* beyond slow start */
	void (*event)(struct tcp_sock *t, bool rto);     /* recovery began */
	void (*restart)(struct tcp_sock *t);             /* idle before: time has stood still */
};
extern const struct tcp_cc tcp_reno, tcp_cubic;
const struct tcp_cc *tcp_cc_find(const char *name);
u32 tcp_initial_cwnd(const struct tcp_sock *t);
void tcp_cc_acked(struct tcp_sock *t, u32 bytes);
/* tcp_net.c */
u32 tcp_isn(const struct net *net, const struct tcp_key *k);
u32 tcp_ts_offset(const struct net *net, const struct tcp_key *k);
/* tcp_listen.c */
int tcp_listen_start(struct tcp_sock *t, u32 backlog);
void tcp_listen_stop(struct tcp_sock *t);
void tcp_listen_input(struct tcp_sock *l, struct tcp_seg *s);
struct tcp_sock *tcp_accept_take(struct tcp_sock *l);
/* tcp_request.c */
void tcp_request_new(struct tcp_sock *l, struct tcp_seg *s);
void tcp_request_input(struct tcp_sock *l, struct tcp_request *r, struct tcp_seg *s);
void tcp_request_drop(struct tcp_request *r);
void tcp_request_put(struct tcp_request *r);
/* tcp_child.c: the connection that @r became; its lock is held, table and accept queue have it; NULL. */
struct tcp_sock *tcp_child_new(struct tcp_sock *l, struct tcp_request *r, struct tcp_seg *s);
/* tcp_cookie.c */
u32 tcp_cookie_make(const struct net *net, const struct tcp_key *k, u32 irs, u16 mss);
bool tcp_cookie_check(const struct net *net, const struct tcp_key *k, u32 irs, u32 cookie,
		      u16 *mss);
/* tcp_open.c */
/* Chooses route, source and port for @dst, sends the SYN: 0 or -errno. Does not wait. */
int tcp_connect_to(struct tcp_sock *t, const struct inet_addr *dst, be16 port);
void tcp_forget_peer(struct tcp_sock *t);
int tcp_sock_init(struct tcp_sock *t);
/* tcp_close.c */
void tcp_done(struct tcp_sock *t);
void tcp_fail(struct tcp_sock *t, int err);
void tcp_abort(struct tcp_sock *t, int err);
/* The user closed: what the protocol still has to do goes on without a socket. */
void tcp_close(struct tcp_sock *t, bool linger_reset);
void tcp_shutdown_send(struct tcp_sock *t);
void tcp_fin_acked(struct tcp_sock *t);
void tcp_set_state(struct tcp_sock *t, enum tcp_state s);
void tcp_destroy(struct sock *sk);
/* tcp_timewait.c */
void tcp_timewait_enter(struct tcp_sock *t);
/* True: a new SYN that may take the tuple: goes on to the listener. */
bool tcp_timewait_input(struct net *net, struct tcp_timewait *w, struct tcp_seg *s);
bool tcp_timewait_may_go(struct tcp_timewait *w, ktime_t now);
void tcp_timewait_drop(struct tcp_timewait *w);
void tcp_timewait_put(struct tcp_timewait *w);
/* tcp_urgent.c */
void tcp_urgent_receive(struct tcp_sock *t, const struct tcp_seg *s);
/* tcp_stream.c: what sendmsg and recvmsg do without waiting; socket owned. */
ssize_t tcp_stream_send(struct tcp_sock *t, struct iov_iter *from, size_t n, u32 flags);
ssize_t tcp_stream_receive(struct tcp_sock *t, struct iov_iter *to, size_t n, bool peek,
			   u32 *peek_offset);
u32 tcp_room(const struct tcp_sock *t);
/* Room enough that poll(2) calls it so: a third of the buffer. */
bool tcp_writable(const struct tcp_sock *t);
u32 tcp_readable(const struct tcp_sock *t);
bool tcp_has(const struct tcp_sock *t, u32 n); /* n bytes to read; no lock needed: may be old */
extern const struct sock_ops tcp_sock_ops;
/* tcp_message.c, tcp_sockopt.c */
ssize_t tcp_sendmsg(struct socket *s, struct msg *m, u32 flags);
ssize_t tcp_recvmsg(struct socket *s, struct msg *m, u32 flags);
int tcp_setsockopt(struct socket *s, int level, int name, const void *val, int len);
int tcp_getsockopt(struct socket *s, int level, int name, void *val, int *len);
long tcp_ioctl(struct socket *s, unsigned int cmd, unsigned long arg);
