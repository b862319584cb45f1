// SPDX-License-Identifier: MIT
/* The simulator: the wire, the clock, and sockets without files.  See sim.h. */
#include "sim.h"

void *realloc(void *p, size_t n);
void sim_wire_send(struct sim_host *from, struct packet *p);

struct sim_host sim_hosts[SIM_HOSTS];
struct wire sim_wire;
u64 sim_seed, sim_sent, sim_lost;
struct net init_net;

static u64 dice;
static u32 nr_hosts;
static long blocks_before, frames_before;

void net_put(struct net *net)
{
	ref_put(&net->users);
}

/* ---- packets on their way: a heap by time ---- */

struct flight {
	ktime_t at;
	u64 order;           /* of two with the same time, first sent comes first */
	struct sim_host *to, *from;
	u8 *bytes;
	u32 len;
};
static struct flight *heap;
static u32 nr_flights, room;
static u64 order;

static bool before(const struct flight *a, const struct flight *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void swap(u32 a, u32 b)
{
	struct flight f = heap[a];

	heap[a] = heap[b];
	heap[b] = f;
}

static void heap_put(struct flight f)
{
	u32 i = nr_flights++;

	if (nr_flights > room) {
		room = room ? room * 2 : 256;
		heap = realloc(heap, room * sizeof(*heap));
	}
	f.order = order++;
	heap[i] = f;
	for (; i && before(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static struct flight heap_take(void)
{
	struct flight f = heap[0];
	u32 i = 0, least;

	heap[0] = heap[--nr_flights];
	for (;;) {
		least = i;
		for (u32 k = 2 * i + 1; k <= 2 * i + 2; k++)
			if (k < nr_flights && before(&heap[k], &heap[least]))
				least = k;
		if (least == i)
			return f;
		swap(i, least);
		i = least;
	}
}

/* ---- the wire ---- */

static bool one_in(u32 of_ten_thousand)
{
	return of_ten_thousand && host_below(&dice, 10000) < of_ten_thousand;
}

static void launch(struct sim_host *from, struct sim_host *to, const u8 *bytes, u32 len, ktime_t at)
{
	struct flight f = { .at = at, .to = to, .from = from, .len = len, .bytes = malloc(len) };

	memcpy(f.bytes, bytes, len);
	if (one_in(sim_wire.corrupt))
		f.bytes[host_below(&dice, len)] ^= (u8)(1u << host_below(&dice, 8));
	heap_put(f);
}

static struct sim_host *host_at(const u8 *ip)
{
	be32 a;

	memcpy(&a, ip + 16, 4);
	for (u32 i = 0; i < nr_hosts; i++)
		if (addr_v4(&sim_hosts[i].addr).raw == a.raw)
			return &sim_hosts[i];
	return NULL;
}

/* When the last bit of @len bytes is out. */
static ktime_t send_time(struct sim_host *from, u32 len)
{
	ktime_t start = MAX(from->busy_until, host_clock);

	if (sim_wire.rate)
		from->busy_until = start + len * NSEC_PER_SEC / sim_wire.rate;
	return sim_wire.rate ? from->busy_until : host_clock;
}

static bool dropped(struct sim_host *from, u32 len)
{
	bool cut = host_clock >= sim_wire.cut_from && host_clock < sim_wire.cut_until;
	u64 backlog = from->busy_until > host_clock ? from->busy_until - host_clock : 0;

	if (sim_wire.queue && sim_wire.rate && backlog * sim_wire.rate / NSEC_PER_SEC > (u64)sim_wire.queue * 1500)
		return true;
	return cut || one_in(sim_wire.loss);
}

void sim_wire_send(struct sim_host *from, struct packet *p)
{
	u32 len = p->len;
	u8 *bytes = malloc(len);
	struct sim_host *to;
	ktime_t at;

	packet_read(p, 0, bytes, len);
	packet_free(p);
	to = host_at(bytes);
	sim_sent++;
	if (!to || dropped(from, len)) {
		sim_lost++;
		free(bytes);
		return;
	}
	at = send_time(from, len) + sim_wire.delay;
	if (one_in(sim_wire.reorder))
		at += sim_wire.delay / 2 + host_below(&dice, 5000) * NSEC_PER_USEC;
	if (sim_wire.jitter)
		at += host_random(&dice) % sim_wire.jitter;
	launch(from, to, bytes, len, at);
	if (one_in(sim_wire.duplicate))
		launch(from, to, bytes, len, at + host_below(&dice, 3000) * NSEC_PER_USEC);
	free(bytes);
}

/* As a driver gives it: a little in line, the rest in pages. */
static struct packet *packet_of(const u8 *bytes, u32 len)
{
	struct packet *p = packet_alloc(GFP_ATOMIC);
	u32 head = MIN(len, 66u), at = head;

	if (!p)
		return NULL;
	memcpy(packet_put(p, head), bytes, head);
	while (at < len) {
		u32 offset, n = len - at;
		struct page *page = packet_page(&offset, &n, GFP_ATOMIC);

		if (!page || !packet_add_page(p, page, offset, n)) {
			if (page)
				page_put(page);
			packet_free(p);
			return NULL;
		}
		memcpy((u8 *)page_address(page) + offset, bytes + at, n);
		at += n;
	}
	return p;
}

static void land(struct flight f)
{
	struct packet *p = packet_of(f.bytes, f.len);

	free(f.bytes);
	if (p)
		sim_deliver(f.to, p);
}

/* ---- time ---- */

bool sim_step(ktime_t limit)
{
	ktime_t timer = KTIME_MAX, wire = nr_flights ? heap[0].at : KTIME_MAX, next;

	host_timer_next(&timer);
	next = MIN(timer, wire);
	if (next > limit)
		return false;
	host_clock = MAX(host_clock, next);
	if (wire <= timer)
		land(heap_take());
	else
		host_timers_run();
	host_rcu_run();
	return true;
}

void sim_run(ktime_t ns)
{
	ktime_t until = host_clock + ns;

	while (sim_step(until))
		;
	host_clock = until;
}

/* ---- hosts ---- */

static void parts(struct net *net, bool up)
{
	SET_FOR_EACH(const struct net_part, part, net_parts) {
		if (up)
			EXPECT_EQ(part->init(net), 0);
		else
			part->exit(net);
	}
}

void sim_start(u32 hosts, u64 seed)
{
	sim_seed = dice = seed;
	sim_wire = (struct wire){ .delay = 5 * NSEC_PER_MSEC };
	sim_sent = sim_lost = 0;
	host_clock = 1000 * NSEC_PER_SEC;
	blocks_before = host_blocks;
	frames_before = host_frames;
	nr_hosts = hosts;
	for (u32 i = 0; i < hosts; i++) {
		struct sim_host *h = &sim_hosts[i];

		memset(h, 0, sizeof(*h));
		ref_init(&h->net.users, 1);
		h->net.secret[0] = host_random(&dice);
		h->net.secret[1] = host_random(&dice);
		h->addr = addr_from_v4(cpu_to_be32(0x0a000001 + i));
		parts(&h->net, true);
	}
}

void sim_end(void)
{
	while (nr_flights)
		free(heap_take().bytes);
	for (u32 i = 0; i < nr_hosts; i++) {
		parts(&sim_hosts[i].net, false);
		EXPECT_EQ(ref_read(&sim_hosts[i].net.users), 1);
	}
	host_rcu_run();
	EXPECT_EQ(host_timers_armed(), 0);
	EXPECT_EQ(host_blocks, blocks_before);
	EXPECT_EQ(host_frames, frames_before);
}

/* ---- sockets ---- */

static void graft(struct tcp_sock *t)
{
	struct socket *s = kzalloc(sizeof(*s), GFP_KERNEL);

	s->opt = (struct socket_options){ .sndbuf = 212992, .rcvbuf = 212992, .rcvlowat = 1, .rcvtimeo = KTIME_MAX };
	t->inet.sk.socket = s;
}

struct tcp_sock *sim_socket(struct sim_host *h)
{
	struct sock *sk = sock_alloc(&h->net, &tcp_sock_ops, 2, 1, IPPROTO_TCP, GFP_KERNEL);
	struct tcp_sock *t = tcp_sk(sk);

	tcp_sock_init(t);
	graft(t);
	return t;
}

struct tcp_sock *sim_listen(struct sim_host *h, u16 port, u32 backlog)
{
	struct tcp_sock *t = sim_socket(h);

	t->inet.num = port;
	t->inet.sport = cpu_to_be16(port);
	sock_lock(&t->inet.sk);
	EXPECT_EQ(tcp_listen_start(t, backlog), 0);
	sock_unlock(&t->inet.sk);
	return t;
}

int sim_connect(struct tcp_sock *t, struct sim_host *to, u16 port)
{
	int err;

	sock_lock(&t->inet.sk);
	err = tcp_connect_to(t, &to->addr, cpu_to_be16(port));
	sock_unlock(&t->inet.sk);
	return err;
}

struct tcp_sock *sim_accept(struct tcp_sock *l)
{
	struct tcp_sock *t;

	sock_lock(&l->inet.sk);
	t = tcp_accept_take(l);
	sock_unlock(&l->inet.sk);
	if (t)
		graft(t);
	return t;
}

ssize_t sim_send(struct tcp_sock *t, const void *buf, size_t n, u32 flags)
{
	struct iov_iter it;
	ssize_t done;

	iov_init_kernel(&it, (void *)buf, n);
	sock_lock(&t->inet.sk);
	done = tcp_stream_send(t, &it, n, flags);
	sock_unlock(&t->inet.sk);
	return done;
}

ssize_t sim_recv(struct tcp_sock *t, void *buf, size_t n)
{
	struct iov_iter it;
	ssize_t done;

	iov_init_kernel(&it, buf, n);
	sock_lock(&t->inet.sk);
	done = tcp_stream_receive(t, &it, n, false, NULL);
	sock_unlock(&t->inet.sk);
	return done;
}

void sim_shutdown(struct tcp_sock *t)
{
	sock_lock(&t->inet.sk);
	tcp_shutdown_send(t);
	sock_unlock(&t->inet.sk);
}

void sim_close(struct tcp_sock *t, bool reset)
{
	struct sock *sk = &t->inet.sk;

	sock_lock(sk);
	kfree(sk->socket);
	sk->socket = NULL;
	sk->dead = true;
	tcp_close(t, reset);
	sock_unlock(sk);
	sock_put(sk);
	host_rcu_run();
}
