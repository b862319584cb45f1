// SPDX-License-Identifier: MIT
/* Times between user space's structs and nanoseconds. */
#include <linux/time.h>
#include <linux/time_types.h>
#include <arch/uaccess.h>
#include <tarn/errno.h>
#include <tarn/time.h>

#define SEC_MAX ((s64)((KTIME_MAX - 1) / NSEC_PER_SEC / 2))

/* Half of the range is plenty (292 years) and lets two times be added. */
static ktime_t make_ktime(s64 sec, s64 nsec)
{
	if (sec >= SEC_MAX)
		return (KTIME_MAX >> 1);
	return (ktime_t)sec * NSEC_PER_SEC + (ktime_t)nsec;
}

static inline int from_timespec(ktime_t *out, struct __kernel_timespec k)
{
	if (k.tv_sec < 0 || k.tv_nsec < 0 || (u64)k.tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	*out = make_ktime(k.tv_sec, k.tv_nsec);
	return 0;
}

int ktime_from_user_timespec(ktime_t *out, const void __user *ts)
{
	struct __kernel_timespec k;
	int err = copy_from_user(&k, ts, sizeof(k));

	return err ? err : from_timespec(out, k);
}

int ktime_from_user_itimerspec(ktime_t *value, ktime_t *interval, const void __user *its)
{
	struct __kernel_itimerspec k;
	int err = copy_from_user(&k, its, sizeof(k));

	if (!err)
		err = from_timespec(value, k.it_value);
	return err ? err : from_timespec(interval, k.it_interval);
}

int ktime_from_user_timeval(ktime_t *out, const void __user *tv)
{
	struct __kernel_old_timeval k;
	int err = copy_from_user(&k, tv, sizeof(k));

	if (err)
		return err;
	if (k.tv_sec < 0 || k.tv_usec < 0 || k.tv_usec >= 1000000)
		return -EINVAL;
	*out = make_ktime(k.tv_sec, k.tv_usec * (s64)NSEC_PER_USEC);
	return 0;
}

int ktime_to_user_timespec(void __user *ts, ktime_t t)
{
	struct __kernel_timespec k = { .tv_sec = (s64)(t / NSEC_PER_SEC),
				       .tv_nsec = (s64)(t % NSEC_PER_SEC) };

	return copy_to_user(ts, &k, sizeof(k));
}
