// SPDX-License-Identifier: MIT
/* Decompression of deflate data (RFC 1951) in gzip files (RFC 1952).  lib/inflate.c. */
#pragma once

/*
 * One gzip member from @in to @out.  Bytes written; *consumed: bytes of @in it
 * took, trailer included.  -EINVAL: damaged or not gzip; -ENOSPC: @out is too
 * small; -ENOMEM.  May sleep.
 */
ssize_t gzip_inflate(const void *in, size_t in_len, size_t *consumed, void *out, size_t out_len);
/* Raw deflate data; *consumed counts whole bytes. */
ssize_t inflate(const void *in, size_t in_len, size_t *consumed, void *out, size_t out_len);
