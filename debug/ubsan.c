// SPDX-License-Identifier: MIT
/*
 * What the compiler calls when C leaves open what happens (-fsanitize=undefined).
 *
 * Each handler names the operation, its operands and the place in the source, and panics: code
 * behind undefined behaviour cannot be trusted.  The structures are the compiler's.
 */
#include <tarn/panic.h>
#include <tarn/printf.h>

struct place {
	const char *file;
	u32 line, column;
};

/* kind 0: integer; info: bit 0 signed, above it log2 of the width in bits. */
struct type {
	u16 kind, info;
	char name[];
};

struct overflow {
	struct place at;
	const struct type *type;
};

struct shift {
	struct place at;
	const struct type *left, *right;
};

struct bounds {
	struct place at;
	const struct type *array, *index;
};

struct mismatch {
	struct place at;
	const struct type *type;
	u8 log_align, access;
};

struct nonnull_arg {
	struct place at, attribute;
	int number;
};

static void NORETURN PRINTF_LIKE(2, 3) report(const struct place *at, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vscnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	panic("UBSan: %s at %s:%u:%u", text, at->file, at->line, at->column);
}

/* An operand as the compiler passes it: itself if it fits a register, else where it lies. */
static const char *show(const struct type *t, u64 v, char *buf, size_t size)
{
	unsigned int width = 1u << (t->info >> 1);
	bool is_signed = t->info & 1;

	if (t->kind != 0 || width > 64)
		return "a value";
	if (is_signed)
		scnprintf(buf, size, "%ld", (long)((s64)(v << (64 - width)) >> (64 - width)));
	else
		scnprintf(buf, size, "%lu", (ulong)v);
	return buf;
}

static void NORETURN overflow(const struct overflow *d, const char *op, u64 a, u64 b)
{
	char left[24], right[24];

	report(&d->at, "signed overflow: %s %s %s in type %s",
	       show(d->type, a, left, sizeof(left)), op, show(d->type, b, right, sizeof(right)),
	       d->type->name);
}

#define OVERFLOW(name, op)                                                           \
	void __ubsan_handle_##name##_abort(const struct overflow *d, u64 a, u64 b);  \
	void __ubsan_handle_##name##_abort(const struct overflow *d, u64 a, u64 b)   \
	{                                                                            \
		overflow(d, op, a, b);                                               \
	}
OVERFLOW(add_overflow, "+")
OVERFLOW(sub_overflow, "-")
OVERFLOW(mul_overflow, "*")
OVERFLOW(divrem_overflow, "/")

void __ubsan_handle_negate_overflow_abort(const struct overflow *d, u64 v);
void __ubsan_handle_negate_overflow_abort(const struct overflow *d, u64 v)
{
	char text[24];

	report(&d->at, "signed overflow: - %s in type %s", show(d->type, v, text, sizeof(text)),
	       d->type->name);
}

void __ubsan_handle_shift_out_of_bounds_abort(const struct shift *d, u64 left, u64 right);
void __ubsan_handle_shift_out_of_bounds_abort(const struct shift *d, u64 left, u64 right)
{
	char a[24], b[24];

	report(&d->at, "shift of %s by %s in type %s", show(d->left, left, a, sizeof(a)),
	       show(d->right, right, b, sizeof(b)), d->left->name);
}

void __ubsan_handle_out_of_bounds_abort(const struct bounds *d, u64 index);
void __ubsan_handle_out_of_bounds_abort(const struct bounds *d, u64 index)
{
	char text[24];

	report(&d->at, "index %s is outside of %s", show(d->index, index, text, sizeof(text)),
	       d->array->name);
}

void __ubsan_handle_type_mismatch_v1_abort(const struct mismatch *d, u64 pointer);
void __ubsan_handle_type_mismatch_v1_abort(const struct mismatch *d, u64 pointer)
{
	u64 align = 1ul << d->log_align;

	if (!pointer)
		report(&d->at, "null pointer to %s is followed", d->type->name);
	if (pointer & (align - 1))
		report(&d->at, "pointer 0x%lx to %s is not aligned to %lu", (ulong)pointer,
		       d->type->name, (ulong)align);
	report(&d->at, "object at 0x%lx has no room for %s", (ulong)pointer, d->type->name);
}

void __ubsan_handle_load_invalid_value_abort(const struct overflow *d, u64 v);
void __ubsan_handle_load_invalid_value_abort(const struct overflow *d, u64 v)
{
	report(&d->at, "%s cannot be %lu", d->type->name, (ulong)v);
}

void __ubsan_handle_pointer_overflow_abort(const struct place *at, u64 base, u64 result);
void __ubsan_handle_pointer_overflow_abort(const struct place *at, u64 base, u64 result)
{
	report(at, "pointer 0x%lx wraps around to 0x%lx", (ulong)base, (ulong)result);
}

void __ubsan_handle_nonnull_arg_abort(const struct nonnull_arg *d);
void __ubsan_handle_nonnull_arg_abort(const struct nonnull_arg *d)
{
	report(&d->at, "argument %d may not be null", d->number);
}

void __ubsan_handle_vla_bound_not_positive_abort(const struct overflow *d, u64 v);
void __ubsan_handle_vla_bound_not_positive_abort(const struct overflow *d, u64 v)
{
	report(&d->at, "array of %ld elements", (long)v);
}

void __ubsan_handle_builtin_unreachable(const struct place *at);
void __ubsan_handle_builtin_unreachable(const struct place *at)
{
	report(at, "unreachable code is reached");
}

void __ubsan_handle_invalid_builtin_abort(const struct place *at);
void __ubsan_handle_invalid_builtin_abort(const struct place *at)
{
	report(at, "count of leading or trailing zeros of 0");
}
