// SPDX-License-Identifier: MIT
/* Scripted exchanges: see script.h. */
#include "script.h"

#define PEER_ISS 5000u
#define PEER_PORT 4000u
#define OUT_MAX 256u

struct sim_host *const script_host = &sim_hosts[0];
u32 script_iss;
u16 script_port;
struct seg script_last;

static struct seg sent[OUT_MAX];
static u32 sent_first, sent_end;
static bool iss_known;
static const struct inet_addr peer = { .w = { { 0 }, { 0 }, BE32_CONST(0xffff), BE32_CONST(0x0a000063) } };

/* ---- out ---- */

static void take_apart(struct packet *p, struct seg *s)
{
	u8 bytes[20 + TCP_HEADER_MAX] = { 0 };
	const u8 *h = bytes + 20;
	struct tcp_options o;

	packet_read(p, 0, bytes, MIN(p->len, (u32)sizeof(bytes)));
	tcp_options_parse(h + 20, (u32)(h[12] >> 4) * 4 - 20, h[13] & S, &o);
	*s = (struct seg){
		.flags = h[13], .seq = get_be32(h + 4), .ack = get_be32(h + 8), .win = get_be16(h + 14), .urg = get_be16(h + 18),
		.len = p->len - 20 - (u32)(h[12] >> 4) * 4, .mss = o.mss, .ws = o.has_wscale ? o.wscale + 1 : 0,
		.sack_ok = o.sack_ok, .ts = o.has_ts, .tsval = o.tsval, .tsecr = o.tsecr, .nr_sacks = o.nr_sacks, .tos = bytes[1],
	};
	memcpy(s->sacks, o.sacks, sizeof(s->sacks));
	script_port = get_be16(h);
}

static void capture(struct sim_host *h, struct packet *p)
{
	struct seg *s = &sent[sent_end % OUT_MAX];

	take_apart(p, s);
	if (s->flags & S) {
		script_iss = s->seq;
		iss_known = true;
	}
	sent_end++;
	EXPECT(sent_end - sent_first <= OUT_MAX);
	packet_free(p);
}

static void describe(const char *file, int line, const char *what, const struct seg *s)
{
	host_fail(file, line, "%s flags %x seq %u ack %u len %u win %u sacks %u", what, s->flags, s->seq, s->ack, s->len, s->win,
		  s->nr_sacks);
}

static bool sacks_match(const struct seg *want, const struct seg *got)
{
	if (!want->nr_sacks)
		return !want->no_sacks || !got->nr_sacks;
	if (want->nr_sacks != got->nr_sacks)
		return false;
	for (u32 i = 0; i < want->nr_sacks; i++)
		if (got->sacks[i].start - PEER_ISS != want->sacks[i].start || got->sacks[i].end - PEER_ISS != want->sacks[i].end)
			return false;
	return true;
}

void script_out(const char *file, int line, struct seg want)
{
	struct seg got;

	if (sent_first == sent_end) {
		describe(file, line, "nothing went out, wanted", &want);
		return;
	}
	got = sent[sent_first++ % OUT_MAX];
	script_last = got;
	got.seq -= iss_known && !(got.flags & R && !(got.flags & A) && !got.seq) ? script_iss : 0;
	got.ack -= got.flags & A ? PEER_ISS : 0;
	if (got.flags != want.flags || got.seq != want.seq || (!want.no_ack_check && got.ack != want.ack) ||
	    got.len != want.len || (want.win && got.win != want.win) || (want.zero_win && got.win) ||
	    (want.mss && got.mss != want.mss) || (want.urg && got.urg != want.urg) || !sacks_match(&want, &got)) {
		describe(file, line, "went out:", &got);
		describe(file, line, "expected:", &want);
	}
}

void script_quiet(const char *file, int line)
{
	if (sent_first != sent_end) {
		struct seg got = sent[sent_first % OUT_MAX];

		got.seq -= script_iss;
		got.ack -= PEER_ISS;
		describe(file, line, "went out without reason:", &got);
	}
	sent_first = sent_end;
}

void script_ignore(void)
{
	sent_first = sent_end;
}

/* ---- in ---- */

static u32 put_options(u8 *o, const struct seg *s)
{
	u32 n = 0;

	if (s->raw_options) {
		memcpy(o, s->raw_options, s->raw_len);
		return s->raw_len;
	}
	if (s->mss) {
		o[0] = 2;
		o[1] = 4;
		put_be16(o + 2, s->mss);
		n = 4;
	}
	if (s->sack_ok) {
		o[n++] = 4;
		o[n++] = 2;
		o[n++] = 1;
		o[n++] = 1;
	}
	if (s->ws) {
		o[n++] = 3;
		o[n++] = 3;
		o[n++] = (u8)(s->ws - 1);
		o[n++] = 1;
	}
	if (s->ts) {
		o[n++] = 8;
		o[n++] = 10;
		put_be32(o + n, s->tsval);
		put_be32(o + n + 4, s->tsecr);
		n += 8;
		o[n++] = 1;
		o[n++] = 1;
	}
	if (s->nr_sacks) {
		o[n++] = 5;
		o[n++] = (u8)(2 + 8 * s->nr_sacks);
		for (u32 i = 0; i < s->nr_sacks; i++) {
			put_be32(o + n, s->sacks[i].start + script_iss);
			put_be32(o + n + 4, s->sacks[i].end + script_iss);
			n += 8;
		}
		o[n++] = 1;
		o[n++] = 1;
	}
	return n;
}

