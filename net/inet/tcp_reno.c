// SPDX-License-Identifier: MIT
/* TCP: Reno's congestion avoidance: a segment a round trip, half of the flight on loss (RFC 5681 3.1). */
#include "tcp.h"

struct reno {
	u64 acked; /* bytes since the window grew last */
};
_Static_assert(sizeof(struct reno) <= sizeof(((struct tcp_sock *)0)->cc_priv), "cc_priv");

static void reno_init(struct tcp_sock *t)
{
	((struct reno *)t->cc_priv)->acked = 0;
}

static u32 reno_ssthresh(struct tcp_sock *t)
{
	return MAX(t->cwnd / 2, 2 * t->mss);
}

static void reno_acked(struct tcp_sock *t, u32 bytes)
{
	struct reno *r = (struct reno *)t->cc_priv;

	r->acked += bytes;
	while (r->acked >= t->cwnd) {
		r->acked -= t->cwnd;
		t->cwnd += t->mss;
	}
}

const struct tcp_cc tcp_reno = {
	.name = "reno",
	.init = reno_init,
	.ssthresh = reno_ssthresh,
	.acked = reno_acked,
};
