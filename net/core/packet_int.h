// SPDX-License-Identifier: MIT
/* Shared among net/core's files about packets. */
#pragma once

#include <tarn/net/packet.h>

/* Where the bytes of a packet lie: its linear part, its fragments, and the same of its chain, in order. */
struct packet_walk {
	const struct packet *p;
	s32 frag;             /* -1: the linear part */
};
struct packet_piece {
	const u8 *data;
	u32 len;
	struct page *page;    /* NULL: linear */
	u32 offset;           /* in the page */
};
/* The next piece (maybe empty); false: that was all. */
bool packet_walk_next(struct packet_walk *w, struct packet_piece *out);
#define PACKET_WALK(packet) { .p = (packet), .frag = -1 }
