// SPDX-License-Identifier: MIT
/*
 * TCP: CUBIC (RFC 9438).
 *
 * After a loss at window w_max the window grows along W(t) = C (t - K)^3 + w_max: fast, then flat around where the
 * loss was, then fast again. It depends on time, not on ACKs, so long paths do not lose to short ones. Where Reno
 * would be faster (short paths), its estimate w_est counts.
 *
 * In integers: time in milliseconds, windows in bytes, C = 4/10 segments per cubic second, beta = 7/10.
 */
#include "tcp.h"

struct cubic {
	u64 epoch;          /* when this curve began, ns; 0: it has not */
	u64 k;              /* ms until it is at w_max */
	u32 w_max, w_est;   /* bytes */
	u64 acked, est_acked;
	u64 unused;
};
_Static_assert(sizeof(struct cubic) <= sizeof(((struct tcp_sock *)0)->cc_priv), "cc_priv");

static struct cubic *priv(struct tcp_sock *t)
{
	return (struct cubic *)t->cc_priv;
}

static void cubic_init(struct tcp_sock *t)
{
	memset(t->cc_priv, 0, sizeof(t->cc_priv));
}

/* The largest whole number whose cube is not above @x. */
static u64 cube_root(u64 x)
{
	u64 r = 0;

	for (int bit = 20; bit >= 0; bit--) {
		u64 c = r | BIT(bit);

		if (c * c * c <= x)
			r = c;
	}
	return r;
}

/* K = cbrt((w_max - cwnd) / C), 4.2. */
static void begin_epoch(struct tcp_sock *t, struct cubic *c)
{
	u64 below = c->w_max > t->cwnd ? c->w_max - t->cwnd : 0;

	c->epoch = net_now();
	c->k = cube_root(MIN(below, BIT(30)) * 2500000000ull / t->mss);
	if (!below)
		c->w_max = t->cwnd;
	c->w_est = t->cwnd;
	c->acked = c->est_acked = 0;
}

/* W_cubic at @ms after the epoch began. */
static u32 curve(const struct tcp_sock *t, const struct cubic *c, u64 ms)
{
	u64 d = MIN(ms > c->k ? ms - c->k : c->k - ms, 1000000ull);
	u64 off = d * d * d / 10000000 * 4 * t->mss / 1000;

	if (ms > c->k)
		return (u32)MIN(c->w_max + off, BIT(30));
	return off < c->w_max ? (u32)(c->w_max - off) : 0;
}

/* What Reno with CUBIC's beta would have: alpha = 3 (1 - b) / (1 + b) = 9/17 of a segment a window (4.3). */
static void grow_estimate(struct tcp_sock *t, struct cubic *c, u32 bytes)
{
	c->est_acked += (u64)bytes * 9;
	while (c->est_acked >= 17ull * MAX(t->cwnd, t->mss)) {
		c->est_acked -= 17ull * MAX(t->cwnd, t->mss);
		c->w_est += t->mss;
	}
}

static void cubic_acked(struct tcp_sock *t, u32 bytes)
{
	struct cubic *c = priv(t);
	u32 target;

	if (!c->epoch)
		begin_epoch(t, c);
	grow_estimate(t, c, bytes);
	target = curve(t, c, (net_now() - c->epoch) / NSEC_PER_MSEC + t->srtt_us8 / 8 / 1000);
	target = MAX(MIN(target, t->cwnd + t->cwnd / 2), t->cwnd); /* 4.4 */
	c->acked += (u64)bytes * (target - t->cwnd);
	t->cwnd += (u32)(c->acked / t->cwnd);
	c->acked %= t->cwnd;
	t->cwnd = MAX(t->cwnd, c->w_est);
}

static u32 cubic_ssthresh(struct tcp_sock *t)
{
	struct cubic *c = priv(t);

	/* Fast convergence (4.7): a flow that lost ground makes room for others. */
	c->w_max = t->cwnd < c->w_max ? (u32)((u64)t->cwnd * 17 / 20) : t->cwnd;
	c->epoch = 0;
	return MAX((u32)((u64)t->cwnd * 7 / 10), 2 * t->mss);
}

/* Idle time is no time on the curve (4.2, 5.8). */
static void cubic_restart(struct tcp_sock *t)
{
	priv(t)->epoch = 0;
}

const struct tcp_cc tcp_cubic = {
	.name = "cubic",
	.init = cubic_init,
	.ssthresh = cubic_ssthresh,
	.acked = cubic_acked,
	.restart = cubic_restart,
};
