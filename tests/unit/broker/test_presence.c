#include "broker/presence.h"

#include "presence_world.h"
#include "suite.h"

enum { A = 1U << 0, B = 1U << 1, C = 1U << 2 };

static World *world;

/* Nodes that have kept their leases long enough to judge, and whose subscribers have asked who is there. */
static void given_nodes(unsigned n_nodes) {
    world = world_new();
    for (unsigned i = 0; i < n_nodes; i++)
        world_start_node(world, i);
    world_run(world, 12000);
    for (unsigned i = 0; i < n_nodes; i++)
        world_ask(world, i, 0);
    world_run(world, 100);
    world_forget_counts(world);
}

static void given_users_of_their_nodes(unsigned n_nodes) {
    given_nodes(n_nodes);
    for (unsigned i = 0; i < n_nodes; i++)
        world_enter(world, i, 0, i);
    world_run(world, 200);
    world_forget_counts(world);
}

static void end(void) {
    for (unsigned i = 0; i < WORLD_NODES; i++)
        ck_assert_uint_eq(world_n_broken(world, i), 0);
    world = world_free(world);
}

START_TEST(a_user_joins_once_and_leaves_once_however_many_connections) {
    given_nodes(2);
    world_enter(world, 0, 0, 0);
    world_run(world, 100);
    world_enter(world, 0, 0, 0);
    world_enter(world, 1, 0, 0);
    world_run(world, 100);
    ck_assert_uint_eq(world_broker_connections(world, 0, 0), 3);
    ck_assert_uint_eq(world_told(world, 1, 0), A);
    world_leave(world, 0, 0, 0);
    world_leave(world, 0, 0, 0);
    world_run(world, 100);
    ck_assert_uint_eq(world_told(world, 1, 0), A);
    world_leave(world, 1, 0, 0);
    world_run(world, 100);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(world_told(world, i, 0), 0);
        ck_assert_uint_eq(world_n_joins(world, i), 1);
        ck_assert_uint_eq(world_n_leaves(world, i), 1);
    }
    end();
}
END_TEST

START_TEST(changes_while_a_call_is_under_way_are_said_once_after_it) {
    given_users_of_their_nodes(1);
    world_enter(world, 0, 0, 1);
    world_enter(world, 0, 0, 1);
    world_enter(world, 0, 0, 1);
    ck_assert_uint_eq(world_n_calls(world), 1);
    world_settle(world);
    ck_assert_uint_eq(world_n_calls(world), 2);
    ck_assert_uint_eq(world_broker_connections(world, 0, 1), 3);
    end();
}
END_TEST

START_TEST(the_members_of_a_killed_node_leave_exactly_once_within_the_lease_and_two_seconds) {
    given_users_of_their_nodes(3);
    world_kill_node(world, 1);
    world_run(world, PRESENCE_LEASE_MS - 1200);
    ck_assert_uint_eq(world_told(world, 0, 0), A | B | C);
    world_run(world, 3200);
    for (unsigned i = 0; i < 3; i += 2) {
        ck_assert_uint_eq(world_told(world, i, 0), A | C);
        ck_assert_uint_eq(world_n_leaves(world, i), 1);
        ck_assert_uint_eq(world_n_joins(world, i), 0);
    }
    ck_assert_uint_eq(world_broker_has(world, 0), A | C);
    end();
}
END_TEST

START_TEST(a_user_who_is_on_a_second_node_survives_the_first) {
    given_users_of_their_nodes(2);
    world_enter(world, 1, 0, 0);
    world_run(world, 100);
    world_kill_node(world, 0);
    world_run(world, 15000);
    ck_assert_uint_eq(world_told(world, 1, 0), A | B);
    ck_assert_uint_eq(world_n_leaves(world, 1), 0);
    ck_assert_uint_eq(world_broker_connections(world, 0, 0), 1);
    end();
}
END_TEST

START_TEST(a_node_that_stops_in_order_takes_its_members_along_at_once) {
    given_users_of_their_nodes(2);
    world_stop_node(world, 0);
    ck_assert(!world_node_has_stopped(world, 0));
    world_run(world, 100);
    ck_assert(world_node_has_stopped(world, 0));
    ck_assert_uint_eq(world_told(world, 1, 0), B);
    ck_assert_uint_eq(world_n_leaves(world, 1), 1);
    world_kill_node(world, 0);
    world_run(world, 20000);
    ck_assert_uint_eq(world_n_leaves(world, 1), 1);
    ck_assert_uint_eq(counter_read(&presence_counters(world_presence(world, 1))->buried), 0);
    end();
}
END_TEST

START_TEST(a_stop_waits_for_those_who_are_being_entered) {
    given_nodes(2);
    world_enter(world, 0, 0, 0);
    world_stop_node(world, 0);
    world_run(world, 200);
    ck_assert(world_node_has_stopped(world, 0));
    ck_assert_uint_eq(world_broker_has(world, 0), 0);
    ck_assert_uint_eq(world_told(world, 1, 0), 0);
    end();
}
END_TEST

