// SPDX-License-Identifier: MIT
/* Scripted exchanges: how connections end (RFC 9293 3.6, 3.10.4, 3.10.7; 5961; 2525; 6191; 1337). */
#include "script.h"

/* RFC 9293 3.6, figure 12: we close first, and answer for the connection a while. */
NET_TEST(close_active)
{
	struct tcp_sock *t = script_server(NULL);

	sim_close(t, false);
	OUT(.flags = F | A | P, .seq = 1, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 2);
	IN(.flags = F | A, .seq = 1, .ack = 2);
	OUT(.flags = A, .seq = 2, .ack = 2);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 1);
	IN(.flags = F | A, .seq = 1, .ack = 2); /* our ACK was lost */
	OUT(.flags = A, .seq = 2, .ack = 2);
	WAIT(61 * NSEC_PER_SEC);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 0);
	IN(.flags = F | A, .seq = 1, .ack = 2);
	OUT(.flags = R, .seq = 2, .ack = 0);
	script_end();
}

/* RFC 9293 3.6, figure 12, the other side. */
NET_TEST(close_passive)
{
	struct tcp_sock *t = script_server(NULL);

	IN(.flags = F | A, .seq = 1, .ack = 1);
	OUT(.flags = A, .seq = 1, .ack = 2);
	EXPECT_EQ(t->state, TCP_CLOSE_WAIT);
	script_write(t, 10); /* half closed: we may still send */
	OUT(.flags = A | P, .seq = 1, .ack = 2, .len = 10);
	IN(.flags = A, .seq = 2, .ack = 11);
	sim_close(t, false);
	OUT(.flags = F | A | P, .seq = 11, .ack = 2);
	IN(.flags = A, .seq = 2, .ack = 12);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 0);
	script_end();
}

/* RFC 9293 3.6, figure 13: both at once. */
NET_TEST(close_both_at_once)
{
	struct tcp_sock *t = script_server(NULL);

	sim_shutdown(t);
	OUT(.flags = F | A | P, .seq = 1, .ack = 1);
	IN(.flags = F | A, .seq = 1, .ack = 1);
	OUT(.flags = A, .seq = 2, .ack = 2);
	EXPECT_EQ(t->state, TCP_CLOSING);
	IN(.flags = A, .seq = 2, .ack = 2);
	EXPECT_EQ(t->state, TCP_CLOSE);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 1);
	EXPECT_EQ(t->inet.sk.error, 0);
	sim_close(t, false);
	script_end();
}

