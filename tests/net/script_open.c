// SPDX-License-Identifier: MIT
/* Scripted exchanges: how connections begin (RFC 9293 3.5, 3.10.7.1 to .3; RFC 4987, 7323, 6191). */
#include "script.h"

/* RFC 9293 3.5, figure 6. */
NET_TEST(open_passive)
{
	struct tcp_sock *t = script_server(NULL);

	EXPECT_EQ(t->state, TCP_ESTABLISHED);
	QUIET();
	sim_close(t, true);
	OUT(.flags = R | A, .seq = 1, .ack = 1);
	script_end();
}

/* RFC 9293 3.5, figure 6, the other side. */
NET_TEST(open_active)
{
	struct tcp_sock *t = script_client();

	OUT(.flags = S, .seq = 0, .ack = 0, .mss = 1460);
	IN(.flags = S | A, .seq = 0, .ack = 1, .mss = 1460, .sack_ok = true);
	OUT(.flags = A, .seq = 1, .ack = 1);
	EXPECT_EQ(t->state, TCP_ESTABLISHED);
	EXPECT(t->sack_ok);
	sim_close(t, true);
	script_end();
}

/* RFC 9293 3.5, figure 7: simultaneous open. */
NET_TEST(open_both_at_once)
{
	struct tcp_sock *t = script_client();

	OUT(.flags = S, .seq = 0, .ack = 0);
	IN(.flags = S, .seq = 0, .mss = 1460);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	EXPECT_EQ(t->state, TCP_SYN_RECV);
	IN(.flags = S | A, .seq = 0, .ack = 1);
	EXPECT_EQ(t->state, TCP_ESTABLISHED);
	sim_close(t, true);
	script_end();
}

/* RFC 6298 2.1, 5.5: the SYN is repeated after 1, 2, 4 s. */
NET_TEST(open_syn_is_repeated)
{
	struct tcp_sock *t = script_client();

	OUT(.flags = S, .seq = 0, .ack = 0);
	WAIT(990 * MS);
	QUIET();
	WAIT(20 * MS);
	OUT(.flags = S, .seq = 0, .ack = 0);
	WAIT(1980 * MS);
	QUIET();
	WAIT(40 * MS);
	OUT(.flags = S, .seq = 0, .ack = 0);
	sim_close(t, false);
	script_end();
}

/* tcp_syn_retries: ETIMEDOUT in the end. */
NET_TEST(open_times_out)
{
	struct tcp_sock *t = script_client();

	WAIT(300 * NSEC_PER_SEC);
	EXPECT_EQ(t->state, TCP_CLOSE);
	EXPECT_EQ(t->inet.sk.error, ETIMEDOUT);
	script_ignore();
	sim_close(t, false);
	script_end();
}

/* RFC 9293 3.10.7.3: a reset that acknowledges the SYN. */
NET_TEST(open_refused)
{
	struct tcp_sock *t = script_client();

	OUT(.flags = S, .seq = 0, .ack = 0);
	IN(.flags = R | A, .seq = 0, .ack = 1);
	EXPECT_EQ(t->state, TCP_CLOSE);
	EXPECT_EQ(t->inet.sk.error, ECONNREFUSED);
	QUIET();
	sim_close(t, false);
	script_end();
}

/* RFC 9293 3.10.7.3: one that does not is nothing. */
NET_TEST(open_reset_without_ack)
{
	struct tcp_sock *t = script_client();

	OUT(.flags = S, .seq = 0, .ack = 0);
	IN(.flags = R, .seq = 0);
	IN(.flags = R | A, .seq = 0, .ack = 7);
	EXPECT_EQ(t->state, TCP_SYN_SENT);
	sim_close(t, false);
	script_end();
}

/* RFC 9293 3.10.7.3: an ACK of something else is reset with its own number. */
NET_TEST(open_wrong_ack_is_reset)
{
	struct tcp_sock *t = script_client();

	OUT(.flags = S, .seq = 0, .ack = 0);
	IN(.flags = S | A, .seq = 0, .ack = 100);
	OUT(.flags = R, .seq = 100, .ack = 0);
	EXPECT_EQ(t->state, TCP_SYN_SENT);
	sim_close(t, false);
	script_end();
}

/* RFC 9293 3.10.7.1: nobody listens. */
NET_TEST(open_no_listener)
{
	script_begin();
	IN(.flags = S, .seq = 0);
	OUT(.flags = R | A, .seq = 0, .ack = 1);
	IN(.flags = A, .seq = 5, .ack = 77);
	OUT(.flags = R, .seq = 77, .ack = 0);
	IN(.flags = R, .seq = 5);
	QUIET();
	script_end();
}

