// SPDX-License-Identifier: MIT
/*
 * /dev/rtc0: the battery clock for hwclock(8), rtc(4).  Reading and setting the time;
 * alarms and periodic interrupts are absent (EINVAL, as of a Linux driver without them): hwclock then
 * waits for the next second by reading again and again.
 *
 * Tests: tests/system/test_devices.py.
 */
#include <arch/time.h>
#include <arch/uaccess.h>
#include <linux/capability.h>
#include <linux/rtc.h>
#include <tarn/cred.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/strbuf.h>

#define DAY 86400

static const u16 before_month[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
	if (month == 11)
		return 31;
	return before_month[month + 1] - before_month[month] + (month == 1 && is_leap(year));
}

static s64 days_before_year(int year)
{
	s64 y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static struct rtc_time from_seconds(u64 seconds)
{
	u32 of_day = (u32)(seconds % DAY);
	s64 days = (s64)(seconds / DAY);
	struct rtc_time t = { .tm_sec = (int)(of_day % 60), .tm_min = (int)(of_day / 60 % 60),
			      .tm_hour = (int)(of_day / 3600), .tm_wday = (int)((days + 4) % 7) };
	int year = 1970 + (int)(days / 366);

	while (days_before_year(year + 1) <= days)
		year++;
	days -= days_before_year(year);
	t.tm_year = year - 1900;
	t.tm_yday = (int)days;
	while (days >= month_days(year, t.tm_mon))
		days -= month_days(year, t.tm_mon++);
	t.tm_mday = (int)days + 1;
	return t;
}

/* False: no such time. */
static bool to_seconds(const struct rtc_time *t, u64 *seconds)
{
	int year;

	if (t->tm_year < 70 || t->tm_year > 8000 || t->tm_mon < 0 || t->tm_mon > 11)
		return false;
	year = t->tm_year + 1900;
	if (t->tm_mday < 1 || t->tm_mday > month_days(year, t->tm_mon) || t->tm_hour < 0 || t->tm_hour > 23 ||
	    t->tm_min < 0 || t->tm_min > 59 || t->tm_sec < 0 || t->tm_sec > 59)
		return false;
	*seconds = (u64)(days_before_year(year) + before_month[t->tm_mon] +
			 (t->tm_mon > 1 && is_leap(year)) + t->tm_mday - 1) * DAY +
		   (u64)(t->tm_hour * 3600 + t->tm_min * 60 + t->tm_sec);
	return true;
}

static long read_time(struct rtc_time __user *out)
{
	u64 seconds = arch_rtc_read();
	struct rtc_time t;

	if (!seconds)
		return -EIO;
	t = from_seconds(seconds);
	return copy_to_user(out, &t, sizeof(t));
}

static long set_time(const struct rtc_time __user *in)
{
	struct rtc_time t;
	u64 seconds;

	if (!capable(CAP_SYS_TIME))
		return -EACCES;
	if (copy_from_user(&t, in, sizeof(t)))
		return -EFAULT;
	return to_seconds(&t, &seconds) ? arch_rtc_set(seconds) : -EINVAL;
}

static long rtc_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case RTC_RD_TIME:
		return read_time((struct rtc_time __user *)arg);
	case RTC_SET_TIME:
		return set_time((const struct rtc_time __user *)arg);
	case RTC_UIE_ON:
	case RTC_UIE_OFF:
	case RTC_AIE_ON:
	case RTC_AIE_OFF:
	case RTC_PIE_ON:
	case RTC_PIE_OFF:
	case RTC_ALM_READ:
	case RTC_ALM_SET:
	case RTC_WKALM_RD:
	case RTC_WKALM_SET:
		return -EINVAL;
	}
	return -ENOTTY;
}

static int rtc_open(struct inode *inode, struct file *f)
{
	f->mode |= FMODE_NO_POS;
	return 0;
}

static const struct file_ops rtc_fops = {
	.open = rtc_open,
	.ioctl = rtc_ioctl,
};

static int epoch_show(struct device *dev, struct strbuf *out)
{
	strbuf_printf(out, "%llu\n", (unsigned long long)arch_rtc_read());
	return 0;
}

static int date_show(struct device *dev, struct strbuf *out)
{
	struct rtc_time t = from_seconds(arch_rtc_read());

	strbuf_printf(out, "%04d-%02d-%02d\n", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
	return 0;
}

static int time_show(struct device *dev, struct strbuf *out)
{
	struct rtc_time t = from_seconds(arch_rtc_read());

	strbuf_printf(out, "%02d:%02d:%02d\n", t.tm_hour, t.tm_min, t.tm_sec);
	return 0;
}

static int name_show(struct device *dev, struct strbuf *out)
{
	strbuf_puts(out, "rtc_cmos\n");
	return 0;
}

/* The clock was set from this one at boot. */
static int hctosys_show(struct device *dev, struct strbuf *out)
{
	strbuf_puts(out, "1\n");
	return 0;
}

static const struct device_attr rtc_attrs[] = {
	{ "name", 0444, name_show, NULL },
	{ "date", 0444, date_show, NULL },
	{ "time", 0444, time_show, NULL },
	{ "since_epoch", 0444, epoch_show, NULL },
	{ "hctosys", 0444, hctosys_show, NULL },
	{ 0 },
};

void rtc_init(void)
{
	static struct device rtc = { .name = "rtc0", .subsystem = "rtc", .attrs = rtc_attrs };
	u32 major;

	if (!arch_rtc_read())
		return;
	major = chrdev_dynamic_major();
	if (chrdev_register(KDEV(major, 0), 1, "rtc", &rtc_fops))
		return;
	rtc.dev = KDEV(major, 0);
	device_add(&rtc);
}
