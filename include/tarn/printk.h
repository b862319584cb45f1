// SPDX-License-Identifier: MIT
/*
 * The kernel log: a ring of records read by the console, syslog(2) and /dev/kmsg.
 *
 * printk is callable from any context, also with locks held and in interrupts:
 * it copies into the ring and writes registered consoles directly.
 */
#pragma once

#define LOG_EMERG 0
#define LOG_ALERT 1
#define LOG_CRIT 2
#define LOG_ERR 3
#define LOG_WARN 4
#define LOG_NOTICE 5
#define LOG_INFO 6
#define LOG_DEBUG 7

void printk(int level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define pr_err(...) printk(LOG_ERR, __VA_ARGS__)
#define pr_warn(...) printk(LOG_WARN, __VA_ARGS__)
#define pr_info(...) printk(LOG_INFO, __VA_ARGS__)
#define pr_debug(...) printk(LOG_DEBUG, __VA_ARGS__)

/* Levels below this reach the console; "quiet" is 4, "loglevel=N" sets it. */
extern int console_loglevel;

/* A device that shows the log: writes @n bytes, polled, any context. */
struct console {
	const char *name;
	void (*write)(const char *s, size_t n);
};
void console_register(const struct console *c);

/* One log record in text, for /dev/kmsg and syslog: @seq in/out; bytes written, 0 at the end. */
struct log_record {
	u64 seq;
	ktime_t time;
	u8 level;
	u16 len;
	char text[1024];
};
/* The first record with number >= @seq; false if none yet. */
bool log_read(u64 seq, struct log_record *out);
extern struct waitq log_waitq;
/* Sequence number the next record will get, and of the oldest one kept. */
u64 log_next_seq(void);
u64 log_first_seq(void);
/* May current read the log?  0 or -EPERM: kernel.dmesg_restrict, CAP_SYSLOG.  kernel/sys/syslog.c */
int log_may_read(void);
/* The first record after those that syslog(2) cleared. */
u64 log_cleared_seq(void);
/* Wakes readers of the log if there is news: printk itself may not, it runs under any lock. */
void log_wake_readers(void);
