// SPDX-License-Identifier: MIT
/*
 * Formatted print (contract: include/tarn/printf.h).
 *
 * struct out takes characters and counts them all, storing those that fit, so
 * the returned length is right even when the buffer is short.  A conversion is
 * parsed into struct spec; numbers are written backwards into a small buffer
 * and then laid out as
 *
 *	[spaces] [sign or 0x] [zeros] digits [spaces]
 */
#include <tarn/printf.h>
#include <tarn/parse.h>
#include <tarn/string.h>

struct out {
	char *buf;
	size_t size;
	size_t len;			/* characters so far, stored or not */
};

enum {
	FLAG_LEFT = 1,			/* - */
	FLAG_PLUS = 2,			/* + */
	FLAG_SPACE = 4,			/* space */
	FLAG_ALT = 8,			/* # */
	FLAG_ZERO = 16,			/* 0 */
	FLAG_UPPER = 32,		/* digits A to F and the X of 0X */
};

struct spec {
	unsigned flags;
	int width;
	int precision;			/* -1: none given */
	int bytes;			/* size of an integer argument */
};

static void out_char(struct out *out, char c)
{
	if (out->len + 1 < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void out_fill(struct out *out, char c, int count)
{
	while (count-- > 0)
		out_char(out, c);
}

static void out_bytes(struct out *out, const char *s, size_t n)
{
	size_t room = out->len + 1 < out->size ? out->size - 1 - out->len : 0;

	if (room)
		memcpy(out->buf + out->len, s, n < room ? n : room);
	out->len += n;
}

static void out_text(struct out *out, const struct spec *spec, const char *s, size_t len)
{
	int pad = spec->width - (int)len;

	if (!(spec->flags & FLAG_LEFT))
		out_fill(out, ' ', pad);
	out_bytes(out, s, len);
	if (spec->flags & FLAG_LEFT)
		out_fill(out, ' ', pad);
}

static void out_string(struct out *out, const struct spec *spec, const char *s)
{
	if (!s)
		s = "(null)";
	out_text(out, spec, s, spec->precision < 0 ? strlen(s) : strnlen(s, (size_t)spec->precision));
}

/* Digits of @value, last first.  Returns how many; none for 0. */
static int digits_backwards(char *to, u64 value, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	int n = 0;

	if (base == 10)			/* a constant divisor becomes a multiplication */
		for (; value; value /= 10)
			to[n++] = (char)('0' + value % 10);
	else
		for (; value; value /= base)
			to[n++] = digits[value % base];
	return n;
}

/* @prefix: "-", "+", " ", "0x", "0X" or "". */
static void out_number(struct out *out, const struct spec *spec, u64 value, unsigned base,
		       const char *prefix)
{
	char digits[24];		/* 22 octal digits */
	int n = digits_backwards(digits, value, base, spec->flags & FLAG_UPPER);
	int prefix_len = (int)strlen(prefix);
	int zeros = (spec->precision < 0 ? 1 : spec->precision) - n;
	int pad;

	if (base == 8 && (spec->flags & FLAG_ALT) && zeros <= 0 && (n == 0 || digits[n - 1] != '0'))
		zeros = 1;
	if (zeros < 0)
		zeros = 0;
	pad = spec->width - prefix_len - zeros - n;
	if (pad > 0 && (spec->flags & FLAG_ZERO) && !(spec->flags & FLAG_LEFT) &&
	    spec->precision < 0) {
		zeros += pad;
		pad = 0;
	}
	if (!(spec->flags & FLAG_LEFT))
		out_fill(out, ' ', pad);
	out_bytes(out, prefix, (size_t)prefix_len);
	out_fill(out, '0', zeros);
	while (n)
		out_char(out, digits[--n]);
	if (spec->flags & FLAG_LEFT)
		out_fill(out, ' ', pad);
}

static void out_signed(struct out *out, const struct spec *spec, s64 value)
{
	const char *prefix = "";

	if (value < 0)
		prefix = "-";
	else if (spec->flags & FLAG_PLUS)
		prefix = "+";
	else if (spec->flags & FLAG_SPACE)
		prefix = " ";
	out_number(out, spec, value < 0 ? -(u64)value : (u64)value, 10, prefix);
}

static void out_hex(struct out *out, const struct spec *spec, u64 value)
{
	const char *prefix = "";

	if ((spec->flags & FLAG_ALT) && value)
		prefix = spec->flags & FLAG_UPPER ? "0X" : "0x";
	out_number(out, spec, value, 16, prefix);
}

static const char *parse_flags(const char *fmt, struct spec *spec)
{
	for (;; fmt++) {
		switch (*fmt) {
		case '-':
			spec->flags |= FLAG_LEFT;
			break;
		case '+':
			spec->flags |= FLAG_PLUS;
			break;
		case ' ':
			spec->flags |= FLAG_SPACE;
			break;
		case '#':
			spec->flags |= FLAG_ALT;
			break;
		case '0':
			spec->flags |= FLAG_ZERO;
			break;
		default:
			return fmt;
		}
	}
}

/* Widths beyond this are cut: the format is ours, but * may carry anything. */
#define WIDTH_MAX 65535

static const char *parse_number(const char *fmt, int *out)
{
	*out = 0;
	for (; char_is_digit(*fmt); fmt++)
		if (*out <= WIDTH_MAX)
			*out = *out * 10 + (*fmt - '0');
	if (*out > WIDTH_MAX)
		*out = WIDTH_MAX;
	return fmt;
}

static const char *parse_length(const char *fmt, struct spec *spec)
{
	spec->bytes = sizeof(int);
	switch (*fmt) {
	case 'h':
		spec->bytes = fmt[1] == 'h' ? 1 : 2;
		return fmt + (fmt[1] == 'h' ? 2 : 1);
	case 'l':
		spec->bytes = 8;
		return fmt + (fmt[1] == 'l' ? 2 : 1);
	case 'z':
	case 't':
	case 'j':
		spec->bytes = 8;
		return fmt + 1;
	}
	return fmt;
}

_Static_assert(sizeof(long) == 8 && sizeof(size_t) == 8, "the lengths above");

/* An integer argument as the conversion's length has it. */
static u64 narrow_unsigned(u64 value, int bytes)
{
	return bytes == 8 ? value : value & ((1ull << (8 * bytes)) - 1);
}

static s64 narrow_signed(u64 value, int bytes)
{
	int shift = 64 - 8 * bytes;

	return (s64)(value << shift) >> shift;
}

/*
 * va_list may be an array, which a function parameter turns into a pointer:
 * a struct keeps it one object that helpers can advance.
 */
struct args {
	va_list ap;
};

static u64 next_integer(struct args *args, const struct spec *spec)
{
	return spec->bytes == 8 ? va_arg(args->ap, u64) : va_arg(args->ap, unsigned);
}

static void out_conversion(struct out *out, struct spec *spec, char conversion, struct args *args)
{
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		out_signed(out, spec, narrow_signed(next_integer(args, spec), spec->bytes));
		break;
	case 'u':
		out_number(out, spec, narrow_unsigned(next_integer(args, spec), spec->bytes), 10, "");
		break;
	case 'o':
		out_number(out, spec, narrow_unsigned(next_integer(args, spec), spec->bytes), 8, "");
		break;
	case 'X':
		spec->flags |= FLAG_UPPER;
		/* fall through */
	case 'x':
		out_hex(out, spec, narrow_unsigned(next_integer(args, spec), spec->bytes));
		break;
	case 'p':
		out_number(out, spec, (u64)(ulong)va_arg(args->ap, void *), 16, "0x");
		break;
	case 's':
		out_string(out, spec, va_arg(args->ap, const char *));
		break;
	case 'c':
		c = (char)va_arg(args->ap, int);
		out_text(out, spec, &c, 1);
		break;
	default:			/* %%, or what the compiler would not have let pass */
		out_char(out, conversion);
		break;
	}
}

static const char *parse_spec(const char *fmt, struct spec *spec, struct args *args)
{
	*spec = (struct spec){ .precision = -1 };
	fmt = parse_flags(fmt, spec);
	if (*fmt == '*') {
		int width = va_arg(args->ap, int);

		if (width < 0)
			spec->flags |= FLAG_LEFT;
		spec->width = (int)MIN(width < 0 ? -(s64)width : (s64)width, (s64)WIDTH_MAX);
		fmt++;
	} else {
		fmt = parse_number(fmt, &spec->width);
	}
	if (*fmt == '.') {
		fmt++;
		if (*fmt == '*') {
			spec->precision = va_arg(args->ap, int);	/* negative: none */
			fmt++;
		} else {
			fmt = parse_number(fmt, &spec->precision);
		}
	}
	return parse_length(fmt, spec);
}

int lib_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out out = { .buf = buf, .size = size };
	struct args args;
	struct spec spec;

	va_copy(args.ap, ap);
	while (*fmt) {
		const char *text = fmt;

		while (*fmt && *fmt != '%')
			fmt++;
		out_bytes(&out, text, (size_t)(fmt - text));
		if (!*fmt)
			break;
		fmt = parse_spec(fmt + 1, &spec, &args);
		if (!*fmt)
			break;
		out_conversion(&out, &spec, *fmt++, &args);
	}
	va_end(args.ap);
	if (size)
		buf[out.len < size ? out.len : size - 1] = '\0';
	return (int)out.len;
}

int lib_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = lib_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	int len = lib_vsnprintf(buf, size, fmt, ap);

	if ((size_t)len < size)
		return len;
	return size ? (int)(size - 1) : 0;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vscnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len;
}
