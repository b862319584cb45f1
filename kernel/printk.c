// SPDX-License-Identifier: MIT
/*
 * The kernel log: a ring of records, and the consoles that show them.
 *
 * printk() may be called from anywhere, so it takes one spinlock of the lowest
 * rank, formats into a static buffer, and writes consoles polled.  It wakes
 * nobody: a reader's run queue may be locked by the caller.  It leaves a note
 * instead, and log_wake_readers() is called where no lock is held (the tick,
 * the idle loop, the way to user mode).
 *
 * The ring holds variable records one after the other; a new one pushes out as
 * many of the oldest as it needs.  head and tail count bytes and never wrap.
 *
 * Until a driver registers a console, arch_early_putc() is one.  A panic
 * ignores the lock: the CPU that held it may be stopped.
 */
#include <arch/boot.h>
#include <arch/time.h>
#include <tarn/lock.h>
#include <tarn/math.h>
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/string.h>
#include <tarn/waitq.h>

#define LOG_SIZE (128u * 1024)
#define LOG_TEXT_MAX sizeof(((struct log_record *)0)->text)
#define MAX_CONSOLES 4

struct log_header {
	u64 seq;
	ktime_t time;
	u16 len; /* text bytes that follow */
	u8 level;
};

static struct spinlock log_lock = SPINLOCK_INIT("log", LR_CONSOLE);
static char log_ring[LOG_SIZE] GUARDED_BY(&log_lock);
static u64 log_head GUARDED_BY(&log_lock);      /* bytes ever written */
static u64 log_tail GUARDED_BY(&log_lock);      /* oldest byte kept: starts a record */
static u64 log_seq GUARDED_BY(&log_lock);       /* of the next record */
static u64 log_first GUARDED_BY(&log_lock);     /* of the oldest record */
static char log_text[LOG_TEXT_MAX] GUARDED_BY(&log_lock);
static const struct console *consoles[MAX_CONSOLES] GUARDED_BY(&log_lock);
static unsigned int nconsoles GUARDED_BY(&log_lock);
static _Atomic bool log_news; /* [a] readers are to be woken */

struct waitq log_waitq = WAITQ_INIT(log_waitq);
int console_loglevel = 7;

static void ring_write(u64 at, const void *data, size_t n)
{
	const char *src = data;
	size_t first = MIN(n, (size_t)(LOG_SIZE - at % LOG_SIZE));

	memcpy(&log_ring[at % LOG_SIZE], src, first);
	memcpy(log_ring, src + first, n - first);
}

static void ring_read(u64 at, void *out, size_t n)
{
	char *dst = out;
	size_t first = MIN(n, (size_t)(LOG_SIZE - at % LOG_SIZE));

	memcpy(dst, &log_ring[at % LOG_SIZE], first);
	memcpy(dst + first, log_ring, n - first);
}

static void ring_store(int level, ktime_t now, const char *text, u16 len) MUST_HOLD(&log_lock)
{
	struct log_header h = { .seq = log_seq++, .time = now, .len = len, .level = (u8)level };
	size_t need = sizeof(h) + len;

	while (log_head + need - log_tail > LOG_SIZE) {
		struct log_header old;

		ring_read(log_tail, &old, sizeof(old));
		log_tail += sizeof(old) + old.len;
		log_first = old.seq + 1;
	}
	ring_write(log_head, &h, sizeof(h));
	ring_write(log_head + sizeof(h), text, len);
	log_head += need;
}

static void console_write(const char *s, size_t n) MUST_HOLD(&log_lock)
{
	if (nconsoles == 0) {
		for (size_t i = 0; i < n; i++) {
			if (s[i] == '\n')
				arch_early_putc('\r');
			arch_early_putc(s[i]);
		}
		return;
	}
	for (unsigned int i = 0; i < nconsoles; i++)
		consoles[i]->write(s, n);
}

static void console_line(ktime_t now, const char *text, size_t len) MUST_HOLD(&log_lock)
{
	char stamp[32];
	int n = scnprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ",
			  (unsigned long long)(now / NSEC_PER_SEC),
			  (unsigned long long)(now % NSEC_PER_SEC / NSEC_PER_USEC));

	console_write(stamp, (size_t)n);
	console_write(text, len);
	console_write("\n", 1);
}

static void log_text_out(int level, const char *fmt, va_list ap) MUST_HOLD(&log_lock)
{
	ktime_t now = arch_clock_ns();
	size_t len = (size_t)vscnprintf(log_text, sizeof(log_text), fmt, ap);

	while (len && log_text[len - 1] == '\n')
		len--;
	ring_store(level, now, log_text, (u16)len);
	if (level < console_loglevel)
		console_line(now, log_text, len);
}

/* In a panic the lock is only tried: its holder may never run again. */
static bool log_lock_get(u64 *flags) NO_LOCK_CHECK
{
	if (!panic_in_progress()) {
		*flags = spin_lock_irqsave(&log_lock);
		return true;
	}
	*flags = irq_save();
	return spin_trylock(&log_lock);
}

void printk(int level, const char *fmt, ...)
	NO_LOCK_CHECK /* in a panic, without the lock if need be */
{
	va_list ap;
	u64 flags;
	bool locked = log_lock_get(&flags);

	va_start(ap, fmt);
	log_text_out(level, fmt, ap);
	va_end(ap);
	atomic_store_explicit(&log_news, true, memory_order_relaxed);
	if (locked)
		spin_unlock(&log_lock);
	irq_restore(flags);
}

void log_wake_readers(void)
{
	if (likely(!atomic_load_explicit(&log_news, memory_order_relaxed)))
		return;
	atomic_store(&log_news, false);
	if (waitq_active(&log_waitq))
		waitq_wake_all(&log_waitq, 0);
}

void console_register(const struct console *c)
{
	u64 flags = spin_lock_irqsave(&log_lock);

	if (nconsoles < MAX_CONSOLES)
		consoles[nconsoles++] = c;
	spin_unlock_irqrestore(&log_lock, flags);
}

/* Walks from the oldest: readers keep up, so what they ask for is near the end of a short walk. */
bool log_read(u64 seq, struct log_record *out)
{
	u64 flags = spin_lock_irqsave(&log_lock);
	u64 at = log_tail;
	bool found = false;

	while (at < log_head) {
		struct log_header h;

		ring_read(at, &h, sizeof(h));
		if (h.seq >= seq) {
			out->seq = h.seq;
			out->time = h.time;
			out->level = h.level;
			out->len = h.len;
			ring_read(at + sizeof(h), out->text, h.len);
			found = true;
			break;
		}
		at += sizeof(h) + h.len;
	}
	spin_unlock_irqrestore(&log_lock, flags);
	return found;
}

u64 log_next_seq(void)
{
	u64 flags = spin_lock_irqsave(&log_lock);
	u64 seq = log_seq;

	spin_unlock_irqrestore(&log_lock, flags);
	return seq;
}

u64 log_first_seq(void)
{
	u64 flags = spin_lock_irqsave(&log_lock);
	u64 seq = log_first;

	spin_unlock_irqrestore(&log_lock, flags);
	return seq;
}
