// SPDX-License-Identifier: MIT
/*
 * TCP: what happens when nothing comes.
 *
 *	rtx      something is unacknowledged: RTO, tail loss probe or RACK's wait (rtx_kind)
 *	persist  something waits to be sent and nothing is under way: the peer's window is shut, or we hold back
 *	delack   an acknowledgement is due
 *	keep     keep-alive; an orphan in FIN_WAIT2
 *
 * The first two exclude each other by what is in the queues, and are two timers so that neither's state is
 * the other's. An armed timer holds a reference of the socket. It fires in the receive context; if a
 * thread owns the socket then, it leaves a note that the owner heeds (tcp_deferred()).
 *
 * A timer may have been stopped or set anew while its call waited for the lock: each handler looks
 * at the state it is for, never at the mere fact that it was called.
 */
#include "tcp.h"

void tcp_timer_set(struct tcp_sock *t, struct net_timer *timer, ktime_t at)
{
	if (net_timer_arm(timer, at))
		sock_get(tcp_sock(t));
}

void tcp_timer_stop(struct tcp_sock *t, struct net_timer *timer)
{
	if (net_timer_armed(timer) && net_timer_cancel(timer))
		sock_put(tcp_sock(t));
}

void tcp_timers_stop(struct tcp_sock *t)
{
	tcp_timer_stop(t, &t->rtx_timer);
	tcp_timer_stop(t, &t->persist_timer);
	tcp_timer_stop(t, &t->delack_timer);
	tcp_timer_stop(t, &t->keep_timer);
}

void tcp_rtx_arm(struct tcp_sock *t)
{
	t->rtx_kind = RTX_RTO;
	tcp_timer_set(t, &t->rtx_timer, net_now() + t->rto);
}

/* Something to send, nothing under way: only a timer can go on. */
void tcp_persist_check(struct tcp_sock *t)
{
	if (list_empty(&t->unsent) || !list_empty(&t->sent)) {
		tcp_timer_stop(t, &t->persist_timer);
		return;
	}
	if (!net_timer_armed(&t->persist_timer))
		tcp_timer_set(t, &t->persist_timer, net_now() + t->rto);
}

void tcp_keep_arm(struct tcp_sock *t, ktime_t after)
{
	tcp_timer_set(t, &t->keep_timer, net_now() + after);
}

/* ---- giving up ---- */

/* How long @retries repetitions take, the first after TCP_RTO_MIN, each twice as long, none over TCP_RTO_MAX. */
static u64 patience(u32 retries)
{
	u64 sum = 0, wait = TCP_RTO_MIN;

	for (u32 i = 0; i <= MIN(retries, 255u); i++, wait = MIN(wait * 2, TCP_RTO_MAX))
		sum += wait;
	return sum;
}

static bool gives_up(const struct tcp_sock *t, ktime_t since)
{
	const struct tcp_net *n = tcp_net(t->inet.sk.net);
	u32 retries = t->inet.sk.socket ? (u32)n->retries2 : MAX((u32)n->orphan_retries, 8u);

	if (!since)
		return false;
	if (t->user_timeout_ms)
		return net_now() - since >= t->user_timeout_ms * NSEC_PER_MSEC;
	return net_now() - since >= patience(retries);
}

static bool handshake_gives_up(const struct tcp_sock *t)
{
	u32 n = t->syn_retries ? t->syn_retries : (u32)tcp_net(t->inet.sk.net)->syn_retries;

	if (t->state != TCP_SYN_SENT && t->state != TCP_SYN_RECV)
		return false;
	return t->backoff >= n || (t->user_timeout_ms && gives_up(t, t->first_retransmit));
}

static void timed_out(struct tcp_sock *t)
{
	tcp_count(t->inet.sk.net, TCPC_ABORT_ON_TIMEOUT);
	tcp_fail(t, t->soft_error ? t->soft_error : ETIMEDOUT);
}

/* ---- rtx ---- */

static void rto(struct tcp_sock *t)
{
	struct packet *p;

	if (handshake_gives_up(t) ||
	    (t->state != TCP_SYN_SENT && gives_up(t, t->first_retransmit))) {
		timed_out(t);
		return;
	}
	tcp_count(t->inet.sk.net, TCPC_TIMEOUTS);
	tcp_mss_sync(t);
	tcp_enter_loss(t);
	tcp_retransmit_lost(t);
	p = list_first(&t->sent, struct packet, node);
	if (p && !(tcp_cb(p)->state & SEG_RETRANS)) /* a window that was taken back: the first goes all the same */
		tcp_retransmit(t, p);
	if (!t->first_retransmit)
		t->first_retransmit = net_now();
	t->backoff++;
	tcp_rto_set(t);
	tcp_rtx_arm(t);
	tcp_recount(t);
}

static void rack_due(struct tcp_sock *t)
{
	struct tcp_acked a = { .rtt_ns = -1 };

	t->rtx_kind = RTX_RTO;
	tcp_rack_detect(t, &a);
	tcp_recover(t, &a);
	tcp_push(t, false);
	if (!net_timer_armed(&t->rtx_timer))
		tcp_rtx_arm(t);
	tcp_recount(t);
}

