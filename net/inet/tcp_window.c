// SPDX-License-Identifier: MIT
/*
 * TCP: the window we offer: how much the peer may send.
 *
 * What the receive buffer has left, times the part of a packet's memory that is data (rcv_ratio: half to begin with,
 * then as packets come): no window is offered that the buffer would refuse.  Three rules on top of it:
 *
 *	The right edge never moves left (RFC 9293 3.8.6): what was offered is taken.
 *	It moves right in steps worth a segment (RFC 9293 3.8.6.2.2, silly windows), until then it stands.
 *	A user who read enough to open it wide tells the peer at once: tcp_window_read().
 *
 * The buffer grows by itself while the user reads as fast as data comes (unless he chose its size, or
 * net.ipv4.tcp_moderate_rcvbuf is 0): what he took in a round trip, twice, is what the sender may have under way.
 */
#include "tcp.h"

static u32 buffer_left(const struct tcp_sock *t)
{
	u32 used = atomic_load_explicit(&t->inet.sk.rmem, memory_order_relaxed);

	return used < t->rcvbuf ? t->rcvbuf - used : 0;
}

/* What is left of the last offer. */
u32 tcp_window_receive(const struct tcp_sock *t)
{
	s32 left = (s32)(t->rcv_wup + t->rcv_wnd - t->rcv_nxt);

	return left > 0 ? (u32)left : 0;
}

static u32 window_wanted(const struct tcp_sock *t)
{
	u32 free = MIN((u32)((u64)buffer_left(t) * t->rcv_ratio / 256), t->window_clamp);
	u32 most = MIN((u32)((u64)t->rcvbuf * t->rcv_ratio / 256), t->window_clamp);
	u32 step = MIN(t->rcv_mss, most / 2), now = tcp_window_receive(t);

	if (free < step)
		return 0;
	return free >= now && free - now < step ? now : free;
}

/* The window of the segment that leaves now: it becomes the offer. Never takes back a part of the last one. */
u32 tcp_window_select(struct tcp_sock *t)
{
	u32 win = MAX(window_wanted(t), tcp_window_receive(t));

	win = (u32)MIN(ALIGN_UP((u64)win, BIT(t->rcv_wscale)), 65535ull << t->rcv_wscale);
	t->rcv_wup = t->rcv_nxt;
	t->rcv_wnd = win;
	return win;
}

/* The scale that lets a window of @space bytes be said in 16 bits. */
u8 tcp_window_scale(u32 space)
{
	u8 scale = 0;

	while (space > 65535 && scale < TCP_WSCALE_MAX) {
		space >>= 1;
		scale++;
	}
	return scale;
}

void tcp_window_init(struct tcp_sock *t)
{
	struct tcp_net *n = tcp_net(t->inet.sk.net);
	struct socket *s = t->inet.sk.socket;
	bool chosen = s && s->opt.bufs_locked & 2;

	t->rcvbuf = chosen ? s->opt.rcvbuf : (u32)n->rmem[1];
	t->window_clamp = ~0u >> 1;
	t->rcv_wscale = n->window_scaling ? tcp_window_scale(MAX(t->rcvbuf, (u32)n->rmem[2])) : 0;
	t->rcv_wnd = MIN(t->rcvbuf / 2, 65535u);
	t->rcv_mss = TCP_MSS_DEFAULT;
	t->rcv_ratio = 128;
}

/* Once in a round trip: how much did the user take? */
static void tune(struct tcp_sock *t)
{
	struct tcp_net *n = tcp_net(t->inet.sk.net);
	struct socket *s = t->inet.sk.socket;
	u64 rtt = MAX(t->srtt_us8 / 8, 1000u) * NSEC_PER_USEC, want;
	u32 took = t->copied_seq - t->tune_seq;
	ktime_t now = net_now();

	if (now - t->tune_time < rtt)
		return;
	if (took > t->tune_space) {
		want = MIN((2ull * took + 16 * t->rcv_mss) * 256 / t->rcv_ratio, (u64)n->rmem[2]);
		if (n->moderate_rcvbuf && !(s && s->opt.bufs_locked & 2) && want > t->rcvbuf)
			t->rcvbuf = (u32)want;
		t->tune_space = took;
	}
	t->tune_seq = t->copied_seq;
	t->tune_time = now;
}

void tcp_window_read(struct tcp_sock *t)
{
	u32 now, want;

	tune(t);
	if (!(TCPF(t->state) & (TCPF(TCP_ESTABLISHED) | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2))))
		return;
	now = tcp_window_receive(t);
	want = window_wanted(t);
	if (want && want >= 2 * now)
		tcp_send_ack(t);
}
