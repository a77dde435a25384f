#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"
#include "config_fixture.h"

START_TEST(without_any_source_the_defaults_hold) {
    char text[LISTEN_ADDRESS_TEXT_SIZE];

    ck_assert_int_eq(config_try(NULL, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->n_listen_addresses, 1);
    ck_assert_str_eq(listen_address_format(text, sizeof(text), &config->listen_addresses[0]), "127.0.0.1:8080");
    ck_assert_str_eq(config->redis_url, "");
    ck_assert_str_eq(config->redis_prefix, "barker:");
    ck_assert_str_eq(config->node_id, "");
    ck_assert(config->has_embedded);
    ck_assert_uint_eq(config->watchdog.handshake_ms, 10000);
    ck_assert_uint_eq(config->watchdog.ping_ms, 25000);
    ck_assert_uint_eq(config->watchdog.pong_ms, 10000);
    ck_assert_uint_eq(config->watchdog.pong_grace_ms, 1000);
    ck_assert_uint_eq(config->watchdog.linger_ms, 5000);
    ck_assert_uint_eq(config->watchdog.auth_ms, 10000);
    ck_assert_uint_eq(config->watchdog.stall_ms, 10000);
    ck_assert_uint_eq(config->watchdog.expiry_grace_ms, 5000);
    ck_assert_uint_eq(config->watchdog.audit_ms, 30000);
    ck_assert_uint_eq(config->socket_user_timeout_ms, 30000);
    ck_assert_uint_eq(config->socket_unsent_bytes, 65536);
    ck_assert_uint_eq(config->socket_send_buffer_bytes, 0);
    ck_assert_int_eq(config->namespaces.fallback.slow, SLOW_CLOSE);
    ck_assert_uint_eq(config->namespaces.n_items, 0);
    ck_assert_uint_eq(config->outbox_limit_bytes, 1048576);
    ck_assert_uint_eq(config->message_limit_bytes, 65536);
    ck_assert_uint_eq(config->n_subscription_limit, 128);
    ck_assert_uint_eq(config->n_connection_limit, 0);
    ck_assert_uint_eq(config->broker_linger_ms, 5000);
    ck_assert_int_eq(config->namespaces.fallback.subscribe, ACCESS_NOBODY);
    ck_assert_int_eq(config->namespaces.fallback.publish, ACCESS_NOBODY);
    ck_assert_int_eq(config->log_level, LOG_LEVEL_INFO);
    ck_assert_int_eq(config->log_format, LOG_FORMAT_LOGFMT);
    ck_assert(!config->is_development);
}
END_TEST

START_TEST(zero_workers_become_one_per_core) {
    cpu_set_t cores;

    CPU_ZERO(&cores);
    ck_assert_int_eq(sched_getaffinity(0, sizeof(cores), &cores), 0);
    ck_assert_int_eq(config_try(NULL, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->n_workers, CPU_COUNT(&cores) < CONFIG_MAX_WORKERS ? CPU_COUNT(&cores) : CONFIG_MAX_WORKERS);
}
END_TEST

START_TEST(the_file_beats_the_default) {
    config_write_file("# a comment\n[watchdog]\n  ping = 2m ; and another\npong_grace = 0\n[redis]\nprefix: x/\n");
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->watchdog.ping_ms, 120000);
    ck_assert_uint_eq(config->watchdog.pong_grace_ms, 0);
    ck_assert_str_eq(config->redis_prefix, "x/");
}
END_TEST

START_TEST(the_environment_beats_the_file) {
    char *environment[] = {"HOME=/", "BARKER_WATCHDOG_PING=3s", NULL};

    config_write_file("[watchdog]\nping = 2m\npong = 7s\n");
    ck_assert_int_eq(config_try(config_path, environment, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->watchdog.ping_ms, 3000);
    ck_assert_uint_eq(config->watchdog.pong_ms, 7000);
}
END_TEST

START_TEST(a_flag_beats_the_environment) {
    char *environment[] = {"BARKER_WATCHDOG_PING=3s", NULL};

    ck_assert_int_eq(config_try(NULL, environment, "--watchdog-ping", "4s"), CONFIG_OK);
    ck_assert_uint_eq(config->watchdog.ping_ms, 4000);
}
END_TEST

START_TEST(a_value_that_is_beaten_is_checked_all_the_same) {
    char *environment[] = {"BARKER_WATCHDOG_PING=soon", NULL};

    ck_assert_int_eq(config_try(NULL, environment, "--watchdog-ping", "4s"), CONFIG_BAD);
    config_assert_problem("environment BARKER_WATCHDOG_PING: 'soon' is not valid for watchdog.ping: it takes a duration");
}
END_TEST

START_TEST(the_environment_can_name_the_file) {
    char name[64];
    char *environment[] = {name, NULL};

    snprintf(name, sizeof(name), "BARKER_CONFIG=%s", config_path);
    config_write_file("[log]\nlevel = debug\n");
    ck_assert_int_eq(config_try(NULL, environment, NULL, NULL), CONFIG_OK);
    ck_assert_int_eq(config->log_level, LOG_LEVEL_DEBUG);
}
END_TEST

START_TEST(a_missing_file_is_told_with_who_named_it) {
    char *environment[] = {"BARKER_CONFIG=/nonexistent/barker.ini", NULL};

    ck_assert_int_eq(config_try(NULL, environment, NULL, NULL), CONFIG_BAD);
    config_assert_problem("environment BARKER_CONFIG: cannot read /nonexistent/barker.ini: No such file or directory");
}
END_TEST

START_TEST(a_directory_is_no_file) {
    ck_assert_int_eq(config_try("/tmp", NULL, NULL, NULL), CONFIG_BAD);
    config_assert_problem("flag --config: cannot read /tmp");
}
END_TEST

START_TEST(an_unknown_key_is_told_with_file_line_and_the_nearest) {
    config_assert_file_problem("\n[redis]\nulr = redis://x\n", 3, "there is no option 'redis.ulr'; did you mean 'redis.url'");
}
END_TEST

START_TEST(a_bad_value_is_told_with_file_line_and_what_would_be_right) {
    config_assert_file_problem(
        "[watchdog]\nping = 25\n", 2,
        "'25' is not valid for watchdog.ping: it takes a duration (250ms, 25s, 2m, 1h) from 100ms to 1h");
}
END_TEST

START_TEST(a_key_twice_is_refused) {
    config_assert_file_problem("[log]\nlevel = info\nlevel = info\n", 3, "'log.level' was given already, in line 2");
}
END_TEST

START_TEST(a_key_outside_of_a_section_is_refused) {
    config_assert_file_problem("level = info\n", 1, "'level' stands before any [section]");
}
END_TEST

START_TEST(a_line_that_is_no_assignment_is_refused) {
    config_assert_file_problem("[log]\nlevel\n", 2, "neither a [section] nor a key = value");
}
END_TEST

START_TEST(a_line_too_long_is_refused_and_the_next_keeps_its_number) {
    char text[600];

    memset(text, 'x', sizeof(text));
    memcpy(text, "[log]\n#", 7);
    strcpy(text + 500, "\nlevel = loud\n");
    config_assert_file_problem(text, 2, "a line has at most");
    config_assert_problem(":3: 'loud' is not valid for log.level: it takes debug, info, warn or error");
}
END_TEST

START_TEST(every_mistake_is_told_at_once) {
    char *environment[] = {"BARKER_LOG_LEVEL=loud", NULL};

    config_write_file("[log]\nformat = xml\n");
    ck_assert_int_eq(config_try(config_path, environment, "--listen-workers", "65"), CONFIG_BAD);
    config_assert_problem("'xml'");
    config_assert_problem("'loud'");
    config_assert_problem("flag --listen-workers: '65' is not valid for listen.workers: it takes a number from 0 to 63");
}
END_TEST

START_TEST(an_unknown_variable_of_ours_is_refused) {
    char *environment[] = {"BARKER_WATCHDOG_PNG=1s", NULL};

    ck_assert_int_eq(config_try(NULL, environment, NULL, NULL), CONFIG_BAD);
    config_assert_problem("environment BARKER_WATCHDOG_PNG: there is no such option; did you mean BARKER_WATCHDOG_PING");
}
END_TEST

START_TEST(the_variables_that_kubernetes_sets_are_no_options) {
    char *environment[] = {"BARKER_PORT=tcp://10.0.0.1:80", "BARKER_PORT_80_TCP_ADDR=10.0.0.1", "BARKER_SERVICE_HOST=10.0.0.1",
                           NULL};

    ck_assert_int_eq(config_try(NULL, environment, NULL, NULL), CONFIG_OK);
}
END_TEST

START_TEST(several_addresses_are_separated_by_commas) {
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-address", "127.0.0.1:1, [::1]:2 ,unix:/tmp/x"), CONFIG_OK);
    ck_assert_uint_eq(config->n_listen_addresses, 3);
    ck_assert_int_eq(config->listen_addresses[2].socket.any.sa_family, AF_UNIX);
}
END_TEST

START_TEST(sixteen_addresses_are_taken_and_seventeen_refused) {
    char text[512] = ":1";

    for (int i = 2; i <= 16; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ",:%d", i);
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-address", text), CONFIG_OK);
    ck_assert_uint_eq(config->n_listen_addresses, 16);
    config = config_free(config);
    strcat(text, ",:17");
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-address", text), CONFIG_BAD);
    config_assert_problem("it takes 1 to 16 addresses");
}
END_TEST

START_TEST(an_address_twice_or_empty_is_refused) {
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-address", ":1,:1"), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-address", ":1,"), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-address", ""), CONFIG_BAD);
}
END_TEST

START_TEST(an_empty_embedded_address_is_no_listener) {
    ck_assert_int_eq(config_try(NULL, NULL, "--embedded-address", ""), CONFIG_OK);
    ck_assert(!config->has_embedded);
}
END_TEST

START_TEST(several_redis_urls_come_by_several_flags_or_with_spaces) {
    const Option *option = options_find(OPTION_KEY, "redis.url");
    const ConfigFlag flags[] = {{.option = option, .text = "redis://a"}, {.option = option, .text = "redis://b:1 redis://c"}};
    char *environment[] = {"BARKER_REDIS_URL=redis://d", NULL};
    const ConfigSources sources = {.environment = environment, .flags = flags, .n_flags = 2};

    ck_assert_int_eq(config_load(&config, &sources, &config_problems), CONFIG_OK);
    ck_assert_str_eq(config->redis_url, "redis://a redis://b:1 redis://c");
}
END_TEST

START_TEST(sentinel_and_cluster_stand_alone) {
    ck_assert_int_eq(config_try(NULL, NULL, "--redis-url", "redis://a redis-cluster://b"), CONFIG_BAD);
    config_assert_problem("only redis:// and redis+unix:// may be given several times");
}
END_TEST

START_TEST(a_bad_redis_url_is_told_without_its_password) {
    ck_assert_int_eq(config_try(NULL, NULL, "--redis-url", "http://user:secret@host"), CONFIG_BAD);
    config_assert_problem("flag --redis-url: 'http://user:***@host' is not valid for redis.url: ");
    ck_assert_ptr_null(strstr((const char *)config_problems.bytes, "secret"));
}
END_TEST

START_TEST(texts_have_bounds) {
    char text[66];

    memset(text, 'x', 65);
    text[65] = '\0';
    ck_assert_int_eq(config_try(NULL, NULL, "--redis-prefix", text), CONFIG_BAD);
    text[64] = '\0';
    ck_assert_int_eq(config_try(NULL, NULL, "--node-id", text), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, "--redis-prefix", ""), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, "--redis-prefix", "a\nb"), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, "--redis-prefix", "a\xff"), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, "--node-id", "a b"), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, "--node-id", "eu-1.node_7"), CONFIG_OK);
}
END_TEST

