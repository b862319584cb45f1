// SPDX-License-Identifier: MIT
/* The battery clock (MC146818, CMOS): read once at boot. */
#include <arch/io.h>
#include <arch/time.h>
#include <tarn/string.h>

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define STATUS_A 10
#define STATUS_B 11
#define UPDATING BIT(7)
#define BINARY BIT(2)
#define HOURS_24 BIT(1)
#define PM BIT(7)

struct rtc_time {
	u8 second, minute, hour, day, month, year, century;
};

static u8 cmos_read(u8 reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

static struct rtc_time rtc_registers(void)
{
	for (unsigned int i = 0; i < 10000 && (cmos_read(STATUS_A) & UPDATING); i++)
		;
	return (struct rtc_time){ cmos_read(0), cmos_read(2), cmos_read(4), cmos_read(7),
				  cmos_read(8), cmos_read(9), cmos_read(0x32) };
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

u64 arch_rtc_read(void)
{
	struct rtc_time a, b = rtc_registers();
	u8 status = cmos_read(STATUS_B);
	bool pm;
	s64 year;

	if (status == 0xff)
		return 0; /* no CMOS answers */
	do { /* twice the same: no update in between */
		a = b;
		b = rtc_registers();
	} while (memcmp(&a, &b, sizeof(a)));
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
