#include "broker/embedded.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "broker/control.h"
#include "embedded_fixture.h"
#include "failing_memory.h"
#include "fake_node.h"
#include "journal.h"
#include "loopback.h"
#include "suite.h"

static void subscribe(const char *channel) {
    embedded->ops->subscribe(embedded, channel, strlen(channel));
}

static void unsubscribe(const char *channel) {
    embedded->ops->unsubscribe(embedded, channel, strlen(channel));
}

static void publish_with(const char *channel, const char *payload, const HistoryLimits *limits, char *cookie) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    embedded->ops->publish(embedded, message, limits, cookie);
    message_unref(message);
}

static void publish(const char *channel, const char *payload, char *cookie) {
    publish_with(channel, payload, NULL, cookie);
}

static void publish_durable(const char *channel, const char *payload, char *cookie) {
    publish_with(channel, payload, &(HistoryLimits){.n_messages = 3, .age_ms = 10000}, cookie);
}

static void present(const char *channel, const char *user, uint32_t n_connections, char *cookie) {
    const PresenceEntry entry = {
        .channel = channel,
        .n_channel = strlen(channel),
        .node = "n1",
        .user = user,
        .n_user = strlen(user),
        .member = "{}",
        .n_member = 2,
        .n_connections = n_connections,
    };
    embedded->ops->present(embedded, &entry, cookie);
}

static void members(const char *channel, char *cookie) {
    embedded->ops->members(embedded, channel, strlen(channel), cookie);
}

START_TEST(it_is_up_at_the_first_turn_of_the_loop) {
    given_an_embedded_broker(0);
    ck_journal("changed; link up");
    ck_assert(embedded->ops->is_reachable(embedded, "news", 4));
    finish_embedded_broker();
}
END_TEST

START_TEST(what_the_node_subscribes_to_it_hears_until_it_unsubscribes) {
    given_an_embedded_broker(0);
    journal_clear();
    publish("news", "unheard", "1");
    ck_journal("published 1 ok");
    subscribe("news");
    ck_journal("subscribed news");
    publish("news", "hi", "2");
    ck_journal("message news=hi; published 2 ok");
    unsubscribe("news");
    unsubscribe("news");
    publish("news", "unheard", "3");
    ck_journal("published 3 ok");
    finish_embedded_broker();
}
END_TEST

START_TEST(a_client_of_the_listener_publishes_to_the_node_by_the_prefixed_name) {
    int client = loopback_connect(given_an_embedded_broker(0));
    subscribe("news");
    journal_clear();
    loopback_send(client, "PUBLISH barker:news hi\r\n");
    loopback_expect(client, ":1\r\n");
    ck_journal("message news=hi");
    loopback_send(client, "PUBLISH news unheard\r\nPUBLISH barker:other unheard\r\nPUBLISH barker: unheard\r\n");
    loopback_expect(client, ":0\r\n:0\r\n:0\r\n");
    ck_journal("");
    close(client);
    finish_embedded_broker();
}
END_TEST

START_TEST(what_the_node_publishes_reaches_the_clients_of_the_listener_with_the_prefix) {
    int client = loopback_connect(given_an_embedded_broker(0));
    loopback_send(client, "SUBSCRIBE barker:news\r\n");
    loopback_expect(client, "*3\r\n$9\r\nsubscribe\r\n$11\r\nbarker:news\r\n:1\r\n");
    publish("news", "hi", "1");
    loopback_expect(client, "*3\r\n$7\r\nmessage\r\n$11\r\nbarker:news\r\n$2\r\nhi\r\n");
    close(client);
    finish_embedded_broker();
}
END_TEST

