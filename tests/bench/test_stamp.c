#include "stamp.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "template.h"

static const Stamp stamp = {.sequence = 0x12345678, .channel = 19999, .sent_ns = UINT64_C(0xfedcba9876543210)};

START_TEST(a_stamp_is_found_as_it_was_written) {
    StampMark mark;
    Stamp found;
    char payload[64];
    stamp_mark_init(&mark, 0xabcdef01);
    stamp_write(payload, sizeof(payload), &mark, &stamp);
    ck_assert(stamp_find(&found, &mark, payload, sizeof(payload)));
    ck_assert_uint_eq(found.sequence, stamp.sequence);
    ck_assert_uint_eq(found.channel, stamp.channel);
    ck_assert(found.sent_ns == stamp.sent_ns);
}
END_TEST

START_TEST(a_stamp_is_found_within_an_envelope) {
    StampMark mark;
    Stamp found;
    char frame[128] = "{\"type\":\"message\",\"channel\":\"bench\",\"text\":\"";
    size_t n_head = strlen(frame);
    stamp_mark_init(&mark, 1);
    stamp_write(frame + n_head, STAMP_BYTES, &mark, &stamp);
    memcpy(frame + n_head + STAMP_BYTES, "\"}", 2);
    ck_assert(stamp_find(&found, &mark, frame, n_head + STAMP_BYTES + 2));
    ck_assert_uint_eq(found.sequence, stamp.sequence);
}
END_TEST

START_TEST(a_stamp_of_another_run_or_cut_short_is_not_found) {
    StampMark mark;
    StampMark other;
    Stamp found;
    char payload[STAMP_BYTES];
    stamp_mark_init(&mark, 1);
    stamp_mark_init(&other, 2);
    stamp_write(payload, sizeof(payload), &mark, &stamp);
    ck_assert(!stamp_find(&found, &other, payload, sizeof(payload)));
    ck_assert(!stamp_find(&found, &mark, payload, sizeof(payload) - 1));
}
END_TEST

START_TEST(a_template_replaces_its_placeholders_and_leaves_other_braces) {
    char text[128];
    ck_assert_int_eq(template_expand(text, sizeof(text), "{\"id\":{i},\"channel\":\"{channel}-{i%10}\"}", 123, "room"), 0);
    ck_assert_str_eq(text, "{\"id\":123,\"channel\":\"room-3\"}");
    ck_assert_int_eq(template_expand(text, sizeof(text), "{i%x}{i{j}{channel}", 5, NULL), 0);
    ck_assert_str_eq(text, "{i%x}{i{j}{channel}");
}
END_TEST

START_TEST(a_template_never_writes_past_its_room) {
    char text[4] = "zzz";
    ck_assert_int_eq(template_expand(text, 3, "a{i}", 9, NULL), 0);
    ck_assert_str_eq(text, "a9");
    ck_assert_int_eq(template_expand(text, 3, "a{i}", 10, NULL), -ENOSPC);
    ck_assert_int_eq(template_expand(text, 3, "{i%0}", 1, NULL), -EINVAL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench/stamp");
    TCase *tcase = tcase_create("stamp and template");
    tcase_add_test(tcase, a_stamp_is_found_as_it_was_written);
    tcase_add_test(tcase, a_stamp_is_found_within_an_envelope);
    tcase_add_test(tcase, a_stamp_of_another_run_or_cut_short_is_not_found);
    tcase_add_test(tcase, a_template_replaces_its_placeholders_and_leaves_other_braces);
    tcase_add_test(tcase, a_template_never_writes_past_its_room);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
