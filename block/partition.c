// SPDX-License-Identifier: MIT
/*
 * Partition tables: MBR with logical partitions, and GPT.
 *
 * Pure: reads through a call-back and fills an array, so the host tests and
 * fuzzers run the same code.  Nothing on the disk is believed: entries that
 * leave the disk are dropped, chains are counted, sizes are bounded.
 *
 * GPT wins when the MBR has a protective entry (type 0xee) and a header whose
 * checksums hold; if the first header is bad, the spare one at the end of the
 * disk is tried.  A FAT boot sector also ends in 55 aa: it is told from an MBR
 * by the boot flags of its "entries", which must be 00 or 80.
 */
#include <tarn/crc.h>
#include <tarn/endian.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/printf.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "block.h"

#define MBR_SIGNATURE 0xaa55
#define MBR_GPT 0xee
#define LOGICAL_MAX 60 /* logical partitions followed at most */

struct mbr_entry {
	u8 boot;
	u8 chs_first[3];
	u8 type;
	u8 chs_last[3];
	le32 start, sectors;
} PACKED;

struct mbr {
	u8 code[440];
	le32 disk_id;
	u8 unused[2];
	struct mbr_entry entries[4];
	le16 signature;
} PACKED;
_Static_assert(sizeof(struct mbr) == 512, "an MBR is a sector");

struct gpt_header {
	char magic[8];
	le32 revision, header_size, header_crc, reserved;
	le64 my_lba, other_lba, first_usable, last_usable;
	u8 disk_guid[16];
	le64 entries_lba;
	le32 nr_entries, entry_size, entries_crc;
} PACKED;
_Static_assert(sizeof(struct gpt_header) == 92, "GPT header, UEFI 5.3.2");

struct gpt_entry {
	u8 type_guid[16], guid[16];
	le64 first, last, attributes;
	u8 name[72];
} PACKED;
_Static_assert(sizeof(struct gpt_entry) == 128, "GPT entry, UEFI 5.3.3");

#define GPT_ENTRIES_MAX 1024

struct scan {
	int (*read)(void *disk, u64 offset, void *buf, size_t len);
	void *disk;
	u64 sectors;      /* of 512 bytes */
	u32 unit;         /* 512-byte sectors in a logical block */
	struct partition *out;
	u32 max, n;
};

/* Adds a range in 512-byte sectors; false if it does not fit the disk. */
static bool add(struct scan *s, u32 number, u64 start, u64 sectors)
{
	if (!sectors || !start || start >= s->sectors || s->n == s->max)
		return false;
	if (sectors > s->sectors - start)
		sectors = s->sectors - start; /* a table from a larger disk: what is there counts */
	s->out[s->n++] = (struct partition){ .number = number, .start = start, .sectors = sectors };
	return true;
}

/* ---- MBR ---- */

static bool type_is_extended(u8 type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static int read_mbr(struct scan *s, u64 sector, struct mbr *mbr)
{
	int err = s->read(s->disk, sector * 512, mbr, sizeof(*mbr));

	if (err)
		return err;
	return le16_to_cpu(mbr->signature) == MBR_SIGNATURE;
}

static bool mbr_plausible(const struct mbr *mbr)
{
	for (int i = 0; i < 4; i++)
		if (mbr->entries[i].boot & 0x7f)
			return false;
	return true;
}

/*
 * The chain of extended boot records: entry 0 is a logical partition relative
 * to its record, entry 1 the next record relative to the first one.
 */
static NOINLINE int parse_logical(struct scan *s, u64 first, u32 disk_id)
{
	u64 at = first;
	u32 number = 5;

	for (int steps = 0; steps < LOGICAL_MAX; steps++) {
		const struct mbr_entry *data, *link;
		struct mbr mbr;
		int ok;

		if (at >= s->sectors)
			return 0;
		ok = read_mbr(s, at, &mbr);
		if (ok <= 0)
			return ok;
		data = &mbr.entries[0];
		link = &mbr.entries[1];
		if (data->type && add(s, number, at + (u64)le32_to_cpu(data->start) * s->unit,
				      (u64)le32_to_cpu(data->sectors) * s->unit)) {
			snprintf(s->out[s->n - 1].uuid, sizeof(s->out[0].uuid), "%08x-%02x", disk_id,
				 number);
			number++;
		}
		if (!type_is_extended(link->type) || !le32_to_cpu(link->start))
			return 0;
		at = first + (u64)le32_to_cpu(link->start) * s->unit;
	}
	return 0;
}

static int parse_mbr(struct scan *s, const struct mbr *mbr)
{
	u32 disk_id = le32_to_cpu(mbr->disk_id);
	u64 extended = 0;

	if (!mbr_plausible(mbr))
		return 0;
	for (u32 i = 0; i < 4; i++) {
		const struct mbr_entry *e = &mbr->entries[i];
		u64 start = (u64)le32_to_cpu(e->start) * s->unit;
		u64 sectors = (u64)le32_to_cpu(e->sectors) * s->unit;

		if (!e->type)
			continue;
		if (type_is_extended(e->type)) {
			extended = start;
			sectors = MIN(sectors, (u64)2); /* only so that a boot loader can be read */
		}
		if (add(s, i + 1, start, sectors))
			snprintf(s->out[s->n - 1].uuid, sizeof(s->out[0].uuid), "%08x-%02x", disk_id,
				 i + 1);
	}
	return extended ? parse_logical(s, extended, disk_id) : 0;
}

/* ---- GPT ---- */

static bool guid_empty(const u8 *g)
{
	return !memchr_inv(g, 0, 16);
}

/* The first three fields are little endian, the rest is as it stands. */
static void guid_format(const u8 *g, char *out, size_t size)
{
	snprintf(out, size, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", get_le32(g),
		 get_le16(g + 4), get_le16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13], g[14],
		 g[15]);
}

