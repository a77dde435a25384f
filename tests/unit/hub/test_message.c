#include "hub/message.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "failing_memory.h"
#include "suite.h"

START_TEST(a_message_holds_its_channel_and_its_payload) {
    Message *message;
    ck_assert_int_eq(message_new(&message, "chat:1", 6, "a\0b", 3), 0);
    ck_assert_str_eq(message_channel(message), "chat:1");
    ck_assert_uint_eq(message->n_channel, 6);
    ck_assert_uint_eq(message->n_payload, 3);
    ck_assert_mem_eq(message_payload(message), "a\0b", 3);
    ck_assert_uint_eq(message->channel_hash, hash_bytes("chat:1", 6));
    ck_assert_ptr_null(message_unref(message));
}
END_TEST

START_TEST(an_idempotency_key_goes_with_it) {
    char id[MESSAGE_ID_MAX + 1] = "";
    Message *message;
    ck_assert_int_eq(message_new_keyed(&message, "c", 1, "payload", 7, "key", 3), 0);
    ck_assert_uint_eq(message->n_id, 3);
    ck_assert_mem_eq(message_payload(message), "payload", 7);
    ck_assert_mem_eq(message_id(message), "key", 3);
    message_unref(message);
    ck_assert_int_eq(message_new(&message, "c", 1, "p", 1), 0);
    ck_assert_uint_eq(message->n_id, 0);
    message_unref(message);
    ck_assert_int_eq(message_new_keyed(&message, "c", 1, "p", 1, id, sizeof id), -EINVAL);
}
END_TEST

START_TEST(a_payload_may_be_empty) {
    Message *message;
    ck_assert_int_eq(message_new(&message, "c", 1, NULL, 0), 0);
    ck_assert_uint_eq(message->n_payload, 0);
    message_unref(message);
}
END_TEST

START_TEST(a_channel_of_no_bytes_or_too_many_is_refused) {
    char name[CHANNEL_NAME_MAX + 1];
    memset(name, 'x', sizeof(name));
    Message *message;
    ck_assert_int_eq(message_new(&message, "", 0, "p", 1), -EINVAL);
    ck_assert_int_eq(message_new(&message, name, sizeof(name), "p", 1), -EINVAL);
    ck_assert_int_eq(message_new(&message, name, sizeof(name) - 1, "p", 1), 0);
    message_unref(message);
}
END_TEST

START_TEST(a_payload_over_4_gib_is_refused_unread) {
    Message *message;
    ck_assert_int_eq(message_new(&message, "c", 1, "", (size_t)UINT32_MAX + 1), -EINVAL);
}
END_TEST

START_TEST(the_last_reference_frees_it) {
    Message *message;
    ck_assert_int_eq(message_new(&message, "c", 1, "p", 1), 0);
    ck_assert_ptr_eq(message_ref(message), message);
    message_unref(message);
    ck_assert_str_eq(message_channel(message), "c"); /* still there; the address sanitizer sees the rest */
    message_unref(message);
    ck_assert_ptr_null(message_unref(NULL));
}
END_TEST

START_TEST(without_memory_there_is_no_message) {
    Message *message;
    memory_fail_at(1);
    ck_assert_int_eq(message_new(&message, "c", 1, "p", 1), -ENOMEM);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_message_holds_its_channel_and_its_payload,  an_idempotency_key_goes_with_it,        a_payload_may_be_empty,
        a_channel_of_no_bytes_or_too_many_is_refused, a_payload_over_4_gib_is_refused_unread, the_last_reference_frees_it,
        without_memory_there_is_no_message,
    };
    return run_suite("message", tests, N_ELEMENTS(tests));
}