START_TEST(a_stop_without_a_link_ends_all_the_same) {
    given_users_of_their_nodes(1);
    world_cut(world, 0, false);
    world_stop_node(world, 0);
    ck_assert(world_node_has_stopped(world, 0));
    end();
}
END_TEST

START_TEST(a_partition_shorter_than_the_lease_is_not_noticed_by_others) {
    given_users_of_their_nodes(3);
    world_cut(world, 0, false);
    world_run(world, 6000);
    world_heal(world, 0);
    world_run(world, 20000);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(world_told(world, i, 0), A | B | C);
        ck_assert_uint_eq(world_n_joins(world, i) + world_n_leaves(world, i), 0);
    }
    end();
}
END_TEST

START_TEST(a_node_that_was_away_longer_than_its_lease_is_gone_and_comes_back) {
    given_users_of_their_nodes(3);
    world_cut(world, 0, false);
    world_run(world, 15000);
    ck_assert_uint_eq(world_told(world, 1, 0), B | C);
    world_enter(world, 0, 0, 3);
    world_leave(world, 1, 0, 1);
    world_run(world, 100);
    world_heal(world, 0);
    world_run(world, 4000);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(world_told(world, i, 0), A | C | 1U << 3);
    ck_assert_uint_eq(world_n_leaves(world, 1), 2);
    ck_assert_uint_eq(world_n_joins(world, 1), 2);
    ck_assert_uint_eq(world_n_leaves(world, 0), 1);
    ck_assert_uint_eq(counter_read(&presence_counters(world_presence(world, 0))->leases_lost), 1);
    end();
}
END_TEST

START_TEST(a_user_who_goes_while_his_node_is_away_is_no_ghost) {
    given_users_of_their_nodes(2);
    world_cut(world, 0, false);
    world_leave(world, 0, 0, 0);
    world_run(world, 3000);
    world_heal(world, 0);
    world_run(world, 200);
    ck_assert_uint_eq(world_broker_has(world, 0), B);
    ck_assert_uint_eq(world_told(world, 0, 0), B);
    ck_assert_uint_eq(world_told(world, 1, 0), B);
    end();
}
END_TEST

START_TEST(a_user_who_goes_after_his_node_was_buried_is_no_ghost_there) {
    given_users_of_their_nodes(2);
    world_cut(world, 0, false);
    world_run(world, 15000);
    world_leave(world, 0, 0, 0);
    world_heal(world, 0);
    world_run(world, 5000);
    ck_assert_uint_eq(world_told(world, 0, 0), B);
    end();
}
END_TEST

/* Everybody's lease runs out; nobody who has just come back may judge. */
START_TEST(an_outage_of_the_broker_buries_nobody) {
    given_users_of_their_nodes(3);
    for (unsigned i = 0; i < 3; i++)
        world_cut(world, i, false);
    world_run(world, 15000);
    for (unsigned i = 0; i < 3; i++) {
        world_heal(world, i);
        world_run(world, 3000);
    }
    world_run(world, 30000);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(world_told(world, i, 0), A | B | C);
        ck_assert_uint_eq(world_n_leaves(world, i), 0);
        ck_assert_uint_eq(world_n_joins(world, i), 0);
    }
    end();
}
END_TEST

START_TEST(a_broker_that_lost_everything_is_told_anew_and_no_client_notices) {
    given_users_of_their_nodes(3);
    world_enter(world, 1, 0, 4);
    world_leave(world, 1, 0, 4);
    world_run(world, 200);
    world_forget_counts(world);
    for (unsigned i = 0; i < 3; i++)
        world_cut(world, i, false);
    world_wipe(world);
    world_run(world, 1000);
    for (unsigned i = 0; i < 3; i++) {
        world_heal(world, i);
        world_run(world, 1500);
    }
    world_run(world, 30000);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(world_told(world, i, 0), A | B | C);
        ck_assert_uint_eq(world_n_joins(world, i) + world_n_leaves(world, i), 0);
    }
    ck_assert_uint_eq(world_broker_has(world, 0), A | B | C);
    end();
}
END_TEST

START_TEST(a_broker_that_is_flushed_under_living_links_is_told_anew) {
    given_users_of_their_nodes(3);
    world_wipe(world);
    world_run(world, 30000);
    ck_assert_uint_eq(world_broker_has(world, 0), A | B | C);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(world_told(world, i, 0), A | B | C);
        ck_assert_uint_eq(world_n_joins(world, i) + world_n_leaves(world, i), 0);
    }
    end();
}
END_TEST

START_TEST(an_event_that_was_lost_is_made_up_for_by_the_next) {
    given_users_of_their_nodes(2);
    world_enter(world, 0, 0, 4);
    world_execute(world, 0);
    ck_assert(world_lose_event(world, 1));
    world_enter(world, 0, 0, 5);
    world_run(world, 200);
    ck_assert_uint_eq(world_told(world, 1, 0), A | B | 1U << 4 | 1U << 5);
    end();
}
END_TEST