START_TEST(commands_go_both_ways_under_their_own_name) {
    int client = loopback_connect(given_an_embedded_broker(0));
    subscribe(CONTROL_CHANNEL);
    journal_clear();
    loopback_send(client, "PUBLISH barker/control plain\r\n");
    loopback_expect(client, ":1\r\n");
    ck_journal("message " CONTROL_CHANNEL "=plain");
    loopback_send(client, "PUBLISH barker:" CONTROL_CHANNEL " unheard\r\nPUBLISH barker/controls unheard\r\n");
    loopback_expect(client, ":0\r\n:0\r\n");
    ck_journal("");
    loopback_send(client, "SUBSCRIBE barker/control\r\n");
    loopback_expect(client, "*3\r\n$9\r\nsubscribe\r\n$14\r\nbarker/control\r\n:1\r\n");
    publish(CONTROL_CHANNEL, "hi", "1");
    loopback_expect(client, "*3\r\n$7\r\nmessage\r\n$14\r\nbarker/control\r\n$2\r\nhi\r\n");
    close(client);
    finish_embedded_broker();
}
END_TEST

START_TEST(commands_that_a_client_keeps_are_read_by_the_node) {
    int client = loopback_connect(given_an_embedded_broker(0));
    const HistoryQuery query = {.limit = 10, .order = HISTORY_FORWARD};
    char reply[128];
    loopback_send(client, "FCALL barker_publish 1 barker/control command SIZE 9\r\n");
    loopback_read_some(client, reply, sizeof reply);
    ck_assert_ptr_eq(strstr(reply, "*3\r\n"), reply);
    journal_clear();
    embedded->ops->read(embedded, CONTROL_CHANNEL, strlen(CONTROL_CHANNEL), &query, (void *)"h");
    ck_journal("read h ok recovered @A1: " CONTROL_CHANNEL "=command");
    close(client);
    finish_embedded_broker();
}
END_TEST

START_TEST(a_client_and_the_node_both_count_as_receivers) {
    unsigned port = given_an_embedded_broker(0);
    int listener = loopback_connect(port);
    int publisher = loopback_connect(port);
    subscribe("news");
    loopback_send(listener, "SUBSCRIBE barker:news\r\nPSUBSCRIBE barker:n*\r\n");
    loopback_expect(listener, "*3\r\n$9\r\nsubscribe\r\n$11\r\nbarker:news\r\n:1\r\n"
                              "*3\r\n$10\r\npsubscribe\r\n$9\r\nbarker:n*\r\n:2\r\n");
    loopback_send(publisher, "PUBLISH barker:news hi\r\n");
    loopback_expect(publisher, ":3\r\n");
    close(listener);
    close(publisher);
    finish_embedded_broker();
}
END_TEST

START_TEST(an_address_in_use_is_refused_and_leaves_nothing_behind) {
    unsigned port = given_an_embedded_broker(0);
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", (int)port, &address);
    const EmbeddedOptions options = {.prefix = "", .address = (struct sockaddr *)&address};
    Backend *second = NULL;
    ck_assert_int_eq(embedded_backend_new(&second, &loopback_loop, &options, &fake_backend_events, NULL), -EADDRINUSE);
    ck_assert_ptr_null(second);
    finish_embedded_broker();
}
END_TEST

START_TEST(without_an_address_there_is_no_listener) {
    struct sockaddr_storage bound;
    loopback_start();
    journal_clear();
    ck_assert_int_eq(
        embedded_backend_new(&embedded, &loopback_loop, &(EmbeddedOptions){.prefix = ""}, &fake_backend_events, NULL), 0);
    ck_assert_int_eq(embedded_backend_address(embedded, &bound), -ENOENT);
    loopback_turns(1);
    subscribe("news");
    publish("news", "hi", "1");
    embedded->ops->tick(embedded, 100);
    ck_journal("changed; link up; subscribed news; message news=hi; published 1 ok");
    finish_embedded_broker();
}
END_TEST

START_TEST(before_the_first_turn_nothing_is_reachable) {
    loopback_start();
    journal_clear();
    ck_assert_int_eq(
        embedded_backend_new(&embedded, &loopback_loop, &(EmbeddedOptions){.prefix = ""}, &fake_backend_events, NULL), 0);
    ck_assert(!embedded->ops->is_reachable(embedded, "news", 4));
    subscribe("news");
    ck_journal("");
    finish_embedded_broker();
}
END_TEST

