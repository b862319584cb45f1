// SPDX-License-Identifier: MIT
/* Growable text (contract: include/tarn/strbuf.h). */
#include <tarn/strbuf.h>
#include <tarn/lib_alloc.h>
#include <tarn/printf.h>
#include <tarn/string.h>
#include <linux/errno.h>

#define STRBUF_MIN 256

void strbuf_init(struct strbuf *sb)
{
	*sb = (struct strbuf)STRBUF_INIT;
}

void strbuf_free(struct strbuf *sb)
{
	lib_free(sb->data);
	strbuf_init(sb);
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->data)
		sb->data[0] = '\0';
}

int strbuf_reserve(struct strbuf *sb, size_t size)
{
	size_t cap = sb->cap ? sb->cap : STRBUF_MIN;
	char *data;

	if (size < sb->cap)		/* one more for the NUL */
		return 0;
	if (size >= SIZE_MAX / 2)
		return -ENOMEM;
	while (cap <= size)
		cap *= 2;
	data = lib_alloc(cap);
	if (!data)
		return -ENOMEM;
	if (sb->data)
		memcpy(data, sb->data, sb->len);
	data[sb->len] = '\0';
	lib_free(sb->data);
	sb->data = data;
	sb->cap = cap;
	return 0;
}

/* Where @len more bytes go, or NULL after an error, now or earlier. */
static char *strbuf_extend(struct strbuf *sb, size_t len)
{
	char *end;

	if (!sb->error && (len >= SIZE_MAX / 2 || strbuf_reserve(sb, sb->len + len)))
		sb->error = -ENOMEM;
	if (sb->error)
		return NULL;
	end = sb->data + sb->len;
	sb->len += len;
	sb->data[sb->len] = '\0';
	return end;
}

void strbuf_putc(struct strbuf *sb, char c)
{
	char *to = strbuf_extend(sb, 1);

	if (to)
		*to = c;
}

void strbuf_append(struct strbuf *sb, const void *data, size_t len)
{
	char *to = strbuf_extend(sb, len);

	if (to && len)
		memcpy(to, data, len);
}

void strbuf_puts(struct strbuf *sb, const char *s)
{
	strbuf_append(sb, s, strlen(s));
}

void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
{
	size_t room = sb->cap - sb->len;
	va_list again;
	size_t len;
	char *to;

	if (sb->error)
		return;
	/* Mostly it fits at once; if not, the first try tells how much is needed. */
	va_copy(again, ap);
	len = (size_t)lib_vsnprintf(sb->data ? sb->data + sb->len : NULL, room, fmt, ap);
	if (len < room) {
		sb->len += len;
	} else {
		to = strbuf_extend(sb, len);
		if (to)
			lib_vsnprintf(to, len + 1, fmt, again);
		else if (sb->data)
			sb->data[sb->len] = '\0';	/* the cut first try */
	}
	va_end(again);
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}

void strbuf_escape(struct strbuf *sb, const char *s, const char *special)
{
	for (; *s; s++) {
		u8 c = (u8)*s;
		char octal[4] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)),
				  (char)('0' + (c & 7)) };

		if (strchr(special, *s))
			strbuf_append(sb, octal, sizeof(octal));
		else
			strbuf_putc(sb, *s);
	}
}

void strbuf_pad(struct strbuf *sb, size_t column)
{
	size_t start = sb->len;
	size_t used;
	char *to;

	while (start && sb->data[start - 1] != '\n')
		start--;
	used = sb->len - start;
	if (used >= column)
		return;
	to = strbuf_extend(sb, column - used);
	if (to)
		memset(to, ' ', column - used);
}
