#include "app/metrics.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/metrics_table.h"
#include "app/process_figures.h"

enum { N_WORKERS = 2, TEXT_MAX = 4 << 20 };

static Worker *workers;
static BusThread *bus;
static HttpServerCounters http;
static MetricsSources sources;
static Buf text;

static void begin(void) {
    workers = calloc(N_WORKERS, sizeof(*workers));
    bus = calloc(1, sizeof(*bus));
    ck_assert(workers && bus);
    sources = (MetricsSources){.workers = workers, .n_workers = N_WORKERS, .bus = bus, .started_wall_ms = 1700000000123};
    buf_init(&text, TEXT_MAX);
}

static void finish(void) {
    buf_finish(&text);
    free(workers);
    free(bus);
}

static void scrape(void) {
    buf_clear(&text);
    ck_assert_int_eq(metrics_write(&text, &sources), 0);
    ck_assert_int_eq(buf_append(&text, "", 1), BUF_OK);
}

/* Behind the name with its labels, to the line's end. */
static void assert_sample(const char *series, const char *expected) {
    char start[512], line[600];
    snprintf(start, sizeof(start), "\n%s ", series);
    snprintf(line, sizeof(line), "\n%s %s\n", series, expected);
    const char *at = strstr((const char *)text.bytes, start);
    ck_assert_msg(at != NULL, "%s is not told", series);
    ck_assert_msg(strncmp(at, line, strlen(line)) == 0, "%s is not %s but %.40s", series, expected, at + strlen(start));
}

static void assert_untold(const char *series) {
    ck_assert_msg(!strstr((const char *)text.bytes, series), "%s is told", series);
}

START_TEST(counters_of_all_workers_are_summed) {
    begin();
    counter_add(&workers[0].sessions.counters.sent_bytes, 5);
    counter_add(&workers[1].sessions.counters.sent_bytes, 7);
    counter_add(&workers[1].sessions.counters.waiting.bytes, 100);
    scrape();
    assert_sample("barker_sent_bytes_total", "12");
    assert_sample("barker_outbox_bytes", "100");
    finish();
}
END_TEST

START_TEST(counters_in_a_row_have_a_label_each) {
    begin();
    counter_add(&workers[0].sessions.counters.in_state[READY_STATE_OPEN], 3);
    counter_add(&workers[1].sessions.counters.in_state[READY_STATE_OPEN], 1);
    counter_add(&workers[1].sessions.counters.terminated[CAUSE_PONG_TIMEOUT], 2);
    counter_add(&workers[0].sessions.counters.in_dialect[1], 4);
    counter_add(&workers[0].ws_counters.refused_addresses, 6);
    scrape();
    assert_sample("barker_connections{state=\"open\"}", "4");
    assert_sample("barker_connections{state=\"closing\"}", "0");
    assert_sample("barker_connections_terminated_total{cause=\"pong_timeout\"}", "2");
    assert_sample("barker_dialect_connections{dialect=\"barker.v1\"}", "4");
    assert_sample("barker_connections_refused_total{reason=\"address\"}", "6");
    assert_untold("cause=\"none\"");
    finish();
}
END_TEST

START_TEST(what_the_audit_found_is_one_number) {
    begin();
    counter_add(&workers[0].sessions.counters.terminated[CAUSE_AUDIT_SOCKET], 1);
    counter_add(&workers[1].sessions.counters.terminated[CAUSE_AUDIT_BLOCKED], 1);
    scrape();
    assert_sample("barker_audit_findings_total", "2");
    finish();
}
END_TEST

START_TEST(a_histogram_is_cumulative_and_in_seconds) {
    begin();
    histogram_add(&workers[0].sessions.counters.fan_out_us, 0);
    histogram_add(&workers[0].sessions.counters.fan_out_us, 1);
    histogram_add(&workers[1].sessions.counters.fan_out_us, 3);
    histogram_add(&workers[1].sessions.counters.fan_out_us, 4);
    histogram_add(&workers[1].sessions.counters.fan_out_us, 5);
    histogram_add(&workers[1].sessions.counters.fan_out_us, 60000000);
    scrape();
    assert_sample("barker_fan_out_seconds_bucket{le=\"0.000001\"}", "2");
    assert_sample("barker_fan_out_seconds_bucket{le=\"0.000002\"}", "2");
    assert_sample("barker_fan_out_seconds_bucket{le=\"0.000004\"}", "4");
    assert_sample("barker_fan_out_seconds_bucket{le=\"0.000008\"}", "5");
    assert_sample("barker_fan_out_seconds_bucket{le=\"4.194304\"}", "5");
    assert_sample("barker_fan_out_seconds_bucket{le=\"+Inf\"}", "6");
    assert_sample("barker_fan_out_seconds_sum", "60.000013");
    assert_sample("barker_fan_out_seconds_count", "6");
    finish();
}
END_TEST

