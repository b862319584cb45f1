// SPDX-License-Identifier: MIT
/* Scripted exchanges: data in order, early, twice; windows, delayed ACKs, Nagle, urgent data (RFC 9293 3.7, 3.8; 5681, 2018, 2883). */
#include "script.h"

static struct tcp_sock *settled(void)
{
	struct tcp_sock *t = script_server(NULL);

	t->quickacks = 0; /* as after a while */
	return t;
}

static void end(struct tcp_sock *t)
{
	sim_close(t, true);
	script_end();
}

/* RFC 9293 3.8.6.3: one segment is acknowledged within a while. */
NET_TEST(data_delayed_ack)
{
	struct tcp_sock *t = settled();

	IN(.flags = A | P, .seq = 1, .ack = 1, .len = 100);
	QUIET();
	WAIT(30 * MS);
	QUIET();
	WAIT(200 * MS);
	OUT(.flags = A, .seq = 1, .ack = 101);
	EXPECT_EQ(script_read(t), 100);
	end(t);
}

/* RFC 9293 3.8.6.3: every second full one at once. */
NET_TEST(data_every_second_is_acked)
{
	struct tcp_sock *t = settled();

	t->rcv_mss = 1000;
	IN(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	QUIET();
	IN(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	OUT(.flags = A, .seq = 1, .ack = 2001);
	end(t);
}

/* The first ones of a connection at once: the peer is in slow start. */
NET_TEST(data_quick_acks)
{
	struct tcp_sock *t = script_server(NULL);

	IN(.flags = A | P, .seq = 1, .ack = 1, .len = 100);
	OUT(.flags = A, .seq = 1, .ack = 101);
	end(t);
}

/* An ACK rides on the answer. */
NET_TEST(data_ack_rides)
{
	struct tcp_sock *t = settled();

	IN(.flags = A | P, .seq = 1, .ack = 1, .len = 100);
	script_write(t, 50);
	OUT(.flags = A | P, .seq = 1, .ack = 101, .len = 50);
	WAIT(150 * MS);
	QUIET();
	end(t);
}

/* RFC 5681 4.2, 2018 3: early data is acknowledged at once, with its range. */
NET_TEST(data_early)
{
	struct tcp_sock *t = settled();

	IN(.flags = A, .seq = 1001, .ack = 1, .len = 500);
	OUT(.flags = A, .seq = 1, .ack = 1, .nr_sacks = 1, .sacks = { { 1001, 1501 } });
	IN(.flags = A, .seq = 2001, .ack = 1, .len = 500);
	OUT(.flags = A, .seq = 1, .ack = 1, .nr_sacks = 2, .sacks = { { 2001, 2501 }, { 1001, 1501 } });
	IN(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	OUT(.flags = A, .seq = 1, .ack = 1501, .nr_sacks = 1, .sacks = { { 2001, 2501 } });
	IN(.flags = A, .seq = 1501, .ack = 1, .len = 500);
	OUT(.flags = A, .seq = 1, .ack = 2501, .no_sacks = true);
	EXPECT_EQ(script_read(t), 2500);
	end(t);
}

/* RFC 2018 4: ranges that touch are one. */
NET_TEST(data_early_joins)
{
	struct tcp_sock *t = settled();

	IN(.flags = A, .seq = 1001, .ack = 1, .len = 500);
	IN(.flags = A, .seq = 1501, .ack = 1, .len = 500);
	script_ignore();
	IN(.flags = A, .seq = 1301, .ack = 1, .len = 900);
	OUT(.flags = A, .seq = 1, .ack = 1, .nr_sacks = 1, .sacks = { { 1001, 2201 } });
	IN(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	OUT(.flags = A, .seq = 1, .ack = 2201);
	EXPECT_EQ(script_read(t), 2200);
	end(t);
}

/* RFC 2883 4: data that was there is reported, once. */
NET_TEST(data_twice)
{
	struct tcp_sock *t = settled();

	IN(.flags = A, .seq = 1, .ack = 1, .len = 500);
	WAIT(300 * MS);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 1, .len = 500);
	OUT(.flags = A, .seq = 1, .ack = 501, .nr_sacks = 1, .sacks = { { 1, 501 } });
	IN(.flags = A, .seq = 1001, .ack = 1, .len = 500);
	OUT(.flags = A, .seq = 1, .ack = 501, .nr_sacks = 1, .sacks = { { 1001, 1501 } });
	IN(.flags = A, .seq = 1101, .ack = 1, .len = 100);
	OUT(.flags = A, .seq = 1, .ack = 501, .nr_sacks = 2, .sacks = { { 1101, 1201 }, { 1001, 1501 } });
	end(t);
}

/* RFC 9293 3.10.7.4: what overlaps is cut. */
NET_TEST(data_overlap)
{
	struct tcp_sock *t = settled();

	IN(.flags = A, .seq = 1, .ack = 1, .len = 500);
	IN(.flags = A, .seq = 301, .ack = 1, .len = 500);
	EXPECT_EQ(script_read(t), 800);
	IN(.flags = A, .seq = 1201, .ack = 1, .len = 100);
	IN(.flags = A, .seq = 1001, .ack = 1, .len = 600);
	IN(.flags = A, .seq = 701, .ack = 1, .len = 400);
	EXPECT_EQ(script_read(t), 800);
	end(t);
}

/* RFC 9293 3.10.7.4: outside of the window: an ACK, nothing else. */
NET_TEST(data_outside)
{
	struct tcp_sock *t = settled();
	u32 edge = 1 + tcp_window_receive(t);

	IN(.flags = A, .seq = edge + 10, .ack = 1, .len = 100);
	OUT(.flags = A, .seq = 1, .ack = 1);
	EXPECT_EQ(script_read(t), 0);
	end(t);
}

/* What reaches over the edge is taken up to it. */
NET_TEST(data_over_the_edge)
{
	struct tcp_sock *t = settled();

	t->rcv_wnd = 300;
	IN(.flags = A, .seq = 1, .ack = 1, .len = 500);
	EXPECT_EQ(script_read(t), 300);
	end(t);
}

/* RFC 9293 3.8.6.2.2: the user does not read; the window shuts, and opens by a step worth it. */
NET_TEST(data_window_shuts)
{
	struct tcp_sock *t = settled();
	u32 seq = 1;

	while (tcp_window_receive(t) && seq < 200000) {
		u32 n = MIN(tcp_window_receive(t), 1000u);

		IN(.flags = A, .seq = seq, .ack = 1, .len = n);
		seq += n;
		WAIT(300 * MS);
	}
	script_ignore();
	EXPECT_EQ(tcp_window_receive(t), 0);
	IN(.flags = A, .seq = seq, .ack = 1, .len = 1); /* a probe */
	OUT(.flags = A, .seq = 1, .ack = seq, .zero_win = true);
	EXPECT_EQ(script_read(t), seq - 1);
	OUT(.flags = A, .seq = 1, .ack = seq); /* at once: it opened wide */
	EXPECT(script_last.win > 1000);
	end(t);
}

/* RFC 9293 3.7.4: a small segment waits for the one before it. */
NET_TEST(data_nagle)
{
	struct tcp_sock *t = settled();

	script_write(t, 10);
	OUT(.flags = A | P, .seq = 1, .ack = 1, .len = 10);
	script_write(t, 10);
	script_write(t, 10);
	QUIET();
	IN(.flags = A, .seq = 1, .ack = 11);
	OUT(.flags = A | P, .seq = 11, .ack = 1, .len = 20);
	t->nonagle = true;
	script_write(t, 5);
	OUT(.flags = A | P, .seq = 31, .ack = 1, .len = 5);
	end(t);
}

/* tcp(7): corked, only full ones leave; the rest after 200 ms at most. */
NET_TEST(data_cork)
{
	struct tcp_sock *t = settled();

	t->cork = true;
	script_write(t, 1500);
	OUT(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	IN(.flags = A, .seq = 1, .ack = 1001);
	QUIET();
	WAIT(1200 * MS);
	OUT(.flags = A | P, .seq = 1001, .ack = 1, .len = 500);
	end(t);
}

/* Full segments of the peer's size. */
NET_TEST(data_segments)
{
	struct tcp_sock *t = settled();

	script_write(t, 2500);
	OUT(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	OUT(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	OUT(.flags = A | P, .seq = 2001, .ack = 1, .len = 500);
	end(t);
}

/* RFC 6928: ten segments to begin with; each ACK lets more (RFC 5681 3.1). */
NET_TEST(data_slow_start)
{
	struct tcp_sock *t = settled();

	script_write(t, 40000);
	for (u32 i = 0; i < 10; i++)
		OUT(.flags = i == 9 ? A : A, .seq = 1 + i * 1000, .ack = 1, .len = 1000);
	QUIET();
	WAIT(20 * MS);
	IN(.flags = A, .seq = 1, .ack = 2001);
	for (u32 i = 0; i < 4; i++)
		OUT(.flags = A, .seq = 10001 + i * 1000, .ack = 1, .len = 1000);
	QUIET();
	end(t);
}

/* RFC 9293 3.8.6.1: the window shuts; a probe, then twice as late; it opens. */
NET_TEST(data_persist)
{
	struct tcp_sock *t = settled();

	script_write(t, 1000);
	OUT(.flags = A | P, .seq = 1, .ack = 1, .len = 1000);
	IN(.flags = A, .seq = 1, .ack = 1001, .zero_win = true);
	script_write(t, 500);
	QUIET();
	WAIT(t->rto + 10 * MS);
	OUT(.flags = A, .seq = 1000, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 1001, .zero_win = true);
	WAIT(t->rto + 10 * MS);
	OUT(.flags = A, .seq = 1000, .ack = 1);
	IN(.flags = A, .seq = 1, .ack = 1001, .win = 10000);
	OUT(.flags = A | P, .seq = 1001, .ack = 1, .len = 500);
	end(t);
}

/* RFC 9293 3.8.6: right edges are compared: a window that was taken back stops us, and is borne. */
NET_TEST(data_window_shrinks)
{
	struct tcp_sock *t = settled();

	script_write(t, 3000);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 1001, .win = 500);
	script_write(t, 1000);
	QUIET();
	IN(.flags = A, .seq = 1, .ack = 3001, .win = 1000);
	OUT(.flags = A | P, .seq = 3001, .ack = 1, .len = 1000);
	end(t);
}

/* RFC 9293 3.8.6.2.1: no tiny segments into a tiny window. */
NET_TEST(data_silly_window)
{
	struct tcp_sock *t = settled();

	script_write(t, 1000);
	script_ignore();
	IN(.flags = A, .seq = 1, .ack = 1001, .win = 10);
	script_write(t, 1000);
	QUIET();
	IN(.flags = A, .seq = 1, .ack = 1001, .win = 5000);
	OUT(.flags = A | P, .seq = 1001, .ack = 1, .len = 1000);
	end(t);
}

/* RFC 6093: the urgent byte, out of band. */
NET_TEST(data_urgent_in)
{
	struct tcp_sock *t = settled();
	u8 buf[32];

	IN(.flags = A | U, .seq = 1, .ack = 1, .len = 10, .urg = 5);
	EXPECT(t->urg_state & URG_VALID);
	EXPECT_EQ(t->urg_state & 0xff, (u8)(5 * 5 + 3));
	EXPECT_EQ(sim_recv(t, buf, sizeof(buf)), 4); /* up to the mark */
	EXPECT_EQ(sim_recv(t, buf, sizeof(buf)), 5); /* behind it */
	EXPECT_EQ(t->urg_state, 0);
	end(t);
}

/* And ours: the pointer names the byte after it. */
NET_TEST(data_urgent_out)
{
	struct tcp_sock *t = settled();

	EXPECT_EQ(sim_send(t, "abc", 3, MSG_OOB), 3);
	OUT(.flags = A | P | U, .seq = 1, .ack = 1, .len = 3, .urg = 3);
	IN(.flags = A, .seq = 1, .ack = 4);
	script_write(t, 5);
	OUT(.flags = A | P, .seq = 4, .ack = 1, .len = 5);
	end(t);
}

/* Single bytes are put together: what they take is bounded (picotcp#29, gvisor#9153). */
NET_TEST(data_single_bytes)
{
	struct tcp_sock *t = settled();

	for (u32 i = 0; i < 2000; i++)
		IN(.flags = A, .seq = 1 + i, .ack = 1, .len = 1);
	EXPECT(atomic_load(&t->inet.sk.rmem) < 60000);
	EXPECT_EQ(script_read(t), 2000);
	script_ignore();
	end(t);
}

/* Every second byte: the store is bounded in true bytes (CVE-2018-5390). */
NET_TEST(data_dust)
{
	struct tcp_sock *t = settled();

	for (u32 i = 0; i < 3000; i++) {
		IN(.flags = A, .seq = 3 + 2 * i, .ack = 1, .len = 1);
		script_ignore();
	}
	EXPECT(atomic_load(&t->inet.sk.rmem) <= 2 * t->rcvbuf);
	EXPECT(t->ofo_count < 3000);
	script_ignore();
	end(t);
}

/* RFC 7323 5: an older timestamp is an older lap's. */
NET_TEST(data_paws)
{
	struct tcp_sock *l, *t;

	script_begin();
	script_host->net.tcp->timestamps = 1;
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1000, .ts = true, .tsval = 1000);
	OUT(.flags = S | A, .seq = 0, .ack = 1);
	EXPECT(script_last.ts && script_last.tsecr == 1000);
	IN(.flags = A, .seq = 1, .ack = 1, .ts = true, .tsval = 1001, .tsecr = script_last.tsval);
	t = sim_accept(l);
	IN(.flags = A, .seq = 1, .ack = 1, .len = 10, .ts = true, .tsval = 900);
	OUT(.flags = A, .seq = 1, .ack = 1);
	EXPECT_EQ(script_read(t), 0);
	IN(.flags = A, .seq = 1, .ack = 1, .len = 10, .ts = true, .tsval = 1002);
	OUT(.flags = A, .seq = 1, .ack = 11);
	EXPECT_EQ(script_last.tsecr, 1002);
	EXPECT_EQ(script_read(t), 10);
	sim_close(l, false);
	end(t);
}
