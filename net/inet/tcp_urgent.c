// SPDX-License-Identifier: MIT
/*
 * TCP: urgent data, as sockets have it: one byte out of band (RFC 9293 3.8.5, RFC 6093).
 *
 * The header's pointer is taken as BSD and Linux take it: it names the byte after the urgent one. That byte is
 * read by MSG_OOB, or in its place with SO_OOBINLINE; a read stops before it.
 * A second urgent byte takes the first one's place.
 */
#include <linux/poll.h>
#include "tcp.h"

static void announce(struct tcp_sock *t, u32 at)
{
	t->rcv_up = at;
	t->urg_state = URG_NOTYET;
	sock_wake(tcp_sock(t), POLLPRI);
}

void tcp_urgent_receive(struct tcp_sock *t, const struct tcp_seg *s)
{
	u32 at = s->seq + s->urgent - 1;
	u8 byte;

	if (!s->urgent ||
	    !(TCPF(t->state) & (TCPF(TCP_ESTABLISHED) | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2))))
		return;
	if (seq_lt(at, t->copied_seq) || seq_lt(at, t->rcv_nxt))
		return; /* read, or passed, already */
	if (!t->urg_state || seq_gt(at, t->rcv_up))
		announce(t, at);
	if (t->urg_state != URG_NOTYET || t->rcv_up - s->seq >= s->data_len)
		return;
	packet_read(s->p, s->header_len + (t->rcv_up - s->seq), &byte, 1);
	t->urg_state = URG_VALID | byte;
	sock_wake(tcp_sock(t), POLLPRI);
}
