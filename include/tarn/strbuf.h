// SPDX-License-Identifier: MIT
/*
 * Growable text: what every /proc file is written into.
 *
 * The text is always terminated once anything was added.  When memory runs out
 * the buffer remembers it in ->error and ignores what follows, so writers check
 * once, at the end.  Growth doubles and may sleep (lib_alloc).  No locks inside.
 */
#pragma once

#include <stdarg.h>

struct strbuf {
	char *data;			/* NULL while empty */
	size_t len;			/* without the NUL */
	size_t cap;			/* allocated bytes */
	int error;			/* 0 or -ENOMEM, sticky */
};

#define STRBUF_INIT { .data = NULL, .len = 0, .cap = 0, .error = 0 }

void strbuf_init(struct strbuf *sb);
void strbuf_free(struct strbuf *sb);		/* and as after strbuf_init again */
/* Forget the text, keep the memory and the error. */
void strbuf_reset(struct strbuf *sb);
/* Room for @size bytes of text in all: 0 or -ENOMEM (not remembered). */
int strbuf_reserve(struct strbuf *sb, size_t size);

void strbuf_putc(struct strbuf *sb, char c);
void strbuf_puts(struct strbuf *sb, const char *s);
void strbuf_append(struct strbuf *sb, const void *data, size_t len);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* @s with each byte of @special as \ooo: /proc/mounts wants " \t\n\\#". */
void strbuf_escape(struct strbuf *sb, const char *s, const char *special);
/* Spaces until the current line has @column characters. */
void strbuf_pad(struct strbuf *sb, size_t column);

/* The text, "" while empty.  Valid until the next change. */
static inline const char *strbuf_str(const struct strbuf *sb)
{
	return sb->data ? sb->data : "";
}
