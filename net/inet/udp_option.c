// SPDX-License-Identifier: MIT
/* SOL_UDP options, udp(7): corking, segments, merging. Tests: tests/abi/net_options.c. */
#include "udp.h"

static int set_cork(struct udp_sock *u, bool on)
{
	int err = 0;

	sock_lock(&u->inet.sk);
	u->corked = on;
	if (!on && u->pending)
		err = udp_push_pending(u);
	sock_unlock(&u->inet.sk);
	return err;
}

int udp_setsockopt(struct socket *sock, int level, int name, const void *val, int len)
{
	struct udp_sock *u = sock->sk;
	int v;

	if (level != IPPROTO_UDP)
		return inet_setsockopt(sock, level, name, val, len);
	if (len < (int)sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case UDP_CORK:
		return set_cork(u, v != 0);
	case UDP_SEGMENT:
		if (v < 0 || v > 65535)
			return -EINVAL;
		WRITE_ONCE(u->gso_size, (u16)v);
		return 0;
	case UDP_GRO:
		atomic_store(&u->gro, v != 0);
		return 0;
	case UDP_NO_CHECK6_TX:
		u->no_check6_tx = v != 0;
		return 0;
	case UDP_NO_CHECK6_RX:
		u->no_check6_rx = v != 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

int udp_getsockopt(struct socket *sock, int level, int name, void *val, int *len)
{
	struct udp_sock *u = sock->sk;
	int v;

	if (level != IPPROTO_UDP)
		return inet_getsockopt(sock, level, name, val, len);
	switch (name) {
	case UDP_CORK:
		v = u->corked;
		break;
	case UDP_SEGMENT:
		v = u->gso_size;
		break;
	case UDP_GRO:
		v = atomic_load(&u->gro);
		break;
	case UDP_NO_CHECK6_TX:
		v = u->no_check6_tx;
		break;
	case UDP_NO_CHECK6_RX:
		v = u->no_check6_rx;
		break;
	default:
		return -ENOPROTOOPT;
	}
	*len = MIN(*len, (int)sizeof(v));
	memcpy(val, &v, (size_t)*len);
	return 0;
}
