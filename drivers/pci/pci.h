// SPDX-License-Identifier: MIT
/* Shared between the files of drivers/pci. */
#pragma once

struct pci_dev;

/* Notes where @d's MSI-X capability is and how many entries its table has. */
void pci_msix_find(struct pci_dev *d);
