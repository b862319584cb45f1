// SPDX-License-Identifier: MIT
/*
 * /sys/devices/system/cpu: where the C library, nproc and lscpu count processors
 * and look for packages, cores and caches.
 *
 * Tests: tests/system/test_devices.py.
 */
#include <arch/bugs.h>
#include <arch/topology.h>
#include <tarn/cpu.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/printf.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/sysfs.h>

static int range_show(void *arg, struct strbuf *out)
{
	strbuf_printf(out, nr_cpus > 1 ? "0-%u\n" : "%u\n", nr_cpus - 1);
	return 0;
}

static int none_show(void *arg, struct strbuf *out)
{
	strbuf_puts(out, "\n");
	return 0;
}

static int max_show(void *arg, struct strbuf *out)
{
	strbuf_printf(out, "%u\n", MAX_CPUS - 1);
	return 0;
}

static const struct sysfs_file_ops range_ops = { .show = range_show };
static const struct sysfs_file_ops none_ops = { .show = none_show };
static const struct sysfs_file_ops max_ops = { .show = max_show };

/* ---- one number or set of a CPU or of one of its caches: a file ---- */

enum what {
	PACKAGE, CORE, DIE, CORE_CPUS, PACKAGE_CPUS,
	LEVEL, TYPE, SIZE, LINE, SETS, WAYS, PARTITION, SHARED,
};

struct item {
	u32 cpu, cache;
	enum what what;
	bool list;       /* of a set: "0-3" rather than "f" */
};

static u64 set_of(u32 cpu, u32 bits)
{
	u64 set = 0;

	FOR_EACH_CPU(c)
		if (arch_cpus_share(c, cpu, bits))
			set |= 1ull << c;
	return set;
}

/* "0-2,5" */
static void show_list(struct strbuf *out, u64 set)
{
	const char *comma = "";

	for (u32 c = 0; c < 64; c++) {
		u32 first = c;

		if (!(set >> c & 1))
			continue;
		while (c < 63 && (set >> (c + 1) & 1))
			c++;
		strbuf_printf(out, first == c ? "%s%u" : "%s%u-%u", comma, first, c);
		comma = ",";
	}
	strbuf_putc(out, '\n');
}

/* In hexadecimal, as wide as the machine has CPUs, words of 32 bits apart. */
static void show_mask(struct strbuf *out, u64 set)
{
	if (nr_cpus > 32)
		strbuf_printf(out, "%0*x,%08x\n", (int)(nr_cpus - 32 + 3) / 4, (u32)(set >> 32), (u32)set);
	else
		strbuf_printf(out, "%0*x\n", (int)(nr_cpus + 3) / 4, (u32)set);
}

static void show_set(struct strbuf *out, const struct item *i, u32 bits)
{
	(i->list ? show_list : show_mask)(out, set_of(i->cpu, bits));
}

static int topology_show(void *arg, struct strbuf *out)
{
	const struct item *i = arg;
	struct cpu_place p = arch_cpu_place(i->cpu);

	switch (i->what) {
	case PACKAGE:
		strbuf_printf(out, "%u\n", p.package);
		return 0;
	case CORE:
		strbuf_printf(out, "%u\n", p.core);
		return 0;
	case CORE_CPUS:
		show_set(out, i, p.core_bits);
		return 0;
	case PACKAGE_CPUS:
		show_set(out, i, p.package_bits);
		return 0;
	default: /* a package has one die */
		strbuf_puts(out, "0\n");
		return 0;
	}
}

static int cache_show(void *arg, struct strbuf *out)
{
	const struct item *i = arg;
	struct cpu_cache c;

	if (!arch_cpu_cache(i->cache, &c))
		return -EIO;
	if (i->what == SHARED)
		show_set(out, i, c.shared_bits);
	else if (i->what == TYPE)
		strbuf_printf(out, "%s\n", c.type);
	else if (i->what == SIZE)
		strbuf_printf(out, "%lluK\n", (unsigned long long)c.line * c.partitions * c.ways * c.sets / 1024);
	else
		strbuf_printf(out, "%u\n", i->what == LEVEL ? c.level :
			      i->what == LINE ? c.line : i->what == SETS ? c.sets :
			      i->what == WAYS ? c.ways : c.partitions);
	return 0;
}

