// SPDX-License-Identifier: MIT
/* futex(2): counts, encodings and errors at the edges; who is woken by whom; robust lists. */
#include "abi.h"
#include "proc.h"

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

#include <linux/futex.h>

static long futex(void *addr, int op, int val, void *timeout, void *addr2, int val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static uint32_t *shared_words(void)
{
	uint32_t *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

struct waiting {
	uint32_t *word;
	int op;
	pthread_t thread;
	_Atomic pid_t tid;
	volatile long result;
	volatile int error;
	volatile bool back;
};

static void *wait_on(void *arg)
{
	struct waiting *w = arg;

	w->tid = gettid();
	w->result = futex(w->word, w->op, 0, NULL, NULL, -1);
	w->error = errno;
	w->back = true;
	return NULL;
}

static void start(struct waiting *w, int n, uint32_t *word, int op)
{
	for (int i = 0; i < n; i++) {
		w[i] = (struct waiting){ .word = word, .op = op };
		CHECK(!pthread_create(&w[i].thread, NULL, wait_on, &w[i]));
	}
	for (int i = 0; i < n; i++) {
		while (!w[i].tid)
			sleep_ms(1);
		wait_asleep(w[i].tid);
	}
}

static int back(const struct waiting *w, int n)
{
	int count = 0;

	sleep_ms(150);
	for (int i = 0; i < n; i++)
		count += w[i].back;
	return count;
}

static const struct {
	const char *what;
	int count, woken;
} counts[] = {
	{ "0", 0, 1 }, { "-1", -1, 1 }, { "INT_MIN", INT_MIN, 1 }, { "1", 1, 1 }, { "2", 2, 2 },
	{ "INT_MAX", INT_MAX, 3 },
};

TEST_ROWS(wake_count, counts)
{
	uint32_t word = 0;
	struct waiting w[3];

	start(w, 3, &word, FUTEX_WAIT_PRIVATE);
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, row->count, NULL, NULL, 0), row->woken);
	CHECK_EQ(back(w, 3), row->woken);
}

TEST_ROWS(wake_op_count, counts)
{
	uint32_t word = 0, other = 0;
	struct waiting w[3], v[3];
	long want = row->woken;

	start(w, 3, &word, FUTEX_WAIT_PRIVATE);
	start(v, 3, &other, FUTEX_WAIT_PRIVATE);
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP_PRIVATE, row->count, (void *)(long)row->count, &other,
		       FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)),
		 2 * want);
	CHECK_EQ(back(w, 3), want);
	CHECK_EQ(back(v, 3), want);
}

#define OP(op, arg, cmp, cmparg) (((op) << 28) | ((cmp) << 24) | (((arg) & 0xfff) << 12) | ((cmparg) & 0xfff))

static const struct {
	const char *what;
	uint32_t before;
	int code;
	uint32_t after;
	int err;
} ops[] = {
	{ "set", 5, OP(0, 3, 0, 5), 3, 0 },
	{ "add", 5, OP(1, 3, 0, 5), 8, 0 },
	{ "or", 5, OP(2, 2, 0, 5), 7, 0 },
	{ "andn", 5, OP(3, 1, 0, 5), 4, 0 },
	{ "xor", 5, OP(4, 1, 0, 5), 4, 0 },
	{ "negative argument", 5, OP(1, -1, 0, 5), 4, 0 },
	{ "shift", 5, OP(8, 4, 0, 5), 16, 0 },
	{ "shift by too much", 5, OP(8, 33, 0, 5), 2, 0 },
	{ "shift by less than nothing", 5, OP(8, -31, 0, 5), 2, 0 },
	{ "unknown operation", 5, OP(5, 1, 0, 5), 5, ENOSYS },
	{ "unknown comparison: the operation is done", 5, OP(0, 1, 6, 5), 1, ENOSYS },
	{ "both unknown", 5, OP(7, 1, 15, 5), 5, ENOSYS },
};

TEST_ROWS(wake_op, ops)
{
	uint32_t word = 0, other = row->before;

	if (row->err)
		CHECK_ERR(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, row->code), row->err);
	else
		CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, row->code), 0);
	CHECK_EQ(other, row->after);
}

static const struct {
	const char *what;
	int cmp, cmparg;
	uint32_t value;
	bool second;
} compares[] = {
	{ "eq", 0, 5, 5, true }, { "ne", 1, 5, 5, false }, { "lt signed", 2, 0, 0xffffffff, true },
	{ "le", 3, 5, 5, true }, { "gt signed", 4, -1, 0, true }, { "ge", 5, 6, 5, false },
	{ "negative argument", 0, -3, 0xfffffffd, true },
};

