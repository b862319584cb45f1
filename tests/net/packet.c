// SPDX-License-Identifier: MIT
/* Packets: every operation against the same one on a plain array of bytes; cutting of TCP by the field. */
#include <tarn/net/packet.h>
#include <tarn/string.h>
#include "host.h"

#define BIG 9000u

static u8 model[BIG];
static u64 seed = 7;

static void check(const struct packet *p, const u8 *want, u32 n)
{
	static u8 got[BIG];

	EXPECT_EQ(p->len, n);
	packet_read(p, 0, got, MIN(n, p->len));
	EXPECT(!memcmp(got, want, MIN(n, p->len)));
}

static void add(struct packet *p, const u8 *data, u32 n)
{
	struct iov_iter it;

	iov_init_kernel(&it, (void *)data, n);
	EXPECT_EQ(packet_from_iov(p, &it, n, GFP_KERNEL), n);
}

/* A packet with @n bytes of the model in pieces of random size, perhaps with a chain. */
static struct packet *make(u32 n, bool chain)
{
	struct packet *p = packet_alloc(GFP_KERNEL), *more;
	u32 done = 0;

	while (done < n) {
		u32 part = 1 + (u32)host_below(&seed, n - done);

		if (chain && done && host_below(&seed, 2)) {
			more = packet_alloc(GFP_KERNEL);
			add(more, model + done, part);
			EXPECT(packet_join(p, more));
		} else if (done && host_below(&seed, 2)) {
			more = packet_slice(p, 0, 0, GFP_KERNEL);
			add(more, model + done, part);
			EXPECT(packet_join(p, more));
		} else {
			more = packet_alloc(GFP_KERNEL);
			add(more, model + done, part);
			if (!EXPECT(packet_join(p, more)))
				packet_free(more);
		}
		done += part;
	}
	return p;
}

static void fill_model(void)
{
	for (u32 i = 0; i < BIG; i++)
		model[i] = (u8)host_random(&seed);
}

NET_TEST(packet_bytes_come_out_as_they_went_in)
{
	fill_model();
	for (int round = 0; round < 300; round++) {
		u32 n = 1 + (u32)host_below(&seed, BIG - 1);
		struct packet *p = make(n, round & 1), *c = packet_clone(p, GFP_KERNEL);

		check(p, model, n);
		packet_free(p);
		check(c, model, n); /* the clone's pages are its own as well */
		packet_free(c);
	}
	EXPECT_EQ(host_frames, 0);
}

NET_TEST(packet_trim_and_consume)
{
	fill_model();
	for (int round = 0; round < 600; round++) {
		u32 n = 1 + (u32)host_below(&seed, BIG - 1), from = 0, to = n;
		struct packet *p = make(n, round & 1);

		while (to > from) {
			u32 k = (u32)host_below(&seed, to - from + 1);

			if (host_below(&seed, 2)) {
				packet_consume(p, k);
				from += k;
			} else {
				packet_trim(p, to - from - k);
				to -= k;
			}
			check(p, model + from, to - from);
		}
		packet_free(p);
	}
	EXPECT_EQ(host_frames, 0);
}

NET_TEST(packet_need_makes_headers_linear)
{
	fill_model();
	for (int round = 0; round < 600; round++) {
		u32 n = 1 + (u32)host_below(&seed, 2000), want = (u32)host_below(&seed, 600);
		struct packet *p = make(n, round & 1);
		bool ok = packet_need(p, want);

		EXPECT(ok || want > n || want > PACKET_INLINE);
		EXPECT(!ok || p->head_len >= want);
		check(p, model, n);
		packet_free(p);
	}
	EXPECT_EQ(host_frames, 0);
}

NET_TEST(packet_slice_is_a_window)
{
	fill_model();
	for (int round = 0; round < 600; round++) {
		u32 n = 1 + (u32)host_below(&seed, BIG - 1), from = (u32)host_below(&seed, n);
		u32 len = (u32)host_below(&seed, n - from + 1);
		struct packet *p = make(n, round & 1), *s = packet_slice(p, from, len, GFP_KERNEL);

		check(s, model + from, len);
		packet_free(p);
		check(s, model + from, len);
		packet_free(s);
	}
	EXPECT_EQ(host_frames, 0);
}

