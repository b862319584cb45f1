// SPDX-License-Identifier: MIT
/*
 * TCP sockets: SOL_TCP's options, TCP_INFO and ioctls (tcp(7)). What is not here is ENOPROTOOPT, as Linux answers
 * for unknown ones.
 */
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <tarn/process.h>
#include "inet_internal.h"
#include "tcp.h"

/* ---- set ---- */

static int set_congestion(struct tcp_sock *t, const void *val, int len)
{
	char name[16] = { 0 };
	const struct tcp_cc *cc;

	if (len < 1)
		return -EINVAL;
	memcpy(name, val, MIN((size_t)len, sizeof(name) - 1));
	cc = tcp_cc_find(name);
	if (!cc)
		return -ENOENT;
	t->cc = cc;
	cc->init(t);
	return 0;
}

static int set_range(u32 *field, int v, int least, int most)
{
	if (v < least || v > most)
		return -EINVAL;
	*field = (u32)v;
	return 0;
}

static int set_keep(struct tcp_sock *t, u32 *field, int v, int most)
{
	int err = set_range(field, v, 1, most);

	if (!err && field == &t->keep_idle && TCPF(t->state) & TCPF_MAY_SEND)
		tcp_keep_arm(t, (u32)v * NSEC_PER_SEC);
	return err;
}

static void set_quickack(struct tcp_sock *t, int v)
{
	t->pingpong = !v;
	if (!v)
		return;
	t->quickacks = TCP_QUICKACKS;
	if (t->ack_pending & ACK_SCHEDULED &&
	    TCPF(t->state) & (TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT)))
		tcp_send_ack(t);
}

static int set_nagle(struct tcp_sock *t, int name, int v)
{
	bool *field = name == TCP_NODELAY ? &t->nonagle : &t->cork;

	*field = v != 0;
	if ((name == TCP_NODELAY) == (v != 0))
		tcp_push(t, name == TCP_CORK);
	return 0;
}

/* Seconds become a number of SYN-ACK repetitions, at 1, 2, 4 ... seconds. */
static int set_defer(struct tcp_sock *t, int seconds)
{
	u32 n = 0;

	for (int sum = 0, wait = 1; sum < seconds && n < 255;
	     sum += wait, wait = MIN(wait * 2, 120))
		n++;
	t->defer_accept = n;
	return 0;
}

static int defer_seconds(const struct tcp_sock *t)
{
	int sum = 0, wait = 1;

	for (u32 i = 0; i < t->defer_accept; i++, wait = MIN(wait * 2, 120))
		sum += wait;
	return sum;
}

static int set_linger2(struct tcp_sock *t, int v)
{
	t->linger2 = v < 0 ? -1 : (v > 120 ? 0 : v);
	return 0;
}

static int set_clamp(struct tcp_sock *t, int v)
{
	if (!v && t->state != TCP_CLOSE)
		return -EINVAL;
	t->window_clamp = v ? (u32)MAX(v, 1152) : ~0u >> 1;
	return 0;
}

static int set_number(struct tcp_sock *t, int name, int v)
{
	switch (name) {
	case TCP_NODELAY:
	case TCP_CORK:
		return set_nagle(t, name, v);
	case TCP_MAXSEG:
		if (v && (v < 88 || v > 32767))
			return -EINVAL;
		t->mss_user = (u32)v;
		return 0;
	case TCP_KEEPIDLE:
		return set_keep(t, &t->keep_idle, v, 32767);
	case TCP_KEEPINTVL:
		return set_keep(t, &t->keep_interval, v, 32767);
	case TCP_KEEPCNT:
		return set_keep(t, &t->keep_count, v, 127);
	case TCP_SYNCNT:
		return set_range(&t->syn_retries, v, 1, 127);
	case TCP_LINGER2:
		return set_linger2(t, v);
	case TCP_DEFER_ACCEPT:
		return set_defer(t, v);
	case TCP_WINDOW_CLAMP:
		return set_clamp(t, v);
	case TCP_QUICKACK:
		set_quickack(t, v);
		return 0;
	case TCP_USER_TIMEOUT:
		return set_range(&t->user_timeout_ms, v, 0, INT32_MAX);
	case TCP_NOTSENT_LOWAT:
		t->notsent_lowat = (u32)v;
		return 0;
	}
	return -ENOPROTOOPT;
}