START_TEST(development_lets_clients_publish_unless_told_otherwise) {
    ConfigFlag flag = {.option = options_find(OPTION_KEY, "access.publish"), .text = "nobody"};
    ConfigSources sources = {.is_development = true, .flags = &flag};

    ck_assert_int_eq(config_load(&config, &sources, &config_problems), CONFIG_OK);
    ck_assert(config->is_development);
    ck_assert_int_eq(config->namespaces.fallback.publish, ACCESS_ANYONE);
    config = config_free(config);
    sources.n_flags = 1;
    ck_assert_int_eq(config_load(&config, &sources, &config_problems), CONFIG_OK);
    ck_assert_int_eq(config->namespaces.fallback.publish, ACCESS_NOBODY);
}
END_TEST

static void assert_duration_bounds(const char *flag, const char *least, const char *below) {
    ck_assert_int_eq(config_try(NULL, NULL, flag, least), CONFIG_OK);
    config = config_free(config);
    ck_assert_int_eq(config_try(NULL, NULL, flag, below), CONFIG_BAD);
    ck_assert_int_eq(config_try(NULL, NULL, flag, "61m"), CONFIG_BAD);
}

START_TEST(the_deadlines_of_the_watchdog_go_down_to_100_ms) {
    static const char *const flags[] = {"--watchdog-handshake", "--watchdog-auth",   "--watchdog-ping", "--watchdog-pong",
                                        "--watchdog-stall",     "--watchdog-linger", "--watchdog-audit"};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        assert_duration_bounds(flags[i], "100ms", "99ms");
    assert_duration_bounds("--watchdog-expiry-grace", "0", "-1s");
    assert_duration_bounds("--socket-user-timeout", "0", "1");
}
END_TEST

