// SPDX-License-Identifier: MIT
/*
 * /dev/console (5:1) and /dev/tty (5:0).
 *
 * /dev/console is the terminal that the last console= word of the command line
 * names and that exists; without such a word, ttyS0 if the machine has one.
 * /dev/tty is the controlling terminal of whoever opens it.
 */
#include <arch/boot.h>
#include <tarn/device.h>
#include <tarn/parse.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include "tty_internal.h"

#define DEFAULT_CONSOLE "ttyS0"

static struct tty *_Atomic console_tty;

bool console_wanted(const char *name)
{
	char *line = kstrdup(boot_info.cmdline, GFP_KERNEL), *rest = line, *word;
	bool any = false, mine = false;

	while (rest && (word = parse_word(&rest))) {
		if (str_eq(word, "--"))
			break;
		if (!str_starts_with(word, "console="))
			continue;
		any = true;
		word += strlen("console=");
		*strchrnul(word, ',') = '\0';
		mine |= str_eq(word, name);
	}
	kfree(line);
	return any ? mine : str_eq(name, DEFAULT_CONSOLE);
}

/* /dev/console is the terminal @name, if there is one. */
static void tty_set_console(const char *name)
{
	struct tty *t = tty_find_name(name), *old;

	if (!t)
		return;
	old = atomic_exchange(&console_tty, t);
	if (old)
		tty_put(old);
}

/* Every console= word in turn, so that the last one that exists stays. */
void console_choose(void)
{
	char *line = kstrdup(boot_info.cmdline, GFP_KERNEL), *rest = line, *word;

	tty_set_console(DEFAULT_CONSOLE);
	while (rest && (word = parse_word(&rest))) {
		if (str_eq(word, "--"))
			break;
		if (!str_starts_with(word, "console="))
			continue;
		word += strlen("console=");
		*strchrnul(word, ',') = '\0';
		tty_set_console(word);
	}
	kfree(line);
}

struct tty *console_tty_get(void)
{
	struct tty *t = atomic_load(&console_tty);

	if (t)
		tty_get(t);
	return t;
}

static struct device tty_device = {
	.name = "tty",
	.subsystem = "tty",
	.dev = KDEV(5, 0),
	.node_mode = 0666,
};

/* /sys/class/tty/console/active: the terminals behind /dev/console, the last one is it. */
static int active_show(struct device *dev, struct strbuf *out)
{
	struct tty *t = console_tty_get();

	if (!t)
		return 0;
	strbuf_printf(out, "%s\n", tty_name(t));
	tty_put(t);
	return 0;
}

static const struct device_attr console_attrs[] = {
	{ "active", 0444, active_show, NULL },
	{ 0 },
};

static struct device console_device = {
	.name = "console",
	.attrs = console_attrs,
	.subsystem = "tty",
	.dev = KDEV(5, 1),
	.node_mode = 0600,
};

void console_init(void)
{
	assert(chrdev_register(KDEV(5, 0), 1, "/dev/tty", &tty_fops) == 0);
	assert(chrdev_register(KDEV(5, 1), 1, "/dev/console", &tty_fops) == 0);
	device_add(&tty_device);
	device_add(&console_device);
}
