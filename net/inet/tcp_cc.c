// SPDX-License-Identifier: MIT
/*
 * TCP: congestion windows: slow start, which algorithms share, and which algorithms there are (RFC 5681).
 *
 * A window grows only while it is what holds the sender back (RFC 7661's point): an application that sends
 * little proves nothing about the network.
 */
#include <tarn/string.h>
#include "tcp.h"

#define CWND_MAX BIT(30)

static const struct tcp_cc *const algorithms[] = { &tcp_cubic, &tcp_reno };

/* NULL: there is none of that name. */
const struct tcp_cc *tcp_cc_find(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (str_eq(algorithms[i]->name, name))
			return algorithms[i];
	return NULL;
}

/* RFC 6928: ten segments, or as the route says. */
u32 tcp_initial_cwnd(const struct tcp_sock *t)
{
	u32 segments =
		t->inet.route && t->inet.route->initcwnd ? MIN(t->inet.route->initcwnd, 1024u) : 10;

	return segments * t->mss;
}

/* @bytes were acknowledged, no loss about. */
void tcp_cc_acked(struct tcp_sock *t, u32 bytes)
{
	u32 step;

	if (!t->cwnd_limited && !(t->cwnd < t->ssthresh && t->cwnd < 2 * t->max_flight))
		return;
	if (t->cwnd < t->ssthresh) {
		step = MIN(bytes, t->ssthresh - t->cwnd);
		t->cwnd += step;
		bytes -= step;
	}
	if (bytes)
		t->cc->acked(t, bytes);
	t->cwnd = (u32)MIN(t->cwnd, CWND_MAX);
}