START_TEST(a_durable_message_is_heard_with_its_place_and_read_again) {
    given_an_embedded_broker(0);
    subscribe("chat:1");
    journal_clear();
    publish_durable("chat:1", "one", "1");
    ck_journal("message chat:1=one @A1; published 1 ok @A1");
    for (int i = 0; i < 3; i++)
        publish_durable("chat:1", "more", "2");
    journal_clear();
    const HistoryQuery query = {.limit = 10, .order = HISTORY_FORWARD};
    embedded->ops->read(embedded, "chat:1", 6, &query, "3");
    ck_journal("read 3 ok recovered @A4: chat:1=more chat:1=more chat:1=more");
    embedded->ops->read(embedded, "chat:2", 6, &query, "4");
    ck_journal("read 4 ok recovered:");
    publish("chat:1", "live", "5");
    embedded->ops->read(embedded, "chat:1", 6, &(HistoryQuery){.order = HISTORY_FORWARD}, "6");
    ck_journal("message chat:1=live; published 5 ok; read 6 ok recovered @A4 more:");
    finish_embedded_broker();
}
END_TEST

START_TEST(a_durable_message_with_a_known_key_takes_the_firsts_place) {
    const HistoryLimits limits = {.n_messages = 3, .age_ms = 10000};
    Message *message;
    given_an_embedded_broker(0);
    subscribe("chat:1");
    journal_clear();
    ck_assert_int_eq(message_new_keyed(&message, "chat:1", 6, "one", 3, "key", 3), 0);
    embedded->ops->publish(embedded, message, &limits, "1");
    ck_journal("message chat:1=one @A1; published 1 ok @A1");
    embedded->ops->publish(embedded, message, &limits, "2");
    ck_journal("published 2 ok @A1");
    embedded->ops->publish(embedded, message, NULL, "3");
    ck_journal("message chat:1=one; published 3 ok");
    message_unref(message);
    finish_embedded_broker();
}
END_TEST

START_TEST(a_clients_and_the_nodes_durable_messages_share_one_history) {
    int client = loopback_connect(given_an_embedded_broker(0));
    subscribe("chat:1");
    publish_durable("chat:1", "one", "1");
    loopback_send(client, "FCALL barker_publish 1 barker:chat:1 two\r\n");
    loopback_expect(client, "*3\r\n");
    publish_durable("chat:1", "three", "2");
    ck_journal("changed; link up; subscribed chat:1; message chat:1=one @A1; published 1 ok @A1; message chat:1=two @A2; "
               "message chat:1=three @A3; published 2 ok @A3");
    close(client);
    finish_embedded_broker();
}
END_TEST

START_TEST(a_history_ends_by_the_ticks) {
    given_an_embedded_broker(0);
    embedded->ops->tick(embedded, 5000000); /* the first tick is the beginning, whatever the clock says */
    publish_durable("chat:1", "one", "1");
    embedded->ops->tick(embedded, 5009900);
    publish_durable("chat:1", "two", "2");
    embedded->ops->tick(embedded, 5030000);
    publish_durable("chat:1", "three", "3");
    ck_journal("changed; link up; published 1 ok @A1; published 2 ok @A2; published 3 ok @B1");
    finish_embedded_broker();
}
END_TEST

START_TEST(presence_is_announced_to_the_node_and_listed) {
    given_an_embedded_broker(0);
    journal_clear();
    members("chat:1", "0");
    ck_journal("members 0 ok v0:");
    subscribe("chat:1");
    present("chat:1", "ann", 1, "1");
    present("chat:1", "ann", 2, "2");
    present("chat:1", "bob", 1, "3");
    ck_journal("subscribed chat:1; join chat:1 ann v1={}; presented 1 ok; presented 2 ok; join chat:1 bob v2={}; "
               "presented 3 ok");
    present("chat:1", "bob", 0, "4");
    members("chat:1", "5");
    ck_journal("leave chat:1 bob v3={}; presented 4 ok; members 5 ok v3: {}*2");
    embedded->ops->bury(embedded, "n1", "6");
    ck_journal("leave chat:1 ann v4={}; buried 6 ok");
    finish_embedded_broker();
}
END_TEST

