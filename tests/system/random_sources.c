// SPDX-License-Identifier: MIT
/*
 * Randomness by each way a program takes it, one after the other: getrandom(2), /dev/urandom, and
 * OpenSSL, which seeds itself from the kernel when its library is loaded.
 *
 * A dynamic program of the distribution's C library (test_dynamic.py builds it); libcrypto comes by
 * dlopen(3), so that no header of OpenSSL is needed.  Prints one line a source and ends with 0.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LEN 64

static unsigned char got[4][LEN];
static int taken;

static void fail(const char *what)
{
	printf("%s failed\n", what);
	exit(1);
}

/* 64 bytes that are neither constant nor what an earlier source gave. */
static void check(const char *what, const unsigned char *bytes)
{
	int changes = 0;

	for (int i = 1; i < LEN; i++)
		changes += bytes[i] != bytes[i - 1];
	if (changes < LEN / 2)
		fail(what);
	for (int i = 0; i < taken; i++)
		if (!memcmp(got[i], bytes, LEN))
			fail(what);
	memcpy(got[taken++], bytes, LEN);
	printf("%s ok\n", what);
}

static void *symbol(void *library, const char *name)
{
	void *s = dlsym(library, name);

	if (!s)
		fail(name);
	return s;
}

int main(void)
{
	unsigned char bytes[LEN] = { 0 };
	const char *(*version)(int);
	int (*status)(void), (*random_bytes)(unsigned char *, int);
	void *crypto;
	int fd;

	if (getrandom(bytes, LEN, 0) != LEN)
		fail("getrandom");
	check("getrandom", bytes);

	fd = open("/dev/urandom", O_RDONLY);
	if (fd < 0 || read(fd, bytes, LEN) != LEN)
		fail("/dev/urandom");
	close(fd);
	check("/dev/urandom", bytes);

	crypto = dlopen("libcrypto.so.3", RTLD_NOW);
	if (!crypto)
		fail(dlerror());
	version = symbol(crypto, "OpenSSL_version");
	status = symbol(crypto, "RAND_status");
	random_bytes = symbol(crypto, "RAND_bytes");
	if (strncmp(version(0), "OpenSSL 3.", 10))
		fail("OpenSSL_version");
	printf("OpenSSL_version ok\n");
	if (status() != 1)
		fail("RAND_status");
	printf("RAND_status ok\n");
	for (int i = 0; i < 2; i++) {
		if (random_bytes(bytes, LEN) != 1)
			fail("RAND_bytes");
		check("RAND_bytes", bytes);
	}
	return 0;
}
