// SPDX-License-Identifier: MIT
/* The order in which devices come up, once the block layer and the terminals are ready for them. */
#include <tarn/device.h>
#include <tarn/pci.h>
#include <tarn/tty.h>
#include <tarn/virtio.h>

void drivers_init(void)
{
	cpu_devices_init();
	rtc_init();
	serial_init();
	pci_init();
	virtio_mmio_init();
}
