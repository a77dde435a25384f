#include "app/node_status.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char told[] = "{\"node\":\"gate\\u001b[2J\",\"version\":\"0.1.0\",\"ready\":false,\"reason\":\"draining\","
                           "\"broker\":{\"kind\":\"redis\",\"up\":true,\"canary_lag_ms\":3},"
                           "\"links\":[{\"server\":\"10.0.0.1:6379\",\"up\":true,\"canary_lag_ms\":3,\"times_down\":0},"
                           "{\"server\":\"red\\u001bis:1\",\"up\":false,\"canary_lag_ms\":9,\"times_down\":1},7],"
                           "\"workers\":4,\"uptime_ms\":7500000,"
                           "\"connections\":{\"connecting\":1,\"open\":1200,\"closing\":2,\"closed\":0},"
                           "\"deliveries\":5000,\"sent_bytes\":3145728,\"memory_bytes\":512,"
                           "\"loop_lag_ms\":\"no number\",\"new_one\":[1]}";

static char *printed;

static void print(const NodeStatus *status, const NodeStatus *before, uint64_t elapsed_ms) {
    size_t n_printed;
    free(printed);
    FILE *out = open_memstream(&printed, &n_printed);
    ck_assert_ptr_nonnull(out);
    node_status_print(out, status, before, elapsed_ms, "\n");
    fclose(out);
}

static void assert_printed(const char *text) {
    ck_assert_msg(strstr(printed, text) != NULL, "no '%s' in:\n%s", text, printed);
}

static NodeStatus parse(void) {
    NodeStatus status;
    ck_assert_int_eq(node_status_parse(&status, told, strlen(told)), NODE_STATUS_OK);
    return status;
}

START_TEST(what_a_node_says_is_understood) {
    NodeStatus status = parse();
    ck_assert_str_eq(status.broker, "redis");
    ck_assert(status.is_broker_up);
    ck_assert_uint_eq(status.values[STATUS_OPEN], 1200);
    ck_assert_uint_eq(status.values[STATUS_CLOSING], 2);
    ck_assert_uint_eq(status.values[STATUS_DELIVERIES], 5000);
    ck_assert_uint_eq(status.values[STATUS_LOOP_LAG_MS], 0);
    ck_assert_uint_eq(status.values[STATUS_CHANNELS], 0);
}
END_TEST

START_TEST(what_would_command_a_terminal_is_not_printed) {
    ck_assert_str_eq(parse().node_id, "gate?[2J");
}
END_TEST

START_TEST(what_no_node_says_is_refused) {
    static const char *const others[] = {"", "<html>", "[]", "{}", "{\"node\":1}", "{\"node\":\"a\"} more"};
    NodeStatus status;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_int_eq(node_status_parse(&status, others[i], strlen(others[i])), NODE_STATUS_BAD);
}
END_TEST

START_TEST(it_is_printed_in_units_that_people_read) {
    NodeStatus status = parse();
    print(&status, NULL, 0);
    assert_printed("barker 0.1.0, up 2 h 5 min, 4 workers\n");
    assert_printed("state            not ready: draining\n");
    assert_printed("broker           redis, up\n");
    assert_printed("open                       1200\n");
    assert_printed("sent                    3.0 MiB\n");
    assert_printed("memory                    512 B\n");
    assert_printed("canary lag                 3 ms\n");
    ck_assert_ptr_null(strstr(printed, "/s"));
}
END_TEST

START_TEST(each_link_has_a_line_and_those_down_come_first) {
    NodeStatus status = parse();
    ck_assert_uint_eq(status.n_links, 3);
    status.n_links = 2;
    print(&status, NULL, 0);
    assert_printed("broker           redis, up\n"
                   "link             red?is:1, DOWN, canary 9 ms, was down 1 time\n"
                   "link             10.0.0.1:6379, up, canary 3 ms, was down 0 times\n");
    for (; status.n_links < 20; status.n_links++)
        status.links[status.n_links] = status.links[0];
    print(&status, NULL, 0);
    assert_printed("link             and 12 more\n");
}
END_TEST

START_TEST(what_counts_up_has_a_rate) {
    NodeStatus before = parse(), status = parse();
    status.values[STATUS_DELIVERIES] += 3000;
    status.values[STATUS_SENT_BYTES] += 4096;
    print(&status, &before, 2000);
    assert_printed("deliveries                 8000           1500/s\n");
    assert_printed("        2.0 KiB/s\n");
    assert_printed("open                       1200\n");
    before.values[STATUS_DELIVERIES] = 9000; /* another process at the same address */
    print(&status, &before, 2000);
    assert_printed("deliveries                 8000\n");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_a_node_says_is_understood, what_would_command_a_terminal_is_not_printed,
        what_no_node_says_is_refused,   it_is_printed_in_units_that_people_read,
        what_counts_up_has_a_rate,      each_link_has_a_line_and_those_down_come_first,
    };
    Suite *suite = suite_create("node_status");
    TCase *tcase = tcase_create("node_status");
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free(printed);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
