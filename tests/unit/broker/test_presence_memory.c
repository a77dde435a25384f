#include "broker/presence.h"

#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "journal.h"
#include "suite.h"

/* A backend that answers nothing by itself. */
static void *members_cookie, *presented_cookie, *lease_cookie;
static unsigned n_members_asked, n_presented, n_buried;

static bool fake_is_reachable(Backend *backend, const char *channel, size_t n_channel) {
    return true;
}

static void fake_present(Backend *backend, const PresenceEntry *entry, void *cookie) {
    presented_cookie = cookie;
    n_presented++;
}

static void fake_members(Backend *backend, const char *channel, size_t n_channel, void *cookie) {
    members_cookie = cookie;
    n_members_asked++;
}

static void fake_lease(Backend *backend, const LeaseRequest *request, void *cookie) {
    lease_cookie = cookie;
}

static void fake_bury(Backend *backend, const char *node, void *cookie) {
    n_buried++;
}

static const BackendOps fake_ops = {
    .is_reachable = fake_is_reachable,
    .present = fake_present,
    .members = fake_members,
    .lease = fake_lease,
    .bury = fake_bury,
};

static void on_announce(void *context, const char *channel, size_t n_channel, MessageKind kind, const char *member,
                        size_t n_member) {
    journal_add("%s %.*s", kind == MESSAGE_JOIN ? "join" : "leave", (int)n_member, member);
}

static void on_answered(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, PresenceReply *reply) {
    journal_add("answered %d", (int)reply->result);
}

static const PresenceOps presence_ops = {.announce = on_announce, .answered = on_answered};

static Backend backend = {.ops = &fake_ops};
static Presence *presence;

static void given_a_presence(void) {
    members_cookie = presented_cookie = lease_cookie = NULL;
    n_members_asked = n_presented = n_buried = 0;
    journal_clear();
    ck_assert_int_eq(presence_new(&presence, &backend, "node", &presence_ops, NULL), 0);
    presence_tick(presence, 1000);
}

static void leased(bool is_kept) {
    presence_on_leased(presence, lease_cookie, BROKER_OK, &(LeaseReply){.is_kept = is_kept, .dead = (const char *[]){NULL}});
}

static void change(const char *user, bool has_entered) {
    PresenceChange changed = {.channel = "room",
                              .n_channel = 4,
                              .user = user,
                              .n_user = strlen(user),
                              .member = "{}",
                              .n_member = 2,
                              .has_entered = has_entered};
    presence_change(presence, &changed);
}

static void join(uint64_t version, const char *user) {
    Envelope event = {.kind = MESSAGE_JOIN,
                      .version = version,
                      .user = user,
                      .n_user = strlen(user),
                      .payload = user,
                      .n_payload = strlen(user)};
    presence_heard(presence, "room", 4, &event);
}

static void members_failing_at(unsigned k, uint64_t version, const char *user) {
    PresenceReply *reply = presence_reply_new(1, 0);
    reply->members[0] = (PresenceMember){
        .n_connections = 1, .user = user, .n_user = (uint32_t)strlen(user), .text = user, .n_text = (uint32_t)strlen(user)};
    memory_fail_at(k);
    presence_on_members(presence, members_cookie, BROKER_OK, &(PresenceList){.version = version, .reply = reply});
    ck_assert(memory_has_failed() == (k > 0));
    memory_fail_at(0);
    presence_reply_unref(reply);
}

static void members(uint64_t version, const char *user) {
    members_failing_at(0, version, user);
}

START_TEST(without_memory_there_is_no_presence) {
    for (unsigned k = 1;; k++) {
        memory_fail_at(k);
        int r = presence_new(&presence, &backend, "node", &presence_ops, NULL);
        memory_fail_at(0);
        if (r == 0)
            break;
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_uint_lt(k, 20);
    }
    presence = presence_free(presence);
    ck_assert_ptr_null(presence_free(NULL));
}
END_TEST

