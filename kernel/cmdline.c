// SPDX-License-Identifier: MIT
/*
 * The kernel's command line.
 *
 * Words are Linux's.  One that nobody here knows goes to init, as Linux does
 * it: `name=value` into its environment, a plain word to its arguments, and
 * what looks like a module's parameter (`foo.bar=1`) nowhere.  Everything
 * after ` -- ` is an argument of init.  Junk is harmless: too many words are
 * dropped, a bad number leaves the default.
 */
#include <tarn/cmdline.h>
#include <tarn/panic.h>
#include <tarn/parse.h>
#include <tarn/printk.h>
#include <tarn/cpu.h>
#include <tarn/string.h>

#define CMDLINE_SIZE 4096

struct boot_options boot_options = {
	.rdinit = "/init",
	.max_cpus = MAX_CPUS,
	.init_args = { "/sbin/init" },
	.init_env = { "HOME=/", "TERM=linux" },
	.n_args = 1,
	.n_env = 2,
};

static char words[CMDLINE_SIZE]; /* the words of boot_options point into it */
static char original[CMDLINE_SIZE];

static void opt_root(const char *v) { boot_options.root = v; }
static void opt_rootfstype(const char *v) { boot_options.rootfstype = v; }
static void opt_rootflags(const char *v) { boot_options.rootflags = v; }
static void opt_init(const char *v) { boot_options.init = v; }
static void opt_rdinit(const char *v) { boot_options.rdinit = v; }
static void opt_test(const char *v) { boot_options.test = v; }
static void opt_ro(const char *v) { boot_options.read_write = false; }
static void opt_rw(const char *v) { boot_options.read_write = true; }
static void opt_rootwait(const char *v) { boot_options.root_wait = true; }
static void opt_quiet(const char *v) { console_loglevel = LOG_WARN; }
static void opt_debug(const char *v) { console_loglevel = 10; }
static void opt_nosmp(const char *v) { boot_options.max_cpus = 1; }
static void opt_ignore(const char *v) { }

static void opt_console(const char *v)
{
	char *comma = strchr(v, ',');

	if (comma)
		*comma = '\0';
	boot_options.console = v;
}

static void opt_loglevel(const char *v)
{
	u32 level;

	if (parse_u32(v, 10, &level) == 0 && level <= 10)
		console_loglevel = (int)level;
}

static void opt_panic(const char *v)
{
	int seconds;

	if (parse_int(v, 10, &seconds) == 0)
		panic_timeout = seconds;
}

static void opt_maxcpus(const char *v)
{
	u32 n;

	if (parse_u32(v, 0, &n) == 0)
		boot_options.max_cpus = n == 0 ? 1 : MIN(n, (u32)MAX_CPUS);
}

/* "off", or "auto", as on Linux; "auto,nosmt": threads of one core are not taken apart here. */
static void opt_mitigations(const char *v) { boot_options.no_mitigations = str_eq(v, "off"); }

static bool is_yes(const char *v)
{
	return str_eq(v, "1") || *v == 'y' || *v == 'Y' || str_eq(v, "on");
}

static void opt_init_on_alloc(const char *v) { boot_options.init_on_alloc = is_yes(v); }
static void opt_init_on_free(const char *v) { boot_options.init_on_free = is_yes(v); }
static void opt_usercopy(const char *v) { boot_options.hardened_usercopy = is_yes(v); }

/* Words that take a value end in '='. */
static const struct {
	const char *word;
	void (*fn)(const char *value);
} options[] = {
	{ "root=", opt_root },
	{ "rootfstype=", opt_rootfstype },
	{ "rootflags=", opt_rootflags },
	{ "init=", opt_init },
	{ "rdinit=", opt_rdinit },
	{ "console=", opt_console },
	{ "loglevel=", opt_loglevel },
	{ "panic=", opt_panic },
	{ "maxcpus=", opt_maxcpus },
	{ "tarn.test=", opt_test },
	{ "ro", opt_ro },
	{ "rw", opt_rw },
	{ "rootwait", opt_rootwait },
	{ "quiet", opt_quiet },
	{ "debug", opt_debug },
	{ "nosmp", opt_nosmp },
	/* Linux takes these itself, so init must not see them; other code reads them or they mean nothing here. */
	{ "acpi=", opt_ignore },
	{ "pci=", opt_ignore },
	{ "reboot=", opt_ignore },
	{ "earlyprintk=", opt_ignore },
	{ "earlyprintk", opt_ignore },
	{ "nokaslr", opt_ignore }, /* kaslr.c looks for it before this runs */
	{ "mitigations=", opt_mitigations },
	{ "init_on_alloc=", opt_init_on_alloc },
	{ "init_on_free=", opt_init_on_free },
	{ "hardened_usercopy=", opt_usercopy },
	{ "tsc=", opt_ignore },
	{ "clocksource=", opt_ignore },
	{ "random.trust_cpu=", opt_ignore },
	{ "noapic", opt_ignore },
	{ "rootdelay=", opt_ignore },
};

static bool take_option(char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		size_t n = strlen(options[i].word);
		bool valued = options[i].word[n - 1] == '=';

		if (strncmp(word, options[i].word, n) != 0 || (!valued && word[n]))
			continue;
		options[i].fn(word + n);
		return true;
	}
	return false;
}

static void add_arg(const char *word)
{
	if (boot_options.n_args <= CMDLINE_MAX_ARGS)
		boot_options.init_args[boot_options.n_args++] = word;
}

/* A later NAME= replaces an earlier one. */
static void add_env(const char *word)
{
	size_t n = (size_t)(strchr(word, '=') - word) + 1;

	for (u32 i = 0; i < boot_options.n_env; i++) {
		if (strncmp(boot_options.init_env[i], word, n) == 0) {
			boot_options.init_env[i] = word;
			return;
		}
	}
	if (boot_options.n_env <= CMDLINE_MAX_ARGS)
		boot_options.init_env[boot_options.n_env++] = word;
}

static void give_to_init(char *word)
{
	char *equals = strchr(word, '=');
	char *dot = strchr(word, '.');

	if (dot && (!equals || dot < equals))
		return;
	if (equals == word)
		return;
	if (equals)
		add_env(word);
	else
		add_arg(word);
}

void cmdline_parse(const char *text)
{
	char *rest = words, *word;
	bool for_init = false;

	(void)strscpy(original, text, sizeof(original));
	(void)strscpy(words, text, sizeof(words));
	while ((word = parse_word(&rest))) {
		if (for_init)
			add_arg(word);
		else if (str_eq(word, "--"))
			for_init = true;
		else if (!take_option(word))
			give_to_init(word);
	}
}

bool cmdline_find(const char *name, unsigned int nth, char *value, size_t size)
{
	size_t n = strlen(name);
	const char *p = original;

	while (*p) {
		const char *end;

		while (char_is_space(*p))
			p++;
		for (end = p; *end && !char_is_space(*end); end++)
			;
		if (end - p == 2 && strncmp(p, "--", 2) == 0)
			return false;
		if ((size_t)(end - p) > n && strncmp(p, name, n) == 0 && p[n] == '=' &&
		    nth-- == 0) {
			size_t len = (size_t)(end - p) - n - 1;

			if (len >= size)
				return false;
			memcpy(value, p + n + 1, len);
			value[len] = '\0';
			return true;
		}
		p = end;
	}
	return false;
}
