#include "broker/bus.h"

#include <string.h>

#include "failing_memory.h"
#include "fake_backend.h"
#include "journal.h"
#include "suite.h"

START_TEST(a_resume_that_ends_where_the_worker_stands_is_the_backends_answer) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 4, 9);
    ck_journal("READ d:1 resume 5-4 5");
    answer_read(true, 5, 5, 7);
    ck_journal("history 9 recovered @5-7: e f g");
    finish_bus();
}
END_TEST

START_TEST(a_resume_behind_what_was_delivered_meanwhile_is_completed_from_it) {
    given_a_channel_of_worker_1_at(7);
    numbered("d:1", 5, 8); /* not remembered: there was no resume */
    resume(1, "d:1", 5, 6, 9);
    numbered("d:1", 5, 9);
    numbered("d:1", 5, 10);
    journal_clear();
    answer_read(true, 5, 7, 8);
    ck_journal("history 9 recovered @5-10: g h i j");
    numbered("d:1", 5, 11);
    ck_journal("deliver 1 d:1=k @5-11");
    finish_bus();
}
END_TEST

START_TEST(a_resume_ahead_of_what_was_delivered_is_cut) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 5, 9);
    journal_clear();
    answer_read(true, 5, 6, 9);
    ck_journal("history 9 recovered @5-7: f g");
    numbered("d:1", 5, 8);
    numbered("d:1", 5, 9);
    ck_journal("deliver 1 d:1=h @5-8; deliver 1 d:1=i @5-9");
    finish_bus();
}
END_TEST

START_TEST(a_resume_since_the_newest_message_needs_no_question) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 7, 9);
    resume(1, "d:1", 6, 7, 10);
    resume(1, "d:1", 0, 0, 11);
    ck_journal("history 9 recovered @5-7:; history 10 not recovered @5-7:; history 11 not recovered @5-7:");
    finish_bus();
}
END_TEST

START_TEST(a_resume_since_a_message_that_has_not_come_here_yet_waits_for_it) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 9, 9);
    resume(1, "d:1", 5, 10, 10);
    resume(1, "d:1", 5, 6, 11);
    journal_clear();
    answer_read(true, 5, 10, 10);
    answer_read(true, 5, 0, 10);
    ck_journal("");
    numbered("d:1", 5, 8);
    ck_journal("deliver 1 d:1=h @5-8");
    numbered("d:1", 5, 9);
    ck_journal("deliver 1 d:1=i @5-9; history 9 recovered @5-9:");
    numbered("d:1", 5, 10);
    ck_journal("deliver 1 d:1=j @5-10; history 10 recovered @5-10:");
    answer_read(true, 5, 7, 7);
    ck_journal("history 11 recovered @5-10: g h i j");
    finish_bus();
}
END_TEST

START_TEST(a_message_that_does_not_come_is_not_waited_for_beyond_the_deadline_nor_a_gap) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 9, 9);
    resume(1, "d:1", 5, 9, 10);
    answer_read(true, 5, 0, 9);
    journal_clear();
    after(SUBSCRIBE_MS);
    ck_journal("history 9 not recovered @5-7:");
    answer_read(true, 5, 0, 9);
    numbered("d:1", 6, 2);
    answer_read(false, 6, 0, 2);
    ck_journal("READ d:1 resume 5-7 5; gap 1 d:1 @6-2; history 10 not recovered @6-2:");
    finish_bus();
}
END_TEST

START_TEST(a_resume_of_more_than_the_limit_is_not_recovered) {
    given_a_channel_of_worker_1_at(9);
    resume(1, "d:1", 5, 4, 9);
    numbered("d:1", 5, 10);
    journal_clear();
    answer_read(true, 5, 5, 9); /* five, and one that came meanwhile */
    ck_journal("history 9 not recovered @5-10:");
    HistoryQuery query = {.since = {5, 7}, .limit = 5, .limit_bytes = 2, .order = HISTORY_RESUME};
    bus_read(&bus, "d:1", 3, &query, &(BrokerReturn){.worker = 1, .request_id = 10});
    journal_clear();
    answer_read(true, 5, 8, 10);
    ck_journal("history 10 not recovered @5-10:");
    finish_bus();
}
END_TEST

START_TEST(a_resume_that_was_trimmed_or_refused_says_so) {
    given_a_channel_of_worker_1_at(9);
    resume(1, "d:1", 5, 2, 9);
    resume(1, "d:1", 5, 2, 10);
    journal_clear();
    answer_read(false, 5, 0, 9);
    fail_read(BROKER_REFUSED);
    ck_journal("history 9 not recovered @5-9:; history 10 refused");
    finish_bus();
}
END_TEST

START_TEST(a_resume_over_which_the_history_began_anew_is_not_recovered) {
    given_a_channel_of_worker_1_at(9);
    resume(1, "d:1", 5, 8, 9);
    numbered("d:1", 6, 1);
    journal_clear();
    answer_read(true, 5, 9, 9);
    ck_journal("history 9 not recovered @6-1:");
    finish_bus();
}
END_TEST

START_TEST(what_is_remembered_for_a_resume_is_bounded) {
    given_a_channel_of_worker_1_at(9);
    resume(1, "d:1", 5, 8, 9);
    for (uint64_t i = 10; i < 500; i++)
        numbered("d:1", 5, i);
    journal_clear();
    answer_read(true, 5, 9, 9);
    ck_journal("history 9 not recovered @5-499:");
    finish_bus();
}
END_TEST