int tcp_setsockopt(struct socket *s, int level, int name, const void *val, int len)
{
	struct tcp_sock *t = tcp_sk(s->sk);
	int v, err;

	if (level != IPPROTO_TCP)
		return inet_setsockopt(s, level, name, val, len);
	if (name != TCP_CONGESTION && len < (int)sizeof(v))
		return -EINVAL;
	sock_lock(tcp_sock(t));
	if (name == TCP_CONGESTION) {
		err = set_congestion(t, val, len);
	} else {
		memcpy(&v, val, sizeof(v));
		err = set_number(t, name, v);
	}
	sock_unlock(tcp_sock(t));
	return err;
}

/* ---- get ---- */

static u32 ms_since(ktime_t then)
{
	return then ? (u32)((net_now() - then) / NSEC_PER_MSEC) : 0;
}

static void info_rates(const struct tcp_sock *t, struct tcp_info *i)
{
	i->tcpi_rto = (u32)(t->rto / NSEC_PER_USEC);
	i->tcpi_ato = (u32)(TCP_DELACK_MIN / NSEC_PER_USEC);
	i->tcpi_snd_mss = t->mss;
	i->tcpi_rcv_mss = t->rcv_mss;
	i->tcpi_sacked = t->sacked / t->mss;
	i->tcpi_lost = t->lost / t->mss;
	i->tcpi_retrans = t->retrans / t->mss;
	i->tcpi_unacked = DIV_ROUND_UP(t->snd_nxt - t->snd_una, t->mss);
	i->tcpi_pmtu = t->mtu;
	i->tcpi_rcv_ssthresh = t->rcv_wnd;
	i->tcpi_rtt = t->srtt_us8 / 8;
	i->tcpi_rttvar = t->rttvar_us4 / 4;
	i->tcpi_snd_ssthresh = t->ssthresh >= ~0u >> 1 ? 0x7fffffff : t->ssthresh / t->mss;
	i->tcpi_snd_cwnd = t->cwnd / t->mss;
	i->tcpi_advmss = MIN(
		t->mtu - MIN(t->mtu, t->inet.v6 && !addr_is_v4(&t->inet.dst) ? 60u : 40u), 65495u);
	i->tcpi_reordering = 3;
	i->tcpi_min_rtt = t->min_rtt_us ? t->min_rtt_us : ~0u;
	i->tcpi_snd_wnd = t->snd_wnd;
}

static void info_counts(const struct tcp_sock *t, struct tcp_info *i)
{
	i->tcpi_total_retrans = t->total_retrans;
	i->tcpi_bytes_acked = t->bytes_acked;
	i->tcpi_bytes_received = t->bytes_received;
	i->tcpi_bytes_sent = t->bytes_sent;
	i->tcpi_bytes_retrans = t->bytes_retrans;
	i->tcpi_segs_out = t->segs_out;
	i->tcpi_segs_in = t->segs_in;
	i->tcpi_data_segs_in = t->data_in;
	i->tcpi_data_segs_out = t->data_out;
	i->tcpi_delivered = t->delivered;
	i->tcpi_notsent_bytes = t->write_seq - t->snd_nxt;
	i->tcpi_last_data_sent = ms_since(t->last_sent);
	i->tcpi_last_data_recv = ms_since(t->last_data_in);
	i->tcpi_last_ack_recv = ms_since(t->last_ack_in);
	i->tcpi_rcv_space = t->tune_space;
}

static void get_info(const struct tcp_sock *t, struct tcp_info *i)
{
	i->tcpi_state = t->state;
	i->tcpi_ca_state = t->ca_state;
	i->tcpi_retransmits = (u8)MIN(t->backoff, 255u);
	i->tcpi_probes = t->probes;
	i->tcpi_backoff = (u8)MIN(t->backoff, 255u);
	i->tcpi_options =
		(u8)((t->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) | (t->sack_ok ? TCPI_OPT_SACK : 0) |
		     (t->wscale_ok ? TCPI_OPT_WSCALE : 0) | (t->ecn & ECN_OK ? TCPI_OPT_ECN : 0));
	i->tcpi_snd_wscale = t->snd_wscale;
	i->tcpi_rcv_wscale = t->rcv_wscale;
	if (t->state == TCP_LISTEN) {
		i->tcpi_unacked = t->listen->nr_accept;
		i->tcpi_sacked = t->listen->backlog;
		return;
	}
	info_rates(t, i);
	info_counts(t, i);
}

