// SPDX-License-Identifier: MIT
/*
 * The line discipline: what lies between the bytes on the line and the bytes a
 * program reads and writes.  Pure: no locks, no sleeping, no kernel calls, so
 * that it runs on the host under sanitizers (n_tty_test.c).
 *
 * Input ring:     tail <= canon_head <= head, all running freely.
 *   [tail, canon_head)   whole lines (canonical mode only)
 *   [canon_head, head)   the line being edited; in raw mode everything readable
 *   A bit in marks[] says that this byte ends a line; an ended line whose last
 *   byte is NUL was ended by the EOF character, which is not part of it.
 *
 * Echo is output too, but there may be no room for it at that moment: it goes
 * through the small ring out[], which must be empty before a write may follow.
 *
 * The caller serialises everything and afterwards looks at ->signals.
 */
#pragma once

#include <asm/termbits.h>
#include <asm/termios.h>
/* The UAPI header and the host's C library cannot stand together. */
#ifdef __KERNEL__
#include <asm/signal.h>
#else
#include <signal.h>
#endif

#define NTTY_SIZE 4096u
#define NTTY_ECHO 1024u

/*
 * op      NULL means
 * write   required: bytes taken
 * room    always room
 * flush   nothing to throw away
 */
struct n_tty_ops {
	size_t (*write)(void *ctx, const u8 *data, size_t n);
	size_t (*room)(void *ctx);
	void (*flush)(void *ctx);
};

struct n_tty {
	struct ktermios tio;
	const struct n_tty_ops *ops;   /* [I] */
	void *ctx;                     /* [I] */

	u32 head, canon_head, tail;
	bool mid_line;                 /* a part of the line at tail was read already */
	bool lnext;                    /* VLNEXT came: the next byte is only data */
	bool stopped;                  /* ^S, or tcflow(TCOOFF) */
	u32 column, canon_column;      /* of the cursor; where the edited line began */
	u32 out_head, out_tail;
	u64 signals;                   /* bit n: signal n is to be sent; the caller clears it */
	u8 packet;                     /* TIOCPKT_* that happened; the caller clears it */
	u8 buf[NTTY_SIZE];
	u8 marks[NTTY_SIZE / 8];
	u8 out[NTTY_ECHO];
};

enum n_tty_flag { NTTY_NORMAL, NTTY_BREAK, NTTY_PARITY, NTTY_FRAME };

void n_tty_init(struct n_tty *n, const struct n_tty_ops *ops, void *ctx);
/* After ->tio changed: @old is what it was. */
void n_tty_termios_changed(struct n_tty *n, const struct ktermios *old);

/* Bytes from the line.  Takes fewer than @len when a reader must make room first. */
size_t n_tty_receive(struct n_tty *n, const u8 *data, size_t len);
void n_tty_receive_flagged(struct n_tty *n, u8 c, enum n_tty_flag flag);
/* How many n_tty_receive() would take now. */
size_t n_tty_receive_room(const struct n_tty *n);

/* Whether a read that wants @min bytes (raw mode) or a line (canonical) has it. */
bool n_tty_readable(const struct n_tty *n, u32 min);
/* Bytes a read could get: FIONREAD. */
u32 n_tty_available(const struct n_tty *n);
/* Takes bytes; *@end: the line is over (canonical). */
size_t n_tty_read(struct n_tty *n, u8 *dst, size_t max, bool *end);
void n_tty_flush_input(struct n_tty *n);

/* Bytes taken; less than @len: no room, or stopped. */
size_t n_tty_write(struct n_tty *n, const u8 *src, size_t len);
/* Echo that waits goes out as far as there is room; true when none is left. */
bool n_tty_flush_echo(struct n_tty *n);
/* Whether a write would take at least one byte. */
bool n_tty_writable(struct n_tty *n);
void n_tty_stop(struct n_tty *n);
void n_tty_start(struct n_tty *n);
