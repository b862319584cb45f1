// SPDX-License-Identifier: MIT
/* Each of many who ask hears of each error once. */
/* test-sources: lib/errseq.c */
#include <tarn/errno.h>
#include <tarn/errseq.h>
#include "test.h"

TEST(errseq_each_cursor_once)
{
	struct errseq e = { 0 };
	_Atomic u32 a = errseq_sample(&e), b = errseq_sample(&e);

	EXPECT_EQ(errseq_check(&e, &a), 0);
	errseq_set(&e, -EIO);
	EXPECT_EQ(errseq_check(&e, &a), -EIO);
	EXPECT_EQ(errseq_check(&e, &a), 0);
	EXPECT_EQ(errseq_check(&e, &b), -EIO);
	errseq_set(&e, -EIO); /* another one like it */
	EXPECT_EQ(errseq_check(&e, &a), -EIO);
	errseq_set(&e, -ENOSPC);
	EXPECT_EQ(errseq_check(&e, &a), -ENOSPC);
	EXPECT_EQ(errseq_check(&e, &b), -ENOSPC);
	EXPECT_EQ(errseq_check(&e, &b), 0);
}

TEST(errseq_untold_waits_for_the_next)
{
	struct errseq e = { 0 };
	_Atomic u32 late, later;

	errseq_set(&e, -EIO);
	errseq_set(&e, -EIO);
	late = errseq_sample(&e);
	EXPECT_EQ(errseq_check(&e, &late), -EIO);
	later = errseq_sample(&e);
	EXPECT_EQ(errseq_check(&e, &later), 0);
}

TEST(errseq_since_sees_what_is_like_the_last_and_tells_nobody)
{
	struct errseq e = { 0 };
	_Atomic u32 a = errseq_sample(&e);
	u32 then;

	errseq_set(&e, -EIO);
	then = errseq_now(&e);
	EXPECT_EQ(errseq_since(&e, then), 0);
	errseq_set(&e, -EIO);
	EXPECT_EQ(errseq_since(&e, then), -EIO);
	EXPECT_EQ(errseq_sample(&e), 0);
	EXPECT_EQ(errseq_check(&e, &a), -EIO);
	then = errseq_now(&e);
	EXPECT_EQ(errseq_since(&e, then), 0);
}

TEST(errseq_told_meanwhile_is_no_error)
{
	struct errseq e = { 0 };
	_Atomic u32 a = 0;
	u32 then;

	errseq_set(&e, -EIO);
	then = errseq_now(&e);
	EXPECT_EQ(errseq_check(&e, &a), -EIO);
	EXPECT_EQ(errseq_since(&e, then), 0);
}