static int get_number(const struct tcp_sock *t, int name, int *v)
{
	const struct tcp_net *n = tcp_net(t->inet.sk.net);

	switch (name) {
	case TCP_NODELAY: *v = t->nonagle; break;
	case TCP_CORK: *v = t->cork; break;
	case TCP_MAXSEG:
		*v = (int)(t->state == TCP_CLOSE || t->state == TCP_LISTEN
				   ? (t->mss_user ? t->mss_user : TCP_MSS_DEFAULT)
				   : t->mss);
		break;
	case TCP_KEEPIDLE: *v = t->keep_idle ? (int)t->keep_idle : n->keepalive_time; break;
	case TCP_KEEPINTVL:
		*v = t->keep_interval ? (int)t->keep_interval : n->keepalive_intvl;
		break;
	case TCP_KEEPCNT: *v = t->keep_count ? (int)t->keep_count : n->keepalive_probes; break;
	case TCP_SYNCNT: *v = t->syn_retries ? (int)t->syn_retries : n->syn_retries; break;
	case TCP_LINGER2: *v = t->linger2 ? t->linger2 : n->fin_timeout; break;
	case TCP_DEFER_ACCEPT: *v = defer_seconds(t); break;
	case TCP_WINDOW_CLAMP: *v = t->window_clamp == ~0u >> 1 ? 0 : (int)t->window_clamp; break;
	case TCP_QUICKACK: *v = !t->pingpong; break;
	case TCP_USER_TIMEOUT: *v = (int)t->user_timeout_ms; break;
	case TCP_NOTSENT_LOWAT: *v = (int)t->notsent_lowat; break;
	default: return -ENOPROTOOPT;
	}
	return 0;
}

static int get_any(struct tcp_sock *t, int name, void *val, int *len)
{
	struct tcp_info info = { 0 };
	int v, err;

	if (name == TCP_INFO) {
		get_info(t, &info);
		*len = MIN(*len, (int)sizeof(info));
		memcpy(val, &info, (size_t)*len);
		return 0;
	}
	if (name == TCP_CONGESTION) {
		*len = MIN(*len, (int)sizeof(t->cc->name));
		memcpy(val, t->cc->name, (size_t)*len);
		return 0;
	}
	err = get_number(t, name, &v);
	if (err)
		return err;
	*len = MIN(*len, (int)sizeof(v));
	memcpy(val, &v, (size_t)*len);
	return 0;
}

int tcp_getsockopt(struct socket *s, int level, int name, void *val, int *len)
{
	struct tcp_sock *t = tcp_sk(s->sk);
	int err;

	if (level != IPPROTO_TCP)
		return inet_getsockopt(s, level, name, val, len);
	if (*len < 0)
		return -EINVAL;
	sock_lock(tcp_sock(t));
	err = get_any(t, name, val, len);
	sock_unlock(tcp_sock(t));
	return err;
}

/* ---- ioctl ---- */

/* tcp(7). -ENOIOCTLCMD's place: 1: none of ours. */
static int ioctl_value(struct tcp_sock *t, unsigned int cmd, int *v)
{
	bool unset = TCPF(t->state) & (TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV));

	switch (cmd) {
	case SIOCINQ:
		*v = unset ? 0 : (int)tcp_readable(t);
		break;
	case SIOCATMARK:
		*v = t->urg_state && t->rcv_up == t->copied_seq;
		return 0;
	case SIOCOUTQ:
		*v = unset ? 0 : (int)(t->write_seq - t->snd_una);
		break;
	case SIOCOUTQNSD:
		*v = unset ? 0 : (int)(t->write_seq - t->snd_nxt);
		break;
	default:
		return 1;
	}
	return t->state == TCP_LISTEN ? -EINVAL : 0;
}

long tcp_ioctl(struct socket *s, unsigned int cmd, unsigned long arg)
{
	struct tcp_sock *t = tcp_sk(s->sk);
	int v = 0, err;

	sock_lock(tcp_sock(t));
	err = ioctl_value(t, cmd, &v);
	sock_unlock(tcp_sock(t));
	if (err > 0)
		return inet_ioctl(s, cmd, arg);
	return err ? err : copy_to_user((void __user *)arg, &v, sizeof(v));
}
