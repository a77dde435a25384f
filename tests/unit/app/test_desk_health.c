#include <string.h>

#include "app/desk.h"
#include "base/clock.h"

#include "../base/suite.h"

enum { N_WORKERS = 3 };

static Worker workers[N_WORKERS];
static BusThread bus;
static Desk desk;

static void ticked(Loop *loop, uint64_t ago_ms) {
    uint64_t at_ms = clock_now_ms() - ago_ms;
    counter_add(&loop->ticked_ms, at_ms - counter_read(&loop->ticked_ms));
}

static void begin(void) {
    memset(workers, 0, sizeof(workers));
    memset(&bus, 0, sizeof(bus));
    memset(&desk, 0, sizeof(desk));
    desk.options = (DeskOptions){.bus = &bus, .workers = workers, .n_workers = N_WORKERS};
    for (unsigned i = 0; i < N_WORKERS; i++)
        ticked(&workers[i].loop, 0);
    ticked(&bus.loop, 0);
    ticked(&desk.loop, 0);
    counter_add(&bus.bus.counters.up, 1);
}

static void expect(const char *unhealthy, const char *unready) {
    NodeHealth health = desk_health(&desk);
    ck_assert_pstr_eq(health.unhealthy, unhealthy);
    ck_assert_pstr_eq(health.unready, unready);
}

START_TEST(a_node_whose_loops_turn_is_well_and_ready) {
    begin();
    expect(NULL, NULL);
    ticked(&workers[1].loop, 1500);
    expect(NULL, NULL);
}
END_TEST

START_TEST(a_loop_that_has_not_turned_for_two_seconds_is_named) {
    begin();
    ticked(&workers[2].loop, 2500);
    expect("worker", "worker");
    ck_assert_uint_eq(desk_health(&desk).worker, 2);
    ticked(&bus.loop, 2500);
    expect("bus", "bus");
    ticked(&workers[2].loop, 0);
    expect("bus", "bus");
    begin();
    ticked(&desk.loop, 2500);
    expect("desk", "desk");
}
END_TEST

START_TEST(a_node_that_starts_is_well_and_not_ready) {
    begin();
    memset(&workers[1].loop, 0, sizeof(workers[1].loop));
    expect(NULL, "starting");
    begin();
    memset(&bus.loop, 0, sizeof(bus.loop));
    expect(NULL, "starting");
    begin();
    memset(&desk.loop, 0, sizeof(desk.loop));
    expect(NULL, "starting");
}
END_TEST

START_TEST(a_node_that_does_not_hear_its_broker_is_well_and_not_ready) {
    begin();
    counter_subtract(&bus.bus.counters.up, 1);
    expect(NULL, "broker");
}
END_TEST

START_TEST(threads_that_end_while_it_drains_are_no_illness) {
    begin();
    atomic_store(&desk.is_draining, true);
    expect(NULL, "draining");
    ticked(&desk.loop, 60000);
    ticked(&workers[0].loop, 60000);
    expect(NULL, "draining");
    ticked(&bus.loop, 60000);
    expect("bus", "draining");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_node_whose_loops_turn_is_well_and_ready,       a_loop_that_has_not_turned_for_two_seconds_is_named,
        a_node_that_starts_is_well_and_not_ready,        a_node_that_does_not_hear_its_broker_is_well_and_not_ready,
        threads_that_end_while_it_drains_are_no_illness,
    };
    return run_suite("desk_health", tests, N_ELEMENTS(tests));
}
