// SPDX-License-Identifier: MIT
/* System V shared memory: shmget, shmat, shmdt, shmctl, /proc/sysvipc/shm; and POSIX's /dev/shm. */
#include "mem.h"
#include "proc.h"

#include <linux/shm.h>
#include <sys/vfs.h>

/* By number: the C library's own structs are not the kernel's. */
static int shm_get(int key, size_t size, int flags)
{
	return syscall(SYS_shmget, key, size, flags);
}
static char *shm_at(int id, void *addr, int flags)
{
	return (char *)syscall(SYS_shmat, id, addr, flags);
}
static int shm_dt(void *addr)
{
	return syscall(SYS_shmdt, addr);
}
static int shm_ctl(int id, int cmd, void *buf)
{
	return syscall(SYS_shmctl, id, cmd, buf);
}
#define BAD ((char *)-1)

/* A private segment that goes with its last detach, attached; *id may be NULL. */
static char *attached(size_t size, int *id)
{
	int n = shm_get(IPC_PRIVATE, size, 0600);
	char *p;

	CHECK(n >= 0);
	p = shm_at(n, NULL, 0);
	CHECK(p != BAD);
	CHECK_EQ(shm_ctl(n, IPC_RMID, NULL), 0);
	if (id)
		*id = n;
	return p;
}

static struct shmid64_ds stat_of(int id)
{
	struct shmid64_ds ds;

	CHECK_EQ(shm_ctl(id, IPC_STAT, &ds), 0);
	return ds;
}

/* A key that nothing has. */
static int fresh_key(void)
{
	int key = 0x5a000000 | (getpid() << 4 & 0xfffff0);

	while (shm_get(key, 0, 0) >= 0)
		key++;
	return key;
}

/* Runs the block as somebody else, without capabilities. */
#define AS_STRANGER(...)                                                      \
	WAIT_OK(CHILD({                                                       \
		become(STRANGER);                                             \
		__VA_ARGS__;                                                  \
	}))

TEST(shm_is_zero_and_shared_with_children)
{
	char *p = attached(3 * PAGE + 5, NULL);

	for (size_t i = 0; i < 4 * PAGE; i++)
		CHECK_EQ(p[i], 0);
	WAIT_OK(CHILD(p[PAGE] = 7));
	CHECK_EQ(p[PAGE], 7);
	CHECK_EQ(shm_dt(p), 0);
}

TEST(shm_two_attaches_are_one_memory)
{
	int id;
	char *p = attached(PAGE, &id), *q = shm_at(id, NULL, 0);

	CHECK(q != BAD && q != p);
	p[9] = 3;
	CHECK_EQ(q[9], 3);
	CHECK_EQ(stat_of(id).shm_nattch, 2);
	CHECK_EQ(shm_dt(p), 0);
	CHECK_EQ(q[9], 3);
}

TEST(shm_found_by_key)
{
	int key = fresh_key(), id = shm_get(key, 100, IPC_CREAT | 0600);

	CHECK(id >= 0);
	CHECK_EQ(shm_get(key, 0, 0), id);
	CHECK_EQ(shm_get(key, 100, IPC_CREAT), id);
	CHECK_EQ(shm_get(key, 50, 0600), id);
	CHECK_ERR(shm_get(key, 101, 0), EINVAL);
	CHECK_ERR(shm_get(key, 100, IPC_CREAT | IPC_EXCL), EEXIST);
	CHECK_EQ(stat_of(id).shm_perm.key, key);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	CHECK_ERR(shm_get(key, 100, 0), ENOENT);
}

