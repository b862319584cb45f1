// SPDX-License-Identifier: MIT
/*
 * Network namespaces: birth, death, the keyed hash (contract: include/tarn/net/netns.h).
 *
 * init_net is there from boot on. The parts of a namespace (devices, both IP families, netlink ...) register
 * themselves by linker section; a new namespace runs their init by rank, a dying one their exit in
 * reverse. Death happens in a worker, as the last user may be anybody in any context.
 *
 * No system call makes another namespace yet: CLONE_NEWNET is refused.
 */
#include <tarn/errptr.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/net/rx.h>
#include <tarn/net/sock.h>
#include <tarn/random.h>
#include <tarn/rcu.h>
#include <tarn/slab.h>
#include <tarn/work.h>

#define MAX_RANK 100

struct net init_net = {
	.users = { 1 },
	.refs = { 1 },
	.config = MUTEX_INIT(init_net.config, "net config", LR_NET_CONFIG),
	.devices = LIST_INIT(init_net.devices),
	.ino = 0xf0000000,   /* what Linux's first one has: lsns(8) and others show it */
	.taps = LIST_INIT(init_net.taps),
	.next_ifindex = 1,
};

static struct mutex all_lock = MUTEX_INIT(all_lock, "namespaces", LR_SLEEP_LEAF);
static struct list all GUARDED_BY(&all_lock) = LIST_INIT(all);

struct net *current_net(void)
{
	return &init_net;
}

/* ---- SipHash-2-4 ---- */

static inline u64 rotl(u64 x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(u64 v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(u64 v[4], u64 m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

u64 siphash(const u64 key[2], const void *data, size_t len)
{
	u64 v[4] = { key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
		     key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull };
	u64 tail = (u64)len << 56;
	const u8 *p = data;

	for (; len >= 8; p += 8, len -= 8)
		sip_word(v, get_le64(p));
	for (size_t i = 0; i < len; i++)
		tail |= (u64)p[i] << (8 * i);
	sip_word(v, tail);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

u64 net_hash(const struct net *net, const void *data, size_t len)
{
	return siphash(net->secret, data, len);
}

/* ---- life ---- */

static void parts_exit(struct net *net, int below)
{
	for (int rank = below - 1; rank >= 0; rank--) {
		SET_FOR_EACH(const struct net_part, part, net_parts)
			if (part->rank == rank && part->exit)
				part->exit(net);
	}
}

static int parts_init(struct net *net)
{
	int err = 0;

	for (int rank = 0; rank < MAX_RANK; rank++) {
		SET_FOR_EACH(const struct net_part, part, net_parts)
			if (!err && part->rank == rank && part->init)
				err = part->init(net);
		if (err) {
			parts_exit(net, rank);
			return err;
		}
	}
	return 0;
}

static int net_start(struct net *net)
{
	int err;

	random_bytes(net->secret, sizeof(net->secret));
	err = parts_init(net);
	if (err)
		return err;
	mutex_lock(&all_lock);
	list_add_tail(&all, &net->node);
	mutex_unlock(&all_lock);
	return 0;
}

struct net *net_new(void)
{
	return ERR_PTR(-EINVAL);
}

/* init_net has a user that never goes. */
void net_put(struct net *net)
{
	if (ref_put(&net->users))
		panic("the first network namespace lost its last user");
}

void net_init(void)
{
	packet_init();
	sock_init();
	net_timers_init();
	rx_init();
	if (net_start(&init_net))
		panic("no memory for the network");
}
