// SPDX-License-Identifier: MIT
/* /sys/devices/system/cpu: where the C library and nproc count processors. */
#include <tarn/cpu.h>
#include <tarn/device.h>
#include <tarn/printf.h>
#include <tarn/strbuf.h>
#include <tarn/sysfs.h>

static int range_show(void *arg, struct strbuf *out)
{
	strbuf_printf(out, nr_cpus > 1 ? "0-%u\n" : "%u\n", nr_cpus - 1);
	return 0;
}

static const struct sysfs_file_ops range_ops = { .show = range_show };

void cpu_devices_init(void)
{
	struct sysfs_node *dir = sysfs_path("devices/system/cpu");
	char name[16];

	if (!dir)
		return;
	sysfs_file(dir, "online", 0444, &range_ops, NULL);
	sysfs_file(dir, "possible", 0444, &range_ops, NULL);
	sysfs_file(dir, "present", 0444, &range_ops, NULL);
	FOR_EACH_CPU(c) {
		snprintf(name, sizeof(name), "cpu%u", c);
		sysfs_dir(dir, name);
	}
	/* Directories that user space mounts other things on or expects to exist. */
	sysfs_path("fs/cgroup");
	sysfs_path("kernel");
}
