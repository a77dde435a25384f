#include "session/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "session/identity.h"
#include "suite.h"

static FakeTransport fakes[4];
static Session *sessions[4];

static void open_all(void) {
    SessionOptions options = fake_options;
    options.outbox_limit_bytes = 10000;
    node_begin(&options);
    for (unsigned i = 0; i < N_ELEMENTS(fakes); i++)
        sessions[i] = node_open(&fakes[i]);
    ck_assert_int_eq(session_identify(sessions[1], "ada", 3, "{}", 2), IDENTIFY_OK);
    ck_assert_int_eq(session_identify(sessions[2], "ada", 3, "{}", 2), IDENTIFY_OK);
}

static SurveyReply *ask(SurveyKind kind, uint32_t limit, uint64_t connection, const char *text) {
    Survey *survey = survey_new(kind, limit, connection, text, strlen(text));
    ck_assert_ptr_nonnull(survey);
    SurveyReply *reply = NULL;
    if (kind != SURVEY_CHANNELS) {
        reply = session_table_survey(&node.table, survey);
    } else {
        SurveyWalk *walk = survey_walk_new(survey, &(SurveyAsker){.to = {.session_id = 1}});
        ck_assert_ptr_nonnull(walk);
        ck_assert(survey_walk_on(walk, &node.table, UINT32_MAX, &reply));
        survey_walk_free(walk);
    }
    survey_unref(survey);
    return reply;
}

static bool has_name(const SurveyRow *row, const char *name) {
    return row->n_name == strlen(name) && memcmp(row->name, name, row->n_name) == 0;
}

START_TEST(all_connections_are_counted_and_some_are_told_of) {
    open_all();
    node_connect(&fakes[3]); /* beside the four */
    SurveyReply *reply = ask(SURVEY_CONNECTIONS, 2, 0, "");
    ck_assert_uint_eq(reply->n_total, 5);
    ck_assert_uint_eq(reply->n_rows, 2);
    survey_reply_free(reply);
    reply = ask(SURVEY_CONNECTIONS, 100, 0, "");
    ck_assert_uint_eq(reply->n_rows, 5);
    unsigned n_ada = 0, n_connecting = 0;
    for (uint32_t i = 0; i < reply->n_rows; i++) {
        n_ada += has_name(&reply->rows[i], "ada");
        n_connecting += strcmp(reply->rows[i].state, "CONNECTING") == 0 && !reply->rows[i].dialect;
    }
    ck_assert_uint_eq(n_ada, 2);
    ck_assert_uint_eq(n_connecting, 1);
    survey_reply_free(reply);
    reply = ask(SURVEY_CONNECTIONS, 0, 0, "");
    ck_assert_uint_eq(reply->n_total, 5);
    ck_assert_uint_eq(reply->n_rows, 0);
    survey_reply_free(reply);
    node_end();
}
END_TEST

START_TEST(the_connections_of_a_user_are_found_by_name) {
    open_all();
    SurveyReply *reply = ask(SURVEY_CONNECTIONS, 100, 0, "ada");
    ck_assert_uint_eq(reply->n_total, 2);
    ck_assert(has_name(&reply->rows[0], "ada"));
    ck_assert_uint_eq(reply->rows[0].connection, sessions[1]->id);
    ck_assert_uint_eq(reply->rows[1].connection, sessions[2]->id);
    survey_reply_free(reply);
    reply = ask(SURVEY_CONNECTIONS, 100, 0, "bob");
    ck_assert_uint_eq(reply->n_total, 0);
    survey_reply_free(reply);
    node_end();
}
END_TEST

START_TEST(one_connection_is_found_by_its_id_with_what_there_is_to_say) {
    open_all();
    ck_assert_int_eq(command_subscribe(sessions[0], "a", 1, 1), COMMAND_OK);
    ck_assert_int_eq(node_send(sessions[0], "12345"), SESSION_SENT);
    node.table.now_ms += 1234;
    SurveyReply *reply = ask(SURVEY_CONNECTIONS, 1, sessions[0]->id, "");
    ck_assert_uint_eq(reply->n_total, 1);
    const SurveyRow *row = &reply->rows[0];
    ck_assert_uint_eq(row->connection, sessions[0]->id);
    ck_assert_uint_eq(row->n_name, 0);
    ck_assert_uint_eq(row->n_subscriptions, 1);
    ck_assert_uint_eq(row->outbox_bytes, 7);
    ck_assert_uint_eq(row->age_ms, 1234);
    ck_assert_str_eq(row->dialect, "fake");
    ck_assert_str_eq(row->state, "OPEN");
    survey_reply_free(reply);
    reply = ask(SURVEY_CONNECTIONS, 1, sessions[0]->id + (1 << 24), "");
    ck_assert_uint_eq(reply->n_total, 0);
    survey_reply_free(reply);
    node_end();
}
END_TEST