static const struct sysfs_file_ops topology_ops = { .show = topology_show };
static const struct sysfs_file_ops cache_ops = { .show = cache_show };

struct file_name {
	const char *name;
	enum what what;
	bool list;
};

static const struct file_name topology_files[] = {
	{ "physical_package_id", PACKAGE, false }, { "core_id", CORE, false }, { "die_id", DIE, false },
	{ "thread_siblings", CORE_CPUS, false }, { "thread_siblings_list", CORE_CPUS, true },
	{ "core_cpus", CORE_CPUS, false }, { "core_cpus_list", CORE_CPUS, true },
	{ "core_siblings", PACKAGE_CPUS, false }, { "core_siblings_list", PACKAGE_CPUS, true },
	{ "package_cpus", PACKAGE_CPUS, false }, { "package_cpus_list", PACKAGE_CPUS, true },
	{ "die_cpus", PACKAGE_CPUS, false }, { "die_cpus_list", PACKAGE_CPUS, true },
};

static const struct file_name cache_files[] = {
	{ "level", LEVEL, false }, { "type", TYPE, false }, { "size", SIZE, false },
	{ "coherency_line_size", LINE, false }, { "number_of_sets", SETS, false },
	{ "ways_of_associativity", WAYS, false }, { "physical_line_partition", PARTITION, false },
	{ "shared_cpu_map", SHARED, false }, { "shared_cpu_list", SHARED, true },
};

static void files_add(struct sysfs_node *dir, const struct file_name *files, u32 n,
		      const struct sysfs_file_ops *ops, u32 cpu, u32 cache)
{
	struct item *items = dir ? kcalloc(n, sizeof(*items), GFP_KERNEL) : NULL;

	for (u32 i = 0; items && i < n; i++) {
		items[i] = (struct item){ cpu, cache, files[i].what, files[i].list };
		sysfs_file(dir, files[i].name, 0444, ops, &items[i]);
	}
}

static void cpu_add(struct sysfs_node *all, u32 cpu)
{
	struct sysfs_node *dir, *caches = NULL;
	struct cpu_cache unused;
	char name[16];

	snprintf(name, sizeof(name), "cpu%u", cpu);
	dir = sysfs_dir(all, name);
	if (!dir)
		return;
	files_add(sysfs_dir(dir, "topology"), topology_files, ARRAY_SIZE(topology_files), &topology_ops, cpu, 0);
	for (u32 i = 0; arch_cpu_cache(i, &unused); i++) {
		caches = sysfs_dir(dir, "cache");
		snprintf(name, sizeof(name), "index%u", i);
		if (caches)
			files_add(sysfs_dir(caches, name), cache_files, ARRAY_SIZE(cache_files), &cache_ops, cpu, i);
	}
}

static int vulnerability_show(void *arg, struct strbuf *out)
{
	strbuf_printf(out, "%s\n", arch_bug_state(arg));
	return 0;
}

static void vulnerabilities_add(struct sysfs_node *dir)
{
	static const struct sysfs_file_ops ops = { .show = vulnerability_show };
	const char *name;

	for (u32 i = 0; dir && (name = arch_bug_file(i)); i++)
		sysfs_file(dir, name, 0444, &ops, (void *)name);
}

void cpu_devices_init(void)
{
	struct sysfs_node *dir = sysfs_path("devices/system/cpu");

	if (!dir)
		return;
	sysfs_file(dir, "online", 0444, &range_ops, NULL);
	sysfs_file(dir, "possible", 0444, &range_ops, NULL);
	sysfs_file(dir, "present", 0444, &range_ops, NULL);
	sysfs_file(dir, "offline", 0444, &none_ops, NULL);
	sysfs_file(dir, "isolated", 0444, &none_ops, NULL);
	sysfs_file(dir, "kernel_max", 0444, &max_ops, NULL);
	FOR_EACH_CPU(c)
		cpu_add(dir, c);
	vulnerabilities_add(sysfs_dir(dir, "vulnerabilities"));
	/* Directories that user space mounts other things on or expects to exist. */
	sysfs_path("fs/cgroup");
	sysfs_path("kernel");
}