static void rtx_due(struct tcp_sock *t)
{
	if (t->state == TCP_CLOSE || list_empty(&t->sent))
		return;
	if (t->rtx_kind == RTX_TLP)
		tcp_tlp_fire(t);
	else if (t->rtx_kind == RTX_RACK)
		rack_due(t);
	else
		rto(t);
}

/* ---- persist ---- */

static void persist_due(struct tcp_sock *t)
{
	if (t->state == TCP_CLOSE || list_empty(&t->unsent) || !list_empty(&t->sent))
		return;
	if (!t->snd_wnd &&
	    t->probes > (t->inet.sk.socket ? (u32)tcp_net(t->inet.sk.net)->retries2 : 8u)) {
		timed_out(t);
		return;
	}
	if (!t->snd_wnd)
		t->probes++;
	tcp_send_probe(t);
	if (list_empty(&t->sent)) {
		t->backoff++;
		tcp_rto_set(t);
		tcp_timer_set(t, &t->persist_timer, net_now() + t->rto);
	}
}

/* ---- delack ---- */

static void delack_due(struct tcp_sock *t)
{
	if (t->state == TCP_CLOSE || !t->ack_pending)
		return;
	t->pingpong = false; /* the user does not answer that fast */
	tcp_send_ack(t);
}

/* ---- keep ---- */

static void keep_alive(struct tcp_sock *t)
{
	const struct tcp_net *n = tcp_net(t->inet.sk.net);
	ktime_t idle = (t->keep_idle ? t->keep_idle : (u32)n->keepalive_time) * NSEC_PER_SEC;
	ktime_t interval =
		(t->keep_interval ? t->keep_interval : (u32)n->keepalive_intvl) * NSEC_PER_SEC;
	u32 count = t->keep_count ? t->keep_count : (u32)n->keepalive_probes;
	ktime_t quiet = net_now() - MAX(t->last_ack_in, t->last_data_in);

	if (!t->inet.sk.socket->opt.keepalive || !list_empty(&t->sent) || !list_empty(&t->unsent)) {
		tcp_keep_arm(t, idle);
	} else if (quiet < idle) {
		tcp_keep_arm(t, idle - quiet);
	} else if (t->user_timeout_ms ? t->probes && quiet >= t->user_timeout_ms * NSEC_PER_MSEC
				      : t->probes >= count) {
		tcp_send_reset(t);
		timed_out(t);
	} else {
		t->probes++;
		tcp_send_probe(t);
		tcp_keep_arm(t, interval);
	}
}

static void keep_due(struct tcp_sock *t)
{
	struct socket *s = t->inet.sk.socket;

	if (t->state == TCP_FIN_WAIT2 && !s)
		tcp_done(t);
	else if (s && TCPF(t->state) & (TCPF_MAY_SEND | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)))
		keep_alive(t);
}

/* ---- how they are called ---- */

static void run(struct tcp_sock *t, u32 what)
{
	if (what & TCP_DEFER_RTX && !net_timer_armed(&t->rtx_timer))
		rtx_due(t);
	if (what & TCP_DEFER_PERSIST && !net_timer_armed(&t->persist_timer))
		persist_due(t);
	if (what & TCP_DEFER_DELACK && !net_timer_armed(&t->delack_timer))
		delack_due(t);
	if (what & TCP_DEFER_KEEP && !net_timer_armed(&t->keep_timer))
		keep_due(t);
}

static void fired(struct tcp_sock *t, u32 what)
{
	struct sock *sk = tcp_sock(t);

	spin_lock(&sk->lock);
	if (sk->owned) {
		t->deferred |= what;
		sock_defer(sk);
	} else {
		run(t, what);
	}
	spin_unlock(&sk->lock);
	sock_put(sk);
}

/* sock_unlock() of an owner: timers fired meanwhile. */
void tcp_deferred(struct sock *sk)
{
	struct tcp_sock *t = tcp_sk(sk);
	u32 what = t->deferred;

	t->deferred = 0;
	run(t, what);
}

static void rtx_fired(struct net_timer *timer)
{
	fired(container_of(timer, struct tcp_sock, rtx_timer), TCP_DEFER_RTX);
}
static void persist_fired(struct net_timer *timer)
{
	fired(container_of(timer, struct tcp_sock, persist_timer), TCP_DEFER_PERSIST);
}
static void delack_fired(struct net_timer *timer)
{
	fired(container_of(timer, struct tcp_sock, delack_timer), TCP_DEFER_DELACK);
}
static void keep_fired(struct net_timer *timer)
{
	fired(container_of(timer, struct tcp_sock, keep_timer), TCP_DEFER_KEEP);
}

void tcp_timers_init(struct tcp_sock *t)
{
	net_timer_init(&t->rtx_timer, rtx_fired);
	net_timer_init(&t->persist_timer, persist_fired);
	net_timer_init(&t->delack_timer, delack_fired);
	net_timer_init(&t->keep_timer, keep_fired);
}
