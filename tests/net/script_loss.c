// SPDX-License-Identifier: MIT
/* Scripted exchanges: loss and recovery in each form (RFC 6298, 5681, 6582, 6675, 6937, 8985, 3522, 1191). */
#include "script.h"

/* @n segments of 1000 bytes are under way. */
static struct tcp_sock *flying(u32 n, bool sack)
{
	struct tcp_sock *t = script_server(NULL);

	t->sack_ok = sack;
	script_write(t, 1000);
	script_ignore();
	WAIT(20 * MS);
	IN(.flags = A, .seq = 1, .ack = 1001); /* a round trip of 20 ms is known */
	t->quickacks = 0;
	script_write(t, n * 1000);
	for (u32 i = 0; i < n; i++)
		OUT(.flags = i == n - 1 ? A | P : A, .seq = 1001 + 1000 * i, .ack = 1, .len = 1000);
	WAIT(20 * MS);
	return t;
}

static void end(struct tcp_sock *t)
{
	sim_close(t, true);
	script_end();
}

/* RFC 6298 5: nothing comes back. */
NET_TEST(loss_rto)
{
	struct tcp_sock *t = flying(1, false);

	WAIT(t->rto);
	OUT(.flags = A | P, .seq = 1001, .ack = 1, .len = 1000);
	EXPECT_EQ(t->ca_state, CA_LOSS);
	EXPECT_EQ(t->backoff, 1);
	WAIT(t->rto);
	OUT(.flags = A | P, .seq = 1001, .ack = 1, .len = 1000);
	EXPECT_EQ(t->backoff, 2);
	IN(.flags = A, .seq = 1, .ack = 2001);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	end(t);
}

/* RFC 5681 3.1: after it one segment, then slow start over what was lost. */
NET_TEST(loss_rto_slow_start)
{
	struct tcp_sock *t = flying(4, false);

	WAIT(t->rto);
	OUT(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	QUIET();
	IN(.flags = A, .seq = 1, .ack = 2001);
	OUT(.flags = A, .seq = 2001, .ack = 1, .len = 1000);
	OUT(.flags = A, .seq = 3001, .ack = 1, .len = 1000);
	QUIET();
	IN(.flags = A, .seq = 1, .ack = 5001);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	end(t);
}

/* RFC 5681 3.2, 6582: three duplicate ACKs without SACK. */
NET_TEST(loss_fast_retransmit)
{
	struct tcp_sock *t = flying(8, false);

	for (u32 i = 0; i < 2; i++)
		IN(.flags = A, .seq = 1, .ack = 1001);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 1001);
	OUT(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	EXPECT_EQ(t->ca_state, CA_RECOVERY);
	IN(.flags = A, .seq = 1, .ack = 9001);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	EXPECT(t->cwnd <= 7000);
	end(t);
}

/* RFC 6582 3.2: a partial ACK shows the next hole. */
NET_TEST(loss_newreno_partial)
{
	struct tcp_sock *t = flying(8, false);

	for (u32 i = 0; i < 3; i++)
		IN(.flags = A, .seq = 1, .ack = 1001);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 4001);
	OUT(.flags = A, .seq = 4001, .ack = 1, .len = 1000);
	EXPECT_EQ(t->ca_state, CA_RECOVERY);
	IN(.flags = A, .seq = 1, .ack = 9001);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	end(t);
}

/* RFC 6675 5, 8985 6.2: three segments' worth of SACK. */
NET_TEST(loss_sack)
{
	struct tcp_sock *t = flying(8, true);

	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 2001, 3001 } });
	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 2001, 4001 } });
	EXPECT_EQ(t->sacked, 2000);
	QUIET();
	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 2001, 5001 } });
	OUT(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	EXPECT_EQ(t->ca_state, CA_RECOVERY);
	IN(.flags = A, .seq = 1, .ack = 9001);
	EXPECT_EQ(t->sacked + t->lost + t->retrans, 0);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	end(t);
}

