// SPDX-License-Identifier: MIT
/* The line discipline, against termios(3). */
/* test-sources: drivers/tty/n_tty.c */
/* test-flags: -Idrivers/tty */
#include "n_tty.h"
#include "test.h"

/* The terminal: what came out, and how much more it takes. */
static char screen[16384];
static size_t screen_len, screen_max;
static struct n_tty n;

static size_t screen_write(void *ctx, const u8 *data, size_t len)
{
	size_t took = MIN(len, screen_max - screen_len);

	memcpy(screen + screen_len, data, took);
	screen_len += took;
	screen[screen_len] = '\0';
	return took;
}

static size_t screen_room(void *ctx)
{
	return screen_max - screen_len;
}

static const struct n_tty_ops ops = { .write = screen_write, .room = screen_room };

static void screen_clear(void)
{
	screen_len = 0;
	screen[0] = '\0';
}

static void setup(void)
{
	n_tty_init(&n, &ops, NULL);
	n.tio = (struct ktermios){
		.c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | ONLCR,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.c_cc = { [VINTR] = 3, [VQUIT] = 034, [VERASE] = 0177, [VKILL] = 025, [VEOF] = 4,
			  [VMIN] = 1, [VSTART] = 021, [VSTOP] = 023, [VSUSP] = 032,
			  [VREPRINT] = 022, [VWERASE] = 027, [VLNEXT] = 026 },
	};
	screen_max = sizeof(screen) - 1;
	screen_clear();
}

static void type(const char *s)
{
	EXPECT_EQ(n_tty_receive(&n, (const u8 *)s, strlen(s)), strlen(s));
}

/* One read(2) of at most @max bytes as text; "(none)" if it would block. */
static const char *got(size_t max)
{
	static char buf[8192];
	bool end;
	size_t len;

	if (!n_tty_readable(&n, 1))
		return "(none)";
	len = n_tty_read(&n, (u8 *)buf, max, &end);
	if (!len && !end)
		return "(none)";
	buf[len] = '\0';
	return buf;
}

