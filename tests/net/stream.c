// SPDX-License-Identifier: MIT
/*
 * Streams over bad wires: from a seed a wire, a few connections, and how each side reads, writes and closes.
 *
 * What must hold whatever the wire does: bytes arrive once and in order, both ends see the end, nothing stalls beyond the
 * protocol's own timers, and nothing is left over.  NET_SEEDS=n runs more seeds, NET_SEED=n one.
 */
#include "sim.h"

#define CHUNK 65536u

struct end {
	struct tcp_sock *t;
	u64 sent, want, got, expect; /* bytes */
	u8 in, out;                  /* names of the two streams: what byte comes next */
	bool shut, closed, eof;
	u32 pace;                    /* a write is at most this long */
	ktime_t pause_until;
	bool slow;
};

struct pair {
	struct end a, b;
};

static u8 buffer[CHUNK];

static u8 byte_at(u8 name, u64 i)
{
	return (u8)(i * 7 + (i >> 8) * 13 + name);
}


static void write_some(struct end *e, u64 *dice)
{
	u32 n = (u32)MIN(e->want - e->sent, (u64)e->pace);
	ssize_t done;

	if (e->shut || !e->t || !(TCPF(e->t->state) & TCPF_MAY_SEND))
		return;
	for (u32 i = 0; i < n; i++)
		buffer[i] = byte_at(e->out, e->sent + i);
	done = n ? sim_send(e->t, buffer, n, host_below(dice, 10) ? 0 : MSG_MORE) : 0;
	if (done > 0)
		e->sent += (u64)done;
	if (e->sent == e->want) {
		sim_shutdown(e->t);
		e->shut = true;
	}
}

static void read_some(struct end *e, u64 *dice)
{
	u32 most = e->slow ? 1 + host_below(dice, 3000) : CHUNK;
	ssize_t n;

	if (!e->t || e->eof || host_clock < e->pause_until)
		return;
	n = sim_recv(e->t, buffer, most);
	for (ssize_t i = 0; i < n; i++)
		if (buffer[i] != byte_at(e->in, e->got + (u64)i)) {
			host_fail(__FILE__, __LINE__, "seed %lu: byte %lu is wrong", sim_seed, e->got + (u64)i);
			e->eof = true;
			return;
		}
	if (n > 0)
		e->got += (u64)n;
	if (e->slow && n > 0 && !host_below(dice, 40))
		e->pause_until = host_clock + host_below(dice, 800) * NSEC_PER_MSEC;
	if (n == 0 && e->t->fin_received && !tcp_readable(e->t))
		e->eof = true;
}

static void finish(struct end *e)
{
	if (e->t && !e->closed && e->eof && e->shut) {
		sim_close(e->t, false);
		e->closed = true;
		e->t = NULL;
	}
}

static void set_wire(u64 *dice)
{
	static const u64 rates[] = { 0, 125000, 1250000, 12500000 };

	sim_wire.loss = host_below(dice, 3) ? host_below(dice, 800) : 0;
	sim_wire.duplicate = host_below(dice, 3) ? 0 : host_below(dice, 300);
	sim_wire.reorder = host_below(dice, 2) ? 0 : host_below(dice, 1000);
	sim_wire.corrupt = host_below(dice, 3) ? 0 : host_below(dice, 200);
	sim_wire.delay = (1 + host_below(dice, 60)) * NSEC_PER_MSEC / 2;
	sim_wire.jitter = host_below(dice, 2) ? 0 : host_below(dice, 10000) * NSEC_PER_USEC;
	sim_wire.rate = rates[host_below(dice, ARRAY_SIZE(rates))];
	sim_wire.queue = 20 + host_below(dice, 200);
	sim_wire.mtu = host_below(dice, 4) ? 1500 : 576 + host_below(dice, 8000);
	if (!host_below(dice, 3)) {
		sim_wire.cut_from = host_clock + host_below(dice, 3000) * NSEC_PER_MSEC;
		sim_wire.cut_until = sim_wire.cut_from + host_below(dice, 5000) * NSEC_PER_MSEC;
	}
}

static void set_options(u64 *dice, u32 hosts)
{
	for (u32 i = 0; i < hosts; i++) {
		struct tcp_net *n = sim_hosts[i].net.tcp;

		n->sack = host_below(dice, 6) != 0;
		n->timestamps = host_below(dice, 4) != 0;
		n->window_scaling = host_below(dice, 5) != 0;
		n->ecn = (int)host_below(dice, 3);
		n->rmem[1] = 8192 << host_below(dice, 6);
	}
}