/* FIN rides on data, and waits behind it (gvisor#13393). */
NET_TEST(close_fin_with_data)
{
	struct tcp_sock *t = script_server(NULL);

	script_write(t, 15000);
	for (u32 i = 0; i < 10; i++)
		OUT(.flags = A, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
	sim_shutdown(t);
	QUIET();
	EXPECT_EQ(t->state, TCP_FIN_WAIT1);
	IN(.flags = A, .seq = 1, .ack = 10001);
	for (u32 i = 10; i < 14; i++)
		OUT(.flags = A, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
	OUT(.flags = F | A | P, .seq = 14001, .ack = 1, .len = 1000);
	IN(.flags = A, .seq = 1, .ack = 15001);
	EXPECT_EQ(t->state, TCP_FIN_WAIT1);
	IN(.flags = A, .seq = 1, .ack = 15002);
	EXPECT_EQ(t->state, TCP_FIN_WAIT2);
	sim_close(t, true);
	script_end();
}

/* A lost FIN is sent again; an orphan gives up. */
NET_TEST(close_fin_lost)
{
	struct tcp_sock *t = script_server(NULL);

	sim_close(t, false);
	OUT(.flags = F | A | P, .seq = 1, .ack = 1);
	WAIT(1100 * MS);
	OUT(.flags = F | A | P, .seq = 1, .ack = 1);
	WAIT(300 * NSEC_PER_SEC);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 2);
	OUT(.flags = R, .seq = 2, .ack = 0);
	script_end();
}

/* tcp_fin_timeout: the peer never closes; nobody is left to read it. */
NET_TEST(close_fin_wait2_times_out)
{
	struct tcp_sock *t = script_server(NULL);

	sim_close(t, false);
	OUT(.flags = F | A | P, .seq = 1, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 2);
	WAIT(61 * NSEC_PER_SEC);
	IN(.flags = A, .seq = 1, .ack = 2);
	OUT(.flags = R, .seq = 2, .ack = 0);
	script_end();
}

/* FIN early: it counts when the hole before it is filled. */
NET_TEST(close_fin_early)
{
	struct tcp_sock *t = script_server(NULL);

	IN(.flags = F | A, .seq = 101, .ack = 1, .len = 100);
	OUT(.flags = A, .seq = 1, .ack = 1);
	EXPECT_EQ(t->state, TCP_ESTABLISHED);
	IN(.flags = A, .seq = 1, .ack = 1, .len = 100);
	OUT(.flags = A, .seq = 1, .ack = 202);
	EXPECT_EQ(t->state, TCP_CLOSE_WAIT);
	EXPECT_EQ(script_read(t), 200);
	sim_close(t, true);
	script_end();
}

/* RFC 2525 2.17: closed with unread data: a reset, so that the peer knows. */
NET_TEST(close_with_unread_data)
{
	struct tcp_sock *t = script_server(NULL);

	IN(.flags = A, .seq = 1, .ack = 1, .len = 10);
	script_ignore();
	sim_close(t, false);
	OUT(.flags = R | A, .seq = 1, .ack = 11);
	script_end();
}

/* Data for a user who closed. */
NET_TEST(close_then_data)
{
	struct tcp_sock *t = script_server(NULL);

	sim_close(t, false);
	OUT(.flags = F | A | P, .seq = 1, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 2, .len = 10);
	EXPECT(script_last.flags & F);
	OUT(.flags = R | A, .seq = 2, .ack = 1);
	script_end();
}

/* RFC 5961 3.2: a reset counts at rcv_nxt exactly; elsewhere in the window it is asked about. */
NET_TEST(reset_exact)
{
	struct tcp_sock *t = script_server(NULL);

	IN(.flags = R, .seq = 100);
	OUT(.flags = A, .seq = 1, .ack = 1);
	EXPECT_EQ(t->state, TCP_ESTABLISHED);
	IN(.flags = R, .seq = 200000);
	QUIET();
	IN(.flags = R, .seq = 1);
	QUIET();
	EXPECT_EQ(t->state, TCP_CLOSE);
	EXPECT_EQ(t->inet.sk.error, ECONNRESET);
	sim_close(t, false);
	script_end();
}

/* RFC 5961 4.2: a SYN in a connection is asked about. */
NET_TEST(reset_syn_in_window)
{
	struct tcp_sock *t = script_server(NULL);

	IN(.flags = S, .seq = 50);
	OUT(.flags = A, .seq = 1, .ack = 1);
	IN(.flags = S, .seq = 500000);
	OUT(.flags = A, .seq = 1, .ack = 1);
	EXPECT_EQ(t->state, TCP_ESTABLISHED);
	sim_close(t, true);
	script_end();
}

/* RFC 5961 10, CVE-2016-5696: answers are limited, each connection for itself. */
NET_TEST(reset_challenges_are_limited)
{
	struct tcp_sock *t = script_server(NULL);
	u32 before = t->segs_out;

	for (u32 i = 0; i < 100; i++)
		IN(.flags = R, .seq = 100);
	EXPECT(t->segs_out - before <= 10);
	EXPECT(t->segs_out - before > 0);
	script_ignore();
	sim_close(t, true);
	script_end();
}

/* A reset after FIN: the end was an end, not an error (EPIPE for who still writes). */
NET_TEST(reset_after_fin)
{
	struct tcp_sock *t = script_server(NULL);

	IN(.flags = F | A, .seq = 1, .ack = 1);
	script_ignore();
	IN(.flags = R, .seq = 2);
	EXPECT_EQ(t->state, TCP_CLOSE);
	EXPECT_EQ(t->inet.sk.error, EPIPE);
	sim_close(t, false);
	script_end();
}

static void to_timewait(struct tcp_sock *t)
{
	sim_close(t, false);
	IN(.flags = A, .seq = 1, .ack = 2);
	IN(.flags = F | A, .seq = 1, .ack = 2);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 1);
	script_ignore();
}

/* RFC 9293 3.10.7.4, 6191: a later SYN takes the tuple of a TIME_WAIT at once (asterinas#1561). */
NET_TEST(timewait_new_syn)
{
	struct tcp_sock *l, *t = script_server(&l);

	to_timewait(t);
	IN(.flags = S, .seq = 100000, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 100001);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 0);
	EXPECT_EQ(l->listen->nr_requests, 1);
	sim_close(l, false);
	script_end();
}

/* An old one does not. */
NET_TEST(timewait_old_syn)
{
	struct tcp_sock *l, *t = script_server(&l);

	to_timewait(t);
	IN(.flags = S, .seq = 0u - 1000, .mss = 1000);
	OUT(.flags = A, .seq = 2, .ack = 2);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 1);
	sim_close(l, false);
	script_end();
}

/* RFC 1337: with the sysctl a reset does not kill it. */
NET_TEST(timewait_assassination)
{
	struct tcp_sock *t = script_server(NULL);

	script_host->net.tcp->rfc1337 = 1;
	to_timewait(t);
	IN(.flags = R, .seq = 2);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 1);
	script_host->net.tcp->rfc1337 = 0;
	IN(.flags = R, .seq = 2);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 0);
	script_end();
}

/* tcp_max_tw_buckets: beyond it a connection is just gone. */
NET_TEST(timewait_limit)
{
	struct tcp_sock *t = script_server(NULL);

	script_host->net.tcp->max_tw_buckets = 0;
	sim_close(t, false);
	IN(.flags = F | A, .seq = 1, .ack = 2);
	EXPECT_EQ(script_host->net.tcp->nr_timewait, 0);
	script_ignore();
	script_end();
}