/* RFC 9293 3.10.7.2: an ACK to a listener. */
NET_TEST(open_ack_to_listener)
{
	struct tcp_sock *l;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = A, .seq = 5, .ack = 77);
	OUT(.flags = R, .seq = 77, .ack = 0);
	sim_close(l, false);
	script_end();
}

/* RFC 9293 3.10.7.4: a SYN again gets its answer again. */
NET_TEST(open_syn_again)
{
	struct tcp_sock *l;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	IN(.flags = S, .seq = 0, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	QUIET();
	sim_close(l, false);
	script_end();
}

/* The SYN-ACK is repeated; then the request goes (net.ipv4.tcp_synack_retries). */
NET_TEST(open_synack_is_repeated)
{
	struct tcp_sock *l;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	WAIT(1100 * MS);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	WAIT(2100 * MS);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	WAIT(100 * NSEC_PER_SEC);
	EXPECT_EQ(l->listen->nr_requests, 0);
	sim_close(l, false);
	script_end();
}

/* RFC 9293 3.10.7.4, SYN-RECEIVED: a wrong ACK is reset, the request stays. */
NET_TEST(open_request_wrong_ack)
{
	struct tcp_sock *l;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 50);
	OUT(.flags = R, .seq = 50, .ack = 0);
	EXPECT_EQ(l->listen->nr_requests, 1);
	IN(.flags = R, .seq = 1);
	EXPECT_EQ(l->listen->nr_requests, 0);
	sim_close(l, false);
	script_end();
}

