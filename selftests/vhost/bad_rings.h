/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers that no honest driver makes available, each with the fault it is to
 * be found out by. A program includes this behind
 *
 *	static void run_bad(const struct guest_bad *b, bool packed)
 *
 * and has a test of each: in a ring of 4, the queue stops for that reason.
 */
#include "guest_bad.h"
#include "kselftest.h"

#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE
#define INDIRECT	VRING_DESC_F_INDIRECT
#define TABLE		GUEST_BAD_TABLE
#define END		GUEST_BAD_END

#define A7_SPLT(_name, ...)						\
	static const struct guest_bad split_##_name = { __VA_ARGS__ };	\
	TEST(a7_split_##_name)						\
	{								\
		run_bad(&split_##_name, false);				\
	}
#define A7_PACK(_name, ...)						\
	static const struct guest_bad packed_##_name = { __VA_ARGS__ };	\
	TEST(a7_packed_##_name)						\
	{								\
		run_bad(&packed_##_name, true);				\
	}
#define A7_BOTH(_name, ...)						\
	static const struct guest_bad both_##_name = { __VA_ARGS__ };	\
	TEST(a7_split_##_name)						\
	{								\
		run_bad(&both_##_name, false);				\
	}								\
	TEST(a7_packed_##_name)						\
	{								\
		run_bad(&both_##_name, true);				\
	}

A7_SPLT(head_beyond_the_table, "head-out-of-range", GUEST_TX, .head = 4)
A7_SPLT(head_far_beyond_the_table, "head-out-of-range", GUEST_RX, .head = 0xffff)
A7_SPLT(next_beyond_the_table, "next-out-of-range", GUEST_TX, 1, { { 64, NEXT, 4 } })
A7_SPLT(next_far_beyond_the_table, "next-out-of-range", GUEST_RX, 1,
	{ { 64, NEXT | WRITE, 65535 } })
A7_SPLT(chain_that_is_its_own_next, "chain-loop", GUEST_TX, 1, { { 64, NEXT, 0 } })
A7_SPLT(chain_that_loops, "chain-loop", GUEST_TX, 3, { { 64, NEXT, 1 }, { 64, NEXT, 2 },
	{ 64, NEXT, 1 } })
A7_SPLT(empty_chain_that_loops, "chain-loop", GUEST_RX, 2, { { 0, NEXT | WRITE, 1 },
	{ 0, NEXT | WRITE, 0 } })
A7_SPLT(table_that_loops, "chain-loop", GUEST_TX, 1, { { 32, INDIRECT, 0, TABLE } },
	{ { 8, NEXT, 1 }, { 8, NEXT, 0 } }, 2)
A7_SPLT(empty_table_entry_that_loops, "chain-loop", GUEST_TX, 1, { { 16, INDIRECT, 0, TABLE } },
	{ { 0, NEXT, 0 } }, 1)
A7_SPLT(table_next_beyond_it, "next-out-of-range", GUEST_TX, 1, { { 32, INDIRECT, 0, TABLE } },
	{ { 8, NEXT, 2 } }, 2)
A7_SPLT(table_that_goes_on_elsewhere, "indirect-next", GUEST_TX, 2,
	{ { 16, INDIRECT | NEXT, 1, TABLE }, { 16, 0, 0 } }, { { 16 } }, 1)

A7_PACK(id_beyond_the_ring, "id-out-of-range", GUEST_TX, 1, { { 100, 0, 4 } })
A7_PACK(id_far_beyond_the_ring, "id-out-of-range", GUEST_RX, 1, { { 2000, WRITE, 0xffff } })
A7_PACK(chain_without_an_end, "packed-chain-unfinished", GUEST_TX, 1, { { 64, NEXT, 0 } })
A7_PACK(chain_longer_than_the_ring, "packed-chain-unfinished", GUEST_TX, 4,
	{ { 64, NEXT }, { 64, NEXT }, { 64, NEXT }, { 64, NEXT } })
A7_PACK(empty_chain_longer_than_the_ring, "packed-chain-unfinished", GUEST_RX, 4,
	{ { 0, NEXT | WRITE }, { 0, NEXT | WRITE }, { 0, NEXT | WRITE }, { 0, NEXT | WRITE } })
A7_PACK(table_within_a_chain, "indirect-next", GUEST_TX, 2,
	{ { 16, NEXT }, { 16, INDIRECT, 0, TABLE } }, { { 100 } }, 1)
A7_PACK(table_that_goes_on_elsewhere, "indirect-next", GUEST_TX, 2,
	{ { 16, INDIRECT | NEXT, 0, TABLE }, { 16, 0, 0 } }, { { 16 } }, 1)

A7_BOTH(table_of_no_entries, "indirect-size", GUEST_TX, 1, { { 0, INDIRECT, 0, TABLE } })
A7_BOTH(table_of_broken_entries, "indirect-size", GUEST_TX, 1, { { 17, INDIRECT, 0, TABLE } })
A7_BOTH(table_of_too_many_entries, "indirect-size", GUEST_TX, 1,
	{ { 0x100010, INDIRECT, 0, TABLE } })
A7_BOTH(largest_table_there_could_be, "indirect-size", GUEST_TX, 1, { { ~0u, INDIRECT, 0, TABLE } })
A7_BOTH(table_in_a_table, "indirect-nested", GUEST_TX, 1, { { 16, INDIRECT, 0, TABLE } },
	{ { 16, INDIRECT, 0, TABLE } }, 1)
A7_BOTH(table_of_two_in_a_table, "indirect-nested", GUEST_RX, 1, { { 32, INDIRECT, 0, TABLE } },
	{ { 16, NEXT | WRITE, 1 }, { 16, INDIRECT | WRITE, 0, TABLE } }, 2)
A7_BOTH(table_without_the_feature, "indirect-not-negotiated", GUEST_TX, 1,
	{ { 16, INDIRECT, 0, TABLE } }, { { 100 } }, 1, .no_indirect = true)
A7_BOTH(table_where_no_memory_is, "indirect-no-memory", GUEST_TX, 1,
	{ { 64, INDIRECT, 0, 0x1000 } })
A7_BOTH(table_that_ends_outside, "indirect-no-memory", GUEST_TX, 1,
	{ { 64, INDIRECT, 0, END } })
A7_BOTH(table_at_the_end_of_all, "indirect-no-memory", GUEST_TX, 1,
	{ { 64, INDIRECT, 0, 0xffffffffffffffe0 } })
A7_BOTH(write_before_read, "read-after-write", GUEST_TX, 2,
	{ { 16, NEXT | WRITE, 1 }, { 100, 0, 0 } })
A7_BOTH(write_before_read_in_a_table, "read-after-write", GUEST_RX, 1,
	{ { 32, INDIRECT, 0, TABLE } },
	{ { 16, NEXT | WRITE, 1 }, { 100, 0, 0 } }, 2)
A7_BOTH(buffer_to_write_is_sent, "buffer-direction", GUEST_TX, 1, { { 100, WRITE } })
A7_BOTH(buffer_to_read_receives, "buffer-direction", GUEST_RX, 1, { { 2000 } })
A7_BOTH(buffer_of_both_kinds_is_sent, "buffer-direction", GUEST_TX, 2,
	{ { 100, NEXT, 1 }, { 100, WRITE, 0 } })
A7_BOTH(nothing_receives, "buffer-direction", GUEST_RX, 1, { { 0, WRITE } })
A7_BOTH(buffer_where_no_memory_is, "buffer-no-memory", GUEST_TX, 1, { { 100, 0, 0, 0x1000 } })
A7_BOTH(buffer_where_no_memory_is_receives, "buffer-no-memory", GUEST_RX, 1,
	{ { 2000, WRITE, 0, 0x1000 } })
A7_BOTH(buffer_at_the_end_of_all, "buffer-no-memory", GUEST_TX, 1,
	{ { 100, 0, 0, 0xffffffffffffffc0 } })
A7_BOTH(buffer_that_ends_outside, "buffer-no-memory", GUEST_TX, 1, { { 33, 0, 0, END } })
A7_BOTH(longest_buffer_there_could_be, "buffer-no-memory", GUEST_TX, 1, { { ~0u } })
