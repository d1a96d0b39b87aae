/* links: txnmeta jsontext buf pgtext pgtext_array pgtext_bits pgtext_datetime
 * links: pgtext_float pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric
 * links: pgtext_range pgtext_ts pgtext_xml */
/*
 * Transaction metadata: counts, and the records at begin and end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../forwarder/txnmeta.h"

static const struct change_transaction txn = {
	.xid = UINT64_C(0x10000022b), /* Debezium has the low 32 bits */
	.end_lsn = 53195832,
	.commit_time_us = 1486500577125999,
};

#define ONE(name) "{\"data_collection\":\"" name "\",\"event_count\":1}"

static void
assert_counts(struct txnmeta *t, uint32_t collection, uint32_t n,
			  uint64_t total, uint64_t within)
{
	struct change_order order;

	txnmeta_count(t, collection, n, &order);
	assert_int_equal(order.total, total);
	assert_int_equal(order.collection, within);
}

static void
assert_end(struct txnmeta *t, const char *expected)
{
	struct buf b = {0};

	txnmeta_put_end(t, &txn, true, &b);
	assert_string_equal(buf_cstr(&b), expected);
	buf_free(&b);
}

static void
txnmeta_counts_in_all_and_by_table(void **state)
{
	struct txnmeta *t = txnmeta_new(false);
	uint32_t		a = txnmeta_collection(t, "s1", "a");
	uint32_t		b = txnmeta_collection(t, "s2", "a");

	(void) state;
	assert_true(a != b && a != TXNMETA_MESSAGES && b != TXNMETA_MESSAGES);
	assert_int_equal(txnmeta_collection(t, "s1", "a"), a);
	assert_int_equal(txnmeta_total(t), 0);
	assert_counts(t, a, 1, 1, 1);
	assert_counts(t, b, 2, 2, 1); /* a changed key: 2 and 3 */
	assert_counts(t, a, 1, 4, 2);
	assert_counts(t, b, 1, 5, 3);
	assert_counts(t, TXNMETA_MESSAGES, 1, 6, 1);
	assert_counts(t, TXNMETA_MESSAGES, 1, 7, 2);
	assert_int_equal(txnmeta_total(t), 7);
	assert_end(t, "{\"status\":\"END\",\"id\":\"555:53195832\","
				  "\"event_count\":7,\"data_collections\":["
				  "{\"data_collection\":\"s1.a\",\"event_count\":2},"
				  "{\"data_collection\":\"s2.a\",\"event_count\":3},"
				  "{\"data_collection\":\"LOGICAL_DECODING_MESSAGE\","
				  "\"event_count\":2}],"
				  "\"ts_ms\":1486500577125}");

	/* Of the next one nothing is counted, nor told. */
	txnmeta_reset(t);
	assert_int_equal(txnmeta_total(t), 0);
	assert_counts(t, b, 1, 1, 1);
	assert_end(t, "{\"status\":\"END\",\"id\":\"555:53195832\","
				  "\"event_count\":1,\"data_collections\":["
				  "{\"data_collection\":\"s2.a\",\"event_count\":1}],"
				  "\"ts_ms\":1486500577125}");
	txnmeta_free(t);
}

/* As the running Debezium had them; more than twelve take more buckets. */
static void
txnmeta_lists_tables_as_a_hash_map_does(void **state)
{
	static const char *const names[] = {"a", "b", "log"};
	struct txnmeta			*t = txnmeta_new(false);
	char					 name[16];

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_counts(t, txnmeta_collection(t, "txn", names[i]), 1, i + 1, 1);
	assert_end(t, "{\"status\":\"END\",\"id\":\"555:53195832\","
				  "\"event_count\":3,\"data_collections\":["
				  "{\"data_collection\":\"txn.b\",\"event_count\":1},"
				  "{\"data_collection\":\"txn.a\",\"event_count\":1},"
				  "{\"data_collection\":\"txn.log\",\"event_count\":1}],"
				  "\"ts_ms\":1486500577125}");

	txnmeta_reset(t);
	for (uint32_t i = 0; i < 13; i++)
	{
		snprintf(name, sizeof(name), "n%u", i);
		assert_counts(t, txnmeta_collection(t, "s", name), 1, i + 1, 1);
	}
	assert_end(
		t,
		"{\"status\":\"END\",\"id\":\"555:53195832\","
		"\"event_count\":13,\"data_collections\":[" ONE("s.n0") "," ONE("s.n2") "," ONE("s.n1") "," ONE("s.n8") "," ONE("s.n7") "," ONE(
			"s.n9") "," ONE("s.n4") "," ONE("s.n3") "," ONE("s.n6") "," ONE("s.n5") "," ONE("s.n11") "," ONE("s.n10") "," ONE("s.n12") "],\"ts_ms\":1486500577125}");
	txnmeta_free(t);
}

static void
assert_ids(bool debezium, const struct change_transaction *of,
		   const char *begin, const char *end)
{
	const struct change c = {.lsn = 53195000, .txn = of};
	struct txnmeta	   *t = txnmeta_new(debezium);
	struct buf			b = {0};

	txnmeta_put_key(t, of, &c, &b);
	assert_string_equal(buf_cstr(&b), begin);
	buf_reset(&b);
	txnmeta_put_key(t, of, NULL, &b);
	assert_string_equal(buf_cstr(&b), end);
	buf_free(&b);
	txnmeta_free(t);
}