TEST(shm_get_errors)
{
	CHECK_ERR(shm_get(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERR(shm_get(IPC_PRIVATE, ~0ul, 0600), EINVAL);
	CHECK_ERR(shm_get(IPC_PRIVATE, 1ul << 63, 0600), EINVAL); /* no file is as large */
	CHECK_ERR(shm_get(IPC_PRIVATE, 1ul << 63, SHM_NORESERVE | 0600), EINVAL);
	CHECK_ERR(shm_get(fresh_key(), 10, 0600), ENOENT);
	CHECK_ERR(shm_get(fresh_key(), 10, IPC_EXCL | 0600), ENOENT);
}

TEST(shm_hugetlb_needs_a_pool)
{
	int id = shm_get(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | 0600);

	CHECK(id < 0 && (errno == ENOMEM || errno == EPERM || errno == EINVAL));
}

TEST(shm_ids_are_not_used_again_at_once)
{
	int a = shm_get(IPC_PRIVATE, 1, 0600), b;

	CHECK(a >= 0);
	CHECK_EQ(shm_ctl(a, IPC_RMID, NULL), 0);
	b = shm_get(IPC_PRIVATE, 1, 0600);
	CHECK(b >= 0 && b != a);
	CHECK_ERR(shm_ctl(a, IPC_STAT, NULL), EINVAL);
	CHECK_EQ(shm_ctl(b, IPC_RMID, NULL), 0);
}

TEST(shm_stale_id_is_einval)
{
	int old = shm_get(IPC_PRIVATE, 1, 0600), id = -1, tries;

	/* Until the slot, the low 15 bits, comes round again. */
	CHECK(old >= 0);
	CHECK_EQ(shm_ctl(old, IPC_RMID, NULL), 0);
	for (tries = 0; tries < 40000; tries++) {
		id = shm_get(IPC_PRIVATE, 1, 0600);
		CHECK(id >= 0 && id != old);
		if (id % 32768 == old % 32768)
			break;
		CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	}
	CHECK_EQ(id % 32768, old % 32768);
	CHECK(id > old);
	CHECK_EQ(stat_of(id).shm_perm.seq, id / 32768);
	CHECK_ERR(shm_ctl(old, IPC_RMID, NULL), EINVAL);
	CHECK_ERR((long)shm_at(old, NULL, 0), EINVAL);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
}

TEST(shm_stat_tells_all)
{
	int id = shm_get(IPC_PRIVATE, PAGE + 1, 0640);
	time_t before = time(NULL);
	struct shmid64_ds ds;
	char *p;
	pid_t pid;

	CHECK(id >= 0);
	ds = stat_of(id);
	CHECK_EQ(ds.shm_segsz, PAGE + 1);
	CHECK_EQ(ds.shm_perm.mode, 0640);
	CHECK(ds.shm_perm.uid == geteuid() && ds.shm_perm.cgid == getegid());
	CHECK(ds.shm_cpid == getpid() && ds.shm_lpid == 0);
	CHECK(ds.shm_nattch == 0 && ds.shm_atime == 0 && ds.shm_dtime == 0);
	CHECK(ds.shm_ctime >= before - 1 && ds.shm_ctime <= before + 30);
	p = shm_at(id, NULL, 0);
	CHECK(p != BAD);
	ds = stat_of(id);
	CHECK(ds.shm_nattch == 1 && ds.shm_atime >= before - 1 && ds.shm_lpid == getpid());
	pid = CHILD({
		CHECK_EQ(stat_of(id).shm_nattch, 2);
		CHECK_EQ(shm_dt(p), 0);
	});
	WAIT_OK(pid);
	ds = stat_of(id);
	CHECK(ds.shm_nattch == 1 && ds.shm_lpid == pid && ds.shm_dtime >= before - 1);
	CHECK_EQ(shm_dt(p), 0);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
}

TEST(shm_rmid_waits_for_the_last_detach)
{
	int key = fresh_key(), id = shm_get(key, PAGE, IPC_CREAT | 0600);
	char *p = shm_at(id, NULL, 0), *q;

	CHECK(p != BAD);
	p[0] = 1;
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	CHECK_EQ(stat_of(id).shm_perm.mode, 01600);
	CHECK_EQ(stat_of(id).shm_perm.key, IPC_PRIVATE);
	CHECK_ERR(shm_get(key, 0, 0), ENOENT);
	q = shm_at(id, NULL, SHM_RDONLY); /* Linux lets more come while it lives */
	CHECK(q != BAD && q[0] == 1);
	CHECK_EQ(shm_dt(q), 0);
	CHECK_EQ(p[0], 1);
	CHECK_EQ(shm_dt(p), 0);
	CHECK_ERR(shm_ctl(id, IPC_STAT, NULL), EINVAL);
}

TEST(shm_nattch_over_fork_exec_exit)
{
	int id;
	char *p = attached(PAGE, &id);
	pid_t pid;
	int pipe_fd[2];
	char c;

	CHECK(!pipe(pipe_fd));
	pid = CHILD({
		close(pipe_fd[1]);
		CHECK_EQ(read(pipe_fd[0], &c, 1), 0);
	});
	CHECK_EQ(stat_of(id).shm_nattch, 2);
	close(pipe_fd[1]);
	WAIT_OK(pid);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	pid = CHILD({
		close(1);
		execl("/proc/self/exe", "mem_shm", "-l", NULL);
	});
	WAIT_OK(pid);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	WAIT_SIGNAL(CHILD(kill(getpid(), SIGKILL)), SIGKILL);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	CHECK_EQ(shm_dt(p), 0);
}

TEST(shm_dies_with_the_last_process)
{
	int fds[2], id = -1;

	CHECK(!pipe(fds));
	WAIT_OK(CHILD({
		attached(PAGE, &id);
		CHECK_EQ(write(fds[1], &id, sizeof(id)), sizeof(id));
	}));
	CHECK_EQ(read(fds[0], &id, sizeof(id)), sizeof(id));
	CHECK_ERR(shm_ctl(id, IPC_STAT, NULL), EINVAL);
}

TEST(shm_rdonly_attach)
{
	int id = shm_get(IPC_PRIVATE, PAGE, 0600);
	char *p = shm_at(id, NULL, SHM_RDONLY);

	CHECK(p != BAD);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	CHECK_EQ(p[0], 0);
	CHECK_ERR(mprotect(p, PAGE, RW), EACCES);
	WAIT_SIGNAL(CHILD(p[0] = 1), SIGSEGV);
}

TEST(shm_exec_attach)
{
	int id = shm_get(IPC_PRIVATE, PAGE, 0700);
	char *p = shm_at(id, NULL, SHM_EXEC);

	CHECK(p != BAD);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	memcpy(p, "\xb8\x2a\x00\x00\x00\xc3", 6); /* mov $42, %eax; ret */
	CHECK_EQ(((int (*)(void))p)(), 42);
}

TEST(shm_at_a_place)
{
	int id, other;
	char *p = attached(2 * PAGE, &id), *room, *q;

	room = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0);
	CHECK(room != MAP_FAILED);
	CHECK_ERR((long)shm_at(id, room + 1, 0), EINVAL);
	CHECK_ERR((long)shm_at(id, room + PAGE, 0), EINVAL); /* taken */
	CHECK(shm_at(id, room + PAGE, SHM_REMAP) == room + PAGE);
	p[PAGE] = 4;
	CHECK_EQ(room[2 * PAGE], 4);
	CHECK_EQ(room[0], 0);
	CHECK(!munmap(room, 8 * PAGE));
	q = shm_at(id, room + 3 * PAGE + 77, SHM_RND);
	CHECK(q == room + 3 * PAGE);
	CHECK_ERR((long)shm_at(id, room + 2 * PAGE, 0), EINVAL); /* its second page is taken */
	CHECK_ERR((long)shm_at(id, NULL, SHM_REMAP), EINVAL);
	CHECK_ERR((long)shm_at(-1, NULL, 0), EINVAL);
	other = shm_get(IPC_PRIVATE, 1, 0600);
	CHECK_EQ(shm_ctl(other, IPC_RMID, NULL), 0);
	CHECK_ERR((long)shm_at(other, NULL, 0), EINVAL);
}

TEST(shm_dt_errors)
{
	char *p = attached(2 * PAGE, NULL), *anon;

	anon = mmap(NULL, PAGE, RW, ANON, -1, 0);
	CHECK_ERR(shm_dt(p + 1), EINVAL);
	CHECK_ERR(shm_dt(p + PAGE), EINVAL);
	CHECK_ERR(shm_dt(anon), EINVAL);
	CHECK_EQ(shm_dt(p), 0);
	CHECK_ERR(shm_dt(p), EINVAL);
}

TEST(shm_dt_after_munmap_of_parts)
{
	int id = shm_get(IPC_PRIVATE, 5 * PAGE, 0600);
	char *p = shm_at(id, NULL, 0), in[2];

	CHECK(p != BAD);
	CHECK(!munmap(p + 2 * PAGE, PAGE));
	CHECK_EQ(stat_of(id).shm_nattch, 2); /* two mappings now */
	CHECK(!munmap(p, PAGE));
	CHECK_EQ(shm_dt(p), 0);              /* by the address of the attach, though its first page is gone */
	CHECK_EQ(stat_of(id).shm_nattch, 0);
	CHECK_ERR(mincore(p + PAGE, PAGE, (void *)in), ENOMEM);
	CHECK_ERR(mincore(p + 4 * PAGE, PAGE, (void *)in), ENOMEM);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
}

TEST(shm_mprotect_of_a_part_counts)
{
	int id = shm_get(IPC_PRIVATE, 3 * PAGE, 0600);
	char *p = shm_at(id, NULL, 0);

	CHECK(!mprotect(p + PAGE, PAGE, PROT_READ));
	CHECK_EQ(stat_of(id).shm_nattch, 3);
	p[0] = p[2 * PAGE] = 1;
	CHECK_EQ(shm_dt(p), 0);
	CHECK_EQ(stat_of(id).shm_nattch, 0);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
}

TEST(shm_mremap_moves_and_counts)
{
	int id;
	char *p = attached(2 * PAGE, &id), *q;

	p[PAGE] = 8;
	q = mmap(NULL, 4 * PAGE, PROT_NONE, ANON, -1, 0);
	CHECK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK_EQ(q[PAGE], 8);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	CHECK_EQ(shm_dt(q), 0);
	CHECK_ERR(shm_ctl(id, IPC_STAT, NULL), EINVAL);
}

TEST(shm_past_the_end_is_sigbus)
{
	char *p = attached(PAGE, NULL), *q;

	q = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	WAIT_SIGNAL(CHILD(q[PAGE] = 1), SIGBUS);
}

TEST(shm_permissions)
{
	int key = fresh_key(), id = shm_get(key, PAGE, IPC_CREAT | 0600);
	struct shmid64_ds ds;

	if (geteuid())
		SKIP("needs root to be somebody else");
	CHECK(id >= 0);
	AS_STRANGER({
		CHECK_ERR(shm_get(key, 0, 0400), EACCES);
		CHECK_EQ(shm_get(key, 0, 0), id); /* asks for nothing */
		CHECK_ERR((long)shm_at(id, NULL, 0), EACCES);
		CHECK_ERR((long)shm_at(id, NULL, SHM_RDONLY), EACCES);
		CHECK_ERR(shm_ctl(id, IPC_STAT, &ds), EACCES);
		CHECK_ERR(shm_ctl(id, IPC_RMID, NULL), EPERM);
		CHECK_ERR(shm_ctl(id, SHM_LOCK, NULL), EPERM);
	});
	ds = stat_of(id);
	ds.shm_perm.mode = 0604;
	CHECK_EQ(shm_ctl(id, IPC_SET, &ds), 0);
	AS_STRANGER({
		CHECK(shm_at(id, NULL, SHM_RDONLY) != BAD);
		CHECK_ERR((long)shm_at(id, NULL, 0), EACCES);
		CHECK_ERR((long)shm_at(id, NULL, SHM_RDONLY | SHM_EXEC), EACCES);
		CHECK_EQ(shm_ctl(id, IPC_STAT, &ds), 0);
		CHECK_ERR(shm_ctl(id, IPC_SET, &ds), EPERM);
	});
	ds.shm_perm.uid = 12345;
	ds.shm_perm.mode = 0600;
	CHECK_EQ(shm_ctl(id, IPC_SET, &ds), 0);
	AS_STRANGER({
		CHECK(shm_at(id, NULL, 0) != BAD);
		CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	});
	CHECK_ERR(shm_ctl(id, IPC_STAT, &ds), EINVAL);
}

TEST(shm_set_changes_mode_and_ctime)
{
	int id = shm_get(IPC_PRIVATE, PAGE, 0600);
	struct shmid64_ds ds = stat_of(id);

	ds.shm_perm.mode = 07640;
	ds.shm_perm.gid = 77;
	CHECK_EQ(shm_ctl(id, IPC_SET, &ds), 0);
	CHECK_EQ(stat_of(id).shm_perm.mode, 0640);
	CHECK_EQ(stat_of(id).shm_perm.gid, 77);
	CHECK_EQ(stat_of(id).shm_perm.cgid, getegid());
	ds.shm_perm.uid = -1;
	CHECK_ERR(shm_ctl(id, IPC_SET, &ds), EINVAL);
	CHECK_ERR(shm_ctl(id, IPC_SET, (void *)8), EFAULT);
	CHECK_ERR(shm_ctl(id, IPC_STAT, (void *)8), EFAULT);
	CHECK_ERR(shm_ctl(id, 999, &ds), EINVAL);
	CHECK_ERR(shm_ctl(-1, IPC_STAT, &ds), EINVAL);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
}

TEST(shm_lock_and_its_limit)
{
	int id = shm_get(IPC_PRIVATE, 4 * PAGE, 0666);

	CHECK_EQ(shm_ctl(id, SHM_LOCK, NULL), 0);
	CHECK_EQ(stat_of(id).shm_perm.mode, 02666);
	CHECK_EQ(shm_ctl(id, SHM_UNLOCK, NULL), 0);
	CHECK_EQ(stat_of(id).shm_perm.mode, 0666);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	if (geteuid())
		SKIP("needs root to be somebody else");
	set_limit(RLIMIT_MEMLOCK, PAGE);
	AS_STRANGER({
		id = shm_get(IPC_PRIVATE, 4 * PAGE, 0666);
		CHECK_ERR(shm_ctl(id, SHM_LOCK, NULL), ENOMEM);
		CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
		id = shm_get(IPC_PRIVATE, PAGE, 0666);
		CHECK_EQ(shm_ctl(id, SHM_LOCK, NULL), 0);
		set_limit(RLIMIT_MEMLOCK, 0);
		CHECK_EQ(shm_ctl(id, SHM_UNLOCK, NULL), 0);
		CHECK_ERR(shm_ctl(id, SHM_LOCK, NULL), EPERM);
		CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	});
}

TEST(shm_info_and_stat_by_index)
{
	struct shminfo64 limits;
	struct shm_info now, later;
	struct shmid64_ds ds;
	int max, id, seen = 0;
	char *p;

	CHECK(shm_ctl(0, IPC_INFO, &limits) >= 0);
	CHECK(limits.shmmin == 1 && limits.shmmni >= 1 && limits.shmmax >= PAGE);
	CHECK(shm_ctl(0, SHM_INFO, &now) >= 0);
	id = shm_get(IPC_PRIVATE, 10 * PAGE, 0600);
	p = shm_at(id, NULL, 0);
	memset(p, 1, 3 * PAGE);
	max = shm_ctl(0, SHM_INFO, &later);
	CHECK(max >= id % 32768);
	CHECK(later.used_ids >= 1 && later.shm_tot >= 10 && later.shm_rss >= 3);
	for (int i = 0; i <= max; i++)
		if (shm_ctl(i, SHM_STAT, &ds) == id)
			seen++;
	CHECK_EQ(seen, 1);
	CHECK_EQ(shm_ctl(id % 32768, SHM_STAT_ANY, &ds), id);
	CHECK_EQ(ds.shm_segsz, 10 * PAGE);
	CHECK_ERR(shm_ctl(max + 1, SHM_STAT, &ds), EINVAL);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	if (geteuid())
		return;
	AS_STRANGER({
		CHECK_ERR(shm_ctl(id % 32768, SHM_STAT, &ds), EACCES);
		CHECK_EQ(shm_ctl(id % 32768, SHM_STAT_ANY, &ds), id);
	});
}

/* The line of @path that begins with or holds @what, into @line. */
static bool find_line(const char *path, const char *what, char *line, int size)
{
	FILE *f = fopen(path, "r");
	bool found = false;

	CHECK(f);
	while (!found && fgets(line, size, f))
		found = strstr(line, what);
	fclose(f);
	return found;
}

TEST(shm_in_proc_sysvipc)
{
	char line[512], want[64], head[512];
	int key = fresh_key(), id = shm_get(key, 3 * PAGE, IPC_CREAT | 0640);
	char *p = shm_at(id, NULL, 0);
	unsigned long rss, size;
	unsigned nattch, cpid;

	p[0] = 1;
	CHECK(find_line("/proc/sysvipc/shm", "key", head, sizeof(head)));
	CHECK(!strcmp(head, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
			    "  cuid  cgid      atime      dtime      ctime                   rss"
			    "                  swap\n"));
	snprintf(want, sizeof(want), "%10d %10d   640 %21lu", key, id, 3 * PAGE);
	CHECK(find_line("/proc/sysvipc/shm", want, line, sizeof(line)));
	CHECK_EQ(strlen(line), strlen(head));
	CHECK_EQ(sscanf(line, "%*d %*d %*o %lu %u %*u %u %*u %*u %*u %*u %*u %*u %*u %lu", &size, &cpid,
			&nattch, &rss), 4);
	CHECK(size == 3 * PAGE && (int)cpid == getpid() && nattch == 1 && rss == PAGE);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	snprintf(want, sizeof(want), "%10d %10d  1640 %21lu", 0, id, 3 * PAGE);
	CHECK(find_line("/proc/sysvipc/shm", want, line, sizeof(line)));
}

TEST(shm_in_maps)
{
	char line[512], want[64];
	int key = fresh_key(), id = shm_get(key, PAGE, IPC_CREAT | 0600);
	char *p = shm_at(id, NULL, 0);
	unsigned long start, ino;

	CHECK(p != BAD);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
	snprintf(want, sizeof(want), "/SYSV%08x (deleted)\n", key);
	CHECK(find_line("/proc/self/maps", want, line, sizeof(line)));
	CHECK_EQ(sscanf(line, "%lx-%*x rw-s 00000000 %*x:%*x %lu /SYSV", &start, &ino), 2);
	CHECK(start == (unsigned long)p && ino == (unsigned long)id);
}

TEST(shm_limits_in_proc_sys)
{
	static const char *const names[] = { "shmmax", "shmall", "shmmni", "shm_rmid_forced" };
	struct shminfo64 limits;
	unsigned long value[4];

	CHECK(shm_ctl(0, IPC_INFO, &limits) >= 0);
	for (int i = 0; i < 4; i++) {
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", names[i]);
		f = fopen(path, "r");
		CHECK(f);
		CHECK_EQ(fscanf(f, "%lu", &value[i]), 1);
		fclose(f);
	}
	CHECK(value[0] == limits.shmmax && value[1] == limits.shmall && value[2] == limits.shmmni);
	CHECK(value[3] <= 1);
}

TEST(shm_limits_are_obeyed)
{
	struct shminfo64 limits;
	char text[32];
	int id;

	CHECK(shm_ctl(0, IPC_INFO, &limits) >= 0);
	OWN_MACHINE();
	CHECK(set_sys("/proc/sys/kernel/shmmax", "8192"));
	CHECK_ERR(shm_get(IPC_PRIVATE, 8193, 0600), EINVAL);
	id = shm_get(IPC_PRIVATE, 8192, 0600);
	CHECK(id >= 0);
	CHECK(set_sys("/proc/sys/kernel/shmall", "1"));
	CHECK_ERR(shm_get(IPC_PRIVATE, 1, 0600), ENOSPC);
	snprintf(text, sizeof(text), "%lu", limits.shmall);
	CHECK(set_sys("/proc/sys/kernel/shmall", text));
	CHECK(set_sys("/proc/sys/kernel/shmmni", "0"));
	CHECK_ERR(shm_get(IPC_PRIVATE, 1, 0600), ENOSPC);
	snprintf(text, sizeof(text), "%lu", limits.shmmni);
	CHECK(set_sys("/proc/sys/kernel/shmmni", text));
	snprintf(text, sizeof(text), "%lu", limits.shmmax);
	CHECK(set_sys("/proc/sys/kernel/shmmax", text));
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
}

TEST(shm_rmid_forced)
{
	int id, left = -1, fds[2];
	char *p;

	OWN_MACHINE();
	CHECK(set_sys("/proc/sys/kernel/shm_rmid_forced", "1"));
	CHECK(!pipe(fds));
	WAIT_OK(CHILD({
		left = shm_get(IPC_PRIVATE, PAGE, 0600);
		CHECK_EQ(write(fds[1], &left, sizeof(left)), sizeof(left));
	}));
	CHECK_EQ(read(fds[0], &left, sizeof(left)), sizeof(left));
	CHECK_ERR(shm_ctl(left, IPC_STAT, NULL), EINVAL); /* went with its creator */
	id = shm_get(IPC_PRIVATE, PAGE, 0600);
	p = shm_at(id, NULL, 0);
	CHECK(p != BAD);
	CHECK_EQ(shm_dt(p), 0);
	CHECK_ERR(shm_ctl(id, IPC_STAT, NULL), EINVAL); /* went with the last detach */
	CHECK(set_sys("/proc/sys/kernel/shm_rmid_forced", "0"));
}

TEST(shm_obeys_rlimit_as)
{
	int id = shm_get(IPC_PRIVATE, 128 << 20, 0600);

	set_limit(RLIMIT_AS, 64 << 20);
	CHECK_ERR((long)shm_at(id, NULL, 0), ENOMEM);
	CHECK_EQ(stat_of(id).shm_nattch, 0);
	CHECK_EQ(shm_ctl(id, IPC_RMID, NULL), 0);
}

TEST(shm_madvise_dontfork)
{
	int id;
	char *p = attached(PAGE, &id);

	CHECK(!madvise(p, PAGE, MADV_DONTFORK));
	WAIT_OK(CHILD({
		CHECK_EQ(stat_of(id).shm_nattch, 1);
		CHECK_ERR(shm_dt(p), EINVAL);
	}));
	CHECK_EQ(stat_of(id).shm_nattch, 1);
}

TEST(shm_races_of_attach_detach_and_removal)
{
	int *ids = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long long end = now_ns() + 1500000000;
	pid_t pid[4];

	/* One makes and removes segments, three attach what they find; whatever happens is told apart. */
	for (int i = 0; i < 4; i++)
		pid[i] = CHILD({
			while (now_ns() < end) {
				volatile int *slot = &ids[rand() % 4];
				char *p;

				if (i == 0) {
					int old = *slot;

					*slot = shm_get(IPC_PRIVATE, 3 * PAGE, 0600);
					CHECK(*slot >= 0);
					CHECK(!old || !shm_ctl(old, IPC_RMID, NULL));
					continue;
				}
				p = shm_at(*slot, NULL, 0);
				if (p == BAD) {
					CHECK(errno == EINVAL || errno == EIDRM);
					continue;
				}
				p[PAGE] = (char)i;
				if (rand() % 2)
					CHECK(!mprotect(p + PAGE, PAGE, PROT_READ));
				if (rand() % 8 == 0)
					WAIT_OK(CHILD(CHECK_EQ(shm_dt(p), 0)));
				CHECK_EQ(shm_dt(p), 0);
			}
		});
	for (int i = 0; i < 4; i++)
		WAIT_OK(pid[i]);
	for (int i = 0; i < 4; i++) {
		if (!ids[i])
			continue;
		CHECK_EQ(stat_of(ids[i]).shm_nattch, 0);
		CHECK_EQ(shm_ctl(ids[i], IPC_RMID, NULL), 0);
	}
}

TEST(posix_shm_by_name)
{
	struct statfs fs;
	char name[32], *p;
	int fd;

	snprintf(name, sizeof(name), "/abi-%d", getpid());
	if (statfs("/dev/shm", &fs))
		SKIP("no /dev/shm");
	fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
	CHECK(fd >= 0);
	CHECK_ERR(shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	CHECK(!ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	WAIT_OK(CHILD({
		int other = shm_open(name, O_RDWR, 0);
		char *q = mmap(NULL, PAGE, RW, MAP_SHARED, other, PAGE);

		CHECK(q != MAP_FAILED);
		q[3] = 6;
	}));
	CHECK_EQ(p[PAGE + 3], 6);
	CHECK(!shm_unlink(name));
	CHECK_ERR(shm_open(name, O_RDWR, 0), ENOENT);
	CHECK_EQ(p[PAGE + 3], 6);
}