START_TEST(a_resume_before_the_channel_is_granted_is_answered_behind_the_grant) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    resume(1, "d:1", 5, 2, 9);
    subscribed("d:1");
    journal_clear();
    answer_read(true, 5, 0, 4);
    ck_journal("granted 1 d:1 #7 @5-4; READ d:1 resume 5-2 5");
    answer_read(true, 5, 3, 4);
    ck_journal("history 9 recovered @5-4: c d");
    finish_bus();
}
END_TEST

START_TEST(a_resume_that_waits_ends_with_its_want) {
    given_a_bus();
    want(1, "d:1", 7);
    resume(1, "d:1", 5, 2, 9);
    after(SUBSCRIBE_MS);
    ck_journal("unavailable 1 d:1 #7; history 9 unavailable");
    want(1, "d:1", 8);
    resume(1, "d:1", 5, 2, 10);
    unwant(1, "d:1");
    ck_journal("history 10 unavailable");
    want(1, "d:1", 9);
    resume(1, "d:1", 5, 2, 11);
    up();
    bus_backend_events.refused(&bus, "d:1", 3);
    ck_journal("SUBSCRIBE d:1; link up; refused 1 d:1 #9; history 11 refused");
    resume(1, "d:1", 5, 2, 12);
    ck_journal("history 12 not recovered:");
    ck_assert_uint_eq(bus.interests.n_nodes, 0);
    finish_bus();
}
END_TEST

START_TEST(a_resume_goes_on_over_a_hole_and_joins_what_the_worker_has) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 6, 9);
    numbered("d:1", 5, 9);
    ck_journal("READ d:1 resume 5-6 5; READ d:1 resume 5-7 5");
    answer_read(true, 5, 7, 9);
    ck_journal("history 9 recovered @5-7: g");
    answer_read(true, 5, 8, 9);
    ck_journal("deliver 1 d:1=h @5-8; deliver 1 d:1=i @5-9");
    finish_bus();
}
END_TEST

START_TEST(a_resume_whose_channel_has_gone_is_answered_all_the_same) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 6, 9);
    resume(1, "d:1", 5, 8, 10);
    unwant(1, "d:1");
    after(LINGER_MS);
    journal_clear();
    answer_read(true, 5, 7, 7);
    ck_journal("history 9 not recovered:");
    answer_read(true, 5, 0, 8);
    ck_journal("history 10 not recovered:");
    finish_bus();
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 8, 11);
    answer_read(true, 5, 0, 8);
    unwant(1, "d:1");
    journal_clear();
    down();
    ck_journal("history 11 unavailable; link down");
    finish_bus();
}
END_TEST

START_TEST(the_end_of_the_bus_answers_no_resume) {
    given_a_channel_of_worker_1_at(7);
    resume(1, "d:1", 5, 8, 9);
    answer_read(true, 5, 0, 8);
    down();
    resume(1, "d:1", 5, 6, 10);
    finish_bus();
}
END_TEST

START_TEST(without_memory_a_resume_is_answered_still) {
    for (unsigned k = 1;; k++) {
        given_a_channel_of_worker_1_at(7);
        memory_fail_at(k);
        resume(1, "d:1", 5, 5, 9);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        if (has_failed) {
            ck_journal("history 9 overloaded");
            finish_bus();
            continue;
        }
        memory_fail_at(2); /* the message, then what remembers it */
        numbered("d:1", 5, 8);
        memory_fail_at(0);
        HistoryReply *reply = fake_history("d:1", true, 5, 6, 8);
        journal_clear();
        memory_fail_at(1);
        answer_reply(reply);
        memory_fail_at(0);
        ck_journal("history 9 overloaded");
        resume(1, "d:1", 5, 5, 10);
        memory_fail_at(2);
        numbered("d:1", 5, 9);
        memory_fail_at(0);
        journal_clear();
        answer_read(true, 5, 6, 8);
        ck_journal("history 10 not recovered @5-9:");
        finish_bus();
        break;
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_resume_that_ends_where_the_worker_stands_is_the_backends_answer,
        a_resume_behind_what_was_delivered_meanwhile_is_completed_from_it,
        a_resume_ahead_of_what_was_delivered_is_cut,
        a_resume_since_the_newest_message_needs_no_question,
        a_resume_since_a_message_that_has_not_come_here_yet_waits_for_it,
        a_message_that_does_not_come_is_not_waited_for_beyond_the_deadline_nor_a_gap,
        a_resume_of_more_than_the_limit_is_not_recovered,
        a_resume_that_was_trimmed_or_refused_says_so,
        a_resume_over_which_the_history_began_anew_is_not_recovered,
        what_is_remembered_for_a_resume_is_bounded,
        a_resume_before_the_channel_is_granted_is_answered_behind_the_grant,
        a_resume_that_waits_ends_with_its_want,
        a_resume_goes_on_over_a_hole_and_joins_what_the_worker_has,
        a_resume_whose_channel_has_gone_is_answered_all_the_same,
        the_end_of_the_bus_answers_no_resume,
        without_memory_a_resume_is_answered_still,
    };
    return run_suite("bus_resume", tests, N_ELEMENTS(tests));
}