START_TEST(a_file_may_begin_with_the_mark_of_utf8) {
    config_write_file("\xef\xbb\xbf[log]\nlevel = debug\n");
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_int_eq(config->log_level, LOG_LEVEL_DEBUG);
}
END_TEST

START_TEST(the_printed_configuration_can_be_read_again) {
    char *environment[] = {"BARKER_LISTEN_ADDRESS=127.0.0.1:1,[::1]:2", "BARKER_NODE_ID=seven",
                           "BARKER_NAMESPACE_CHAT_SLOW=latest", NULL};
    FILE *file;

    ck_assert_int_eq(config_try(NULL, environment, NULL, NULL), CONFIG_OK);
    file = fopen(config_path, "we");
    ck_assert_ptr_nonnull(file);
    config_print(config, file);
    fclose(file);
    config = config_free(config);
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->n_listen_addresses, 2);
    ck_assert_str_eq(config->node_id, "seven");
    ck_assert_uint_eq(config->namespaces.n_items, 1);
    ck_assert_str_eq(config->namespaces.items[0].name, "chat");
    ck_assert_int_eq(config->namespaces.items[0].slow, SLOW_LATEST);
}
END_TEST

START_TEST(networks_are_a_list) {
    ck_assert_int_eq(config_try(NULL, NULL, "--access-trusted-proxies", "10.0.0.0/8, ::1 ,unix"), CONFIG_OK);
    ck_assert_uint_eq(config->n_trusted_proxies, 3);
    ck_assert_uint_eq(config->trusted_proxies[0].n_bits, 96 + 8);
    ck_assert_uint_eq(config->trusted_proxies[1].n_bits, 128);
    ck_assert_int_eq(config->trusted_proxies[2].base.kind, PEER_LOCAL);
}
END_TEST

