#include "broker/embedded.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "embedded_fixture.h"
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

static void publish(const char *channel, const char *payload, char *cookie) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    embedded->ops->publish(embedded, message, cookie);
    message_unref(message);
}

START_TEST(it_is_up_at_the_first_turn_of_the_loop) {
    given_an_embedded_broker(0);
    ck_journal("up");
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
    ck_journal("up; subscribed news; message news=hi; published 1 ok");
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
        a_client_and_the_node_both_count_as_receivers,
        an_address_in_use_is_refused_and_leaves_nothing_behind,
        without_an_address_there_is_no_listener,
        closing_ends_every_client,
    };
    return run_suite("embedded", tests, N_ELEMENTS(tests));
}