START_TEST(the_slow_are_those_with_the_most_waiting_most_first) {
    open_all();
    for (int i = 0; i < 3; i++)
        for (int n = 0; n < (i == 0 ? 2 : i == 1 ? 1 : 3); n++)
            ck_assert_int_eq(node_send(sessions[i], "12345"), SESSION_SENT);
    SurveyReply *reply = ask(SURVEY_SLOW, 100, 0, "");
    ck_assert_uint_eq(reply->n_total, 3);
    ck_assert_uint_eq(reply->n_rows, 3);
    ck_assert_uint_eq(reply->rows[0].connection, sessions[2]->id);
    ck_assert_uint_eq(reply->rows[1].connection, sessions[0]->id);
    ck_assert_uint_eq(reply->rows[2].connection, sessions[1]->id);
    survey_reply_free(reply);
    reply = ask(SURVEY_SLOW, 1, 0, "");
    ck_assert_uint_eq(reply->n_total, 3);
    ck_assert_uint_eq(reply->n_rows, 1);
    ck_assert_uint_eq(reply->rows[0].outbox_bytes, 21);
    survey_reply_free(reply);
    node_end();
}
END_TEST

START_TEST(channels_are_found_by_pattern_those_with_most_subscriptions_first) {
    open_all();
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(command_subscribe(sessions[i], "chat:1", 6, 1), COMMAND_OK);
    ck_assert_int_eq(command_subscribe(sessions[0], "chat:2", 6, 1), COMMAND_OK);
    ck_assert_int_eq(command_subscribe(sessions[3], "news", 4, 1), COMMAND_OK);
    ck_assert_int_eq(command_subscribe(sessions[1], "news", 4, 1), COMMAND_OK);
    SurveyReply *reply = ask(SURVEY_CHANNELS, 100, 0, "chat:*");
    ck_assert_uint_eq(reply->n_total, 2);
    ck_assert(has_name(&reply->rows[0], "chat:1") && has_name(&reply->rows[1], "chat:2"));
    ck_assert_uint_eq(reply->rows[0].n_subscriptions, 3);
    survey_reply_free(reply);
    reply = ask(SURVEY_CHANNELS, 2, 0, "");
    ck_assert_uint_eq(reply->n_total, 3);
    ck_assert_uint_eq(reply->n_rows, 2);
    ck_assert(has_name(&reply->rows[1], "news"));
    survey_reply_free(reply);
    node_end();
}
END_TEST

START_TEST(the_best_of_many_are_picked_and_sorted_in_little_time) {
    enum { MANY = 20000, WANTED = SURVEY_ROWS_MAX };
    static Transport transport; /* never written to: no turn comes before the end */
    static FakeTransport fake;
    fake_transport_init(&fake);
    transport = fake.transport;
    SessionOptions options = fake_options;
    options.outbox_limit_bytes = 1 << 20;
    node_begin(&options);
    for (uint64_t i = 0; i < MANY; i++) {
        Session *session;
        ck_assert_int_eq(session_new(&session, &node.table, &transport), 0);
        session->outbox.n_bytes = 1 + (i * 7919) % MANY; /* each number once */
    }
    uint64_t began_ms = clock_now_ms();
    SurveyReply *reply = ask(SURVEY_SLOW, UINT32_MAX, 0, "");
    uint64_t took_ms = clock_now_ms() - began_ms;
    printf("%d sessions surveyed in %llu ms\n", MANY, (unsigned long long)took_ms);
    ck_assert_uint_eq(reply->n_total, MANY);
    ck_assert_uint_eq(reply->n_rows, WANTED);
    for (uint32_t i = 0; i < WANTED; i++)
        ck_assert_uint_eq(reply->rows[i].outbox_bytes, MANY - i);
    survey_reply_free(reply);
    for (ListNode *node_of = node.table.members[0].next; node_of != &node.table.members[0]; node_of = node_of->next) {
        container_of(node_of, Session, member)->outbox.n_bytes = 0;
        container_of(node_of, Session, member)->transport = NULL;
    }
    node_end();
}
END_TEST

static size_t write_name(char *channel, size_t n) {
    return (size_t)snprintf(channel, CHANNEL_NAME_MAX + 1, "%0*zu", CHANNEL_NAME_MAX, n);
}

