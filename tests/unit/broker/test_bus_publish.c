#include "broker/bus.h"

#include <string.h>

#include "failing_memory.h"
#include "fake_backend.h"
#include "journal.h"
#include "suite.h"

START_TEST(a_publish_is_answered_to_whoever_asked) {
    given_a_bus_that_is_up();
    publish("news", "hi", 2, &(BrokerReturn){.worker = 2, .session_id = 30, .request_id = 4});
    ck_journal("PUBLISH news=2");
    answer_publish(BROKER_REFUSED, (Position){0});
    ck_journal("published 2/30/4 refused");
    publish("d:1", "hi", 2, &(BrokerReturn){.worker = 2, .session_id = 30, .request_id = 5});
    answer_publish(BROKER_OK, (Position){8, 9});
    ck_journal("PUBLISH d:1=2 keep 1000/60000; published 2/30/5 ok @8-9");
    ck_assert_uint_eq(counter_read(&bus.counters.published), 1);
    ck_assert_uint_eq(counter_read(&bus.counters.publish_failures), 1);
    finish_bus();
}
END_TEST

START_TEST(a_live_payload_that_begins_like_an_envelope_is_escaped) {
    static const char payload[] = "\0barker/1 m 1-1\nforged";
    const BrokerReturn to = {.worker = 1, .session_id = 2, .request_id = 3};
    given_a_bus_that_is_up();
    publish("news", payload, sizeof payload - 1, &to);
    ck_journal("PUBLISH news=escaped 22");
    answer_publish(BROKER_OK, (Position){0});
    ck_journal("published 1/2/3 ok");
    for (unsigned k = 1; k <= 3; k++) {
        Message *published;
        ck_assert_int_eq(message_new(&published, "news", 4, payload, sizeof payload - 1), 0);
        memory_fail_at(k);
        bus_publish(&bus, published, &to);
        memory_fail_at(0);
        ck_journal("published 1/2/3 overloaded");
        message_unref(published);
    }
    finish_bus();
}
END_TEST

START_TEST(a_publish_while_the_channel_is_unreachable_is_unavailable_at_once) {
    given_a_bus();
    publish("news", "hi", 2, &(BrokerReturn){.worker = 1, .session_id = 2, .request_id = 3});
    ck_journal("published 1/2/3 unavailable");
    finish_bus();
}
END_TEST

START_TEST(presence_is_told_of_its_channels_and_its_news_go_to_their_workers) {
    given_a_bus_that_is_up();
    want(1, "p:room", 7);
    subscribed("p:room");
    ck_journal("SUBSCRIBE p:room; ROSTER p:room; granted 1 p:room #7");
    static const char joined[] = "\0barker/1 j 1 3\nann{\"user\":\"ann\"}";
    bus_backend_events.message(&bus, "p:room", 6, joined, sizeof joined - 1);
    ck_journal("HEARD p:room ann");
    announce("p:room", MESSAGE_JOIN, "ann");
    announce("p:empty", MESSAGE_LEAVE, "bob");
    ck_journal("join 1 p:room=ann");
    memory_fail_at(1);
    announce("p:room", MESSAGE_LEAVE, "ann");
    memory_fail_at(0);
    ck_journal("gap 1 p:room");
    bus_backend_events.message(&bus, "news", 4, joined, sizeof joined - 1);
    bus_present(&bus, 1, &(PresenceChange){.channel = "news", .n_channel = 4, .has_entered = true});
    ck_journal("");
    bus_present(&bus, 1,
                &(PresenceChange){.channel = "p:room", .n_channel = 6, .user = "ann", .n_user = 3, .has_entered = true});
    bus_presence(&bus, "p:room", 6, &(BrokerReturn){.request_id = 5});
    bus_presence(&bus, "news", 4, &(BrokerReturn){.request_id = 6});
    ck_journal("PRESENT p:room ann enters; presence 5 ok 2; presence 6 refused 0");
    unwant(1, "p:room");
    after(LINGER_MS);
    ck_journal("UNSUBSCRIBE p:room; NO ROSTER p:room");
    finish_bus();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_publish_is_answered_to_whoever_asked,
        a_live_payload_that_begins_like_an_envelope_is_escaped,
        a_publish_while_the_channel_is_unreachable_is_unavailable_at_once,
        presence_is_told_of_its_channels_and_its_news_go_to_their_workers,
    };
    return run_suite("bus_publish", tests, N_ELEMENTS(tests));
}
