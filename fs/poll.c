// SPDX-License-Identifier: MIT
/*
 * poll(2), ppoll(2), select(2), pselect(2).
 *
 * One scan asks each file and, as long as nothing is ready, leaves a wait entry
 * on its queues; then the caller sleeps until one of them fires and scans again.
 * Entries live in the table below: the first ones inside it, on the caller's
 * stack, the others in pages.  An entry holds its file if another thread may close
 * the descriptor meanwhile, that is if the table of descriptors is shared: while the
 * only thread of a table is in here, nobody closes or shares it.
 */
#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <linux/personality.h>
#include <linux/time_types.h>
#include <tarn/errno.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>

#define INLINE_ENTRIES 6u
#define ALWAYS (POLLERR | POLLHUP)

struct poll_entry {
	struct wait_entry wait;
	struct file *file; /* counted, or NULL: nobody can close it */
};

struct poll_page {
	struct poll_page *next;
	u32 used;
	struct poll_entry entries[];
};
#define PAGE_ENTRIES ((PAGE_SIZE - sizeof(struct poll_page)) / sizeof(struct poll_entry))

struct poll_table {
	struct poll_wait wait;       /* what files see; first */
	struct thread *thread;
	struct fdref asked;          /* the file being asked */
	_Atomic bool fired;
	bool no_memory;
	u32 used;
	struct poll_page *pages;
	struct poll_entry entries[INLINE_ENTRIES];
};

/* ---- the table ---- */

static bool table_wake(struct wait_entry *e, u32 events)
{
	struct poll_table *t = e->data;

	atomic_store_explicit(&t->fired, true, memory_order_release);
	return thread_wake(t->thread);
}

static struct poll_entry *entry_new(struct poll_table *t)
{
	struct poll_page *page = t->pages;

	if (t->used < INLINE_ENTRIES)
		return &t->entries[t->used++];
	if (!page || page->used == PAGE_ENTRIES) {
		page = pages_alloc(GFP_KERNEL, 0);
		if (!page)
			return NULL;
		page->next = t->pages;
		page->used = 0;
		t->pages = page;
	}
	return &page->entries[page->used++];
}

static void table_add(struct poll_wait *w, struct waitq *q)
{
	struct poll_table *t = container_of(w, struct poll_table, wait);
	struct poll_entry *e = entry_new(t);

	if (!e) {
		t->no_memory = true;
		return;
	}
	e->file = t->asked.counted ? file_get(t->asked.file) : NULL;
	e->wait.thread = t->thread;
	e->wait.data = t;
	e->wait.wake = table_wake;
	e->wait.exclusive = false;
	e->wait.events = w->events;
	waitq_add(q, &e->wait);
}

static void table_init(struct poll_table *t)
{
	t->wait.add = table_add;
	t->wait.events = 0;
	t->thread = current;
	t->asked = (struct fdref){ NULL, false };
	atomic_store(&t->fired, false);
	t->no_memory = false;
	t->used = 0;
	t->pages = NULL;
}

static void entry_free(struct poll_entry *e)
{
	waitq_remove(&e->wait);
	if (unlikely(e->file))
		file_put(e->file);
}

static void table_free(struct poll_table *t)
{
	struct poll_page *page;

	for (u32 i = 0; i < t->used; i++)
		entry_free(&t->entries[i]);
	while ((page = t->pages)) {
		for (u32 i = 0; i < page->used; i++)
			entry_free(&page->entries[i]);
		t->pages = page->next;
		pages_free(page, 0);
	}
}