/* What RFC 1071 says, a word at a time. */
static u16 slow_sum(const u8 *p, u32 n)
{
	u64 sum = 0;

	for (u32 i = 0; i < n; i++)
		sum += i & 1 ? (u32)p[i] << 8 : p[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

NET_TEST(packet_checksum_over_pieces)
{
	fill_model();
	for (int round = 0; round < 600; round++) {
		u32 n = 1 + (u32)host_below(&seed, BIG - 1), from = (u32)host_below(&seed, n), len = n - from;
		struct packet *p = make(n, round & 1);

		EXPECT_EQ(csum_fold(packet_csum(p, from, len, 0)), slow_sum(model + from, len));
		EXPECT_EQ(csum_fold(csum_bytes(model + from, len, 0)), slow_sum(model + from, len));
		packet_free(p);
	}
}

/* IPv4, TCP with 12 bytes of options, @payload bytes; flags FIN, PSH, CWR. */
static struct packet *tcp_packet(u32 payload, u16 mss)
{
	struct packet *p = packet_alloc(GFP_KERNEL);
	u32 len = 32 + payload;
	u8 *h;
	u16 sum;

	add(p, model, payload);
	h = packet_push(p, 52);
	memset(h, 0, 52);
	h[0] = 0x45;
	put_be16(h + 2, (u16)p->len);
	put_be16(h + 4, 1000);
	h[9] = 6;
	put_be32(h + 12, 0x0a000001);
	put_be32(h + 16, 0x0a000002);
	put_be32(h + 24, 0xfffffff0u);
	h[32] = 0x80;
	h[33] = 0x80 | 0x10 | 0x08 | 0x01;
	sum = csum_fold16(csum_add(csum_bytes(h + 12, 8, 0), cpu_to_be16(6).raw + cpu_to_be16((u16)len).raw));
	memcpy(h + 36, &sum, 2);
	p->network = packet_offset(p);
	p->transport = p->csum_start = (u16)(p->network + 20);
	p->csum_offset = 16;
	p->csum_state = CSUM_PARTIAL;
	p->gso_type = GSO_TCP4;
	p->gso_size = mss;
	return p;
}

static u16 tcp_sum(const u8 *h, u32 len)
{
	u8 pseudo[12] = { 0 };
	u32 sum;

	memcpy(pseudo, h + 12, 8);
	pseudo[9] = 6;
	put_be16(pseudo + 10, (u16)(len - 20));
	sum = csum_bytes(pseudo, 12, 0);
	return csum_fold(csum_bytes(h + 20, len - 20, sum));
}

NET_TEST(segment_tcp)
{
	struct list out = LIST_INIT(out);
	u32 payload = 4000, mss = 1460, at = 0, i = 0;
	struct packet *p, *tmp;
	u8 h[2000];

	fill_model();
	EXPECT_EQ(packet_segment(tcp_packet(payload, (u16)mss), &out), 0);
	LIST_FOR_EACH_SAFE(p, tmp, &out, node) {
		u32 part = MIN(mss, payload - at);

		EXPECT_EQ(p->len, 52 + part);
		EXPECT(packet_csum_complete(p));
		packet_read(p, 0, h, p->len);
		EXPECT_EQ(get_be16(h + 2), p->len);
		EXPECT_EQ(get_be16(h + 4), 1000 + i);
		EXPECT_EQ(csum_fold(csum_bytes(h, 20, 0)), 0);
		EXPECT_EQ(get_be32(h + 24), 0xfffffff0u + at);
		EXPECT_EQ(h[33], i == 0 ? 0x90 : i == 2 ? 0x19 : 0x10);
		EXPECT_EQ(tcp_sum(h, p->len), 0);
		EXPECT(!memcmp(h + 52, model + at, part));
		at += part;
		i++;
		list_del(&p->node);
		packet_free(p);
	}
	EXPECT_EQ(i, 3);
	EXPECT_EQ(host_frames, 0);
}

NET_TEST(segment_refuses_what_it_cannot_cut)
{
	static const struct {
		const char *what;
		u32 at;     /* byte of the headers that is wrong */
		u8 value;
	} cases[] = {
		{ "IP version", 0, 0x65 },
		{ "IP header length", 0, 0x46 },
		{ "another protocol", 9, 17 },
		{ "TCP header too short", 32, 0x40 },
		{ "TCP header beyond the packet", 32, 0xf0 },
	};

	fill_model();
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct list out = LIST_INIT(out);
		struct packet *p = tcp_packet(i == 4 ? 20 : 3000, 1000);

		p->data[cases[i].at] = cases[i].value;
		if (packet_segment(p, &out) != -22)
			host_fail(__FILE__, __LINE__, "%s", cases[i].what);
		EXPECT(list_empty(&out));
	}
	EXPECT_EQ(host_frames, 0);
}
