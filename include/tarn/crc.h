// SPDX-License-Identifier: MIT
/*
 * Cyclic redundancy checks of disk formats.
 *
 * All are raw and chainable: @crc is the running remainder, no inversion before
 * or after, so crc(crc(s, a), b) == crc(s, ab).
 *   ext4 metadata, jbd2 v3	crc32c(~0u, ...) as it comes
 *   GPT, gzip			~crc32(~0u, ...)
 *   ext4 uninit_bg		crc16(0xffff, ...)
 */
#pragma once

u32 crc32c(u32 crc, const void *data, size_t len);	/* Castagnoli, reflected 0x82f63b78 */
u32 crc32(u32 crc, const void *data, size_t len);	/* IEEE 802.3, reflected 0xedb88320 */
u16 crc16(u16 crc, const void *data, size_t len);	/* ANSI, reflected 0xa001 */