u32 file_poll(struct file *f, struct poll_wait *w)
{
	if (!f->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return f->ops->poll(f, w);
}

/* What of @events is true of descriptor @fd; POLLNVAL: there is none. */
static inline u32 ask(struct poll_table *t, int fd, u32 events)
{
	struct fdref r = fd_ref((unsigned int)fd);
	u32 mask;

	if (!r.file)
		return POLLNVAL;
	t->asked = r;
	t->wait.events = events | ALWAYS;
	mask = file_poll(r.file, &t->wait) & (events | ALWAYS);
	fd_unref(r);
	return mask;
}

/* Sleeps until an entry fires: 0, -EINTR (a signal), -ETIMEDOUT. */
static int table_sleep(struct poll_table *t, ktime_t deadline)
{
	bool late = false;

	t->wait.add = NULL; /* entries are in place after the first scan */
	if (t->no_memory)
		return -ENOMEM;
	if (signal_pending())
		return -EINTR;
	thread_set_state(TS_INTERRUPTIBLE);
	if (!atomic_load(&t->fired))
		late = schedule_deadline(deadline);
	thread_set_state(TS_RUNNING);
	if (!atomic_exchange(&t->fired, false) && late)
		return -ETIMEDOUT;
	return 0;
}

/* ---- poll ---- */

static int scan_pollfds(struct poll_table *t, struct pollfd *fds, unsigned int n)
{
	int ready = 0;

	for (unsigned int i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		fds[i].revents = (short)ask(t, fds[i].fd, (u16)fds[i].events);
		if (fds[i].revents) {
			ready++;
			t->wait.add = NULL; /* there is an answer: nobody will sleep */
		}
	}
	return ready;
}

/* Number of ready descriptors, 0 when the time is over, or -EINTR. */
static NOINLINE int wait_pollfds(struct pollfd *fds, unsigned int n, ktime_t deadline)
{
	struct poll_table t;
	int ready, err = 0;

	table_init(&t);
	if (!deadline)
		t.wait.add = NULL;
	for (;;) {
		ready = scan_pollfds(&t, fds, n);
		if (ready || err == -ETIMEDOUT || !deadline)
			break;
		err = table_sleep(&t, deadline);
		if (err && err != -ETIMEDOUT) {
			ready = err;
			break;
		}
	}
	table_free(&t);
	return ready;
}

#define STACK_POLLFDS 32u

static long copy_out_revents(struct pollfd __user *ufds, const struct pollfd *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (put_user(fds[i].revents, &ufds[i].revents))
			return -EFAULT;
	return 0;
}

/* @deadline 0: only look.  A signal gives -EINTR for the caller to translate. */
static long do_poll(struct pollfd __user *ufds, unsigned int n, ktime_t deadline)
{
	struct pollfd stack[STACK_POLLFDS], *fds = stack;
	size_t size = n * sizeof(*fds);
	long ret;

	if (n > rlimit_cur(RLIMIT_NOFILE))
		return -EINVAL;
	if (n > STACK_POLLFDS) {
		fds = kmalloc(size, GFP_KERNEL);
		if (!fds)
			return -ENOMEM;
	}
	ret = copy_from_user(fds, ufds, size);
	if (!ret)
		ret = wait_pollfds(fds, n, deadline);
	if (ret >= 0 && copy_out_revents(ufds, fds, n))
		ret = -EFAULT;
	if (fds != stack)
		kfree(fds);
	return ret;
}

static ktime_t deadline_in(u64 ns)
{
	ktime_t now;

	if (!ns)
		return 0;
	now = clock_monotonic();
	return ns >= KTIME_MAX - 1 - now ? KTIME_MAX - 1 : now + ns;
}

/* poll(2) continues after a signal whose handler restarts calls nothing, with the time that is left. */
static long poll_restart(struct thread *t)
{
	long ret = do_poll((struct pollfd __user *)t->restart.arg[0], (unsigned int)t->restart.arg[1],
			   t->restart.arg[2]);

	return ret == -EINTR ? -ERESTART_RESTARTBLOCK : ret;
}

long sys_poll(struct pollfd __user *fds, unsigned int nfds, int timeout_ms)
{
	ktime_t deadline = timeout_ms < 0 ? KTIME_MAX : deadline_in(timeout_ms * NSEC_PER_MSEC);
	long ret = do_poll(fds, nfds, deadline);

	if (ret != -EINTR)
		return ret;
	current->restart.fn = poll_restart;
	current->restart.arg[0] = (u64)fds;
	current->restart.arg[1] = nfds;
	current->restart.arg[2] = deadline;
	return -ERESTART_RESTARTBLOCK;
}

/* The deadline of a struct timespec; a NULL pointer: none. */
static int timespec_deadline(ktime_t *out, const void __user *uts)
{
	ktime_t ns;
	int err;

	*out = KTIME_MAX;
	if (!uts)
		return 0;
	err = ktime_from_user_timespec(&ns, uts);
	if (!err)
		*out = deadline_in(ns);
	return err;
}

static u64 time_left(ktime_t deadline)
{
	ktime_t now = clock_monotonic();

	return deadline > now ? deadline - now : 0;
}

/*
 * The end of the calls with a signal mask: the mask comes back at once, or after
 * the signal's handler; the time left is written back (a failure there is not
 * worth the result).
 */
static long finish_masked(long ret, ktime_t deadline, void __user *uts)
{
	if (ret != -EINTR)
		signal_restore_mask();
	if (uts && deadline != KTIME_MAX && !(current->personality & STICKY_TIMEOUTS) &&
	    ktime_to_user_timespec(uts, time_left(deadline)))
		return ret == -EINTR ? -EINTR : ret;
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

long sys_ppoll(struct pollfd __user *fds, unsigned int nfds, void __user *timeout,
	       const u64 __user *sigmask, size_t sigsetsize)
{
	ktime_t deadline;
	int err = timespec_deadline(&deadline, timeout);

	if (!err)
		err = signal_set_temporary_mask(sigmask, sigsetsize);
	if (err)
		return err;
	return finish_masked(do_poll(fds, nfds, deadline), deadline, timeout);
}

/* ---- select ---- */

#define SELECT_IN (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define SELECT_OUT (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define SELECT_EX POLLPRI

/* Three sets as asked and three as answered, each of @words words. */
struct select_sets {
	u32 n, words;
	ulong *in[3], *out[3];
};

static u32 wanted_events(const struct select_sets *s, u32 word, u32 bit)
{
	u32 events = 0;

	if (s->in[0][word] & BIT(bit))
		events |= SELECT_IN;
	if (s->in[1][word] & BIT(bit))
		events |= SELECT_OUT;
	if (s->in[2][word] & BIT(bit))
		events |= SELECT_EX;
	return events;
}

static int note_answer(struct select_sets *s, u32 word, u32 bit, u32 mask)
{
	static const u32 masks[3] = { SELECT_IN, SELECT_OUT, SELECT_EX };
	int found = 0;

	for (int i = 0; i < 3; i++)
		if ((s->in[i][word] & BIT(bit)) && (mask & masks[i])) {
			s->out[i][word] |= BIT(bit);
			found++;
		}
	return found;
}

/* An O_PATH descriptor is one, though nothing can be asked of it: select(2) calls it ready for all. */
static bool is_path_descriptor(u32 fd)
{
	struct fdref r = fd_ref_raw(fd);

	if (r.file)
		fd_unref(r);
	return r.file;
}

static int scan_word(struct poll_table *t, struct select_sets *s, u32 word)
{
	ulong any = s->in[0][word] | s->in[1][word] | s->in[2][word];
	int ready = 0, found;

	for (; any; any &= any - 1) {
		u32 bit = (u32)__builtin_ctzl(any);
		u32 fd = word * 64 + bit, mask;

		if (fd >= s->n)
			break;
		mask = ask(t, (int)fd, wanted_events(s, word, bit));
		if (mask == POLLNVAL) {
			if (!is_path_descriptor(fd))
				return -EBADF;
			mask = SELECT_IN | SELECT_OUT | SELECT_EX;
		}
		if (!mask)
			continue;
		found = note_answer(s, word, bit, mask);
		if (found)
			t->wait.add = NULL;
		ready += found;
	}
	return ready;
}

static int scan_sets(struct poll_table *t, struct select_sets *s)
{
	int ready = 0;

	for (int i = 0; i < 3; i++)
		memset(s->out[i], 0, s->words * sizeof(ulong));
	for (u32 word = 0; word < s->words; word++) {
		int n = scan_word(t, s, word);

		if (n < 0)
			return n;
		ready += n;
	}
	return ready;
}

static NOINLINE int wait_sets(struct select_sets *s, ktime_t deadline)
{
	struct poll_table t;
	int ready, err = 0;

	table_init(&t);
	if (!deadline)
		t.wait.add = NULL;
	for (;;) {
		ready = scan_sets(&t, s);
		if (ready || err == -ETIMEDOUT || !deadline)
			break;
		err = table_sleep(&t, deadline);
		if (err && err != -ETIMEDOUT) {
			ready = err;
			break;
		}
	}
	table_free(&t);
	return ready;
}

static int copy_in_sets(struct select_sets *s, void __user *const *usets, size_t bytes)
{
	for (int i = 0; i < 3; i++)
		if (usets[i] && copy_from_user(s->in[i], usets[i], bytes))
			return -EFAULT;
	return 0;
}

static int copy_out_sets(const struct select_sets *s, void __user *const *usets, size_t bytes)
{
	for (int i = 0; i < 3; i++)
		if (usets[i] && copy_to_user(usets[i], s->out[i], bytes))
			return -EFAULT;
	return 0;
}

#define STACK_WORDS 4u /* 256 descriptors */

/* @usets: read, write, except.  A signal gives -EINTR. */
static long do_select(int n, void __user *const *usets, ktime_t deadline)
{
	ulong stack[6 * STACK_WORDS], *mem = stack;
	struct select_sets s;
	size_t bytes;
	long ret;

	if (n < 0)
		return -EINVAL;
	/* More than the table can hold are not looked at, as callers pass getdtablesize(). */
	s.n = MIN((u32)n, fd_table_size());
	s.words = DIV_ROUND_UP(s.n, 64u);
	bytes = s.words * sizeof(ulong);
	if (s.words > STACK_WORDS) {
		mem = kmalloc(6 * bytes, GFP_KERNEL);
		if (!mem)
			return -ENOMEM;
	}
	memset(mem, 0, 6 * bytes);
	for (u32 i = 0; i < 3; i++) {
		s.in[i] = mem + i * s.words;
		s.out[i] = mem + (i + 3) * s.words;
	}
	ret = copy_in_sets(&s, usets, bytes);
	if (!ret)
		ret = wait_sets(&s, deadline);
	if (ret >= 0 && copy_out_sets(&s, usets, bytes))
		ret = -EFAULT;
	if (mem != stack)
		kfree(mem);
	return ret;
}

static long write_back_timeval(long ret, ktime_t deadline, void __user *utv)
{
	struct __kernel_old_timeval tv;
	u64 left;

	if (utv && deadline != KTIME_MAX && !(current->personality & STICKY_TIMEOUTS)) {
		left = time_left(deadline);
		tv.tv_sec = (long)(left / NSEC_PER_SEC);
		tv.tv_usec = (long)(left % NSEC_PER_SEC / NSEC_PER_USEC);
		if (copy_to_user(utv, &tv, sizeof(tv)))
			return ret;
	}
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

long sys_select(int n, void __user *in, void __user *out, void __user *ex, void __user *timeout)
{
	void __user *usets[3] = { in, out, ex };
	ktime_t deadline = KTIME_MAX, ns;
	int err;

	if (timeout) {
		err = ktime_from_user_timeval(&ns, timeout);
		if (err)
			return err;
		deadline = deadline_in(ns);
	}
	return write_back_timeval(do_select(n, usets, deadline), deadline, timeout);
}

long sys_pselect6(int n, void __user *in, void __user *out, void __user *ex, void __user *timeout,
		  void __user *sig)
{
	void __user *usets[3] = { in, out, ex };
	struct { /* the sixth argument: pselect(2), "C library/kernel differences" */
		const u64 __user *mask;
		size_t size;
	} arg = { NULL, 0 };
	ktime_t deadline;
	int err;

	if (sig && copy_from_user(&arg, sig, sizeof(arg)))
		return -EFAULT;
	err = timespec_deadline(&deadline, timeout);
	if (!err)
		err = signal_set_temporary_mask(arg.mask, arg.size);
	if (err)
		return err;
	return finish_masked(do_select(n, usets, deadline), deadline, timeout);
}
