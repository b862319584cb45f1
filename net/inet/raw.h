// SPDX-License-Identifier: MIT
/* Raw sockets' own: shared by raw.c (in) and raw_socket.c (out, calls). */
#pragma once

#include "inet_internal.h"

struct raw_sock {
	struct inet_sock inet;
	u32 filter4;        /* bit: this ICMP type is not wanted */
	u32 filter6[8];     /* the same for ICMPv6 */
	int checksum;       /* IPV6_CHECKSUM: offset of the field; -1: none */
};

static inline struct sock_bucket *raw_bucket(struct net *net, u8 protocol)
{
	return &net->inet->raw[protocol % RAW_BUCKETS];
}