/* Several holes are mended in one round trip. */
NET_TEST(loss_sack_holes)
{
	struct tcp_sock *t = flying(9, true);

	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 3, .sacks = { { 8001, 10001 }, { 5001, 6001 }, { 3001, 4001 } });
	OUT(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	EXPECT(t->lost >= 3000);
	IN(.flags = A, .seq = 1, .ack = 2001, .nr_sacks = 3, .sacks = { { 8001, 10001 }, { 5001, 6001 }, { 3001, 4001 } });
	OUT(.flags = A, .seq = 2001, .ack = 1, .len = 1000);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 10001);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	end(t);
}

/* RFC 8985 6.2: one SACK and a quarter of a round trip later what was sent before is lost. */
NET_TEST(loss_rack_timer)
{
	struct tcp_sock *t = flying(3, true);

	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 3001, 4001 } });
	QUIET();
	EXPECT_EQ(t->rtx_kind, RTX_RACK);
	WAIT(10 * MS);
	OUT(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 4001);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	end(t);
}

/* RFC 8985 6.2.1: and if what seemed lost comes meanwhile, nothing is. */
NET_TEST(loss_reordering)
{
	struct tcp_sock *t = flying(3, true);

	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 2001, 3001 } });
	WAIT(2 * MS);
	IN(.flags = A, .seq = 1, .ack = 3001);
	IN(.flags = A, .seq = 1, .ack = 4001);
	WAIT(100 * MS);
	QUIET();
	EXPECT_EQ(t->total_retrans, 0);
	end(t);
}

/* RFC 8985 7: the last segment is lost: a probe after two round trips. */
NET_TEST(loss_tail_probe)
{
	struct tcp_sock *t = flying(3, true);

	IN(.flags = A, .seq = 1, .ack = 2001);
	EXPECT_EQ(t->rtx_kind, RTX_TLP);
	WAIT(30 * MS);
	QUIET();
	WAIT(15 * MS);
	OUT(.flags = A | P, .seq = 3001, .ack = 1, .len = 1000);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 4001);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	end(t);
}

/* RFC 3522: a timestamp older than the retransmission undoes the RTO. */
NET_TEST(loss_eifel_undo)
{
	struct tcp_sock *l, *t;
	u32 first, before;

	script_begin();
	script_host->net.tcp->timestamps = 1;
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1012, .ts = true, .tsval = 1);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 1, .ts = true, .tsval = 2, .tsecr = script_last.tsval);
	t = sim_accept(l);
	script_write(t, 4000);
	before = t->cwnd;
	OUT(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	first = script_last.tsval;
	script_ignore();
	WAIT(t->rto + 1 * MS);
	OUT(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	EXPECT_EQ(t->ca_state, CA_LOSS);
	IN(.flags = A, .seq = 1, .ack = 1001, .ts = true, .tsval = 3, .tsecr = first);
	EXPECT_EQ(t->ca_state, CA_OPEN);
	EXPECT(t->cwnd >= before);
	QUIET();
	sim_close(l, false);
	end(t);
}

/* RFC 2018 8: the peer may throw away what it has; the RTO sends it again. */
NET_TEST(loss_renege)
{
	struct tcp_sock *t = flying(3, true);

	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 1001, 2001 } });
	WAIT(3 * NSEC_PER_SEC);
	OUT(.flags = A | P, .seq = 3001, .ack = 1, .len = 1000, .no_ack_check = false);
	script_ignore();
	EXPECT_EQ(t->sacked, 0);
	end(t);
}

/* Ranges that cannot be: before, behind, upside down, of nothing. */
NET_TEST(loss_sack_nonsense)
{
	struct tcp_sock *t = flying(3, true);

	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 3, .sacks = { { 900000, 900001 }, { 3001, 2001 }, { 2001, 2001 } });
	IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 1001, 0x80000000u } });
	EXPECT_EQ(t->sacked, 0);
	QUIET();
	end(t);
}