static void
txnmeta_has_one_id_and_debezium_another_each_time(void **state)
{
	struct change_transaction replicated = txn;

	(void) state;
	replicated.origin = "elsewhere";
	assert_ids(false, &txn, "{\"id\":\"555:53195832\"}",
			   "{\"id\":\"555:53195832\"}");
	assert_ids(false, &replicated, "{\"id\":\"555:53195832\"}",
			   "{\"id\":\"555:53195832\"}");
	assert_ids(true, &txn, "{\"id\":\"555:53195000\"}",
			   "{\"id\":\"555:53195832\"}");
	assert_ids(true, &replicated, "{\"id\":\"555:0\"}",
			   "{\"id\":\"555:53195832\"}");
}

static void
txnmeta_begin_has_no_counts(void **state)
{
	const struct change c = {.lsn = 53195000, .txn = &txn};
	struct txnmeta	   *t = txnmeta_new(false);
	struct buf			b = {0};

	(void) state;
	txnmeta_put_begin(t, &txn, &c, &b);
	assert_string_equal(buf_cstr(&b),
						"{\"status\":\"BEGIN\",\"id\":\"555:53195832\","
						"\"event_count\":null,\"data_collections\":null,"
						"\"ts_ms\":1486500577125}");
	buf_free(&b);
	txnmeta_free(t);
}

static void
txnmeta_list_can_be_left_out(void **state)
{
	struct txnmeta	   *t = txnmeta_new(false);
	struct change_order order;
	struct buf			b = {0};

	(void) state;
	txnmeta_count(t, txnmeta_collection(t, "s", "a"), 1, &order);
	txnmeta_put_end(t, &txn, false, &b);
	assert_string_equal(buf_cstr(&b),
						"{\"status\":\"END\",\"id\":\"555:53195832\","
						"\"event_count\":1,\"data_collections\":null,"
						"\"ts_ms\":1486500577125}");
	buf_free(&b);
	txnmeta_free(t);
}

/* To Debezium each message is a collection of its own. */
static void
txnmeta_messages_are_first_in_debezium(void **state)
{
	struct txnmeta *t = txnmeta_new(true);

	(void) state;
	assert_counts(t, TXNMETA_MESSAGES, 1, 1, 1);
	assert_counts(t, TXNMETA_MESSAGES, 1, 2, 1);
	assert_counts(t, txnmeta_collection(t, "s", "a"), 1, 3, 1);
	txnmeta_free(t);
}

static void
txnmeta_has_schemas_where_they_are_wanted(void **state)
{
	static const char		  value[] = "{\"schema\":{\"type\":\"struct\","
										"\"fields\":[{\"type\":\"string\","
										"\"optional\":false,"
										"\"field\":\"status\"},";
	struct change_transaction empty = {.xid = 571, .end_lsn = 5};
	struct txnmeta			 *t = txnmeta_new(false);
	struct buf				  out = {0};
	const char				 *payload;

	(void) state;
	txnmeta_use_schemas(t, (struct txnmeta_schemas){.key = true});
	txnmeta_put_key(t, &empty, NULL, &out);
	assert_string_equal(
		buf_cstr(&out),
		"{\"schema\":{\"type\":\"struct\",\"fields\":["
		"{\"type\":\"string\",\"optional\":false,\"field\":\"id\"}],"
		"\"optional\":false,\"name\":\"io.debezium.connector.common."
		"TransactionMetadataKey\",\"version\":1},"
		"\"payload\":{\"id\":\"571:5\"}}");
	buf_reset(&out);
	txnmeta_put_end(t, &empty, false, &out);
	assert_memory_equal(out.data, "{\"status\":\"END\",", 16);

	txnmeta_use_schemas(t, (struct txnmeta_schemas){.value = true});
	buf_reset(&out);
	txnmeta_put_end(t, &empty, false, &out);
	assert_memory_equal(out.data, value, strlen(value));
	payload = strstr(buf_cstr(&out), "\"payload\":");
	assert_non_null(payload);
	assert_string_equal(payload,
						"\"payload\":{\"status\":\"END\",\"id\":\"571:5\","
						"\"event_count\":0,\"data_collections\":null,"
						"\"ts_ms\":0}}");
	buf_reset(&out);
	txnmeta_put_key(t, &empty, NULL, &out);
	assert_string_equal(buf_cstr(&out), "{\"id\":\"571:5\"}");
	txnmeta_free(t);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(txnmeta_counts_in_all_and_by_table),
		cmocka_unit_test(txnmeta_lists_tables_as_a_hash_map_does),
		cmocka_unit_test(txnmeta_has_one_id_and_debezium_another_each_time),
		cmocka_unit_test(txnmeta_begin_has_no_counts),
		cmocka_unit_test(txnmeta_list_can_be_left_out),
		cmocka_unit_test(txnmeta_messages_are_first_in_debezium),
		cmocka_unit_test(txnmeta_has_schemas_where_they_are_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
