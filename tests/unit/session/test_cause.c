#include "session/cause.h"

#include <string.h>

#include "suite.h"

START_TEST(each_cause_has_a_word_of_its_own) {
    for (Cause cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++) {
        const char *name = cause_name(cause);
        ck_assert_ptr_nonnull(name);
        ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(name));
        for (Cause other = CAUSE_NONE; other < cause; other++)
            ck_assert_str_ne(name, cause_name(other));
    }
}
END_TEST

START_TEST(each_code_may_stand_in_a_close_frame) {
    for (Cause cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++) {
        uint16_t code = cause_code(cause);
        ck_assert((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 4000 && code <= 4999));
    }
    ck_assert_uint_eq(cause_code(CAUSE_SLOW_CONSUMER), 1013);
    ck_assert_uint_eq(cause_code(CAUSE_MESSAGE_TOO_BIG), 1009);
    ck_assert_uint_eq(cause_code(CAUSE_SHUTDOWN), 1012);
    ck_assert_uint_eq(cause_code(CAUSE_AUTH_TIMEOUT), 4401);
    ck_assert_uint_eq(cause_code(CAUSE_TOKEN_EXPIRED), 4402);
    ck_assert_uint_eq(cause_code(CAUSE_DISCONNECTED), 4403);
    ck_assert_uint_eq(cause_code(CAUSE_USER_LIMIT), 4429);
}
END_TEST

START_TEST(each_reason_fits_a_close_frame) {
    for (Cause cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++) {
        ck_assert_ptr_nonnull(cause_reason(cause));
        ck_assert_uint_le(strlen(cause_reason(cause)), 123);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        each_cause_has_a_word_of_its_own,
        each_code_may_stand_in_a_close_frame,
        each_reason_fits_a_close_frame,
    };
    return run_suite("cause", tests, N_ELEMENTS(tests));
}
