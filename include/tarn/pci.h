// SPDX-License-Identifier: MIT
/* PCI: configuration space, BARs, MSI-X.  drivers/pci/. */
#pragma once

#include <arch/irq.h>
#include <tarn/device.h>

struct pci_dev {
	u16 segment;
	u8 bus, slot, func;
	u16 vendor, device, subsystem_vendor, subsystem_device;
	u32 class_code;      /* 24 bits */
	u8 revision, irq_line, irq_pin;
	struct {
		phys_t base; /* 0: not there */
		u64 size;
		bool io, prefetch;
	} bar[6];
	u8 msix_cap;         /* offset, 0: none */
	void *msix_table;
	u16 msix_count;
	char name[16];       /* "0000:00:03.0" */
	struct device dev;
	void *driver_data;
	struct list node;
};
u32 pci_read(const struct pci_dev *d, u16 offset, unsigned int bytes);
void pci_write(const struct pci_dev *d, u16 offset, unsigned int bytes, u32 value);
/* First capability @id at or after @from (0: start); 0: none. */
u8 pci_find_cap(const struct pci_dev *d, u8 id, u8 from);
/* Maps a memory BAR: NULL if absent. */
void *pci_map_bar(struct pci_dev *d, unsigned int bar);
void pci_enable(struct pci_dev *d); /* memory, io, bus master */
/* Routes MSI-X entry @entry to @fn on @cpu: 0, -ENODEV (no MSI-X), -ENOSPC. */
int pci_msix_request(struct pci_dev *d, unsigned int entry, u32 cpu, irq_handler *fn, void *arg);

/* A driver: SECTION_SET(pci_drivers, x). */
struct pci_driver {
	const char *name;
	u16 vendor;
	u16 device_first, device_last;
	int (*probe)(struct pci_dev *d); /* 0: taken */
};
void pci_init(void);