static void put_tcp(u8 *t, const struct seg *s, u32 options)
{
	put_be16(t, s->sport ? s->sport : PEER_PORT);
	put_be16(t + 2, script_port);
	put_be32(t + 4, s->seq + PEER_ISS);
	put_be32(t + 8, s->flags & A ? s->ack + script_iss : 0);
	t[12] = (u8)((20 + options) / 4 << 4);
	t[13] = s->flags;
	put_be16(t + 14, (u16)(s->zero_win ? 0 : (s->win ? s->win : 65535)));
	put_be16(t + 18, s->urg);
}

/* What byte the peer sends at @seq. */
static u8 peer_byte(u32 seq)
{
	return (u8)(seq * 5 + 3);
}

void script_in(const char *file, int line, struct seg s)
{
	u8 bytes[9300] = { 0 };
	u32 options, total, off, n;
	u16 sum;
	struct packet *p;
	struct page *page;

	options = put_options(bytes + 40, &s);
	total = 40 + options + s.len;
	put_tcp(bytes + 20, &s, options);
	for (u32 i = 0; i < s.len; i++)
		bytes[40 + options + i] = peer_byte(s.seq + i);
	bytes[0] = 0x45;
	bytes[1] = s.tos;
	put_be16(bytes + 2, (u16)total);
	bytes[8] = 64;
	bytes[9] = IPPROTO_TCP;
	memcpy(bytes + 12, &peer.w[3], 4);
	memcpy(bytes + 16, &script_host->addr.w[3], 4);
	sum = csum_fold(csum_bytes(bytes, 20, 0));
	memcpy(bytes + 10, &sum, 2);
	sum = csum_fold(csum_bytes(bytes + 20, total - 20, inet_pseudo_csum(&peer, &script_host->addr, IPPROTO_TCP, total - 20)));
	sum = s.bad_csum ? (u16)(sum + 1) : sum;
	memcpy(bytes + 36, &sum, 2);
	p = packet_alloc(GFP_ATOMIC);
	n = MIN(total, 120u);
	memcpy(packet_put(p, n), bytes, n);
	for (u32 at = n; at < total; at += n) {
		n = total - at;
		page = packet_page(&off, &n, GFP_ATOMIC);
		memcpy((u8 *)page_address(page) + off, bytes + at, n);
		EXPECT(packet_add_page(p, page, off, n));
	}
	sim_deliver(script_host, p);
	host_rcu_run();
}

/* ---- the usual beginnings ---- */

void script_begin(void)
{
	sim_start(1, 42);
	script_host->outgoing = capture;
	script_host->net.tcp->timestamps = 0;
	sent_first = sent_end = 0;
	iss_known = false;
	script_iss = 0;
	script_port = 80;
}

void script_end(void)
{
	sim_run(200 * NSEC_PER_SEC);
	script_ignore();
	sim_end();
	script_host->outgoing = NULL;
}

struct tcp_sock *script_server(struct tcp_sock **listener)
{
	struct tcp_sock *l, *t;

	script_begin();
	l = sim_listen(script_host, 80, 5);
	IN(.flags = S, .seq = 0, .mss = 1000, .sack_ok = true);
	OUT(.flags = S | A, .seq = 0, .ack = 1, .mss = 1460);
	WAIT(20 * MS);
	IN(.flags = A, .seq = 1, .ack = 1);
	t = sim_accept(l);
	EXPECT(t != NULL);
	if (listener)
		*listener = l;
	else
		sim_close(l, false);
	return t;
}

struct tcp_sock *script_client(void)
{
	struct tcp_sock *t;
	struct sim_host to = { .addr = peer };

	script_begin();
	t = sim_socket(script_host);
	EXPECT_EQ(sim_connect(t, &to, PEER_PORT), 0);
	return t;
}

void script_write(struct tcp_sock *t, u32 n)
{
	static u8 buf[65536];

	EXPECT_EQ(sim_send(t, buf, n, 0), n);
}

u32 script_read(struct tcp_sock *t)
{
	static u8 buf[65536];
	u32 seq = t->copied_seq - PEER_ISS;
	ssize_t n = sim_recv(t, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++)
		if (buf[i] != peer_byte(seq + (u32)i)) {
			host_fail(__FILE__, __LINE__, "byte %u of the stream is wrong", seq + (u32)i);
			break;
		}
	return n > 0 ? (u32)n : 0;
}
