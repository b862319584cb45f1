// SPDX-License-Identifier: MIT
/* UDP's own: shared by udp.c (packets) and udp_socket.c (calls). */
#pragma once

#include <linux/udp.h>
#include "inet_internal.h"

struct udp_sock {
	struct inet_sock inet;
	bool corked;              /* UDP_CORK; socket locked */
	_Atomic bool gro;         /* UDP_GRO: merged datagrams are welcome */
	bool no_check6_tx, no_check6_rx;
	u16 gso_size;             /* UDP_SEGMENT for all that is sent */
	struct packet *pending;   /* corked bytes; socket locked, and below */
	struct flow flow;         /* of it */
	struct route *route;      /* counted */
	struct inet_cork cork;
	u8 options[IP_OPTIONS_MAX_];
	u16 pending_gso;
};

int udp_push_pending(struct udp_sock *u); /* the corked bytes leave; socket locked */
int udp_setsockopt(struct socket *sock, int level, int name, const void *val, int len);
int udp_getsockopt(struct socket *sock, int level, int name, void *val, int *len);
