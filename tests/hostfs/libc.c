// SPDX-License-Identifier: MIT
/* The side of the host build that is an ordinary program: files, mkfs, e2fsck, the clock. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "host.h"

void host_say(const char *text)
{
	fputs(text, stdout);
}

void host_die(const char *text)
{
	fflush(stdout);
	fprintf(stderr, "%s\n", text);
	abort();
}

uint64_t host_time(void)
{
	return (uint64_t)time(NULL);
}

static void temp_name(char *name, size_t size)
{
	snprintf(name, size, "%s/hostfs-%d.img", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", getpid());
}

static void save(const char *name, const uint8_t *image, size_t bytes)
{
	FILE *f = fopen(name, "wb");

	if (!f || fwrite(image, 1, bytes, f) != bytes || fclose(f))
		host_die("cannot write a temporary image");
}

static void load(const char *name, uint8_t *image, size_t bytes)
{
	FILE *f = fopen(name, "rb");

	if (!f || fread(image, 1, bytes, f) != bytes || fclose(f))
		host_die("cannot read a temporary image");
}

/* Runs @command, whose last word is the image's name; output is shown if it fails or always. */
static int run_on(const char *command, const char *name, const char *tail)
{
	char line[1024], log[256], text[4096];
	size_t n;
	int status;
	FILE *f;

	snprintf(log, sizeof(log), "%s.log", name);
	snprintf(line, sizeof(line), "PATH=$PATH:/usr/sbin:/sbin; export PATH; %s %s %s >%s 2>&1", command, name,
		 tail, log);
	status = system(line);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	f = status ? fopen(log, "rb") : NULL;
	if (f) {
		n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = 0;
		fclose(f);
		printf("# %s: status %d\n", command, status);
		for (char *p = strtok(text, "\n"); p; p = strtok(NULL, "\n"))
			printf("#   %s\n", p);
	}
	unlink(log);
	return status;
}

uint8_t *host_mkfs(uint32_t kib, const char *options)
{
	size_t bytes = (size_t)kib << 10;
	uint8_t *image = NULL;
	char name[128], command[512], tail[32];

	temp_name(name, sizeof(name));
	snprintf(command, sizeof(command), "mkfs.ext4 -q -F -E root_owner=0:0 %s", options);
	snprintf(tail, sizeof(tail), "%uk", kib);
	if (!run_on(command, name, tail)) {
		image = malloc(bytes);
		if (truncate(name, (off_t)bytes))
			host_die("cannot set an image's size");
		load(name, image, bytes);
	}
	unlink(name);
	return image;
}

static int run_over(const char *command, uint8_t *image, size_t bytes, bool back, const char *tail)
{
	char name[128];
	int status;

	temp_name(name, sizeof(name));
	save(name, image, bytes);
	status = run_on(command, name, tail);
	if (back)
		load(name, image, bytes);
	unlink(name);
	return status;
}

int host_debugfs(uint8_t *image, size_t bytes, const char *request)
{
	char command[512];

	snprintf(command, sizeof(command), "debugfs -w -R '%s'", request);
	return run_over(command, image, bytes, true, "");
}

int host_fsck(const uint8_t *image, size_t bytes)
{
	return run_over("e2fsck -fn", (uint8_t *)image, bytes, false, "");
}

int host_fsck_repair(uint8_t *image, size_t bytes)
{
	return run_over("e2fsck -fy", image, bytes, true, "");
}