START_TEST(a_node_that_starts_hears_nothing_of_those_who_are_there_and_is_told_when_asking) {
    given_users_of_their_nodes(2);
    world_start_node(world, 2);
    world_run(world, 200);
    ck_assert_uint_eq(world_n_joins(world, 2), 0);
    world_ask(world, 2, 0);
    world_run(world, 100);
    ck_assert_uint_eq(world_answered(world, 2, 0), A | B);
    end();
}
END_TEST

/* The list is executed before the second user comes, and arrives behind the news of him. */
START_TEST(an_answer_that_is_older_than_what_was_announced_is_brought_up_to_date) {
    given_users_of_their_nodes(2);
    world_ask(world, 0, 0);
    world_execute(world, 0);
    world_enter(world, 1, 0, 4);
    world_leave(world, 1, 0, 1);
    world_execute(world, 1);
    world_execute(world, 1);
    world_deliver(world, 0);
    world_deliver(world, 0);
    ck_assert_uint_eq(world_told(world, 0, 0), A | 1U << 4);
    world_answer(world, 0);
    ck_assert_uint_eq(world_answered(world, 0, 0), A | 1U << 4);
    ck_assert_uint_eq(world_told(world, 0, 0), A | 1U << 4);
    end();
}
END_TEST

START_TEST(an_ask_without_a_link_is_answered_at_once) {
    given_users_of_their_nodes(1);
    world_cut(world, 0, false);
    world_ask(world, 0, 0);
    ck_assert_int_eq(world_last_result(world, 0), BROKER_UNAVAILABLE);
    end();
}
END_TEST

START_TEST(asks_of_one_moment_share_two_lists) {
    given_users_of_their_nodes(1);
    for (unsigned i = 0; i < 100; i++)
        world_ask(world, 0, 0);
    world_settle(world);
    ck_assert_uint_eq(world_n_calls(world), 2);
    ck_assert_uint_eq(world_answered(world, 0, 0), A);
    end();
}
END_TEST

START_TEST(asks_beyond_the_bound_are_answered_that_it_is_overloaded) {
    given_users_of_their_nodes(1);
    for (unsigned i = 0; i <= 16384; i++)
        world_ask(world, 0, 0);
    ck_assert_int_eq(world_last_result(world, 0), BROKER_OVERLOADED);
    world_settle(world);
    ck_assert_int_eq(world_last_result(world, 0), BROKER_OK);
    end();
}
END_TEST

START_TEST(what_the_broker_refuses_is_said_again_seldom) {
    given_nodes(1);
    world_refuse(world, true);
    world_enter(world, 0, 0, 0);
    world_run(world, 9000);
    ck_assert_uint_le(world_n_calls(world), 1 + 9);
    world_refuse(world, false);
    world_run(world, 15000);
    ck_assert_uint_eq(world_broker_has(world, 0), A);
    end();
}
END_TEST

START_TEST(a_call_whose_answer_was_lost_is_said_again_even_when_nobody_is_left) {
    given_nodes(2);
    world_enter(world, 0, 0, 0);
    world_cut(world, 0, true);
    world_leave(world, 0, 0, 0);
    ck_assert_uint_eq(world_broker_has(world, 0), A);
    world_run(world, 2000);
    world_heal(world, 0);
    world_run(world, 200);
    ck_assert_uint_eq(world_broker_has(world, 0), 0);
    ck_assert_uint_eq(world_told(world, 1, 0), 0);
    ck_assert_uint_eq(counter_read(&presence_counters(world_presence(world, 0))->members), 0);
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_user_joins_once_and_leaves_once_however_many_connections,
        changes_while_a_call_is_under_way_are_said_once_after_it,
        the_members_of_a_killed_node_leave_exactly_once_within_the_lease_and_two_seconds,
        a_user_who_is_on_a_second_node_survives_the_first,
        a_node_that_stops_in_order_takes_its_members_along_at_once,
        a_stop_waits_for_those_who_are_being_entered,
        a_stop_without_a_link_ends_all_the_same,
        a_partition_shorter_than_the_lease_is_not_noticed_by_others,
        a_node_that_was_away_longer_than_its_lease_is_gone_and_comes_back,
        a_user_who_goes_while_his_node_is_away_is_no_ghost,
        a_user_who_goes_after_his_node_was_buried_is_no_ghost_there,
        an_outage_of_the_broker_buries_nobody,
        a_broker_that_lost_everything_is_told_anew_and_no_client_notices,
        a_broker_that_is_flushed_under_living_links_is_told_anew,
        an_event_that_was_lost_is_made_up_for_by_the_next,
        a_node_that_starts_hears_nothing_of_those_who_are_there_and_is_told_when_asking,
        an_answer_that_is_older_than_what_was_announced_is_brought_up_to_date,
        an_ask_without_a_link_is_answered_at_once,
        asks_of_one_moment_share_two_lists,
        asks_beyond_the_bound_are_answered_that_it_is_overloaded,
        what_the_broker_refuses_is_said_again_seldom,
        a_call_whose_answer_was_lost_is_said_again_even_when_nobody_is_left,
    };
    return run_suite("presence", tests, N_ELEMENTS(tests));
}
