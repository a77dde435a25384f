#include "broker/embedded_presence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "journal.h"
#include "suite.h"

enum { START_US = 1000 };

static EmbeddedPresence presence;
static char text[512];
static bool is_full;

static int on_reserve(void *context, size_t n_bytes) {
    return is_full ? -ENOMEM : 0;
}

static void on_announce(void *context, const PresenceEvent *event) {
    journal_add("%s %.*s %" PRIu64 " %.*s%.*s", event->kind == MESSAGE_JOIN ? "join" : "leave", (int)event->n_channel,
                event->channel, event->version, (int)event->n_user, event->user, (int)event->n_member, event->member);
}

static const EmbeddedPresenceOps ops = {.reserve = on_reserve, .announce = on_announce};

static void given_a_presence(void) {
    journal_clear();
    is_full = false;
    embedded_presence_init(&presence, &ops, NULL);
    presence.now_us = START_US;
}

static int try_set(const char *channel, const char *node, const char *user, uint32_t n_connections, const char *member,
                   EmbeddedPresenceChange *change) {
    const PresenceEntry entry = {
        .channel = channel,
        .n_channel = strlen(channel),
        .node = node,
        .user = user,
        .n_user = strlen(user),
        .member = member,
        .n_member = strlen(member),
        .n_connections = n_connections,
    };
    return embedded_presence_set(&presence, &entry, change);
}

static int set(const char *channel, const char *node, const char *user, uint32_t n_connections) {
    EmbeddedPresenceChange change;
    ck_assert_int_eq(try_set(channel, node, user, n_connections, "{}", &change), 0);
    return change.change;
}

static void on_member(const EmbeddedMember *member, void *context) {
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, " %.*s*%" PRIu64 "%.*s", (int)member->n_user, member->user, member->n_connections,
             (int)member->n_member, member->member);
}

static const char *list(const char *channel) {
    uint64_t version;
    size_t n = embedded_presence_count(&presence, channel, strlen(channel), &version);
    snprintf(text, sizeof text, "%zu v%" PRIu64 ":", n, version);
    embedded_presence_each(&presence, channel, strlen(channel), on_member, NULL);
    return text;
}

START_TEST(a_user_comes_with_the_first_node_and_goes_with_the_last) {
    given_a_presence();
    ck_assert_int_eq(set("c", "a", "ann", 1), 1);
    ck_journal("join c 1001 ann{}");
    ck_assert_int_eq(set("c", "a", "ann", 3), 0);
    ck_assert_int_eq(set("c", "b", "ann", 2), 0);
    ck_assert_str_eq(list("c"), "1 v1001: ann*5{}");
    ck_assert_int_eq(set("c", "a", "ann", 0), 0);
    ck_assert_int_eq(set("c", "a", "ann", 0), 0);
    ck_journal("");
    ck_assert_int_eq(set("c", "b", "ann", 0), -1);
    ck_journal("leave c 1002 ann{}");
    ck_assert_int_eq(set("c", "b", "ann", 0), 0);
    ck_assert_str_eq(list("c"), "0 v1002:");
    ck_assert_int_eq(set("c", "a", "ann", 1), 1);
    ck_journal("join c 1003 ann{}");
    embedded_presence_finish(&presence);
}
END_TEST

START_TEST(the_member_is_that_of_the_first_entry) {
    given_a_presence();
    EmbeddedPresenceChange change;
    ck_assert_int_eq(try_set("c", "a", "ann", 1, "{1}", &change), 0);
    ck_assert_int_eq(try_set("c", "b", "ann", 1, "{2}", &change), 0);
    ck_assert_str_eq(list("c"), "1 v1001: ann*2{1}");
    set("c", "a", "ann", 0);
    set("c", "b", "ann", 0);
    ck_journal("join c 1001 ann{1}; leave c 1002 ann{1}");
    embedded_presence_finish(&presence);
}
END_TEST

START_TEST(who_never_was_there_leaves_no_trace) {
    given_a_presence();
    ck_assert_int_eq(set("c", "a", "ann", 0), 0);
    ck_assert_str_eq(list("c"), "0 v0:");
    ck_assert_uint_eq(presence.channels.n_nodes, 0);
    ck_journal("");
    embedded_presence_finish(&presence);
}
END_TEST

