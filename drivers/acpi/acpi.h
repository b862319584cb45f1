// SPDX-License-Identifier: MIT
/* Shared between the files of drivers/acpi. */
#pragma once

/* Begins every table but the RSDP (ACPI 6.4, 5.2.6). */
struct PACKED acpi_header {
	char signature[4];
	u32 length; /* header included */
	u8 revision, checksum;
	char oem_id[6], oem_table_id[8];
	u32 oem_revision, creator_id, creator_revision;
};
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

/* A table that is not in the root list (the DSDT): checked and mapped, or NULL. */
const void *acpi_map_table(phys_t pa);
/* Reads the FADT and the DSDT's \_S5 so that poweroff needs no allocation. */
void acpi_power_init(void);
