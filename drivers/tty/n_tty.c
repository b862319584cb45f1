// SPDX-License-Identifier: MIT
/*
 * The line discipline, as termios(3) describes it.  n_tty.h tells the state.
 *
 * Input goes   line -> translate -> signals, flow control -> edit -> ring,
 * output goes  program -> OPOST -> driver,  and echo joins it behind OPOST.
 */
#include <tarn/string.h>
#include "n_tty.h"

#define I_FLAG(n, f) ((n)->tio.c_iflag & (f))
#define O_FLAG(n, f) ((n)->tio.c_oflag & (f))
#define L_FLAG(n, f) ((n)->tio.c_lflag & (f))

void n_tty_init(struct n_tty *n, const struct n_tty_ops *ops, void *ctx)
{
	memset(n, 0, sizeof(*n));
	n->ops = ops;
	n->ctx = ctx;
}

/* ---- small questions ---- */

/* NUL in c_cc switches a special character off. */
static bool is_cc(const struct n_tty *n, u8 c, unsigned int which)
{
	return c && n->tio.c_cc[which] == c;
}

static bool is_control(u8 c)
{
	return c < ' ' || c == 0x7f;
}

static bool is_continuation(const struct n_tty *n, u8 c)
{
	return I_FLAG(n, IUTF8) && (c & 0xc0) == 0x80;
}

static bool is_word(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c >= 0x80;
}

/* Lines are made and edited here.  EXTPROC: by the other side of a network (telnet's LINEMODE). */
static bool by_lines(const struct n_tty *n)
{
	return L_FLAG(n, ICANON) && !L_FLAG(n, EXTPROC);
}

static bool passes_as_is(const struct n_tty *n)
{
	return L_FLAG(n, EXTPROC) && !I_FLAG(n, ISTRIP) && !(I_FLAG(n, IUCLC) && L_FLAG(n, IEXTEN));
}

static u8 byte_at(const struct n_tty *n, u32 pos)
{
	return n->buf[pos % NTTY_SIZE];
}

static bool mark_at(const struct n_tty *n, u32 pos)
{
	return n->marks[pos % NTTY_SIZE / 8] & BIT(pos % 8);
}

static void mark_set(struct n_tty *n, u32 pos)
{
	n->marks[pos % NTTY_SIZE / 8] |= BIT(pos % 8);
}

static void mark_clear(struct n_tty *n, u32 pos)
{
	n->marks[pos % NTTY_SIZE / 8] &= ~BIT(pos % 8);
}

/* ---- output ---- */

static size_t driver_room(struct n_tty *n)
{
	return n->ops->room ? n->ops->room(n->ctx) : (size_t)-1;
}

static u8 expand_tab(struct n_tty *n, u8 *to)
{
	u8 spaces = 8 - (n->column & 7);

	n->column += spaces;
	if (O_FLAG(n, TABDLY) != XTABS) {
		to[0] = '\t';
		return 1;
	}
	memset(to, ' ', spaces);
	return spaces;
}

static u8 expand_newline(struct n_tty *n, u8 *to)
{
	if (O_FLAG(n, ONLRET))
		n->column = 0;
	if (O_FLAG(n, ONLCR)) {
		n->column = n->canon_column = 0;
		to[0] = '\r';
		to[1] = '\n';
		return 2;
	}
	n->canon_column = n->column;
	to[0] = '\n';
	return 1;
}

static u8 expand_return(struct n_tty *n, u8 *to)
{
	if (O_FLAG(n, ONOCR) && n->column == 0)
		return 0;
	to[0] = '\r';
	if (O_FLAG(n, OCRNL)) {
		to[0] = '\n';
		if (!O_FLAG(n, ONLRET))
			return 1;
	}
	n->column = n->canon_column = 0;
	return 1;
}