/* listen(2): backlog + 1 wait; then the last ACK is dropped, and a later one served (Linux; gvisor#236). */
NET_TEST(open_accept_queue_full)
{
	struct tcp_sock *l, *t;

	script_begin();
	l = sim_listen(script_host, 80, 0);
	IN(.flags = S, .seq = 0, .sport = 4001, .mss = 1000);
	IN(.flags = A, .seq = 1, .ack = 1, .sport = 4001);
	EXPECT_EQ(l->listen->nr_accept, 1);
	script_ignore();
	IN(.flags = S, .seq = 0, .sport = 4002, .mss = 1000);
	QUIET();
	t = sim_accept(l);
	EXPECT(t != NULL);
	IN(.flags = S, .seq = 0, .sport = 4002, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	sim_close(t, true);
	script_ignore();
	sim_close(l, false);
	script_end();
}

/* RFC 4987 3.6: with the queue of requests full, a cookie; its ACK makes the connection. */
NET_TEST(open_cookie)
{
	struct tcp_sock *l, *t;

	script_begin();
	l = sim_listen(script_host, 80, 2);
	for (u16 i = 0; i < 8; i++)
		IN(.flags = S, .seq = 0, .sport = (u16)(5000 + i), .mss = 1000);
	EXPECT_EQ(l->listen->nr_requests, 8);
	script_ignore();
	IN(.flags = S, .seq = 0, .mss = 1460, .sack_ok = true);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	EXPECT(!script_last.sack_ok);
	EXPECT_EQ(l->listen->nr_requests, 8);
	IN(.flags = A, .seq = 1, .ack = 1);
	t = sim_accept(l);
	EXPECT(t && t->mss_peer == 1460);
	if (t)
		sim_close(t, true);
	sim_close(l, false);
	script_end();
}

/* The same with a forged number. */
NET_TEST(open_cookie_forged)
{
	struct tcp_sock *l;

	script_begin();
	l = sim_listen(script_host, 80, 2);
	IN(.flags = A, .seq = 1, .ack = 123456);
	OUT(.flags = R, .seq = 123456, .ack = 0);
	EXPECT(!sim_accept(l));
	sim_close(l, false);
	script_end();
}

/* RFC 7323 2.2: windows are scaled only if both said so. */
NET_TEST(open_window_scale)
{
	struct tcp_sock *t = script_client();

	OUT(.flags = S, .seq = 0, .ack = 0);
	EXPECT(script_last.ws > 0);
	IN(.flags = S | A, .seq = 0, .ack = 1, .mss = 1460, .ws = 4, .win = 1000);
	EXPECT_EQ(t->snd_wnd, 1000); /* never in a SYN */
	EXPECT_EQ(t->snd_wscale, 3);
	IN(.flags = A, .seq = 1, .ack = 1, .win = 2000);
	EXPECT_EQ(t->snd_wnd, 16000);
	sim_close(t, true);
	script_end();
}

/* RFC 7323 2.3: more than 14 is 14. */
NET_TEST(open_window_scale_too_large)
{
	struct tcp_sock *t = script_client();

	IN(.flags = S | A, .seq = 0, .ack = 1, .ws = 100);
	EXPECT_EQ(t->snd_wscale, 14);
	sim_close(t, true);
	script_end();
}

/* RFC 9293 3.7.1: without the option 536; and none below our floor (CVE-2019-11479). */
NET_TEST(open_mss)
{
	struct tcp_sock *t = script_client();

	IN(.flags = S | A, .seq = 0, .ack = 1);
	EXPECT_EQ(t->mss, 536);
	sim_close(t, true);
	script_end();
	t = script_client();
	IN(.flags = S | A, .seq = 0, .ack = 1, .mss = 1);
	EXPECT(t->mss >= TCP_MSS_MIN);
	sim_close(t, true);
	script_end();
}

/* Options that lie about their length (CVE-2020-17441 and kin): skipped, the segment counts. */
NET_TEST(open_broken_options)
{
	static const u8 bad[][8] = {
		{ 2, 0, 0, 0 }, { 2, 1, 0, 0 }, { 2, 40, 1, 1 }, { 8, 10, 1, 1 }, { 253, 255, 0, 0 }, { 1, 1, 1, 2 }, { 3, 2, 3, 3 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tcp_sock *t = script_client();

		IN(.flags = S | A, .seq = 0, .ack = 1, .raw_options = bad[i], .raw_len = 4);
		EXPECT_EQ(t->state, TCP_ESTABLISHED);
		EXPECT_EQ(t->mss, 536);
		sim_close(t, true);
		script_end();
	}
}

/* TCP_DEFER_ACCEPT: the bare ACK does not make a connection, data does. */
NET_TEST(open_defer_accept)
{
	struct tcp_sock *l, *t;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	l->defer_accept = 3;
	IN(.flags = S, .seq = 0, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 1);
	EXPECT(!sim_accept(l));
	IN(.flags = A | P, .seq = 1, .ack = 1, .len = 10);
	t = sim_accept(l);
	EXPECT(t && script_read(t) == 10);
	if (t)
		sim_close(t, true);
	sim_close(l, false);
	script_end();
}

/* The last ACK may carry data, and FIN. */
NET_TEST(open_data_with_last_ack)
{
	struct tcp_sock *l, *t;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	IN(.flags = A | P | F, .seq = 1, .ack = 1, .len = 10);
	OUT(.flags = A, .seq = 1, .ack = 12);
	t = sim_accept(l);
	EXPECT(t && t->state == TCP_CLOSE_WAIT);
	EXPECT_EQ(script_read(t), 10);
	sim_close(t, false);
	OUT(.flags = F | A | P, .seq = 1, .ack = 12);
	IN(.flags = A, .seq = 12, .ack = 2);
	sim_close(l, false);
	script_end();
}

/* Closing a listener: requests go silently, unaccepted connections are reset. */
NET_TEST(open_listener_closes)
{
	struct tcp_sock *l;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1000);
	IN(.flags = A, .seq = 1, .ack = 1);
	script_ignore();
	sim_close(l, false);
	OUT(.flags = R | A, .seq = 1, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 1);
	OUT(.flags = R, .seq = 1, .ack = 0);
	script_end();
}

/* A wrong checksum is nobody's segment (RFC 9293 3.1). */
NET_TEST(open_bad_checksum)
{
	struct tcp_sock *l;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .bad_csum = true);
	QUIET();
	EXPECT_EQ(script_host->net.tcp->counters[TCPC_IN_ERRS], 1);
	sim_close(l, false);
	script_end();
}

/* RFC 3168 6.1.1: ECN is asked for and granted. */
NET_TEST(open_ecn)
{
	struct tcp_sock *l, *t;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S | E | W, .seq = 0, .mss = 1000);
	OUT(.flags = S | A | E, .seq = 0, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 1);
	t = sim_accept(l);
	script_write(t, 100);
	OUT(.flags = A | P, .seq = 1, .ack = 1, .len = 100);
	EXPECT_EQ(script_last.tos & 3, 2);
	IN(.flags = A | P, .seq = 1, .ack = 101, .len = 10, .tos = 3); /* CE */
	OUT(.flags = A | E, .seq = 101, .ack = 11);
	IN(.flags = A | P | W, .seq = 11, .ack = 101, .len = 10, .tos = 2);
	OUT(.flags = A, .seq = 101, .ack = 21);
	EXPECT_EQ(script_read(t), 20);
	sim_close(t, true);
	script_ignore();
	sim_close(l, false);
	script_end();
}
