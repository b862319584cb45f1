// SPDX-License-Identifier: MIT
/*
 * TCP: how long a round trip takes, and how long to wait for one (RFC 6298).
 *
 * Samples come from the times noted in the packets, in nanoseconds, never of what was sent twice (Karn), or from
 * an echoed timestamp when nothing else is there. The minimum over the connection's life serves RACK.
 */
#include "tcp.h"

/* The wait for an ACK, from the estimate and the backoff. */
void tcp_rto_set(struct tcp_sock *t)
{
	ktime_t rto = t->srtt_us8 ? (t->srtt_us8 / 8 + MAX(t->rttvar_us4, 1u)) * NSEC_PER_USEC
				  : TCP_RTO_INIT;

	if (t->srtt_us8)
		rto = MAX(rto, t->srtt_us8 / 8 * NSEC_PER_USEC + TCP_RTO_MIN);
	for (u32 i = 0; i < t->backoff && rto < TCP_RTO_MAX; i++)
		rto *= 2;
	t->rto = MIN(rto, TCP_RTO_MAX);
}

/* One sample, @ns long: RFC 6298 2.2, 2.3, with the variance kept as 4 times itself. */
void tcp_rtt_sample(struct tcp_sock *t, s64 ns)
{
	u32 us = (u32)MIN(ns / (s64)NSEC_PER_USEC, (s64)60 * 1000 * 1000);
	s32 err;

	us = MAX(us, 1u);
	if (!t->min_rtt_us || us < t->min_rtt_us)
		t->min_rtt_us = us;
	if (!t->srtt_us8) {
		t->srtt_us8 = us * 8;
		t->rttvar_us4 = us * 2;
	} else {
		err = (s32)us - (s32)(t->srtt_us8 / 8);
		t->srtt_us8 = (u32)((s32)t->srtt_us8 + err);
		err = err < 0 ? -err : err;
		t->rttvar_us4 = (u32)((s32)t->rttvar_us4 + err - (s32)(t->rttvar_us4 / 4));
	}
	t->backoff = 0;
	tcp_rto_set(t);
}
