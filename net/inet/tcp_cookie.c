// SPDX-License-Identifier: MIT
/*
 * TCP: SYN cookies (RFC 4987 3.6): a handshake without memory.
 *
 * When a listener's requests are full, the SYN-ACK's sequence number itself says what the request would have:
 *
 *	cookie = H1(tuple) + irs + (minute << 24) + ((H2(tuple, minute) + index of the MSS) mod 2^24)
 *
 * The last ACK brings it back. It is good for two minutes; a guess is right once in 2^24/4 tries. Such a
 * connection has no window scale, SACK or timestamps: nobody remembers them.
 */
#include "tcp.h"

#define COOKIE_MINUTES 2u

static const u16 cookie_mss[] = { 536, 1300, 1440, 1460 };

struct cookie_input {
	struct tcp_key key;
	u32 minute, kind;
};

static u32 minute_now(void)
{
	return (u32)(net_now() / (60 * NSEC_PER_SEC));
}

static u32 cookie_hash(const struct net *net, const struct tcp_key *k, u32 minute, u32 kind)
{
	struct cookie_input in;

	memset(&in, 0, sizeof(in));
	in.key = *k;
	in.minute = minute;
	in.kind = kind;
	memset((u8 *)&in.key + offsetof(struct tcp_key, rport) + 2, 0,
	       sizeof(in.key) - offsetof(struct tcp_key, rport) - 2);
	return (u32)net_hash(net, &in, sizeof(in));
}

u32 tcp_cookie_make(const struct net *net, const struct tcp_key *k, u32 irs, u16 mss)
{
	u32 minute = minute_now(), i = ARRAY_SIZE(cookie_mss) - 1;

	while (i && cookie_mss[i] > mss)
		i--;
	return cookie_hash(net, k, 0, 1) + irs + (minute << 24) +
	       ((cookie_hash(net, k, minute, 2) + i) & 0xffffff);
}

bool tcp_cookie_check(const struct net *net, const struct tcp_key *k, u32 irs, u32 cookie, u16 *mss)
{
	u32 rest = cookie - cookie_hash(net, k, 0, 1) - irs, minute = minute_now();
	u32 age = (minute - (rest >> 24)) & 0xff, i;

	if (age < COOKIE_MINUTES) {
		i = (rest - cookie_hash(net, k, minute - age, 2)) & 0xffffff;
		if (i < ARRAY_SIZE(cookie_mss)) {
			*mss = cookie_mss[i];
			return true;
		}
	}
	tcp_count(net, TCPC_SYNCOOKIES_FAILED);
	return false;
}