static void init_pair(struct pair *p, u64 *dice)
{
	*p = (struct pair){
		.a = { .in = (u8)host_random(dice), .out = (u8)host_random(dice) },
	};
	p->a.want = host_below(dice, 3) ? host_below(dice, 300000) : host_below(dice, 2000);
	p->b.want = host_below(dice, 3) ? host_below(dice, 300000) : host_below(dice, 2000);
	p->b.in = p->a.out;
	p->b.out = p->a.in;
	p->a.pace = 1 + host_below(dice, host_below(dice, 2) ? 60000 : 2000);
	p->b.pace = 1 + host_below(dice, host_below(dice, 2) ? 60000 : 2000);
	p->a.slow = !host_below(dice, 4);
	p->b.slow = !host_below(dice, 4);
}

static void accept_new(struct tcp_sock *l, struct pair *pairs, u32 n)
{
	struct tcp_sock *t = sim_accept(l);

	if (!t)
		return;
	for (u32 i = 0; i < n; i++)
		if (pairs[i].a.t && pairs[i].a.t->inet.sport.raw == t->inet.dport.raw && !pairs[i].b.t && !pairs[i].b.closed) {
			pairs[i].b.t = t;
			return;
		}
	host_fail(__FILE__, __LINE__, "seed %lu: somebody unknown connected", sim_seed);
	sim_close(t, true);
}

static bool all_done(const struct pair *pairs, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (!pairs[i].a.closed || !pairs[i].b.closed)
			return false;
	return true;
}

static void work(struct pair *p, u64 *dice)
{
	write_some(&p->a, dice);
	write_some(&p->b, dice);
	read_some(&p->a, dice);
	read_some(&p->b, dice);
	finish(&p->a);
	finish(&p->b);
}

static void report(const struct pair *pairs, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		const struct end *e[2] = { &pairs[i].a, &pairs[i].b };

		for (u32 k = 0; k < 2; k++) {
			const struct tcp_sock *t = e[k]->t;

			printf("# pair %u end %u: sent %lu of %lu, got %lu, shut %d eof %d closed %d", i, k, e[k]->sent, e[k]->want,
			       e[k]->got, e[k]->shut, e[k]->eof, e[k]->closed);
			if (t)
				printf(" | state %u ca %u una %u nxt %u write %u wnd %u cwnd %u flight %u lost %u rto %lu ms rtx %d persist %d err %d",
				       t->state, t->ca_state, t->snd_una - t->iss, t->snd_nxt - t->iss, t->write_seq - t->iss,
				       t->snd_wnd, t->cwnd, tcp_flight(t), t->lost, t->rto / 1000000, net_timer_armed(&t->rtx_timer),
				       net_timer_armed(&t->persist_timer), t->inet.sk.error);
			printf("\n");
		}
	}
}

static void run_seed(u64 seed)
{
	struct pair pairs[6];
	u64 dice = seed * 1000003 + 17;
	struct tcp_sock *l;
	u32 n;

	sim_start(2, seed);
	set_options(&dice, 2);
	set_wire(&dice);
	n = 1 + host_below(&dice, ARRAY_SIZE(pairs));
	l = sim_listen(&sim_hosts[1], 80, 128);
	for (u32 i = 0; i < n; i++) {
		init_pair(&pairs[i], &dice);
		pairs[i].a.t = sim_socket(&sim_hosts[0]);
		EXPECT_EQ(sim_connect(pairs[i].a.t, &sim_hosts[1], 80), 0);
	}
	for (ktime_t limit = host_clock + 1500 * NSEC_PER_SEC; !all_done(pairs, n) && host_clock < limit;) {
		if (!sim_step(host_clock + 10 * NSEC_PER_MSEC))
			host_clock += 10 * NSEC_PER_MSEC;
		accept_new(l, pairs, n);
		for (u32 i = 0; i < n; i++)
			work(&pairs[i], &dice);
	}
	if (!all_done(pairs, n)) {
		host_fail(__FILE__, __LINE__, "seed %lu stalled", seed);
		report(pairs, n);
	}
	for (u32 i = 0; i < n; i++) {
		bool whole = pairs[i].a.got == pairs[i].b.want && pairs[i].b.got == pairs[i].a.want;

		if (!whole)
			host_fail(__FILE__, __LINE__, "seed %lu: pair %u is not whole", seed, i);
		if (pairs[i].a.t)
			sim_close(pairs[i].a.t, true);
		if (pairs[i].b.t)
			sim_close(pairs[i].b.t, true);
	}
	if (getenv("NET_SEED")) { printf("seed %lu: sent %lu lost %lu, time %lu ms\n", seed, sim_sent, sim_lost, (u64)(host_clock - 1000 * NSEC_PER_SEC) / 1000000); report(pairs, n); }
	sim_close(l, false);
	sim_wire.loss = sim_wire.corrupt = 0;
	sim_run(400 * NSEC_PER_SEC);
	sim_end();
}

NET_TEST(stream_seeds)
{
	const char *one = getenv("NET_SEED"), *many = getenv("NET_SEEDS");
	u64 first = one ? (u64)strtol(one, NULL, 10) : 1;
	u64 last = one ? first : (many ? (u64)strtol(many, NULL, 10) : 300);

	for (u64 seed = first; seed <= last; seed++)
		run_seed(seed);
}