/* Output processing of one byte: up to 8 bytes into @to; moves the cursor column. */
static u8 expand(struct n_tty *n, u8 c, u8 *to)
{
	if (!O_FLAG(n, OPOST)) {
		to[0] = c;
		return 1;
	}
	switch (c) {
	case '\n':
		return expand_newline(n, to);
	case '\r':
		return expand_return(n, to);
	case '\t':
		return expand_tab(n, to);
	case '\b':
		if (n->column)
			n->column--;
		break;
	default:
		if (O_FLAG(n, OLCUC) && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		if (!is_control(c) && !is_continuation(n, c))
			n->column++;
	}
	to[0] = c;
	return 1;
}

bool n_tty_flush_echo(struct n_tty *n)
{
	while (n->out_tail != n->out_head && !n->stopped) {
		u32 at = n->out_tail % NTTY_ECHO;
		u32 run = MIN(n->out_head - n->out_tail, NTTY_ECHO - at);
		size_t taken = n->ops->write(n->ctx, n->out + at, run);

		n->out_tail += (u32)taken;
		if (taken < run)
			return false;
	}
	return n->out_tail == n->out_head;
}

bool n_tty_writable(struct n_tty *n)
{
	/* 8: the longest expansion of one byte */
	return !n->stopped && n_tty_flush_echo(n) && driver_room(n) >= 8;
}

/* How many bytes at @src go out as they are. */
static size_t plain_run(const struct n_tty *n, const u8 *src, size_t len)
{
	size_t i = 0;

	if (O_FLAG(n, OLCUC))
		return 0;
	while (i < len && !is_control(src[i]))
		i++;
	return i;
}

static void advance_column(struct n_tty *n, const u8 *src, size_t len)
{
	for (size_t i = 0; i < len; i++)
		n->column += !is_continuation(n, src[i]);
}

/* One byte that OPOST may turn into several: all of them or none. */
static bool write_special(struct n_tty *n, u8 c)
{
	u8 to[8];
	u8 len;

	if (driver_room(n) < sizeof(to))
		return false;
	len = expand(n, c, to);
	if (len)
		n->ops->write(n->ctx, to, len);
	return true;
}

size_t n_tty_write(struct n_tty *n, const u8 *src, size_t len)
{
	size_t done = 0;

	if (n->stopped || !n_tty_flush_echo(n))
		return 0;
	if (!O_FLAG(n, OPOST))
		return n->ops->write(n->ctx, src, len);
	while (done < len) {
		size_t run = plain_run(n, src + done, len - done), taken;

		if (!run) {
			if (!write_special(n, src[done]))
				break;
			done++;
			continue;
		}
		taken = n->ops->write(n->ctx, src + done, run);
		advance_column(n, src + done, taken);
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}

/* ---- echo ---- */

static void out_bytes(struct n_tty *n, const u8 *data, u32 len)
{
	if (n->out_head - n->out_tail + len > NTTY_ECHO)
		return; /* nobody takes output: the typist sees nothing anyway */
	for (u32 i = 0; i < len; i++)
		n->out[n->out_head++ % NTTY_ECHO] = data[i];
}

/* @c as it is, through output processing. */
static void echo_raw(struct n_tty *n, u8 c)
{
	u8 to[8];

	out_bytes(n, to, expand(n, c, to));
}

/* @c so that it can be seen. */
static void echo_char(struct n_tty *n, u8 c)
{
	if (L_FLAG(n, ECHOCTL) && is_control(c) && c != '\t') {
		echo_raw(n, '^');
		echo_raw(n, c ^ 0x40);
	} else {
		echo_raw(n, c);
	}
}

static void echo_text(struct n_tty *n, const char *s)
{
	while (*s)
		echo_raw(n, (u8)*s++);
}

/* ---- editing ---- */

/* The column at which position @end of the edited line stands. */
static u32 column_of(const struct n_tty *n, u32 end)
{
	u32 col = n->canon_column;

	for (u32 p = n->canon_head; p != end; p++) {
		u8 c = byte_at(n, p);

		if (c == '\t')
			col += 8 - (col & 7);
		else if (is_control(c))
			col += L_FLAG(n, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(n, c))
			col++;
	}
	return col;
}

/* Takes @c, which was the last character of the line, off the screen. */
static void echo_erase(struct n_tty *n, u8 c)
{
	u32 cells = 1;

	if (c == '\t') {
		u32 want = column_of(n, n->head);

		for (u32 col = ALIGN_UP(want + 1, 8); col > want; col--)
			echo_raw(n, '\b');
		return;
	}
	if (is_control(c))
		cells = L_FLAG(n, ECHOCTL) ? 2 : 0;
	while (cells--)
		echo_text(n, "\b \b");
}

/* Drops the last character (all bytes of it); the first byte. */
static u8 drop_last(struct n_tty *n)
{
	u8 c;

	do
		c = byte_at(n, --n->head);
	while (is_continuation(n, c) && n->head != n->canon_head);
	return c;
}

static u8 last_lead_byte(const struct n_tty *n)
{
	u32 p = n->head;
	u8 c;

	do
		c = byte_at(n, --p);
	while (is_continuation(n, c) && p != n->canon_head);
	return c;
}

/* False: what is left are continuation bytes without a first one, which are no character. */
static bool erase_char(struct n_tty *n, u8 key)
{
	u8 c;

	if (is_continuation(n, last_lead_byte(n)))
		return false;
	c = drop_last(n);
	if (!L_FLAG(n, ECHO))
		return true;
	if (!L_FLAG(n, ECHOE))
		echo_char(n, key);
	else
		echo_erase(n, c);
	return true;
}

static void erase_word(struct n_tty *n, u8 key)
{
	bool seen_word = false;

	while (n->head != n->canon_head) {
		if (is_word(last_lead_byte(n)))
			seen_word = true;
		else if (seen_word)
			break;
		if (!erase_char(n, key))
			break;
	}
}

static void kill_line(struct n_tty *n, u8 key)
{
	if (L_FLAG(n, ECHO) && L_FLAG(n, ECHOK) && L_FLAG(n, ECHOKE) && L_FLAG(n, ECHOE)) {
		while (n->head != n->canon_head && erase_char(n, key))
			;
		return;
	}
	n->head = n->canon_head;
	if (!L_FLAG(n, ECHO))
		return;
	echo_char(n, key);
	if (L_FLAG(n, ECHOK))
		echo_raw(n, '\n');
}

static void reprint_line(struct n_tty *n, u8 key)
{
	echo_char(n, key);
	echo_raw(n, '\n');
	for (u32 p = n->canon_head; p != n->head; p++)
		echo_char(n, byte_at(n, p));
}

/* ---- input ---- */

static void put_byte(struct n_tty *n, u8 c)
{
	mark_clear(n, n->head);
	n->buf[n->head++ % NTTY_SIZE] = c;
}

/* The edited line is done: readers may have it.  @c '\0': EOF, which is not data. */
static void end_line(struct n_tty *n, u8 c)
{
	put_byte(n, c);
	mark_set(n, n->head - 1);
	n->canon_head = n->head;
}

void n_tty_flush_input(struct n_tty *n)
{
	n->head = n->canon_head = n->tail;
	n->mid_line = n->lnext = false;
	n->packet |= TIOCPKT_FLUSHREAD;
}

void n_tty_stop(struct n_tty *n)
{
	if (n->stopped)
		return;
	n->stopped = true;
	n->packet = (n->packet & ~TIOCPKT_START) | TIOCPKT_STOP;
}

void n_tty_start(struct n_tty *n)
{
	if (!n->stopped)
		return;
	n->stopped = false;
	n->packet = (n->packet & ~TIOCPKT_STOP) | TIOCPKT_START;
	n_tty_flush_echo(n);
}

static void raise_signal(struct n_tty *n, int sig)
{
	n->signals |= BIT(sig);
	if (L_FLAG(n, NOFLSH))
		return;
	n_tty_flush_input(n);
	n_tty_flush_echo(n); /* what was typed before the key is still shown, if it can be */
	n->out_tail = n->out_head;
	if (n->ops->flush)
		n->ops->flush(n->ctx);
	n->packet |= TIOCPKT_FLUSHWRITE;
}

static bool signal_key(struct n_tty *n, u8 c)
{
	int sig;

	if (!L_FLAG(n, ISIG))
		return false;
	if (is_cc(n, c, VINTR))
		sig = SIGINT;
	else if (is_cc(n, c, VQUIT))
		sig = SIGQUIT;
	else if (is_cc(n, c, VSUSP))
		sig = SIGTSTP;
	else
		return false;
	raise_signal(n, sig);
	if (I_FLAG(n, IXON))
		n_tty_start(n);
	if (L_FLAG(n, ECHO))
		echo_char(n, c);
	return true;
}

static bool flow_key(struct n_tty *n, u8 c)
{
	if (!I_FLAG(n, IXON))
		return false;
	if (is_cc(n, c, VSTART)) {
		n_tty_start(n);
		return true;
	}
	if (is_cc(n, c, VSTOP)) {
		n_tty_stop(n);
		return true;
	}
	return false;
}

/* Room for one more byte of a line; the last place is kept for what ends the line. */
static bool line_room(struct n_tty *n)
{
	if (n->head - n->tail < NTTY_SIZE - 1)
		return true;
	if (I_FLAG(n, IMAXBEL))
		echo_raw(n, '\a');
	return false;
}

static bool edit_key(struct n_tty *n, u8 c)
{
	bool extended = L_FLAG(n, IEXTEN);

	if (is_cc(n, c, VERASE) || is_cc(n, c, VKILL) || (extended && is_cc(n, c, VWERASE))) {
		if (n->head == n->canon_head)
			return true;
		if (is_cc(n, c, VERASE))
			erase_char(n, c);
		else if (is_cc(n, c, VKILL))
			kill_line(n, c);
		else
			erase_word(n, c);
		return true;
	}
	if (extended && L_FLAG(n, ECHO) && is_cc(n, c, VREPRINT)) {
		reprint_line(n, c);
		return true;
	}
	return false;
}

static bool line_end_key(struct n_tty *n, u8 c)
{
	bool full = n->head - n->tail >= NTTY_SIZE;

	if (c == '\n') {
		if (L_FLAG(n, ECHO) || L_FLAG(n, ECHONL))
			echo_raw(n, '\n');
	} else if (is_cc(n, c, VEOF)) {
		c = '\0';
	} else if (is_cc(n, c, VEOL) || (L_FLAG(n, IEXTEN) && is_cc(n, c, VEOL2))) {
		if (L_FLAG(n, ECHO))
			echo_char(n, c);
	} else {
		return false;
	}
	if (!full)
		end_line(n, c);
	return true;
}

/* Data at last: into the ring, onto the screen. */
static void input_data(struct n_tty *n, u8 c)
{
	if (!line_room(n))
		return;
	if (L_FLAG(n, ECHO)) {
		if (n->head == n->canon_head)
			n->canon_column = n->column;
		if (c == '\n')
			echo_raw(n, c);
		else
			echo_char(n, c);
	}
	if (c == 0xff && I_FLAG(n, PARMRK) && !I_FLAG(n, ISTRIP))
		put_byte(n, c);
	put_byte(n, c);
}

static void input_canonical(struct n_tty *n, u8 c)
{
	if (edit_key(n, c))
		return;
	if (L_FLAG(n, IEXTEN) && is_cc(n, c, VLNEXT)) {
		n->lnext = true;
		if (L_FLAG(n, ECHO) && L_FLAG(n, ECHOCTL))
			echo_text(n, "^\b");
		return;
	}
	if (line_end_key(n, c))
		return;
	input_data(n, c);
}

/* IGNCR, ICRNL, INLCR, IUCLC: false if the byte goes nowhere. */
static bool translate(const struct n_tty *n, u8 *c)
{
	if (I_FLAG(n, IUCLC) && L_FLAG(n, IEXTEN) && *c >= 'A' && *c <= 'Z')
		*c += 'a' - 'A';
	if (*c == '\r') {
		if (I_FLAG(n, IGNCR))
			return false;
		if (I_FLAG(n, ICRNL))
			*c = '\n';
	} else if (*c == '\n' && I_FLAG(n, INLCR)) {
		*c = '\r';
	}
	return true;
}

static void input_byte(struct n_tty *n, u8 c)
{
	if (passes_as_is(n)) {
		put_byte(n, c);
		return;
	}
	if (I_FLAG(n, ISTRIP))
		c &= 0x7f;
	if (n->lnext) {
		n->lnext = false;
		input_data(n, c);
		return;
	}
	if (flow_key(n, c) || signal_key(n, c))
		return;
	if (n->stopped && I_FLAG(n, IXON) && I_FLAG(n, IXANY))
		n_tty_start(n);
	if (!translate(n, &c))
		return;
	if (by_lines(n))
		input_canonical(n, c);
	else
		input_data(n, c);
}

size_t n_tty_receive_room(const struct n_tty *n)
{
	u32 used = n->head - n->tail;
	/* PARMRK may double a byte. */
	u32 room = used < NTTY_SIZE - 2 ? (NTTY_SIZE - 2 - used) / (I_FLAG(n, PARMRK) ? 2 : 1) : 0;

	/* No line is there that a reader could take: waiting would be for ever.  Excess is lost. */
	if (!room && by_lines(n) && n->canon_head == n->tail)
		return NTTY_SIZE;
	return room;
}

size_t n_tty_receive(struct n_tty *n, const u8 *data, size_t len)
{
	size_t done = 0;

	while (done < len && n_tty_receive_room(n))
		input_byte(n, data[done++]);
	n_tty_flush_echo(n);
	return done;
}

/* PARMRK's three bytes 0377 0 c (0377 0 0 for a break). */
static void put_marked(struct n_tty *n, u8 c)
{
	if (n->head - n->tail > NTTY_SIZE - 4)
		return;
	put_byte(n, 0xff);
	put_byte(n, 0);
	put_byte(n, c);
}

void n_tty_receive_flagged(struct n_tty *n, u8 c, enum n_tty_flag flag)
{
	if (flag == NTTY_BREAK) {
		if (I_FLAG(n, IGNBRK))
			return;
		if (I_FLAG(n, BRKINT)) {
			raise_signal(n, SIGINT);
			return;
		}
		c = 0;
	} else if (flag == NTTY_NORMAL || !I_FLAG(n, INPCK)) {
		n_tty_receive(n, &c, 1);
		return;
	} else if (I_FLAG(n, IGNPAR)) {
		return;
	}
	if (I_FLAG(n, PARMRK))
		put_marked(n, c);
	else if (line_room(n))
		put_byte(n, 0);
}

/* ---- reading ---- */

u32 n_tty_available(const struct n_tty *n)
{
	u32 count = 0;

	if (!by_lines(n))
		return n->head - n->tail;
	for (u32 p = n->tail; p != n->canon_head; p++)
		count += !(mark_at(n, p) && byte_at(n, p) == '\0');
	return count;
}

bool n_tty_readable(const struct n_tty *n, u32 min)
{
	if (by_lines(n))
		return n->canon_head != n->tail;
	return n->head - n->tail >= MAX(min, 1u);
}

static size_t read_raw(struct n_tty *n, u8 *dst, size_t max)
{
	u32 at = n->tail % NTTY_SIZE;
	size_t len = MIN(max, (size_t)(n->head - n->tail));
	size_t first = MIN(len, (size_t)(NTTY_SIZE - at));

	memcpy(dst, n->buf + at, first);
	memcpy(dst + first, n->buf, len - first);
	n->tail += (u32)len;
	n->canon_head = n->tail;
	n->mid_line = false;
	return len;
}

/*
 * "abc^D" read by 3 bytes gives abc and no end of file after it; only an EOF at
 * the start of a line is one.  If the line was cut by a full buffer just before
 * its EOF, mid_line lets the next read skip it.
 */
static size_t read_line(struct n_tty *n, u8 *dst, size_t max, bool *end)
{
	size_t got = 0;

	while (n->tail != n->canon_head) {
		u8 c = byte_at(n, n->tail);
		bool mark = mark_at(n, n->tail);

		if (mark && c == '\0') {
			bool skip = n->mid_line && !got;

			n->tail++;
			n->mid_line = false;
			if (skip)
				continue;
			*end = true;
			return got;
		}
		if (got == max)
			return got;
		dst[got++] = c;
		n->tail++;
		n->mid_line = !mark;
		if (mark) {
			*end = true;
			return got;
		}
	}
	return got;
}

size_t n_tty_read(struct n_tty *n, u8 *dst, size_t max, bool *end)
{
	*end = false;
	return by_lines(n) ? read_line(n, dst, max, end) : read_raw(n, dst, max);
}

/* ---- settings ---- */

/* What was typed before a switch to canonical mode counts as one line; to raw mode: as bytes. */
static void mode_changed(struct n_tty *n)
{
	memset(n->marks, 0, sizeof(n->marks));
	n->mid_line = n->lnext = false;
	n->canon_head = n->tail;
	if (!by_lines(n) || n->head == n->tail)
		return;
	if (n->head - n->tail < NTTY_SIZE)
		end_line(n, '\0');
	else
		mark_set(n, n->head - 1);
	n->canon_head = n->head;
}

static bool standard_flow(const struct ktermios *t)
{
	return (t->c_iflag & IXON) && t->c_cc[VSTOP] == 023 && t->c_cc[VSTART] == 021;
}

void n_tty_termios_changed(struct n_tty *n, const struct ktermios *old)
{
	bool flow = standard_flow(&n->tio);

	if ((old->c_lflag ^ n->tio.c_lflag) & (ICANON | EXTPROC))
		mode_changed(n);
	if ((old->c_lflag | n->tio.c_lflag) & EXTPROC)
		n->packet |= TIOCPKT_IOCTL;
	if (flow != standard_flow(old))
		n->packet |= flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
	if (!I_FLAG(n, IXON) && (old->c_iflag & IXON))
		n_tty_start(n);
}