/* A pattern that fits almost everywhere and nowhere; its time with all of them is many parts. */
START_TEST(a_hostile_pattern_takes_its_time_in_small_parts) {
    enum { MANY = 20000, PART_US = 2000, LATE_US = 50000 };
    char channel[CHANNEL_NAME_MAX + 1], pattern[CHANNEL_NAME_MAX + 1];
    SessionOptions options = fake_options;
    options.subscriptions_limit = MANY;
    node_begin(&options);
    Session *session = node_open(&fakes[0]);
    for (size_t n = 0; n < MANY; n++)
        ck_assert_int_eq(hub_subscribe(&node.table.hub, &session->subscriber, channel, write_name(channel, n),
                                       &(SubscriptionRequest){.id = 1}),
                         HUB_OK);
    memset(pattern, '0', CHANNEL_NAME_MAX);
    pattern[0] = pattern[CHANNEL_NAME_MAX - 1] = '*';
    for (size_t i = 14; i < CHANNEL_NAME_MAX - 28; i += 14)
        pattern[i] = '*';
    pattern[CHANNEL_NAME_MAX - 2] = 'x';
    Survey *survey = survey_new(SURVEY_CHANNELS, 10, 0, pattern, CHANNEL_NAME_MAX);
    SurveyWalk *walk = survey_walk_new(survey, &(SurveyAsker){.to = {.session_id = 1}});
    SurveyReply *reply = NULL;
    uint64_t longest_us = 0, n_parts = 0;
    for (bool is_done = false; !is_done; n_parts++) {
        uint64_t began_ns = clock_now_ns();
        is_done = survey_walk_on(walk, &node.table, PART_US, &reply);
        uint64_t took_us = clock_us_since(began_ns);
        longest_us = took_us > longest_us ? took_us : longest_us;
    }
    printf("%d channels by a hostile pattern: %llu parts, the longest of %llu us\n", MANY, (unsigned long long)n_parts,
           (unsigned long long)longest_us);
    ck_assert_uint_eq(reply->n_total, 0);
    ck_assert_uint_gt(n_parts, 1);
    ck_assert_uint_lt(longest_us, LATE_US);
    survey_reply_free(reply);
    survey_walk_free(walk);
    survey_unref(survey);
    node_end();
}
END_TEST

START_TEST(channels_may_come_and_go_between_the_parts_of_a_walk) {
    enum { BEFORE = 1000, AFTER = 3000 };
    char channel[CHANNEL_NAME_MAX + 1];
    node_begin(&fake_options);
    Session *session = node_open(&fakes[0]), *other = node_open(&fakes[1]);
    Hub *hub = &node.table.hub;
    const SubscriptionRequest request = {.id = 1};
    for (size_t n = 0; n < BEFORE; n++)
        hub_subscribe(hub, &session->subscriber, channel, write_name(channel, n), &request);
    Survey *survey = survey_new(SURVEY_CHANNELS, 10, 0, "", 0);
    SurveyWalk *walk = survey_walk_new(survey, &(SurveyAsker){.to = {.session_id = 1}});
    SurveyReply *reply = NULL;
    ck_assert(!survey_walk_on(walk, &node.table, 0, &reply));
    hub_unsubscribe_all(hub, &session->subscriber);
    ck_assert(!survey_walk_on(walk, &node.table, 0, &reply));
    for (size_t n = 0; n < AFTER; n++) /* the map grows */
        hub_subscribe(hub, &other->subscriber, channel, write_name(channel, n), &request);
    while (!survey_walk_on(walk, &node.table, 0, &reply))
        ;
    ck_assert_uint_eq(reply->n_total, AFTER);
    ck_assert_uint_eq(reply->n_rows, 10);
    survey_reply_free(reply);
    survey_walk_free(walk);
    survey_unref(survey);
    node_end();
}
END_TEST

START_TEST(a_walk_without_memory_for_a_name_has_no_reply) {
    open_all();
    SurveyReply *reply = NULL;
    ck_assert_int_eq(command_subscribe(sessions[0], "a", 1, 1), COMMAND_OK);
    Survey *survey = survey_new(SURVEY_CHANNELS, 1, 0, "", 0);
    memory_fail_at(1);
    ck_assert_ptr_null(survey_walk_new(survey, &(SurveyAsker){.to = {.session_id = 1}}));
    memory_fail_at(2);
    SurveyWalk *walk = survey_walk_new(survey, &(SurveyAsker){.to = {.session_id = 1}});
    ck_assert(survey_walk_on(walk, &node.table, UINT32_MAX, &reply));
    ck_assert_ptr_null(reply);
    survey_walk_free(walk);
    survey_unref(survey);
    node_end();
}
END_TEST

START_TEST(without_memory_there_is_no_reply) {
    open_all();
    Survey *survey = survey_new(SURVEY_CONNECTIONS, 1, 0, "", 0);
    memory_fail_at(1);
    ck_assert_ptr_null(session_table_survey(&node.table, survey));
    survey_unref(survey);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        all_connections_are_counted_and_some_are_told_of,
        the_connections_of_a_user_are_found_by_name,
        one_connection_is_found_by_its_id_with_what_there_is_to_say,
        the_slow_are_those_with_the_most_waiting_most_first,
        channels_are_found_by_pattern_those_with_most_subscriptions_first,
        the_best_of_many_are_picked_and_sorted_in_little_time,
        a_hostile_pattern_takes_its_time_in_small_parts,
        channels_may_come_and_go_between_the_parts_of_a_walk,
        a_walk_without_memory_for_a_name_has_no_reply,
        without_memory_there_is_no_reply,
    };
    return run_suite("survey", tests, N_ELEMENTS(tests));
}