static bool header_valid(const struct scan *s, struct gpt_header *h, u64 lba)
{
	u32 crc = le32_to_cpu(h->header_crc);
	struct gpt_header copy = *h;

	if (memcmp(h->magic, "EFI PART", 8) || le32_to_cpu(h->header_size) != sizeof(*h))
		return false;
	copy.header_crc = cpu_to_le32(0);
	if (~crc32(~0u, &copy, sizeof(copy)) != crc || le64_to_cpu(h->my_lba) != lba)
		return false;
	return le32_to_cpu(h->entry_size) == sizeof(struct gpt_entry) &&
	       le32_to_cpu(h->nr_entries) <= GPT_ENTRIES_MAX &&
	       le64_to_cpu(h->entries_lba) < s->sectors / s->unit;
}

static void add_gpt_entry(struct scan *s, u32 number, const struct gpt_entry *e)
{
	u64 first = le64_to_cpu(e->first), last = le64_to_cpu(e->last);

	if (guid_empty(e->type_guid) || last < first || last >= s->sectors / s->unit)
		return;
	if (add(s, number, first * s->unit, (last - first + 1) * s->unit))
		guid_format(e->guid, s->out[s->n - 1].uuid, sizeof(s->out[0].uuid));
}

/* 1: a valid table was read; 0: it is none; or -errno. */
static int parse_gpt_at(struct scan *s, u64 lba)
{
	struct gpt_header h;
	struct gpt_entry *e;
	size_t bytes;
	u32 n;
	int err = s->read(s->disk, lba * s->unit * 512, &h, sizeof(h));

	if (err)
		return err;
	if (!header_valid(s, &h, lba))
		return 0;
	n = le32_to_cpu(h.nr_entries);
	bytes = n * sizeof(*e);
	e = kmalloc(bytes ? bytes : 1, GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	err = s->read(s->disk, le64_to_cpu(h.entries_lba) * s->unit * 512, e, bytes);
	if (!err && ~crc32(~0u, e, bytes) == le32_to_cpu(h.entries_crc)) {
		for (u32 i = 0; i < n; i++)
			add_gpt_entry(s, i + 1, &e[i]);
		err = 1;
	}
	kfree(e);
	return err;
}

static int parse_gpt(struct scan *s)
{
	u64 last = s->sectors / s->unit - 1;
	int found = parse_gpt_at(s, 1);

	return found ? found : parse_gpt_at(s, last);
}

int partitions_parse(int (*read)(void *disk, u64 offset, void *buf, size_t len), void *disk,
		     u64 sectors, u32 sector_size, struct partition *out, u32 max)
{
	struct scan s = { .read = read,
			  .disk = disk,
			  .sectors = sectors,
			  .unit = sector_size / 512,
			  .out = out,
			  .max = max };
	struct mbr mbr;
	int ok;

	if (!s.unit || sectors / s.unit < 4)
		return 0;
	ok = read_mbr(&s, 0, &mbr);
	if (ok <= 0)
		return ok;
	for (int i = 0; i < 4; i++) {
		if (mbr.entries[i].type != MBR_GPT)
			continue;
		ok = parse_gpt(&s);
		if (ok)
			return ok < 0 ? ok : (int)s.n;
	}
	ok = parse_mbr(&s, &mbr);
	return ok < 0 ? ok : (int)s.n;
}