TEST_ROWS(wake_op_compares, compares)
{
	uint32_t word = 0, other = 0;
	struct waiting v[1];

	start(v, 1, &other, FUTEX_WAIT);
	other = row->value;
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, OP(0, 1, row->cmp, row->cmparg)),
		 row->second);
	CHECK_EQ(back(v, 1), row->second);
}

static const struct {
	const char *what;
	int wait, wake, woken;
	bool shared_memory;
} kinds[] = {
	{ "shared wakes shared", FUTEX_WAIT, FUTEX_WAKE, 1, false },
	{ "private wakes private", FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE, 1, false },
	{ "shared wakes no private", FUTEX_WAIT_PRIVATE, FUTEX_WAKE, 0, false },
	{ "private wakes no shared", FUTEX_WAIT, FUTEX_WAKE_PRIVATE, 0, false },
	{ "shared wakes shared, in shared memory", FUTEX_WAIT, FUTEX_WAKE, 1, true },
	{ "shared wakes no private, in shared memory", FUTEX_WAIT_PRIVATE, FUTEX_WAKE, 0, true },
};

TEST_ROWS(wake_by_kind, kinds)
{
	uint32_t word = 0, *p = row->shared_memory ? shared_words() : &word;
	struct waiting w[1];

	start(w, 1, p, row->wait);
	CHECK_EQ(futex(p, row->wake, 10, NULL, NULL, 0), row->woken);
	CHECK_EQ(back(w, 1), row->woken);
}

