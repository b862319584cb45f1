// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/mm/transparent_hugepage: mm's settings for 2 MiB entries.
 *
 * defrag is always never: nobody reclaims or moves pages to make a large one.
 */
#include <tarn/errno.h>
#include <tarn/mm.h>
#include <tarn/parse.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/sysfs.h>

#define WORD_MAX 32

/* The words of a choice, the one that holds in brackets. */
static int show_choice(struct strbuf *out, const char *const *words, size_t n, size_t chosen)
{
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, i == chosen ? "%s[%s]" : "%s%s", i ? " " : "", words[i]);
	strbuf_putc(out, '\n');
	return 0;
}

/* Which of them @text is, or -EINVAL. */
static int parse_choice(const char *text, const char *const *words, size_t n)
{
	char copy[WORD_MAX], *word;

	strscpy(copy, text, sizeof(copy));
	word = parse_trim(copy);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return (int)i;
	return -EINVAL;
}

static const char *const modes[HUGE_MODES] = {
	[HUGE_ALWAYS] = "always", [HUGE_MADVISE] = "madvise", [HUGE_NEVER] = "never"
};

static int enabled_show(void *arg, struct strbuf *out)
{
	return show_choice(out, modes, HUGE_MODES, READ_ONCE(huge_mode));
}

static ssize_t enabled_store(void *arg, const char *text, size_t n)
{
	int mode = parse_choice(text, modes, HUGE_MODES);

	if (mode < 0)
		return mode;
	WRITE_ONCE(huge_mode, (enum huge_mode)mode);
	return (ssize_t)n;
}

static const char *const efforts[] = { "always", "defer", "defer+madvise", "madvise", "never" };
#define EFFORT_NEVER 4

static int defrag_show(void *arg, struct strbuf *out)
{
	return show_choice(out, efforts, ARRAY_SIZE(efforts), EFFORT_NEVER);
}

static ssize_t defrag_store(void *arg, const char *text, size_t n)
{
	return parse_choice(text, efforts, ARRAY_SIZE(efforts)) == EFFORT_NEVER ? (ssize_t)n : -EINVAL;
}

static int size_show(void *arg, struct strbuf *out)
{
	strbuf_printf(out, "%lu\n", HUGE_SIZE);
	return 0;
}

static const struct sysfs_file_ops enabled_ops = { enabled_show, enabled_store };
static const struct sysfs_file_ops defrag_ops = { defrag_show, defrag_store };
static const struct sysfs_file_ops size_ops = { size_show, NULL };

void sysfs_memory_init(void)
{
	struct sysfs_node *dir = sysfs_path("kernel/mm/transparent_hugepage");

	if (!dir)
		return;
	sysfs_file(dir, "enabled", 0644, &enabled_ops, NULL);
	sysfs_file(dir, "defrag", 0644, &defrag_ops, NULL);
	sysfs_file(dir, "hpage_pmd_size", 0444, &size_ops, NULL);
}
