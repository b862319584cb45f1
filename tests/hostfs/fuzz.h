// SPDX-License-Identifier: MIT
/*
 * What the fuzzers share: damaged images.
 *
 * An input is a few bytes, not an image: which base image (made by mkfs.ext4 when
 * the program starts, and filled), then patches of blocks that are not empty -
 * where an image has its metadata - and, for a target that works on the mounted
 * disk, what it does.  So a mutation is a change of metadata, and not one of a
 * megabyte of zeros.  Images have no checksums but one: what a sum forbids cannot
 * be fuzzed behind it.
 */
#pragma once

#include "host.h"
#include "volume.h"

struct fuzz_input {
	const u8 *at, *end;
};

u32 fuzz_byte(struct fuzz_input *in);  /* 0 at the end */
u32 fuzz_word(struct fuzz_input *in);
/* A disk with the image that @in begins with; the first call makes the base images. */
struct disk *fuzz_disk(struct fuzz_input *in);
/* Unmounts what is mounted, frees the disk; ends the run if anything was left behind. */
void fuzz_end(struct disk *d);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
