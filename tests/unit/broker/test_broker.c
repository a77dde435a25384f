#include "broker/broker.h"

#include <string.h>

#include "failing_memory.h"
#include "suite.h"

START_TEST(a_history_reply_holds_its_messages_until_the_last_reference_goes) {
    Message *message;
    ck_assert_int_eq(message_new(&message, "news", 4, "hi", 2), 0);
    HistoryReply *reply = history_reply_new(2);
    ck_assert_ptr_nonnull(reply);
    ck_assert_uint_eq(reply->n_messages, 2);
    ck_assert_int_eq(reply->result, BROKER_OK);
    ck_assert_ptr_null(reply->messages[1]); /* one that was never filled */
    reply->messages[0] = message_ref(message);
    ck_assert_ptr_eq(history_reply_ref(reply), reply);
    ck_assert_ptr_null(history_reply_unref(reply));
    ck_assert_uint_eq(atomic_load(&message->ref.n_references), 2);
    ck_assert_ptr_null(history_reply_unref(reply));
    ck_assert_uint_eq(atomic_load(&message->ref.n_references), 1);
    message_unref(message);
    ck_assert_ptr_null(history_reply_unref(NULL));
}
END_TEST

START_TEST(a_presence_reply_is_one_allocation_with_room_for_the_texts) {
    PresenceReply *reply = presence_reply_new(3, 9);
    ck_assert_ptr_nonnull(reply);
    char *texts = presence_reply_texts(reply);
    memcpy(texts, "onetwosix", 9);
    for (uint32_t i = 0; i < 3; i++)
        reply->members[i] = (PresenceMember){.n_connections = i, .n_text = 3, .text = texts + 3 * i};
    ck_assert_int_eq(memcmp(reply->members[2].text, "six", 3), 0);
    ck_assert_ptr_eq(presence_reply_ref(reply), reply);
    ck_assert_ptr_null(presence_reply_unref(reply));
    ck_assert_ptr_null(presence_reply_unref(reply));
    ck_assert_ptr_null(presence_reply_unref(NULL));
}
END_TEST

START_TEST(an_empty_presence_reply_has_neither_members_nor_texts) {
    PresenceReply *reply = presence_reply_new(0, 0);
    ck_assert_ptr_nonnull(reply);
    ck_assert_uint_eq(reply->n_members, 0);
    presence_reply_unref(reply);
}
END_TEST

START_TEST(without_memory_there_is_no_reply) {
    memory_fail_at(1);
    ck_assert_ptr_null(history_reply_new(1));
    memory_fail_at(1);
    ck_assert_ptr_null(presence_reply_new(1, 1));
    memory_fail_at(0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_history_reply_holds_its_messages_until_the_last_reference_goes,
        a_presence_reply_is_one_allocation_with_room_for_the_texts,
        an_empty_presence_reply_has_neither_members_nor_texts,
        without_memory_there_is_no_reply,
    };
    return run_suite("broker", tests, N_ELEMENTS(tests));
}