START_TEST(a_bad_network_is_told_with_what_would_be_right) {
    static const char *const bad[] = {"10.0.0.1/8", "proxy.example", "10.0.0.0/8,", ",", " "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(config_try(NULL, NULL, "--access-trusted-proxies", bad[i]), CONFIG_BAD);
        config_assert_problem("is not valid for access.trusted_proxies: a network is an address");
    }
}
END_TEST

START_TEST(more_networks_than_there_is_room_for_are_refused) {
    char list[CONFIG_MAX_NETWORKS * 8 + 16] = "";
    for (unsigned i = 0; i <= CONFIG_MAX_NETWORKS; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s::%x", i ? "," : "", i + 1);
    ck_assert_int_eq(config_try(NULL, NULL, "--access-trusted-proxies", list), CONFIG_BAD);
    config_assert_problem("it takes up to 32 addresses or networks");
}
END_TEST

START_TEST(proxy_protocol_needs_somebody_to_believe) {
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-proxy-protocol", "yes"), CONFIG_BAD);
    config_assert_problem("listen.proxy_protocol: it needs access.trusted_proxies");
}
END_TEST

START_TEST(an_admin_address_beyond_loopback_needs_a_token) {
    static const char *const beyond[] = {":9080", "0.0.0.0:9080", "192.0.2.1:9080", "[::]:9080", "[2001:db8::1]:9080"};
    static const char *const local[] = {"", "127.0.0.1:0", "127.9.9.9:9080", "[::1]:9080", "unix:/run/barker.sock"};
    char *const with_token[] = {"BARKER_ADMIN_TOKEN=0123456789abcdef", NULL};
    char *const with_short_token[] = {"BARKER_ADMIN_TOKEN=0123456789abcde", NULL};
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        ck_assert_int_eq(config_try(NULL, NULL, "--admin-address", local[i]), CONFIG_OK);
        config = config_free(config);
    }
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        ck_assert_int_eq(config_try(NULL, with_token, "--admin-address", beyond[i]), CONFIG_OK);
        config = config_free(config);
        ck_assert_int_eq(config_try(NULL, NULL, "--admin-address", beyond[i]), CONFIG_BAD);
        config_assert_problem("is beyond loopback, where admin.token has to guard it");
    }
    ck_assert_int_eq(config_try(NULL, with_short_token, "--admin-address", ""), CONFIG_BAD);
    config_assert_problem("admin.token: it has at least 16 characters");
}
END_TEST