/* CVE-2019-11478: single bytes do not cut the queue into dust. */
NET_TEST(loss_sack_dust)
{
	struct tcp_sock *t = flying(8, true);
	struct packet *p;
	u32 n = 0;

	for (u32 i = 0; i < 200; i++)
		IN(.flags = A, .seq = 1, .ack = 1001, .nr_sacks = 1, .sacks = { { 1501 + i * 20, 1502 + i * 20 } });
	LIST_FOR_EACH(p, &t->sent, node)
		n++;
	EXPECT(n <= 8);
	script_ignore();
	end(t);
}

/* RFC 5961 5.2: an ACK of what was not sent. */
NET_TEST(loss_ack_of_the_future)
{
	struct tcp_sock *t = flying(2, true);

	IN(.flags = A, .seq = 1, .ack = 90001);
	OUT(.flags = A, .seq = 3001, .ack = 1);
	EXPECT_EQ(t->snd_nxt - t->snd_una, 2000);
	end(t);
}

/* RFC 3168 6.1.2: the echo of congestion halves once a round trip, sends nothing again, and is confirmed. */
NET_TEST(loss_ecn_echo)
{
	struct tcp_sock *t = flying(8, true);
	u32 before = t->cwnd;

	t->ecn = ECN_OK;
	IN(.flags = A | E, .seq = 1, .ack = 3001);
	EXPECT_EQ(t->ca_state, CA_CWR);
	EXPECT(t->cwnd < before);
	before = t->cwnd;
	IN(.flags = A | E, .seq = 1, .ack = 4001);
	EXPECT_EQ(t->cwnd, before);
	IN(.flags = A, .seq = 1, .ack = 9001);
	script_write(t, 1000);
	OUT(.flags = A | P | W, .seq = 9001, .ack = 1, .len = 1000);
	end(t);
}

/* RFC 1122 4.2.3.5: in the end the connection is given up. */
NET_TEST(loss_gives_up)
{
	struct tcp_sock *t = flying(1, true);

	WAIT(1300 * NSEC_PER_SEC);
	EXPECT_EQ(t->state, TCP_CLOSE);
	EXPECT_EQ(t->inet.sk.error, ETIMEDOUT);
	script_ignore();
	sim_close(t, false);
	script_end();
}

/* tcp(7), TCP_USER_TIMEOUT: sooner. */
NET_TEST(loss_user_timeout)
{
	struct tcp_sock *t = flying(1, true);

	t->user_timeout_ms = 3000;
	WAIT(8 * NSEC_PER_SEC);
	EXPECT_EQ(t->inet.sk.error, ETIMEDOUT);
	script_ignore();
	sim_close(t, false);
	script_end();
}

/* RFC 1122 4.2.3.6: keep-alive: probes, then the end. */
NET_TEST(loss_keep_alive)
{
	struct tcp_sock *t = script_server(NULL);

	t->inet.sk.socket->opt.keepalive = true;
	t->keep_idle = 10;
	t->keep_interval = 2;
	t->keep_count = 3;
	sock_lock(&t->inet.sk);
	tcp_keep_arm(t, 10 * NSEC_PER_SEC);
	sock_unlock(&t->inet.sk);
	WAIT(11 * NSEC_PER_SEC);
	OUT(.flags = A, .seq = 0, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 1);
	WAIT(11 * NSEC_PER_SEC);
	OUT(.flags = A, .seq = 0, .ack = 1);
	WAIT(2100 * MS);
	OUT(.flags = A, .seq = 0, .ack = 1);
	WAIT(2100 * MS);
	OUT(.flags = A, .seq = 0, .ack = 1);
	WAIT(2100 * MS);
	OUT(.flags = R | A, .seq = 1, .ack = 1);
	EXPECT_EQ(t->inet.sk.error, ETIMEDOUT);
	sim_close(t, false);
	script_end();
}
