#include "broker/redis_complaint.h"

#include <stdio.h>
#include <string.h>

#include "journal.h"
#include "real_redis.h"
#include "redis_fixture.h"
#include "suite.h"

enum { PATIENCE_MS = 8000 };

static const HistoryLimits limits = {.n_messages = 100, .age_ms = 60000};
static RealRedis real;
static const char *awaited;

static bool is_in_journal(void) {
    return journal_has(awaited);
}

static bool await(const char *text) {
    awaited = text;
    return redis_until(is_in_journal, PATIENCE_MS);
}

static void given_a_backend_after(const char *command) {
    char url[64];
    real_redis_start(&real);
    real_redis_do(&real, command);
    snprintf(url, sizeof url, "redis://joe:x@127.0.0.1:%u", real.port);
    redis_given_one(url);
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    journal_clear();
}

static void finish(void) {
    redis_finish();
    real_redis_finish(&real);
}

START_TEST(it_has_the_command_the_code_and_the_words) {
    BrokerComplaint complaint = redis_complaint("PUBLISH", "NOPERM User joe has no permissions to run the 'publish' command");
    ck_assert_str_eq(complaint.command, "PUBLISH");
    ck_assert_str_eq(complaint.code, "NOPERM");
    ck_assert_str_eq(complaint.words, "User joe has no permissions to run the 'publish' command");
    complaint = redis_complaint("barker_publish", "OOM");
    ck_assert_str_eq(complaint.code, "OOM");
    ck_assert_str_eq(complaint.words, "");
}
END_TEST

START_TEST(words_that_might_quote_a_client_are_left_out) {
    static const char *const errors[] = {"ERR unknown command 'x', with args beginning with: 'a payload'", "NOPERMX a payload",
                                         "BUSYGROUP a payload", "ERR", "ERR "};
    for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
        BrokerComplaint complaint = redis_complaint("PUBLISH", errors[i]);
        ck_assert_uint_eq(strlen(complaint.code), strcspn(errors[i], " "));
        ck_assert_ptr_null(complaint.words);
    }
}
END_TEST

START_TEST(what_is_no_code_is_not_told) {
    static const char *const errors[] = {
        "", " NOPERM x", "a payload", "NOPERM: x", "NOPERM\tx", "NOPERMABCDEFGHIJKLMNOPQRSTUV x", "Noperm x", "N0PERM x"};
    for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
        BrokerComplaint complaint = redis_complaint("PUBLISH", errors[i]);
        ck_assert_str_eq(complaint.code, "");
        ck_assert_ptr_null(complaint.words);
    }
}
END_TEST

START_TEST(a_channel_that_the_user_may_not_have_is_complained_of) {
    given_a_backend_after("ACL SETUSER joe on >x &barker/* &barker:a ~barker/* ~barker:a ~{barker:a}* +@all");
    redis_send("news", "a payload", NULL, "1");
    ck_assert(await("published 1 refused"));
    ck_assert(journal_has("complained PUBLISH: NOPERM "));
    redis_want("news");
    ck_assert(await("refused news"));
    ck_assert(journal_has("complained SUBSCRIBE: NOPERM "));
    redis_send("news", "a payload", &limits, "2");
    ck_assert(await("published 2 refused"));
    ck_assert(journal_has("complained barker_publish: NOPERM "));
    ck_assert(!journal_has("a payload"));
    finish();
}
END_TEST

START_TEST(what_passes_is_complained_of_and_unavailable) {
    given_a_backend_after("ACL SETUSER joe on >x ~* &* +@all");
    redis_send("a", "a payload", &limits, "1");
    ck_assert(await("published 1 ok"));
    ck_assert(!journal_has("complained"));
    real_redis_do(&real, "CONFIG SET maxmemory 1");
    redis_send("a", "a payload", &limits, "2");
    ck_assert(await("published 2 unavailable"));
    ck_assert(journal_has("complained barker_publish: OOM "));
    finish();
}
END_TEST

START_TEST(a_command_that_another_takes_the_place_of_is_not_complained_of) {
    given_a_backend_after("ACL SETUSER joe on >x ~* &* +@all -function -fcall -fcall_ro");
    redis_send("a", "a payload", &limits, "1");
    ck_assert(await("published 1 ok"));
    ck_assert(!journal_has("complained"));
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        it_has_the_command_the_code_and_the_words,
        words_that_might_quote_a_client_are_left_out,
        what_is_no_code_is_not_told,
        a_channel_that_the_user_may_not_have_is_complained_of,
        what_passes_is_complained_of_and_unavailable,
        a_command_that_another_takes_the_place_of_is_not_complained_of,
    };
    return run_suite("redis_complaint", tests, N_ELEMENTS(tests));
}
