#include "broker/presence_roster.h"

#include <stdio.h>
#include <string.h>

#include "journal.h"
#include "suite.h"

static Roster roster;
static const char *ours;

static void on_announce(void *context, MessageKind kind, const char *member, size_t n_member) {
    journal_add("%s %.*s", kind == MESSAGE_JOIN ? "join" : "leave", (int)n_member, member);
}

static bool is_ours(void *context, const char *user, size_t n_user) {
    return ours && strlen(ours) == n_user && memcmp(ours, user, n_user) == 0;
}

static const RosterOps ops = {.announce = on_announce, .is_ours = is_ours};

static int hear(MessageKind kind, uint64_t version, const char *user) {
    char member[64];
    int n_member = snprintf(member, sizeof member, "{%s}", user);
    Envelope event = {.kind = kind,
                      .version = version,
                      .user = user,
                      .n_user = strlen(user),
                      .payload = member,
                      .n_payload = (size_t)n_member};
    return roster_hear(&roster, &event);
}

static int join(uint64_t version, const char *user) {
    return hear(MESSAGE_JOIN, version, user);
}

static int leave(uint64_t version, const char *user) {
    return hear(MESSAGE_LEAVE, version, user);
}

/* Users of one letter each. */
static int list_comes_at(uint64_t version, const char *users, uint64_t now_ms) {
    size_t n_users = strlen(users);
    PresenceReply *reply = presence_reply_new((uint32_t)n_users, n_users * 3);
    char *texts = presence_reply_texts(reply);
    for (size_t i = 0; i < n_users; i++) {
        memcpy(texts + 3 * i, (char[]){'{', users[i], '}'}, 3);
        reply->members[i] =
            (PresenceMember){.n_connections = 2, .n_user = 1, .n_text = 3, .user = texts + 3 * i + 1, .text = texts + 3 * i};
    }
    int r = roster_list_comes(&roster, &(PresenceList){.version = version, .reply = reply}, now_ms);
    presence_reply_unref(reply);
    return r;
}

static int list_comes(uint64_t version, const char *users) {
    return list_comes_at(version, users, 1000);
}

static int list(uint64_t version, const char *users) {
    roster_list_begins(&roster);
    return list_comes(version, users);
}

static void given_a_roster(void) {
    ours = NULL;
    journal_clear();
    roster_init(&roster, &ops, NULL);
    roster_subscribed(&roster);
}

static void given_a_roster_of(uint64_t version, const char *users) {
    given_a_roster();
    ck_assert_int_eq(list(version, users), ROSTER_OK);
    ck_journal("");
}

static void ck_members(const char *expected) {
    char letters[16] = "";
    PresenceReply *reply = roster_reply(&roster);
    ck_assert_ptr_nonnull(reply);
    for (char letter = 'a'; letter <= 'z'; letter++)
        for (uint32_t i = 0; i < reply->n_members; i++)
            if (reply->members[i].user[0] == letter)
                strncat(letters, &letter, 1);
    presence_reply_unref(reply);
    ck_assert_str_eq(letters, expected);
}

START_TEST(the_first_list_is_announced_to_nobody_and_events_behind_it_are) {
    given_a_roster_of(5, "ab");
    ck_assert_int_eq(join(6, "c"), ROSTER_OK);
    ck_assert_int_eq(leave(7, "a"), ROSTER_OK);
    ck_journal("join {c}; leave {a}");
    ck_members("bc");
    roster_finish(&roster);
}
END_TEST

/* They were published after the channel was subscribed, so somebody may have asked before them. */
START_TEST(events_that_the_first_list_overtook_are_announced) {
    given_a_roster_of(7, "ac");
    ck_assert_int_eq(join(6, "c"), ROSTER_OK);
    ck_assert_int_eq(leave(7, "b"), ROSTER_OK);
    ck_journal("join {c}; leave {b}");
    ck_members("ac");
    roster_finish(&roster);
}
END_TEST

START_TEST(events_before_the_first_list_are_announced_and_count_in_it) {
    given_a_roster();
    roster_list_begins(&roster);
    join(6, "c");
    leave(7, "a");
    ck_journal("join {c}; leave {a}");
    ck_assert_int_eq(list_comes(5, "ab"), ROSTER_OK);
    ck_journal("");
    ck_members("bc");
    roster_finish(&roster);
}
END_TEST

