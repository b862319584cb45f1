// SPDX-License-Identifier: MIT
/*
 * MSI-X: message-signalled interrupts with a table of their own (PCI 3.0, 6.8.2).
 *
 * All entries start masked; pci_msix_request() fills one and unmasks it.
 */
#include <arch/io.h>
#include <linux/pci_regs.h>
#include <tarn/errno.h>
#include <tarn/pci.h>

#include "pci.h"

void pci_msix_find(struct pci_dev *d)
{
	d->msix_cap = pci_find_cap(d, PCI_CAP_ID_MSIX, 0);
	if (d->msix_cap)
		d->msix_count = (pci_read(d, d->msix_cap + PCI_MSIX_FLAGS, 2) &
				 PCI_MSIX_FLAGS_QSIZE) + 1;
}

/* Maps the table, masks every entry and switches the function to MSI-X. */
static int msix_enable(struct pci_dev *d)
{
	u32 where = pci_read(d, d->msix_cap + PCI_MSIX_TABLE, 4);
	unsigned int bar = where & PCI_MSIX_TABLE_BIR;
	u32 offset = where & PCI_MSIX_TABLE_OFFSET;
	u16 flags;
	u8 *base;

	if (bar >= 6 || d->bar[bar].size < offset + (u64)d->msix_count * PCI_MSIX_ENTRY_SIZE)
		return -ENODEV;
	base = pci_map_bar(d, bar);
	if (!base)
		return -ENODEV;
	d->msix_table = base + offset;
	for (u32 i = 0; i < d->msix_count; i++)
		mmio_write32((u8 *)d->msix_table + i * PCI_MSIX_ENTRY_SIZE +
				     PCI_MSIX_ENTRY_VECTOR_CTRL,
			     PCI_MSIX_ENTRY_CTRL_MASKBIT);
	flags = pci_read(d, d->msix_cap + PCI_MSIX_FLAGS, 2);
	pci_write(d, d->msix_cap + PCI_MSIX_FLAGS, 2,
		  (flags | PCI_MSIX_FLAGS_ENABLE) & ~PCI_MSIX_FLAGS_MASKALL);
	return 0;
}

int pci_msix_request(struct pci_dev *d, unsigned int entry, u32 cpu, irq_handler *fn, void *arg)
{
	u64 address;
	u32 data;
	u8 *slot;
	int err;

	if (!d->msix_cap || entry >= d->msix_count)
		return -ENODEV;
	if (!d->msix_table) {
		err = msix_enable(d);
		if (err)
			return err;
	}
	err = irq_request_msi(cpu, fn, arg, &address, &data);
	if (err)
		return err;
	slot = (u8 *)d->msix_table + entry * PCI_MSIX_ENTRY_SIZE;
	mmio_write32(slot + PCI_MSIX_ENTRY_LOWER_ADDR, (u32)address);
	mmio_write32(slot + PCI_MSIX_ENTRY_UPPER_ADDR, (u32)(address >> 32));
	mmio_write32(slot + PCI_MSIX_ENTRY_DATA, data);
	mmio_write32(slot + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	return 0;
}
