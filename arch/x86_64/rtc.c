// SPDX-License-Identifier: MIT
/*
 * The battery clock (MC146818, CMOS): read at boot, and read and set by /dev/rtc0 (drivers/rtc.c).
 *
 * A register is reached by two accesses, number and value: rtc_lock keeps them together.
 */
#include <arch/io.h>
#include <arch/time.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/string.h>

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define STATUS_A 10
#define STATUS_B 11
#define UPDATING BIT(7)
#define BINARY BIT(2)
#define HOURS_24 BIT(1)
#define SET BIT(7) /* updates wait while this is on */
#define CENTURY 0x32
#define PM BIT(7)

struct rtc_time {
	u8 second, minute, hour, day, month, year, century;
};

static struct spinlock rtc_lock = SPINLOCK_INIT("rtc", LR_LEAF);

static u8 cmos_read(u8 reg) MUST_HOLD(&rtc_lock)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

static void cmos_write(u8 reg, u8 value) MUST_HOLD(&rtc_lock)
{
	outb(CMOS_INDEX, reg);
	outb(CMOS_DATA, value);
}

static struct rtc_time rtc_registers(void) MUST_HOLD(&rtc_lock)
{
	for (unsigned int i = 0; i < 10000 && (cmos_read(STATUS_A) & UPDATING); i++)
		;
	return (struct rtc_time){ cmos_read(0), cmos_read(2), cmos_read(4), cmos_read(7),
				  cmos_read(8), cmos_read(9), cmos_read(CENTURY) };
}

static u8 from_bcd(u8 v)
{
	return (u8)((v >> 4) * 10 + (v & 15));
}

/* Days from 1970-01-01 to a date: months counted from March, so that the leap day is the last. */
static s64 days_since_1970(s64 year, u32 month, u32 day)
{
	s64 y = month <= 2 ? year - 1 : year;
	u32 m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* What the registers say, twice the same: no update in between.  False: no CMOS answers. */
static bool rtc_settled(struct rtc_time *t, u8 *status)
{
	u64 flags = spin_lock_irqsave(&rtc_lock);
	struct rtc_time b = rtc_registers();

	*status = cmos_read(STATUS_B);
	for (int tries = 0; *status != 0xff && tries < 100; tries++) {
		*t = b;
		b = rtc_registers();
		if (memcmp(t, &b, sizeof(b)) == 0)
			break;
	}
	spin_unlock_irqrestore(&rtc_lock, flags);
	return *status != 0xff;
}

u64 arch_rtc_read(void)
{
	struct rtc_time a;
	u8 status;
	bool pm;
	s64 year;

	if (!rtc_settled(&a, &status))
		return 0;
	pm = !(status & HOURS_24) && (a.hour & PM);
	a.hour &= (u8)~PM;
	if (!(status & BINARY)) {
		u8 *field = &a.second;

		for (unsigned int i = 0; i < sizeof(a); i++)
			field[i] = from_bcd(field[i]);
	}
	if (!(status & HOURS_24))
		a.hour = (u8)(a.hour % 12 + (pm ? 12 : 0));
	if (a.month < 1 || a.month > 12 || a.day < 1 || a.day > 31)
		return 0;
	year = a.year + (a.century >= 19 && a.century <= 29 ? a.century * 100 : 2000);
	return (u64)days_since_1970(year, a.month, a.day) * 86400 + a.hour * 3600u + a.minute * 60u +
	       a.second;
}

/* The date @days after 1970-01-01, in years that begin in March (days_since_1970() backwards). */
static void date_of(s64 days, s64 *year, u32 *month, u32 *day)
{
	s64 era = (days + 719468) / 146097, in_era = days + 719468 - era * 146097;
	s64 y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	u32 in_year = (u32)(in_era - (365 * y + y / 4 - y / 100)), m = (5 * in_year + 2) / 153;

	*day = in_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = y + era * 400 + (*month <= 2);
}

static u8 to_bcd(u8 v)
{
	return (u8)(v / 10 << 4 | v % 10);
}

/* @t in the form that the chip is set to. */
static void rtc_encode(struct rtc_time *t, u8 status)
{
	bool pm = !(status & HOURS_24) && t->hour >= 12;
	u8 *field = &t->second;

	if (!(status & HOURS_24))
		t->hour = (u8)((t->hour + 11) % 12 + 1);
	for (unsigned int i = 0; i < sizeof(*t) && !(status & BINARY); i++)
		field[i] = to_bcd(field[i]);
	if (pm)
		t->hour |= PM;
}

int arch_rtc_set(u64 seconds)
{
	u32 of_day = (u32)(seconds % 86400), month, day;
	struct rtc_time t, now;
	s64 year;
	u64 flags;
	u8 status;

	if (!rtc_settled(&now, &status))
		return -ENODEV;
	if (seconds / 86400 > 300000)
		return -EINVAL;
	date_of((s64)(seconds / 86400), &year, &month, &day);
	if (year > 2099)
		return -EINVAL;
	t = (struct rtc_time){ (u8)(of_day % 60), (u8)(of_day / 60 % 60), (u8)(of_day / 3600), (u8)day,
			       (u8)month, (u8)(year % 100), (u8)(year / 100) };
	rtc_encode(&t, status);
	flags = spin_lock_irqsave(&rtc_lock);
	cmos_write(STATUS_B, status | SET);
	cmos_write(0, t.second);
	cmos_write(2, t.minute);
	cmos_write(4, t.hour);
	cmos_write(7, t.day);
	cmos_write(8, t.month);
	cmos_write(9, t.year);
	cmos_write(CENTURY, t.century);
	cmos_write(STATUS_B, status & (u8)~SET);
	spin_unlock_irqrestore(&rtc_lock, flags);
	return 0;
}