START_TEST(events_that_a_later_list_overtook_are_not_announced_twice) {
    given_a_roster_of(5, "ab");
    ck_assert_int_eq(list(7, "ac"), ROSTER_OK);
    ck_journal("join {c}");
    join(6, "c");
    leave(7, "b");
    ck_journal("leave {b}");
    ck_members("ac");
    roster_finish(&roster);
}
END_TEST

START_TEST(a_hole_asks_for_a_list_and_its_difference_is_announced) {
    given_a_roster_of(5, "ab");
    ck_assert_int_eq(join(7, "d"), ROSTER_DOUBT);
    ck_journal("join {d}");
    ck_assert_int_eq(list(7, "abcd"), ROSTER_OK);
    ck_journal("join {c}");
    ck_assert_int_eq(join(8, "e"), ROSTER_OK);
    ck_members("abcde");
    roster_finish(&roster);
}
END_TEST

START_TEST(a_list_older_than_a_hole_does_not_mend_it) {
    given_a_roster_of(5, "a");
    roster_list_begins(&roster);
    ck_assert_int_eq(join(7, "c"), ROSTER_DOUBT);
    ck_assert_int_eq(list_comes(5, "a"), ROSTER_DOUBT);
    ck_assert_int_eq(list(7, "abc"), ROSTER_OK);
    ck_journal("join {c}; join {b}");
    roster_finish(&roster);
}
END_TEST

START_TEST(a_user_who_went_while_a_list_was_under_way_does_not_come_back_with_it) {
    given_a_roster_of(5, "ab");
    roster_list_begins(&roster);
    leave(6, "a");
    ck_assert_int_eq(list_comes(5, "ab"), ROSTER_OK);
    ck_journal("leave {a}");
    ck_members("b");
    join(7, "a");
    ck_journal("join {a}");
    roster_finish(&roster);
}
END_TEST

START_TEST(a_user_who_came_while_a_list_was_under_way_stays) {
    given_a_roster_of(5, "a");
    roster_list_begins(&roster);
    join(6, "b");
    leave(7, "b");
    join(8, "b");
    ck_assert_int_eq(list_comes(5, "a"), ROSTER_OK);
    ck_journal("join {b}; leave {b}; join {b}");
    ck_members("ab");
    ck_assert_uint_eq(roster_settle_ms(&roster), 0);
    roster_finish(&roster);
}
END_TEST

START_TEST(more_leaves_than_can_be_remembered_ask_for_another_list) {
    given_a_roster_of(5, "a");
    roster_list_begins(&roster);
    char name[16];
    for (unsigned i = 0; i <= ROSTER_GONE_MAX; i++) {
        snprintf(name, sizeof name, "user%u", i);
        join(6 + 2 * i, name);
        leave(7 + 2 * i, name);
    }
    ck_assert_int_eq(list_comes(5, "a"), ROSTER_DOUBT);
    ck_assert_int_eq(list(7 + 2 * ROSTER_GONE_MAX, "a"), ROSTER_OK);
    ck_members("a");
    roster_finish(&roster);
}
END_TEST

START_TEST(a_user_whom_lists_lack_goes_after_a_while) {
    given_a_roster_of(5, "ab");
    roster_subscribed(&roster);
    list(9, "a");
    ck_journal("");
    ck_members("ab");
    ck_assert_uint_eq(roster_settle_ms(&roster), ROSTER_SETTLE_MS);
    roster_list_begins(&roster);
    ck_assert_int_eq(list_comes_at(9, "a", 1000 + ROSTER_SETTLE_MS), ROSTER_OK);
    ck_journal("leave {b}");
    ck_members("a");
    ck_assert_uint_eq(roster_settle_ms(&roster), 0);
    roster_finish(&roster);
}
END_TEST

START_TEST(a_user_whom_a_list_lacked_and_who_comes_was_never_gone) {
    given_a_roster_of(5, "ab");
    roster_subscribed(&roster);
    list(9, "a");
    join(10, "b");
    ck_journal("");
    ck_assert_uint_eq(roster_settle_ms(&roster), 0);
    roster_finish(&roster);
}
END_TEST

START_TEST(a_broker_whose_versions_went_back_is_given_more_time) {
    given_a_roster_of(50, "ab");
    roster_subscribed(&roster);
    ck_assert_int_eq(list(1, "a"), ROSTER_OK);
    ck_assert_uint_eq(roster_settle_ms(&roster), ROSTER_SETTLE_REWOUND_MS);
    roster_list_begins(&roster);
    list_comes_at(1, "a", 1000 + ROSTER_SETTLE_MS);
    ck_journal("");
    join(2, "b");
    ck_journal("");
    leave(3, "b");
    ck_journal("leave {b}");
    roster_finish(&roster);
}
END_TEST