TEST(wake_where_nothing_is)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("file", O_CREAT | O_RDWR, 0600);
	char *m;

	CHECK(!ftruncate(fd, 8192));
	m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(futex(m + 4096, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK(!ftruncate(fd, 4096));
	CHECK_ERR(futex(m + 4096, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(m + 4096, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_EQ(futex(m + 4096, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	CHECK(!munmap(p + 4096, 4096));
	CHECK_ERR(futex(p + 4096, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_EQ(futex(p + 4096, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	CHECK(!mprotect(p, 4096, PROT_NONE));
	CHECK_ERR(futex(p, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(p + 2, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((void *)-4096L, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
}

TEST(bitset_of_nothing)
{
	uint32_t word = 0;

	CHECK_ERR(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((void *)1, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
}

static const struct {
	const char *what;
	int op, nwake, nmove, expected;
	bool same;
	long result;
	int err, woken;
} requeues[] = {
	{ "none woken, two moved", FUTEX_CMP_REQUEUE, 0, 2, 0, false, 2, 0, 0 },
	{ "one woken, all moved", FUTEX_CMP_REQUEUE, 1, INT_MAX, 0, false, 3, 0, 1 },
	{ "value changed", FUTEX_CMP_REQUEUE, 1, 1, 9, false, -1, EAGAIN, 0 },
	{ "negative wake", FUTEX_CMP_REQUEUE, -1, 1, 0, false, -1, EINVAL, 0 },
	{ "negative move", FUTEX_CMP_REQUEUE, 1, -1, 0, false, -1, EINVAL, 0 },
	{ "without a comparison", FUTEX_REQUEUE, 1, INT_MAX, 0, false, 3, 0, 1 },
	{ "to itself", FUTEX_CMP_REQUEUE, 1, INT_MAX, 0, true, 3, 0, 1 },
};

TEST_ROWS(requeue, requeues)
{
	uint32_t word = 0, other = 0, *to = row->same ? &word : &other;
	struct waiting w[3];
	long r;

	start(w, 3, &word, FUTEX_WAIT);
	errno = 0;
	r = futex(&word, row->op, row->nwake, (void *)(long)row->nmove, to, row->expected);
	CHECK_EQ(r, row->result);
	CHECK_EQ(r < 0 ? errno : 0, row->err);
	CHECK_EQ(back(w, 3), row->woken);
	r = futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) + futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	CHECK_EQ(r, 3 - row->woken);
}

static const struct {
	const char *what;
	int op;
	int err;
} realtime_ops[] = {
	{ "wait", FUTEX_WAIT | FUTEX_CLOCK_REALTIME, ENOSYS },
	{ "wait bitset", FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, ETIMEDOUT },
	{ "wake", FUTEX_WAKE | FUTEX_CLOCK_REALTIME, ENOSYS },
	{ "requeue", FUTEX_REQUEUE | FUTEX_CLOCK_REALTIME, ENOSYS },
	{ "unknown", 99, ENOSYS },
};

TEST_ROWS(realtime_flag, realtime_ops)
{
	struct timespec t = { 0, 1000000 };
	uint32_t word = 0;

	CHECK_ERR(futex(&word, row->op, 0, &t, &word, -1), row->err);
}

TEST(semaphore_times_out)
{
	struct timespec t;
	sem_t s;

	CHECK(!sem_init(&s, 0, 0) && !clock_gettime(CLOCK_REALTIME, &t));
	t.tv_nsec += 50000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	CHECK_ERR(sem_timedwait(&s, &t), ETIMEDOUT);
	CHECK(!sem_post(&s) && !sem_timedwait(&s, &t));
	t.tv_nsec = 1000000000;
	CHECK_ERR(sem_timedwait(&s, &t), EINVAL);
}

/* ---- robust lists ---- */

struct robust {
	struct robust_list_head head;
	struct lock {
		struct robust_list node;
		uint32_t word;
	} lock[4];
};

static struct robust *robust_set(int n)
{
	struct robust *r = (struct robust *)shared_words();

	r->head.futex_offset = offsetof(struct lock, word) - offsetof(struct lock, node);
	r->head.list.next = n ? &r->lock[0].node : &r->head.list;
	for (int i = 0; i < n; i++)
		r->lock[i].node.next = i + 1 < n ? &r->lock[i + 1].node : &r->head.list;
	return r;
}

static void take_all(struct robust *r, int n)
{
	for (int i = 0; i < n; i++)
		r->lock[i].word = (uint32_t)gettid() | (i % 2 ? FUTEX_WAITERS : 0);
	CHECK(!syscall(SYS_set_robust_list, &r->head, sizeof(r->head)));
}

TEST(robust_locks_say_that_their_owner_died)
{
	struct robust *r = robust_set(4);

	WAIT_OK(CHILD({
		take_all(r, 4);
		r->lock[2].word = 1; /* somebody else's */
	}));
	CHECK_EQ(r->lock[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(r->lock[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	CHECK_EQ(r->lock[2].word, 1);
	CHECK_EQ(r->lock[3].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

TEST(robust_list_ends_at_a_bad_entry)
{
	struct robust *r = robust_set(3);

	WAIT_OK(CHILD({
		take_all(r, 3);
		r->lock[0].node.next = (void *)((char *)&r->lock[1].node + 2);
		r->head.list_op_pending = &r->lock[2].node;
	}));
	CHECK_EQ(r->lock[0].word, FUTEX_OWNER_DIED);
	CHECK(!(r->lock[1].word & FUTEX_OWNER_DIED));
	CHECK(!(r->lock[2].word & FUTEX_OWNER_DIED)); /* the pending one is not looked at either */
}

TEST(robust_pending_lock_is_marked_once)
{
	struct robust *r = robust_set(1);

	WAIT_OK(CHILD({
		take_all(r, 2);
		r->head.list_op_pending = &r->lock[1].node;
	}));
	CHECK_EQ(r->lock[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(r->lock[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

TEST(robust_wakes_a_waiter_of_another_process)
{
	struct robust *r = robust_set(2);
	int hold[2];
	pid_t p, q;
	char c;

	CHECK(!pipe(hold));
	p = CHILD({
		take_all(r, 2);
		close(hold[1]);
		read(hold[0], &c, 1); /* until nobody can write */
	});
	while (!(*(volatile uint32_t *)&r->lock[1].word & FUTEX_WAITERS))
		sleep_ms(1);
	q = CHILD({
		uint32_t v = r->lock[1].word;

		close(hold[1]);
		CHECK(v & FUTEX_WAITERS);
		CHECK_EQ(futex(&r->lock[1].word, FUTEX_WAIT, (int)v, NULL, NULL, 0), 0);
	});
	wait_asleep(q);
	close(hold[1]);
	WAIT_OK(p);
	WAIT_OK(q);
}

TEST(robust_list_in_a_ring_ends)
{
	struct robust *r = robust_set(2);

	WAIT_OK(CHILD({
		take_all(r, 2);
		r->lock[1].node.next = &r->lock[0].node;
	}));
	CHECK_EQ(r->lock[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}