START_TEST(an_entry_without_memory_is_counted_and_its_leave_is_nothing) {
    given_a_presence();
    leased(true);
    for (unsigned k = 1; k <= 3; k++) {
        memory_fail_at(k);
        change("ada", true);
        ck_assert(memory_has_failed());
        memory_fail_at(0);
        change("ada", false);
        ck_assert_uint_eq(counter_read(&presence_counters(presence)->failures), k);
        ck_assert_uint_eq(counter_read(&presence_counters(presence)->members), 0);
    }
    ck_assert_uint_eq(n_presented, 0);
    presence = presence_free(presence);
}
END_TEST

START_TEST(an_ask_without_memory_is_answered_that_it_is_overloaded) {
    given_a_presence();
    for (unsigned k = 1; k <= 2; k++) {
        memory_fail_at(k);
        presence_ask(presence, "room", 4, &(BrokerReturn){0});
        ck_assert(memory_has_failed());
        memory_fail_at(0);
        ck_journal("answered 2");
    }
    presence_subscribed(presence, "room", 4);
    members(1, "ada");
    presence_ask(presence, "room", 4, &(BrokerReturn){0});
    members_failing_at(1, 1, "ada");
    ck_journal("answered 2");
    presence = presence_free(presence);
}
END_TEST

START_TEST(a_channel_without_memory_for_its_roster_passes_events_on) {
    given_a_presence();
    memory_fail_at(1);
    presence_subscribed(presence, "room", 4);
    memory_fail_at(0);
    ck_assert_uint_eq(n_members_asked, 0);
    join(1, "ada");
    ck_journal("join ada");
    presence_unsubscribed(presence, "room", 4);
    presence = presence_free(presence);
}
END_TEST

START_TEST(a_list_without_memory_is_asked_for_again) {
    given_a_presence();
    presence_subscribed(presence, "room", 4);
    members(1, "ada");
    join(5, "bob");
    ck_assert_uint_eq(n_members_asked, 2);
    members_failing_at(1, 6, "eve");
    ck_journal("join bob");
    for (uint64_t now_ms = 1100; now_ms < 1400; now_ms += 100)
        presence_tick(presence, now_ms);
    ck_assert_uint_eq(n_members_asked, 3);
    members(6, "eve");
    ck_journal("join eve");
    presence = presence_free(presence);
}
END_TEST

START_TEST(an_event_without_memory_is_made_up_for_by_a_list) {
    given_a_presence();
    presence_subscribed(presence, "room", 4);
    members(1, "ada");
    memory_fail_at(1);
    join(2, "bob");
    memory_fail_at(0);
    ck_journal("");
    ck_assert_uint_eq(n_members_asked, 2);
    members(2, "bob");
    ck_journal("join bob");
    presence = presence_free(presence);
}
END_TEST

START_TEST(a_lost_lease_without_memory_to_bury_the_old_is_left_to_others) {
    given_a_presence();
    leased(true);
    presence_tick(presence, 2000);
    memory_fail_at(1);
    leased(false);
    ck_assert(memory_has_failed());
    memory_fail_at(0);
    leased(true);
    presence_tick(presence, 3000);
    ck_assert_uint_eq(n_buried, 0);
    ck_assert_uint_eq(counter_read(&presence_counters(presence)->leases_lost), 1);
    presence = presence_free(presence);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        without_memory_there_is_no_presence,
        an_entry_without_memory_is_counted_and_its_leave_is_nothing,
        an_ask_without_memory_is_answered_that_it_is_overloaded,
        a_channel_without_memory_for_its_roster_passes_events_on,
        a_list_without_memory_is_asked_for_again,
        an_event_without_memory_is_made_up_for_by_a_list,
        a_lost_lease_without_memory_to_bury_the_old_is_left_to_others,
    };
    return run_suite("presence_memory", tests, N_ELEMENTS(tests));
}
