// SPDX-License-Identifier: MIT
/* The order in which devices come up, after the file systems' core. */
#include <tarn/acpi.h>
#include <tarn/block.h>
#include <tarn/device.h>
#include <tarn/pci.h>
#include <tarn/tty.h>
#include <tarn/virtio.h>


void drivers_init(void)
{
	cpu_devices_init();
	tty_init();
	serial_init();
	block_init();
	pci_init();
	virtio_mmio_init();
}