TEST(line_editing)
{
	static const struct {
		const char *what, *typed, *line, *shown;
	} cases[] = {
		{ "a plain line", "abc\n", "abc\n", "abc\r\n" },
		{ "return is newline", "abc\r", "abc\n", "abc\r\n" },
		{ "erase", "abx\177c\n", "abc\n", "abx\b \bc\r\n" },
		{ "erase at the start does nothing", "\177a\n", "a\n", "a\r\n" },
		{ "kill", "junk\025ok\n", "ok\n", "junk\b \b\b \b\b \b\b \bok\r\n" },
		{ "word erase", "one two \027x\n", "one x\n",
		  "one two \b \b\b \b\b \b\b \bx\r\n" },
		{ "erase of a control character takes two cells", "\026\001\177a\n", "a\n",
		  "^\b^A\b \b\b \ba\r\n" },
		{ "literal next", "a\026\003b\n", "a\003b\n", "a^\b^Cb\r\n" },
		{ "reprint", "ab\022c\n", "abc\n", "ab^R\r\nabc\r\n" },
		{ "control characters are shown", "a\001\n", "a\001\n", "a^A\r\n" },
		{ "tab goes back to its column", "ab\t\177c\n", "abc\n",
		  "ab\t\b\b\b\b\b\bc\r\n" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		ROW(cases[i].what);
		setup();
		type(cases[i].typed);
		EXPECT_STR(got(100), cases[i].line);
		EXPECT_STR(screen, cases[i].shown);
		EXPECT_STR(got(100), "(none)");
	}
}

TEST(utf8_characters_are_erased_whole)
{
	setup();
	n.tio.c_iflag |= IUTF8;
	type("a\303\244\177b\n");
	EXPECT_STR(got(100), "ab\n");
	EXPECT_STR(screen, "a\303\244\b \bb\r\n");
}

TEST(end_of_file)
{
	setup();
	type("\004");
	EXPECT_STR(got(100), "");
	type("abc\004");
	EXPECT_STR(got(100), "abc");
	EXPECT_STR(got(100), "(none)");
	type("abc\004");
	EXPECT_STR(got(3), "abc");
	EXPECT_STR(got(3), "(none)");
	type("abc\004x\n");
	EXPECT_STR(got(2), "ab");
	EXPECT_STR(got(1), "c");
	EXPECT_STR(got(9), "x\n");
}

TEST(eof_after_a_read_that_filled_its_buffer_is_not_seen)
{
	bool end;
	u8 buf[4];

	setup();
	type("abc");
	type("\004z\n");
	EXPECT_EQ(n_tty_read(&n, buf, 2, &end), 2);
	EXPECT_EQ(n_tty_read(&n, buf, 1, &end), 1);
	EXPECT(end);
	EXPECT_STR(got(9), "z\n");
}

TEST(lines_come_one_by_one)
{
	setup();
	type("one\ntwo\n");
	EXPECT_EQ(n_tty_available(&n), 8);
	EXPECT_STR(got(100), "one\n");
	EXPECT_STR(got(2), "tw");
	EXPECT_STR(got(100), "o\n");
}

TEST(signals)
{
	setup();
	type("abc\003");
	EXPECT_EQ(n.signals, BIT(SIGINT));
	EXPECT_STR(got(9), "(none)");
	EXPECT_STR(screen, "abc^C");
	n.signals = 0;
	type("\034\032");
	EXPECT_EQ(n.signals, BIT(SIGQUIT) | BIT(SIGTSTP));
	n.signals = 0;
	n.tio.c_lflag |= NOFLSH;
	type("ab\003c\n");
	EXPECT_STR(got(9), "abc\n");
	n.signals = 0;
	n.tio.c_lflag &= ~ISIG;
	type("\003\n");
	EXPECT_EQ(n.signals, 0);
	EXPECT_STR(got(9), "\003\n");
}

TEST(output_processing)
{
	static const struct {
		const char *what;
		u32 oflag;
		const char *written, *shown;
	} cases[] = {
		{ "raw", 0, "a\nb\tc", "a\nb\tc" },
		{ "newline", OPOST | ONLCR, "a\nb", "a\r\nb" },
		{ "no mapping", OPOST, "a\nb", "a\nb" },
		{ "return to newline", OPOST | OCRNL, "a\rb", "a\nb" },
		{ "no return at column 0", OPOST | ONOCR, "\ra\rb", "a\rb" },
		{ "tabs to spaces", OPOST | XTABS, "ab\tc\td", "ab      c       d" },
		{ "upper case", OPOST | OLCUC, "abC1", "ABC1" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = strlen(cases[i].written);

		ROW(cases[i].what);
		setup();
		n.tio.c_oflag = cases[i].oflag;
		EXPECT_EQ(n_tty_write(&n, (const u8 *)cases[i].written, len), len);
		EXPECT_STR(screen, cases[i].shown);
	}
}

TEST(a_full_screen_takes_whole_expansions_only)
{
	setup();
	screen_max = 9;
	EXPECT_EQ(n_tty_write(&n, (const u8 *)"ab\ncd", 5), 2);
	screen_max = 20;
	EXPECT_EQ(n_tty_write(&n, (const u8 *)"\ncd", 3), 3);
	EXPECT_STR(screen, "ab\r\ncd");
}

TEST(echo_waits_for_room_and_goes_first)
{
	setup();
	screen_max = 0;
	type("ab");
	EXPECT_STR(screen, "");
	EXPECT_EQ(n_tty_write(&n, (const u8 *)"X", 1), 0);
	screen_max = 100;
	EXPECT_EQ(n_tty_write(&n, (const u8 *)"X", 1), 1);
	EXPECT_STR(screen, "abX");
}

TEST(flow_control)
{
	setup();
	type("\023");
	EXPECT(n.stopped);
	EXPECT_EQ(n_tty_write(&n, (const u8 *)"X", 1), 0);
	type("a");
	EXPECT_STR(screen, "");
	type("\021");
	EXPECT_STR(screen, "a");
	EXPECT_EQ(n_tty_write(&n, (const u8 *)"X", 1), 1);
	n.tio.c_iflag |= IXANY;
	type("\023b");
	EXPECT(!n.stopped);
}

TEST(raw_mode)
{
	struct ktermios old;

	setup();
	old = n.tio;
	n.tio.c_lflag &= ~(ICANON | ECHO | ISIG);
	n.tio.c_iflag = 0;
	n_tty_termios_changed(&n, &old);
	type("a\003\r\004");
	EXPECT_EQ(n_tty_available(&n), 4);
	EXPECT(n_tty_readable(&n, 4));
	EXPECT(!n_tty_readable(&n, 5));
	EXPECT_STR(got(2), "a\003");
	EXPECT_STR(got(9), "\r\004");
	EXPECT_STR(screen, "");
}

TEST(mode_switches_keep_what_was_typed)
{
	struct ktermios old;

	setup();
	type("abc");
	EXPECT_STR(got(9), "(none)");
	old = n.tio;
	n.tio.c_lflag &= ~ICANON;
	n_tty_termios_changed(&n, &old);
	EXPECT_STR(got(2), "ab");
	old = n.tio;
	n.tio.c_lflag |= ICANON;
	n_tty_termios_changed(&n, &old);
	EXPECT_STR(got(9), "c");
	type("d\n");
	EXPECT_STR(got(9), "d\n");
}

TEST(a_full_line_still_ends)
{
	u8 many[5000];

	setup();
	n.tio.c_lflag &= ~ECHO;
	memset(many, 'x', sizeof(many));
	EXPECT_EQ(n_tty_receive(&n, many, sizeof(many)), sizeof(many));
	EXPECT_STR(got(9), "(none)");
	type("\n");
	EXPECT_EQ(n_tty_available(&n), NTTY_SIZE);
	EXPECT_EQ(strlen(got(8000)), NTTY_SIZE);
}

TEST(raw_input_stops_when_full)
{
	u8 many[5000];
	size_t took;

	setup();
	n.tio.c_lflag &= ~(ICANON | ECHO);
	memset(many, 'x', sizeof(many));
	took = n_tty_receive(&n, many, sizeof(many));
	EXPECT(took >= 4000 && took < NTTY_SIZE);
	EXPECT_EQ(n_tty_receive_room(&n), 0);
	EXPECT_EQ(strlen(got(8000)), took);
	EXPECT(n_tty_receive_room(&n) > 4000);
}

TEST(breaks_and_parity)
{
	setup();
	n.tio.c_lflag &= ~ICANON;
	n.tio.c_iflag = PARMRK | INPCK;
	n_tty_receive_flagged(&n, 'p', NTTY_PARITY);
	EXPECT_EQ(n_tty_available(&n), 3);
	n_tty_flush_input(&n);
	n.tio.c_iflag = BRKINT;
	n_tty_receive_flagged(&n, 0, NTTY_BREAK);
	EXPECT_EQ(n.signals, BIT(SIGINT));
	n.tio.c_iflag = IGNBRK;
	n.signals = 0;
	n_tty_receive_flagged(&n, 0, NTTY_BREAK);
	EXPECT_EQ(n_tty_available(&n), 0);
	EXPECT_EQ(n.signals, 0);
}

/* Whatever is typed, in whatever mode: positions stay in order and reads end. */
TEST(random_input_keeps_the_ring_sound)
{
	setup();
	for (u32 i = 0; i < 200000; i++) {
		u8 c = (u8)test_random_below(256);
		struct ktermios old = n.tio;

		if (test_random_below(50) == 0) {
			n.tio.c_lflag = (u32)test_random() & 0xffff;
			n.tio.c_iflag = (u32)test_random() & 0xffff;
			n.tio.c_oflag = (u32)test_random() & 0xffff;
			n_tty_termios_changed(&n, &old);
		}
		n_tty_receive(&n, &c, 1);
		if (test_random_below(20) == 0)
			got(test_random_below(300));
		if (test_random_below(10) == 0)
			screen_clear();
		ASSERT(n.head - n.tail <= NTTY_SIZE);
		ASSERT(n.canon_head - n.tail <= n.head - n.tail);
	}
}
