// SPDX-License-Identifier: MIT
/* libFuzzer: a damaged image is mounted, worked on as the input says, and unmounted. */
#include <linux/falloc.h>
#include <linux/fs.h>
#include "fuzz.h"

static const char *const names[] = {
	"d", "e", "e/f", "tree", "unwritten", "short", "long", "null", "new", "d/new", "e/new", "lost+found",
	"d/0000000000000000000000000000000000000000", "d/0000000000000000000000000000000000000007",
	"d/0000000000000000000000000000000000000031", "a-name-that-is-as-long-as-forty-letters-and-more",
};

static const char *name(struct fuzz_input *in)
{
	return names[fuzz_byte(in) % ARRAY_SIZE(names)];
}

static void step(struct fuzz_input *in)
{
	static u8 buf[9000];
	u32 op = fuzz_byte(in) % 16;
	const char *a = name(in);
	u64 pos = (u64)fuzz_word(in) * 7;

	switch (op) {
	case 0:
		vol_make(a, S_IFREG | 0644);
		break;
	case 1:
		vol_make(a, S_IFDIR | 0755);
		break;
	case 2:
		vol_unlink(a);
		break;
	case 3:
		vol_rmdir(a);
		break;
	case 4:
		vol_rename(a, name(in), 0);
		break;
	case 5:
		vol_rename(a, name(in), RENAME_EXCHANGE);
		break;
	case 6:
		vol_link(a, name(in));
		break;
	case 7:
		vol_symlink(names[15], a);
		break;
	case 8:
	case 9:
		vol_write(a, pos, buf, 1 + fuzz_word(in) % sizeof(buf));
		break;
	case 10:
		vol_truncate(a, pos);
		break;
	case 11:
		vol_fallocate(a, 0, pos, 1 + fuzz_word(in));
		break;
	case 12:
		vol_fallocate(a, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, 1 + fuzz_word(in));
		break;
	case 13:
		vol_setxattr(a, fuzz_byte(in) & 1 ? "user.small" : "trusted.large", buf, fuzz_word(in) % 900);
		break;
	case 14:
		vol_setxattr(a, "user.small", NULL, 0);
		break;
	default:
		vol_fsync(a);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct disk *d = fuzz_disk(&in);

	if (!vol_mount(d, false)) {
		for (u32 i = 0; i < 64 && in.at < in.end; i++)
			step(&in);
		(void)vol_sync();
		(void)vol_walk();
	}
	fuzz_end(d);
	return 0;
}
