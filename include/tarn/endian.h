// SPDX-License-Identifier: MIT
/*
 * Integers whose byte order is fixed by a disk, a device or a wire.
 *
 * One-member structs, so that using one without converting does not compile.
 * Their size and alignment are the plain integer's: inside a PACKED struct
 * assert the size.  get_/put_ handle unaligned bytes anywhere.
 */
#pragma once

typedef struct {
	u16 raw;
} le16;
typedef struct {
	u32 raw;
} le32;
typedef struct {
	u64 raw;
} le64;
typedef struct {
	u16 raw;
} be16;
typedef struct {
	u32 raw;
} be32;
typedef struct {
	u64 raw;
} be64;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ENDIAN_LE_(bits, x) (x)
#define ENDIAN_BE_(bits, x) __builtin_bswap##bits(x)
#else
#define ENDIAN_LE_(bits, x) __builtin_bswap##bits(x)
#define ENDIAN_BE_(bits, x) (x)
#endif

/* For static initialisers: { .magic = LE32_CONST(0x1234) }. */
#define LE32_CONST(x) { ENDIAN_LE_(32, (u32)(x)) }
#define BE32_CONST(x) { ENDIAN_BE_(32, (u32)(x)) }

/*
 * For each type, here le32:
 *	u32  le32_to_cpu(le32)		le32 cpu_to_le32(u32)
 *	void le32_add(le32 *, u32)	add in place, wrapping
 *	u32  get_le32(const void *)	void put_le32(void *, u32)	any alignment
 */
#define ENDIAN_OPS_(name, bits, CONVERT)                                          \
	static inline u##bits name##_to_cpu(name v)                               \
	{                                                                         \
		return CONVERT(bits, v.raw);                                      \
	}                                                                         \
	static inline name cpu_to_##name(u##bits v)                               \
	{                                                                         \
		return (name){ CONVERT(bits, v) };                                \
	}                                                                         \
	static inline void name##_add(name *p, u##bits v)                         \
	{                                                                         \
		*p = cpu_to_##name((u##bits)(name##_to_cpu(*p) + v));             \
	}                                                                         \
	static inline u##bits get_##name(const void *p)                           \
	{                                                                         \
		name v;                                                           \
		__builtin_memcpy(&v, p, sizeof(v));                               \
		return name##_to_cpu(v);                                          \
	}                                                                         \
	static inline void put_##name(void *p, u##bits v)                         \
	{                                                                         \
		name raw = cpu_to_##name(v);                                      \
		__builtin_memcpy(p, &raw, sizeof(raw));                           \
	}

ENDIAN_OPS_(le16, 16, ENDIAN_LE_)
ENDIAN_OPS_(le32, 32, ENDIAN_LE_)
ENDIAN_OPS_(le64, 64, ENDIAN_LE_)
ENDIAN_OPS_(be16, 16, ENDIAN_BE_)
ENDIAN_OPS_(be32, 32, ENDIAN_BE_)
ENDIAN_OPS_(be64, 64, ENDIAN_BE_)

_Static_assert(sizeof(le16) == 2 && sizeof(be32) == 4 && sizeof(le64) == 8, "no padding");
