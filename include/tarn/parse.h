// SPDX-License-Identifier: MIT
/*
 * Numbers and words out of text: command lines, /proc writes, mount options.
 *
 * The whole-string parsers are strict: no leading space, nothing after the
 * number but, as what `echo` writes to /proc has one, a single newline.
 * -EINVAL: not a number.  -ERANGE: does not fit.  *out is set only on success.
 */
#pragma once

/* @base 2 to 36, or 0: 0x.. is hexadecimal, 0.. octal, else decimal. */
int parse_u64(const char *s, unsigned base, u64 *out) WARN_UNUSED;
int parse_s64(const char *s, unsigned base, s64 *out) WARN_UNUSED;	/* a - or + may lead */
int parse_u32(const char *s, unsigned base, u32 *out) WARN_UNUSED;
int parse_int(const char *s, unsigned base, int *out) WARN_UNUSED;
/* Bytes with an optional suffix K M G T P or E (either case; powers of 1024): "4G". */
int parse_size(const char *s, u64 *out) WARN_UNUSED;

/* The number at the front of *@s, as parse_u64; moves *@s behind it on success. */
int parse_u64_prefix(const char **s, unsigned base, u64 *out) WARN_UNUSED;

/*
 * The next word of *@s, cut out in place and terminated, or NULL at the end.
 * Words are separated by white space; double quotes protect it and are removed:
 * root="a b" is the word `root=a b`.  *@s moves behind the word.
 */
char *parse_word(char **s);

/* Cut white space off both ends, in place. */
char *parse_trim(char *s);

static inline bool char_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool char_is_print(char c)
{
	return c >= ' ' && c <= '~';
}

static inline char char_to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The value of @c as a digit in base 36, or -1. */
static inline int char_digit(char c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_to_lower(c);
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}