START_TEST(tls_wants_as_many_keys_as_certificates_and_an_address_wants_both) {
    ck_assert_int_eq(config_try(NULL, NULL, "--listen-tls-address", "127.0.0.1:8443"), CONFIG_BAD);
    config_assert_problem("listen.tls_address: it wants tls.certificate and tls.key");
    ck_assert_int_eq(config_try(NULL, NULL, "--tls-certificate", "/a.pem /b.pem"), CONFIG_BAD);
    config_assert_problem("tls.key: it takes as many files");
    config_write_file("[listen]\ntls_address = :8443\n[tls]\ncertificate = /a.pem /b.pem\nkey = /a.key /b.key\n");
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->n_tls_addresses, 1);
    ck_assert_str_eq(config->tls_key, "/a.key /b.key");
}
END_TEST

static TCase *case_of_sources(void) {
    TCase *tcase = tcase_create("sources");

    tcase_add_checked_fixture(tcase, config_set_up, config_tear_down);
    tcase_add_test(tcase, without_any_source_the_defaults_hold);
    tcase_add_test(tcase, zero_workers_become_one_per_core);
    tcase_add_test(tcase, the_file_beats_the_default);
    tcase_add_test(tcase, the_environment_beats_the_file);
    tcase_add_test(tcase, a_flag_beats_the_environment);
    tcase_add_test(tcase, a_value_that_is_beaten_is_checked_all_the_same);
    tcase_add_test(tcase, the_environment_can_name_the_file);
    tcase_add_test(tcase, a_missing_file_is_told_with_who_named_it);
    tcase_add_test(tcase, a_directory_is_no_file);
    tcase_add_test(tcase, an_unknown_key_is_told_with_file_line_and_the_nearest);
    tcase_add_test(tcase, a_bad_value_is_told_with_file_line_and_what_would_be_right);
    tcase_add_test(tcase, a_key_twice_is_refused);
    tcase_add_test(tcase, a_key_outside_of_a_section_is_refused);
    tcase_add_test(tcase, a_line_that_is_no_assignment_is_refused);
    tcase_add_test(tcase, a_line_too_long_is_refused_and_the_next_keeps_its_number);
    tcase_add_test(tcase, every_mistake_is_told_at_once);
    tcase_add_test(tcase, an_unknown_variable_of_ours_is_refused);
    tcase_add_test(tcase, the_variables_that_kubernetes_sets_are_no_options);
    tcase_add_test(tcase, a_file_may_begin_with_the_mark_of_utf8);
    return tcase;
}

static TCase *case_of_values(void) {
    TCase *tcase = tcase_create("values");

    tcase_add_checked_fixture(tcase, config_set_up, config_tear_down);
    tcase_add_test(tcase, several_addresses_are_separated_by_commas);
    tcase_add_test(tcase, sixteen_addresses_are_taken_and_seventeen_refused);
    tcase_add_test(tcase, an_address_twice_or_empty_is_refused);
    tcase_add_test(tcase, an_empty_embedded_address_is_no_listener);
    tcase_add_test(tcase, several_redis_urls_come_by_several_flags_or_with_spaces);
    tcase_add_test(tcase, sentinel_and_cluster_stand_alone);
    tcase_add_test(tcase, a_bad_redis_url_is_told_without_its_password);
    tcase_add_test(tcase, texts_have_bounds);
    tcase_add_test(tcase, tls_wants_as_many_keys_as_certificates_and_an_address_wants_both);
    tcase_add_test(tcase, development_lets_clients_publish_unless_told_otherwise);
    tcase_add_test(tcase, the_deadlines_of_the_watchdog_go_down_to_100_ms);
    tcase_add_test(tcase, the_printed_configuration_can_be_read_again);
    tcase_add_test(tcase, networks_are_a_list);
    tcase_add_test(tcase, a_bad_network_is_told_with_what_would_be_right);
    tcase_add_test(tcase, more_networks_than_there_is_room_for_are_refused);
    tcase_add_test(tcase, proxy_protocol_needs_somebody_to_believe);
    tcase_add_test(tcase, an_admin_address_beyond_loopback_needs_a_token);
    return tcase;
}

int main(void) {
    Suite *suite = suite_create("app/config");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    suite_add_tcase(suite, case_of_sources());
    suite_add_tcase(suite, case_of_values());
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
