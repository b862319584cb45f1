// SPDX-License-Identifier: MIT
/* ACPI tables and power: drivers/acpi/.  Bad tables are ignored with a log line. */
#pragma once

/* Reads RSDP, RSDT/XSDT through the direct map; early, no allocation. */
void acpi_early_init(void);
/* The @nth (from 0) table with this signature, checksum checked, in the direct map; NULL: none. */
const void *acpi_find_table(const char sig[4], unsigned int nth);
/* Soft-off (S5) and reset by the FADT; return only if that is not there or did nothing. */
void acpi_poweroff(void);
void acpi_reset(void);