START_TEST(each_thread_has_its_own_lag) {
    begin();
    histogram_add(&workers[1].loop.lag, 2);
    histogram_add(&bus->loop.lag, 0);
    scrape();
    assert_sample("barker_loop_lag_seconds_bucket{thread=\"worker-0\",le=\"+Inf\"}", "0");
    assert_sample("barker_loop_lag_seconds_bucket{thread=\"worker-1\",le=\"0.001\"}", "0");
    assert_sample("barker_loop_lag_seconds_bucket{thread=\"worker-1\",le=\"0.002\"}", "1");
    assert_sample("barker_loop_lag_seconds_sum{thread=\"worker-1\"}", "0.002");
    assert_sample("barker_loop_lag_seconds_count{thread=\"bus\"}", "1");
    assert_untold("thread=\"desk\"");
    finish();
}
END_TEST

START_TEST(the_desk_is_told_of_where_there_is_one) {
    begin();
    scrape();
    assert_untold("listener=\"admin\"");
    Loop *loop = calloc(1, sizeof(*loop));
    ck_assert_ptr_nonnull(loop);
    counter_add(&http.requests, 9);
    sources.desk_http = &http;
    sources.desk_loop = loop;
    scrape();
    assert_sample("barker_http_requests_total{listener=\"admin\"}", "9");
    assert_sample("barker_loop_lag_seconds_count{thread=\"desk\"}", "0");
    free(loop);
    finish();
}
END_TEST

START_TEST(the_process_tells_of_itself) {
    begin();
    sources.is_healthy = true;
    scrape();
    assert_sample("barker_build_info{version=\"" BARKER_VERSION "\"}", "1");
    assert_sample("process_start_time_seconds", "1700000000.123");
    assert_sample("barker_healthy", "1");
    assert_sample("barker_ready", "0");
    ck_assert_uint_gt(process_memory_bytes(), 100000);
    ck_assert_uint_ge(process_descriptors(), 3);
    ck_assert_uint_lt(process_descriptors(), 1000);
    ck_assert_uint_ge(process_descriptor_limit(), process_descriptors());
    finish();
}
END_TEST

START_TEST(without_room_it_fails) {
    begin();
    buf_finish(&text);
    buf_init(&text, 1000);
    ck_assert_int_eq(metrics_write(&text, &sources), -ENOMEM);
    finish();
}
END_TEST

START_TEST(every_metric_is_explained_and_named_by_the_rules) {
    size_t n_metrics;
    const Metric *metrics = metrics_table(&n_metrics);
    const char *previous = "";
    for (size_t i = 0; i < n_metrics; i++) {
        const Metric *metric = &metrics[i];
        bool is_total = strlen(metric->name) > 6 && strcmp(metric->name + strlen(metric->name) - 6, "_total") == 0;
        ck_assert_msg(is_total == (metric->type == METRIC_COUNTER), "%s", metric->name);
        ck_assert_msg((strcmp(metric->name, previous) == 0) == !metric->help, "%s", metric->name);
        for (size_t k = 0; metric->help && k < i; k++)
            ck_assert_msg(strcmp(metrics[k].name, metric->name) != 0, "%s stands apart", metric->name);
        ck_assert(metric->place != METRIC_OF_PROCESS || metric->read);
        previous = metric->name;
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        counters_of_all_workers_are_summed,
        counters_in_a_row_have_a_label_each,
        what_the_audit_found_is_one_number,
        a_histogram_is_cumulative_and_in_seconds,
        each_thread_has_its_own_lag,
        the_desk_is_told_of_where_there_is_one,
        the_process_tells_of_itself,
        without_room_it_fails,
        every_metric_is_explained_and_named_by_the_rules,
    };
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