START_TEST(a_lease_is_always_kept_and_nobody_is_dead) {
    given_an_embedded_broker(0);
    journal_clear();
    LeaseRequest request = {.node = "n1", .lease_ms = 10000};
    embedded->ops->lease(embedded, &request, "1");
    request.is_new = true;
    embedded->ops->lease(embedded, &request, "2");
    request.is_given_up = true;
    embedded->ops->lease(embedded, &request, "3");
    ck_journal("leased 1 kept; leased 2 kept; leased 3 not kept");
    finish_embedded_broker();
}
END_TEST

START_TEST(without_memory_everything_is_answered_all_the_same) {
    given_an_embedded_broker(0);
    Message *message;
    ck_assert_int_eq(message_new(&message, "chat:1", 6, "hi", 2), 0);
    publish_durable("chat:2", "hi", "0");
    journal_clear();
    memory_fail_at(1);
    subscribe("chat:1");
    memory_fail_at(1);
    embedded->ops->publish(embedded, message, &(HistoryLimits){.n_messages = 3, .age_ms = 10000}, "1");
    memory_fail_at(1);
    embedded->ops->read(embedded, "chat:2", 6, &(HistoryQuery){.limit = 1}, "2");
    memory_fail_at(1);
    present("chat:1", "ann", 1, "3");
    memory_fail_at(1);
    members("chat:1", "4");
    memory_fail_at(0);
    ck_journal("refused chat:1; published 1 overloaded; read 2 overloaded not recovered:; presented 3 overloaded; "
               "members 4 overloaded v0:");
    message_unref(message);
    finish_embedded_broker();
}
END_TEST

START_TEST(creation_without_memory_leaves_nothing_behind) {
    loopback_start();
    journal_clear();
    for (unsigned k = 1;; k++) {
        embedded = NULL;
        memory_fail_at(k);
        int r = embedded_backend_new(&embedded, &loopback_loop, &(EmbeddedOptions){.prefix = ""}, &fake_backend_events, NULL);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        if (!has_failed)
            break;
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_ptr_null(embedded);
    }
    finish_embedded_broker();
}
END_TEST

START_TEST(closing_ends_every_client) {
    unsigned port = given_an_embedded_broker(0);
    int one = loopback_connect(port);
    int other = loopback_connect(port);
    loopback_send(one, "PING\r\n");
    loopback_expect(one, "+PONG\r\n");
    loopback_send(other, "SUBSCRIBE a b\r\n");
    loopback_turns(5);
    finish_embedded_broker();
    char byte;
    ck_assert_int_le(read(one, &byte, 1), 0);
    close(one);
    close(other);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        it_is_up_at_the_first_turn_of_the_loop,
        what_the_node_subscribes_to_it_hears_until_it_unsubscribes,
        a_client_of_the_listener_publishes_to_the_node_by_the_prefixed_name,
        what_the_node_publishes_reaches_the_clients_of_the_listener_with_the_prefix,
        commands_go_both_ways_under_their_own_name,
        commands_that_a_client_keeps_are_read_by_the_node,
        a_client_and_the_node_both_count_as_receivers,
        an_address_in_use_is_refused_and_leaves_nothing_behind,
        without_an_address_there_is_no_listener,
        before_the_first_turn_nothing_is_reachable,
        a_durable_message_is_heard_with_its_place_and_read_again,
        a_durable_message_with_a_known_key_takes_the_firsts_place,
        a_clients_and_the_nodes_durable_messages_share_one_history,
        a_history_ends_by_the_ticks,
        presence_is_announced_to_the_node_and_listed,
        a_lease_is_always_kept_and_nobody_is_dead,
        without_memory_everything_is_answered_all_the_same,
        creation_without_memory_leaves_nothing_behind,
        closing_ends_every_client,
    };
    return run_suite("embedded", tests, N_ELEMENTS(tests));
}