START_TEST(versions_that_went_back_among_the_events_ask_for_a_list) {
    given_a_roster_of(50, "ab");
    ck_assert_int_eq(join(51, "c"), ROSTER_OK);
    ck_assert_int_eq(join(1, "a"), ROSTER_DOUBT);
    ck_assert_int_eq(list(3, "abd"), ROSTER_OK);
    ck_journal("join {c}; join {d}");
    ck_members("abcd");
    roster_finish(&roster);
}
END_TEST

START_TEST(versions_that_leap_as_the_time_does_are_of_a_broker_that_lost_its_data) {
    given_a_roster_of(5, "ab");
    ck_assert_int_eq(join(5 + ROSTER_JUMP, "a"), ROSTER_DOUBT);
    ck_assert_int_eq(list(5 + ROSTER_JUMP, "a"), ROSTER_OK);
    ck_assert_uint_eq(roster_settle_ms(&roster), ROSTER_SETTLE_REWOUND_MS);
    ck_journal("");
    roster_finish(&roster);
    given_a_roster_of(5, "ab");
    roster_subscribed(&roster);
    ck_assert_int_eq(list(5 + ROSTER_JUMP, "a"), ROSTER_OK);
    ck_assert_uint_eq(roster_settle_ms(&roster), ROSTER_SETTLE_REWOUND_MS);
    roster_finish(&roster);
}
END_TEST

START_TEST(a_user_of_this_node_is_not_gone_because_a_list_lacks_him) {
    given_a_roster_of(5, "ab");
    ours = "b";
    roster_subscribed(&roster);
    for (unsigned i = 0; i < 5; i++) {
        roster_list_begins(&roster);
        list_comes_at(9, "a", 1000 + 5000 * i);
        ck_assert_uint_gt(roster_settle_ms(&roster), 0);
    }
    ck_journal("");
    ours = NULL;
    roster_list_begins(&roster);
    list_comes_at(9, "a", 50000);
    ck_journal("leave {b}");
    roster_finish(&roster);
}
END_TEST

START_TEST(a_list_asked_for_before_the_channel_was_subscribed_anew_counts_for_nothing) {
    given_a_roster_of(5, "ab");
    roster_list_begins(&roster);
    roster_subscribed(&roster);
    ck_assert_int_eq(list_comes(9, "xyz"), ROSTER_OK);
    ck_journal("");
    ck_members("ab");
    ck_assert(!roster.is_current);
    roster_finish(&roster);
}
END_TEST

START_TEST(a_member_whose_text_is_another_is_kept_with_the_new_one) {
    given_a_roster_of(5, "a");
    Envelope event = {.kind = MESSAGE_JOIN, .version = 6, .user = "a", .n_user = 1, .payload = "{new}", .n_payload = 5};
    roster_hear(&roster, &event);
    ck_journal("");
    PresenceReply *reply = roster_reply(&roster);
    ck_assert_uint_eq(reply->n_members, 1);
    ck_assert_uint_eq(reply->members[0].n_text, 5);
    ck_assert_mem_eq(reply->members[0].text, "{new}", 5);
    presence_reply_unref(reply);
    roster_finish(&roster);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_first_list_is_announced_to_nobody_and_events_behind_it_are,
        events_that_the_first_list_overtook_are_announced,
        events_before_the_first_list_are_announced_and_count_in_it,
        events_that_a_later_list_overtook_are_not_announced_twice,
        a_hole_asks_for_a_list_and_its_difference_is_announced,
        a_list_older_than_a_hole_does_not_mend_it,
        a_user_who_went_while_a_list_was_under_way_does_not_come_back_with_it,
        a_user_who_came_while_a_list_was_under_way_stays,
        more_leaves_than_can_be_remembered_ask_for_another_list,
        a_user_whom_lists_lack_goes_after_a_while,
        a_user_whom_a_list_lacked_and_who_comes_was_never_gone,
        a_broker_whose_versions_went_back_is_given_more_time,
        versions_that_went_back_among_the_events_ask_for_a_list,
        versions_that_leap_as_the_time_does_are_of_a_broker_that_lost_its_data,
        a_user_of_this_node_is_not_gone_because_a_list_lacks_him,
        a_list_asked_for_before_the_channel_was_subscribed_anew_counts_for_nothing,
        a_member_whose_text_is_another_is_kept_with_the_new_one,
    };
    return run_suite("presence_roster", tests, N_ELEMENTS(tests));
}
