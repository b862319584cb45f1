// SPDX-License-Identifier: MIT
/* Numbers and words out of text (contract: include/tarn/parse.h). */
#include <tarn/parse.h>
#include <tarn/math.h>
#include <tarn/string.h>
#include <linux/errno.h>

/* 0x and 0 choose the base when it is open; 0x may also precede base 16. */
static const char *skip_prefix(const char *s, unsigned *base)
{
	bool hex = s[0] == '0' && char_to_lower(s[1]) == 'x' && (unsigned)char_digit(s[2]) < 16;

	if (*base == 0)
		*base = hex ? 16 : s[0] == '0' ? 8 : 10;
	return hex && *base == 16 ? s + 2 : s;
}

int parse_u64_prefix(const char **s, unsigned base, u64 *out)
{
	const char *p = skip_prefix(*s, &base);
	const char *start = p;
	bool overflow = false;
	u64 value = 0;

	for (; (unsigned)char_digit(*p) < base; p++)
		if (mul_overflow(value, base, &value) ||
		    add_overflow(value, (u64)char_digit(*p), &value))
			overflow = true;
	if (p == start)
		return -EINVAL;
	if (overflow)
		return -ERANGE;
	*out = value;
	*s = p;
	return 0;
}

/* Nothing is left but perhaps one newline. */
static bool at_end(const char *s)
{
	return !*s || (s[0] == '\n' && !s[1]);
}

int parse_u64(const char *s, unsigned base, u64 *out)
{
	u64 value;
	int err = parse_u64_prefix(&s, base, &value);

	if (err)
		return err;
	if (!at_end(s))
		return -EINVAL;
	*out = value;
	return 0;
}

int parse_s64(const char *s, unsigned base, s64 *out)
{
	bool negative = *s == '-';
	u64 value;
	int err = parse_u64(s + (*s == '-' || *s == '+'), base, &value);

	if (err)
		return err;
	if (value > (u64)INT64_MAX + negative)
		return -ERANGE;
	*out = negative ? (s64)-value : (s64)value;
	return 0;
}

int parse_u32(const char *s, unsigned base, u32 *out)
{
	u64 value;
	int err = parse_u64(s, base, &value);

	if (err)
		return err;
	if (value > UINT32_MAX)
		return -ERANGE;
	*out = (u32)value;
	return 0;
}

int parse_int(const char *s, unsigned base, int *out)
{
	s64 value;
	int err = parse_s64(s, base, &value);

	if (err)
		return err;
	if (value < INT32_MIN || value > INT32_MAX)
		return -ERANGE;
	*out = (int)value;
	return 0;
}

int parse_size(const char *s, u64 *out)
{
	static const char suffixes[] = "kmgtpe";
	const char *suffix;
	unsigned shift = 0;
	u64 value;
	int err = parse_u64_prefix(&s, 0, &value);

	if (err)
		return err;
	suffix = *s ? strchr(suffixes, char_to_lower(*s)) : NULL;
	if (suffix) {
		shift = 10 * (unsigned)(suffix - suffixes + 1);
		s++;
	}
	if (!at_end(s))
		return -EINVAL;
	if (value << shift >> shift != value)
		return -ERANGE;
	*out = value << shift;
	return 0;
}

char *parse_word(char **s)
{
	char *from = *s, *to, *word;
	bool quoted = false;

	while (char_is_space(*from))
		from++;
	if (!*from) {
		*s = from;
		return NULL;
	}
	for (word = to = from; *from && (quoted || !char_is_space(*from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*to++ = *from;
	}
	*s = *from ? from + 1 : from;
	*to = '\0';		/* at or before the separator, which is passed already */
	return word;
}

char *parse_trim(char *s)
{
	char *end;

	while (char_is_space(*s))
		s++;
	end = s + strlen(s);
	while (end > s && char_is_space(end[-1]))
		end--;
	*end = '\0';
	return s;
}
