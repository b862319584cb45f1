// SPDX-License-Identifier: MIT
/*
 * Scripted exchanges: one stack, and the test as its peer, segment by segment.
 *
 *	IN(.flags = S, .seq = 0, .mss = 1460)		a segment comes in
 *	OUT(.flags = S | A, .seq = 0, .ack = 1)		the next one that went out looks like this
 *	QUIET()						nothing (more) went out
 *	WAIT(ns)					time passes
 *
 * Sequence numbers count from each side's SYN. Fields of OUT that are not named are not looked at,
 * but flags, seq, ack and len always are. Timestamps are off unless a test turns them on.
 */
#pragma once

#include "sim.h"

#define F TH_FIN
#define S TH_SYN
#define R TH_RST
#define P TH_PSH
#define A TH_ACK
#define U TH_URG
#define E TH_ECE
#define W TH_CWR
#define MS NSEC_PER_MSEC

struct seg {
	u8 flags;
	u32 seq, ack, len;
	u32 win;              /* IN: 0 is 65535; see .zero_win. OUT: 0: any */
	bool zero_win, no_ack_check;
	u16 mss;
	int ws;               /* scale + 1; 0: none */
	bool sack_ok, ts, bad_csum;
	u32 tsval, tsecr;
	u32 nr_sacks;         /* OUT: exactly so many, if sacks are named or no_sacks */
	bool no_sacks;
	struct tcp_range sacks[4];
	u16 urg;
	u8 tos;
	u16 sport;            /* IN: of the peer; 0: the usual */
	const u8 *raw_options;
	u32 raw_len;
};

extern struct sim_host *const script_host;
extern u32 script_iss;       /* ours, once a SYN of ours was seen */
extern u16 script_port;      /* ours */
extern struct seg script_last; /* what OUT saw */

void script_begin(void);
void script_end(void);
void script_in(const char *file, int line, struct seg s);
void script_out(const char *file, int line, struct seg s);
void script_quiet(const char *file, int line);
/* Throws away what went out. */
void script_ignore(void);

#define IN(...) script_in(__FILE__, __LINE__, (struct seg){ __VA_ARGS__ })
#define OUT(...) script_out(__FILE__, __LINE__, (struct seg){ __VA_ARGS__ })
#define QUIET() script_quiet(__FILE__, __LINE__)
#define WAIT(ns) sim_run(ns)

/* A connection that came in, with SACK, MSS 1000, no scaling; the listener too. */
struct tcp_sock *script_server(struct tcp_sock **listener);
/* One that was asked for. */
struct tcp_sock *script_client(void);
/* @n bytes into @t. */
void script_write(struct tcp_sock *t, u32 n);
/* Reads all that is there: bytes. */
u32 script_read(struct tcp_sock *t);
