/* Random histories of a cluster: users come and go, links are cut and heal, events are lost, nodes die, stop and return, the broker
   loses its data, in any order of calls, answers and events. When it is quiet again, all must tell the same and the true story. */
#include "presence_world.h"
#include "suite.h"

enum { ROUNDS = 100, STEPS = 400, QUIET_MS = 60000, LAST_USER = WORLD_USERS - 1 };

static World *world;
static uint64_t state;

static unsigned below(unsigned n) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)((state >> 33) % n);
}

static void change_connections(unsigned node) {
    unsigned channel = below(WORLD_CHANNELS), user = below(LAST_USER);
    if (below(2))
        world_enter(world, node, channel, user);
    else
        world_leave(world, node, channel, user);
}

typedef struct Faults {
    bool has_cuts, has_kills, has_wipes, has_losses, has_restarts;
} Faults;

static void restart_broker(void) {
    for (unsigned i = 0; i < WORLD_NODES; i++)
        world_cut(world, i, below(2));
    world_wipe(world);
}

static void harm(const Faults *faults, unsigned node) {
    switch (below(40)) {
    case 0:
    case 1:
        if (faults->has_cuts)
            world_cut(world, node, below(2));
        break;
    case 2:
    case 3:
    case 4:
        world_heal(world, node);
        break;
    case 5:
        if (faults->has_kills && below(3) == 0) {
            world_kill_node(world, node);
            if (below(2))
                world_start_node(world, node);
        }
        break;
    case 6:
        if (faults->has_restarts && below(3) == 0)
            restart_broker();
        else if (faults->has_wipes && below(3) == 0)
            world_wipe(world);
        break;
    case 7:
        world_tick(world, 100 * (1 + below(below(10) ? 10 : 200)));
        break;
    }
}

static void step(const Faults *faults) {
    unsigned node = below(WORLD_NODES);
    if (!world_presence(world, node)) {
        if (below(20) == 0)
            world_start_node(world, node);
        return;
    }
    switch (below(8)) {
    case 0:
        change_connections(node);
        break;
    case 1:
    case 2:
        world_execute(world, node);
        break;
    case 3:
    case 4:
        world_answer(world, node);
        break;
    case 5:
        if (faults->has_losses && below(8) == 0)
            world_lose_event(world, node);
        else
            world_deliver(world, node);
        break;
    case 6:
        world_ask(world, node, below(WORLD_CHANNELS));
        break;
    default:
        harm(faults, node);
    }
}

typedef uint32_t Story(const World *world, unsigned node, unsigned channel);

static void check_story(unsigned round, Story *story, const char *what) {
    for (unsigned c = 0; c < WORLD_CHANNELS; c++) {
        uint32_t truth = world_truth(world, c);
        ck_assert_msg(world_broker_has(world, c) == truth, "round %u: the broker has %x, it is %x", round,
                      world_broker_has(world, c), truth);
        for (unsigned i = 0; i < WORLD_NODES; i++)
            if (world_presence(world, i) && world_is_told(world, i, c))
                ck_assert_msg(story(world, i, c) == truth, "round %u: node %u was %s %x, it is %x", round, i, what,
                              story(world, i, c), truth);
    }
}

/* What was lost is noticed when there is more to hear. */
static void hear_once_more(void) {
    for (unsigned c = 0; c < WORLD_CHANNELS; c++)
        for (unsigned i = 0; i < WORLD_NODES; i++) {
            if (!world_presence(world, i))
                continue;
            world_enter(world, i, c, LAST_USER);
            world_run(world, 100);
            world_leave(world, i, c, LAST_USER);
            world_run(world, 100);
        }
}

static void play(const Faults *faults, unsigned seed, bool is_strict) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        state = seed * 1000003U + round;
        world = world_new();
        if (round % 2)
            world_count_small(world);
        for (unsigned i = 0; i < WORLD_NODES; i++)
            world_start_node(world, i);
        world_run(world, 1000 + 1000 * below(15));
        for (unsigned i = 0; i < WORLD_NODES; i++)
            for (unsigned c = 0; c < WORLD_CHANNELS; c++)
                world_ask(world, i, c);
        world_settle(world);
        for (unsigned n = 0; n < STEPS; n++)
            step(faults);
        for (unsigned i = 0; i < WORLD_NODES; i++)
            world_heal(world, i);
        world_run(world, QUIET_MS);
        if (faults->has_losses) {
            hear_once_more();
            world_run(world, QUIET_MS);
        }
        for (unsigned i = 0; i < WORLD_NODES && is_strict; i++)
            ck_assert_msg(world_n_broken(world, i) == 0, "round %u: node %u was told %u things twice", round, i,
                          world_n_broken(world, i));
        check_story(round, world_told, "told");
        for (unsigned i = 0; i < WORLD_NODES; i++)
            for (unsigned c = 0; c < WORLD_CHANNELS && world_presence(world, i); c++)
                world_ask(world, i, c);
        world_settle(world);
        check_story(round, world_answered, "answered");
        world = world_free(world);
    }
}

START_TEST(any_order_of_answers_and_events_tells_the_true_story) {
    play(&(Faults){0}, 1, true);
}
END_TEST

START_TEST(links_that_are_cut_and_heal_leave_the_true_story) {
    play(&(Faults){.has_cuts = true}, 2, true);
}
END_TEST

START_TEST(lost_events_leave_the_true_story_once_another_is_heard) {
    play(&(Faults){.has_cuts = true, .has_losses = true}, 3, true);
}
END_TEST

START_TEST(nodes_that_die_and_return_leave_the_true_story) {
    play(&(Faults){.has_cuts = true, .has_kills = true}, 4, false);
}
END_TEST

START_TEST(a_broker_that_restarts_without_its_data_is_told_the_true_story_again) {
    play(&(Faults){.has_cuts = true, .has_kills = true, .has_losses = true, .has_restarts = true}, 5, false);
}
END_TEST

/* Without deaths: what is said between the flush and the next call of the lease has no lease at all if its node dies by then. */
START_TEST(a_broker_that_is_flushed_is_told_the_true_story_again) {
    play(&(Faults){.has_cuts = true, .has_wipes = true}, 6, true);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        any_order_of_answers_and_events_tells_the_true_story,
        links_that_are_cut_and_heal_leave_the_true_story,
        lost_events_leave_the_true_story_once_another_is_heard,
        nodes_that_die_and_return_leave_the_true_story,
        a_broker_that_restarts_without_its_data_is_told_the_true_story_again,
        a_broker_that_is_flushed_is_told_the_true_story_again,
    };
    return run_suite("presence_world", tests, N_ELEMENTS(tests));
}