START_TEST(burying_takes_a_nodes_shares_and_no_others) {
    given_a_presence();
    set("c", "a", "ann", 1);
    set("c", "a", "bob", 1);
    set("c", "b", "bob", 1);
    set("d", "a", "ann", 1);
    journal_clear();
    ck_assert_int_eq(embedded_presence_bury(&presence, "c", 1, "a"), 1);
    ck_journal("leave c 1003 ann{}");
    ck_assert_int_eq(embedded_presence_bury(&presence, "c", 1, "a"), 0);
    ck_assert_int_eq(embedded_presence_bury(&presence, "none", 4, "a"), 0);
    ck_assert_str_eq(list("c"), "1 v1003: bob*1{}");
    ck_assert_int_eq(embedded_presence_bury(&presence, NULL, 0, "a"), 1);
    ck_assert_int_eq(embedded_presence_bury(&presence, NULL, 0, "b"), 1);
    ck_assert_str_eq(list("c"), "0 v1004:");
    ck_assert_uint_eq(presence.n_shares, 0);
    embedded_presence_finish(&presence);
}
END_TEST

START_TEST(of_empty_channels_a_bounded_number_is_remembered_and_versions_never_go_back) {
    given_a_presence();
    char name[16];
    for (int i = 0; i <= PRESENCE_EMPTY_MAX; i++) {
        snprintf(name, sizeof name, "c%d", i);
        set(name, "a", "ann", 1);
    }
    set("c0", "a", "bob", 1);
    ck_assert_int_eq(embedded_presence_bury(&presence, NULL, 0, "a"), PRESENCE_EMPTY_MAX + 2);
    ck_assert_uint_eq(presence.channels.n_nodes, PRESENCE_EMPTY_MAX);
    ck_assert_uint_eq(presence.n_empty, PRESENCE_EMPTY_MAX);
    uint64_t last = presence.last_version;
    for (int i = 0; i <= PRESENCE_EMPTY_MAX; i++) {
        snprintf(name, sizeof name, "c%d", i);
        set(name, "a", "ann", 1);
    }
    ck_assert_uint_eq(presence.n_empty, 0);
    ck_assert_uint_gt(presence.last_version, last); /* of the one that was forgotten */
    embedded_presence_finish(&presence);
}
END_TEST

START_TEST(without_memory_nothing_has_changed_and_nothing_is_announced) {
    given_a_presence();
    EmbeddedPresenceChange change = {0};
    set("d", "a", "ann", 1);
    journal_clear();
    for (unsigned k = 1;; k++) {
        memory_fail_at(k);
        int r = try_set("c", "a", "ann", 1, "{}", &change);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        if (!has_failed)
            break;
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_str_eq(list("c"), "0 v0:");
        ck_assert_uint_eq(presence.n_shares, 1);
        ck_journal("");
    }
    ck_assert_int_eq(change.change, 1);
    is_full = true;
    ck_assert_int_eq(try_set("c", "a", "bob", 1, "{}", &change), -ENOMEM);
    ck_assert_int_eq(try_set("c", "a", "ann", 0, "{}", &change), -ENOMEM);
    ck_assert_int_eq(embedded_presence_bury(&presence, NULL, 0, "a"), -ENOMEM);
    ck_assert_uint_eq(presence.n_shares, 2);
    is_full = false;
    ck_assert_int_eq(embedded_presence_bury(&presence, NULL, 0, "a"), 2);
    embedded_presence_finish(&presence);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_user_comes_with_the_first_node_and_goes_with_the_last,
        the_member_is_that_of_the_first_entry,
        who_never_was_there_leaves_no_trace,
        burying_takes_a_nodes_shares_and_no_others,
        of_empty_channels_a_bounded_number_is_remembered_and_versions_never_go_back,
        without_memory_nothing_has_changed_and_nothing_is_announced,
    };
    return run_suite("embedded_presence", tests, N_ELEMENTS(tests));
}
