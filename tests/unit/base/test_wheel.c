#include "base/wheel.h"

#include <string.h>

#include "suite.h"

enum { N_MODEL = 300, N_STEPS = 10000 };

typedef struct Timer {
    WheelEntry entry; /* first, so that an entry is its timer */
    uint64_t due_ms;
    uint64_t fired_ms; /* 0: not yet */
    int n_fired;
} Timer;

static void fire(WheelEntry *entry, uint64_t now_ms, void *context) {
    Timer *timer = (Timer *)entry;
    ck_assert(!wheel_is_armed(entry));
    ck_assert_uint_ge(now_ms, timer->due_ms);
    timer->fired_ms = now_ms;
    timer->n_fired++;
}

static void timer_init(Timer *timer) {
    memset(timer, 0, sizeof(*timer));
    wheel_entry_init(&timer->entry);
}

static void arm(Wheel *wheel, Timer *timer, uint64_t due_ms) {
    timer->due_ms = due_ms;
    wheel_arm(wheel, &timer->entry, due_ms);
}

START_TEST(an_entry_fires_once_at_the_tick_that_ends_its_time) {
    Wheel wheel;
    Timer timer;
    wheel_init(&wheel, 1000);
    timer_init(&timer);
    arm(&wheel, &timer, 1250);
    ck_assert(wheel_is_armed(&timer.entry));
    ck_assert_uint_eq(wheel_advance(&wheel, 1200, fire, NULL), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 1299, fire, NULL), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 1300, fire, NULL), 1);
    ck_assert_uint_eq(wheel_advance(&wheel, 5000, fire, NULL), 0);
    ck_assert(!wheel_is_armed(&timer.entry));
    ck_assert_uint_eq(wheel.n_armed, 0);
}
END_TEST

START_TEST(a_time_on_the_tick_fires_at_that_tick) {
    Wheel wheel;
    Timer timer;
    wheel_init(&wheel, 1000);
    timer_init(&timer);
    arm(&wheel, &timer, 1300);
    ck_assert_uint_eq(wheel_advance(&wheel, 1300, fire, NULL), 1);
}
END_TEST

START_TEST(a_time_in_the_past_fires_at_the_next_tick) {
    Wheel wheel;
    Timer timer;
    wheel_init(&wheel, 1000);
    timer_init(&timer);
    arm(&wheel, &timer, 3);
    ck_assert_uint_eq(wheel_advance(&wheel, 1099, fire, NULL), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 1100, fire, NULL), 1);
}
END_TEST

START_TEST(arming_an_armed_entry_moves_it) {
    Wheel wheel;
    Timer timer;
    wheel_init(&wheel, 0);
    timer_init(&timer);
    arm(&wheel, &timer, 500);
    arm(&wheel, &timer, 90000);
    ck_assert_uint_eq(wheel.n_armed, 1);
    ck_assert_uint_eq(wheel_advance(&wheel, 80000, fire, NULL), 0);
    arm(&wheel, &timer, 80100);
    ck_assert_uint_eq(wheel_advance(&wheel, 80100, fire, NULL), 1);
    ck_assert_uint_eq(wheel_advance(&wheel, 100000, fire, NULL), 0);
}
END_TEST

START_TEST(a_disarmed_entry_does_not_fire_and_disarming_again_is_harmless) {
    Wheel wheel;
    Timer timer;
    wheel_init(&wheel, 0);
    timer_init(&timer);
    wheel_disarm(&wheel, &timer.entry);
    arm(&wheel, &timer, 500);
    wheel_disarm(&wheel, &timer.entry);
    wheel_disarm(&wheel, &timer.entry);
    ck_assert_uint_eq(wheel.n_armed, 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 1000, fire, NULL), 0);
}
END_TEST

START_TEST(a_clock_that_stands_or_goes_back_fires_nothing) {
    Wheel wheel;
    Timer timer;
    wheel_init(&wheel, 10000);
    timer_init(&timer);
    arm(&wheel, &timer, 10100);
    ck_assert_uint_eq(wheel_advance(&wheel, 10000, fire, NULL), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 5000, fire, NULL), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 10100, fire, NULL), 1);
}
END_TEST

/* Every delay about the edge of a level, from starts about the edges too, advanced tick by tick. */
START_TEST(the_edges_of_the_levels_are_exact) {
    static const uint64_t edges[] = {0, 64, 4096, 262144};
    for (size_t s = 0; s < N_ELEMENTS(edges); s++) {
        for (size_t d = 0; d < N_ELEMENTS(edges); d++) {
            uint64_t start = (edges[s] + 261) * WHEEL_TICK_MS;
            Timer timers[7];
            Wheel wheel;
            wheel_init(&wheel, start);
            for (size_t i = 0; i < N_ELEMENTS(timers); i++) {
                timer_init(&timers[i]);
                arm(&wheel, &timers[i], start + (edges[d] + i) * WHEEL_TICK_MS - (edges[d] ? 300 : 0));
            }
            for (uint64_t now = start; wheel.n_armed > 0; now += WHEEL_TICK_MS)
                wheel_advance(&wheel, now, fire, NULL);
            for (size_t i = 0; i < N_ELEMENTS(timers); i++)
                ck_assert_uint_eq(timers[i].fired_ms, timers[i].due_ms + (timers[i].due_ms == start ? WHEEL_TICK_MS : 0));
        }
    }
}
END_TEST

START_TEST(a_long_jump_fires_all_that_is_due_and_no_more) {
    Wheel wheel;
    Timer timers[100];
    const uint64_t hour_ms = 3600 * 1000;
    wheel_init(&wheel, 12345);
    for (size_t i = 0; i < N_ELEMENTS(timers); i++) {
        timer_init(&timers[i]);
        arm(&wheel, &timers[i], 12345 + i * (hour_ms / 50));
    }
    ck_assert_uint_eq(wheel_advance(&wheel, 12345 + hour_ms, fire, NULL), 50);
    ck_assert_uint_eq(wheel_advance(&wheel, 12345 + hour_ms + 100, fire, NULL), 1);
    ck_assert_uint_eq(wheel.n_armed, 49);
    arm(&wheel, &timers[0], 12345 + hour_ms + 300);
    ck_assert_uint_eq(wheel_advance(&wheel, 12345 + hour_ms + 400, fire, NULL), 1);
    ck_assert_uint_eq(wheel_advance(&wheel, 12345 + 2 * hour_ms, fire, NULL), 49);
}
END_TEST

START_TEST(an_entry_beyond_the_reach_is_put_off_until_it_is_due) {
    Wheel wheel;
    Timer timer, never;
    const uint64_t day_ms = 24 * 3600 * 1000;
    wheel_init(&wheel, 777);
    timer_init(&timer);
    timer_init(&never);
    arm(&wheel, &timer, 777 + 25 * day_ms);
    arm(&wheel, &never, UINT64_MAX);
    ck_assert_uint_eq(wheel_advance(&wheel, 20 * day_ms, fire, NULL), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 777 + 25 * day_ms - 1, fire, NULL), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 777 + 25 * day_ms + 100, fire, NULL), 1);
    ck_assert(wheel_is_armed(&never.entry));
}
END_TEST

typedef struct Meddler {
    Wheel *wheel;
    Timer *others;
    int n_calls;
} Meddler;

static void rearm_in_the_past(WheelEntry *entry, uint64_t now_ms, void *context) {
    Meddler *meddler = context;
    meddler->n_calls++;
    wheel_arm(meddler->wheel, entry, now_ms);
}

START_TEST(an_entry_armed_again_for_now_waits_for_the_next_advance) {
    Wheel wheel;
    Timer timer;
    Meddler meddler = {.wheel = &wheel};
    wheel_init(&wheel, 0);
    timer_init(&timer);
    arm(&wheel, &timer, 100);
    ck_assert_uint_eq(wheel_advance(&wheel, 60000, rearm_in_the_past, &meddler), 1);
    ck_assert_uint_eq(wheel_advance(&wheel, 60000, rearm_in_the_past, &meddler), 0);
    ck_assert_uint_eq(wheel_advance(&wheel, 60100, rearm_in_the_past, &meddler), 1);
    ck_assert_int_eq(meddler.n_calls, 2);
}
END_TEST

/* The first of three disarms the second and moves the third, which wait in the same batch. */
static void meddle(WheelEntry *entry, uint64_t now_ms, void *context) {
    Meddler *meddler = context;
    meddler->n_calls++;
    if (entry != &meddler->others[0].entry)
        return;
    wheel_disarm(meddler->wheel, &meddler->others[1].entry);
    wheel_arm(meddler->wheel, &meddler->others[2].entry, now_ms + 1000);
}

START_TEST(a_callback_may_disarm_or_move_what_waits_in_the_same_batch) {
    Wheel wheel;
    Timer timers[3];
    Meddler meddler = {.wheel = &wheel, .others = timers};
    wheel_init(&wheel, 0);
    for (size_t i = 0; i < N_ELEMENTS(timers); i++) {
        timer_init(&timers[i]);
        arm(&wheel, &timers[i], 100);
    }
    ck_assert_uint_eq(wheel_advance(&wheel, 100, meddle, &meddler), 1);
    ck_assert(!wheel_is_armed(&timers[1].entry));
    ck_assert(wheel_is_armed(&timers[2].entry));
    ck_assert_uint_eq(wheel.n_armed, 1);
    ck_assert_uint_eq(wheel_advance(&wheel, 1100, meddle, &meddler), 1);
    ck_assert_int_eq(meddler.n_calls, 2);
}
END_TEST

START_TEST(entries_fire_in_the_order_of_their_ticks) {
    Wheel wheel;
    Timer timers[3];
    wheel_init(&wheel, 0);
    for (size_t i = 0; i < N_ELEMENTS(timers); i++)
        timer_init(&timers[i]);
    Meddler meddler = {.wheel = &wheel, .others = timers};
    arm(&wheel, &timers[2], 200);
    arm(&wheel, &timers[0], 100);
    arm(&wheel, &timers[1], 200);
    ck_assert_uint_eq(wheel_advance(&wheel, 200, meddle, &meddler), 1); /* the first disarmed and moved the others in time */
}
END_TEST

/* A small generator of the test's own (xorshift), so that a failure can be repeated. */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t random_time(uint64_t *state, unsigned max_bits) {
    uint64_t n_bits = next_random(state) % max_bits;
    return next_random(state) & ((1ULL << n_bits) - 1);
}

/* The model: an armed timer's due time is its own or the moment it was armed, whichever is later. */
START_TEST(random_arms_moves_and_disarms_agree_with_a_naive_model) {
    static Timer timers[N_MODEL];
    Wheel wheel;
    uint64_t state = 88172645463325252, now_ms = 55555, n_armed = 0;
    wheel_init(&wheel, now_ms);
    for (size_t i = 0; i < N_MODEL; i++)
        timer_init(&timers[i]);
    for (int step = 0; step < N_STEPS; step++) {
        Timer *timer = &timers[next_random(&state) % N_MODEL];
        n_armed -= wheel_is_armed(&timer->entry);
        if (next_random(&state) % 4 == 0) {
            wheel_disarm(&wheel, &timer->entry);
        } else {
            uint64_t due_ms = now_ms - 5000 + random_time(&state, 28);
            wheel_arm(&wheel, &timer->entry, due_ms);
            timer->due_ms = due_ms > now_ms ? due_ms : now_ms;
            n_armed++;
        }
        now_ms += random_time(&state, step % 100 == 0 ? 24 : 9);
        n_armed -= wheel_advance(&wheel, now_ms, fire, NULL);
        ck_assert_uint_eq(wheel.n_armed, n_armed);
        for (size_t i = 0; i < N_MODEL; i++)
            if (wheel_is_armed(&timers[i].entry) && timers[i].due_ms + WHEEL_TICK_MS <= now_ms)
                ck_abort_msg("step %d: timer %zu is late", step, i);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_entry_fires_once_at_the_tick_that_ends_its_time,
        a_time_on_the_tick_fires_at_that_tick,
        a_time_in_the_past_fires_at_the_next_tick,
        arming_an_armed_entry_moves_it,
        a_disarmed_entry_does_not_fire_and_disarming_again_is_harmless,
        a_clock_that_stands_or_goes_back_fires_nothing,
        the_edges_of_the_levels_are_exact,
        a_long_jump_fires_all_that_is_due_and_no_more,
        an_entry_beyond_the_reach_is_put_off_until_it_is_due,
        an_entry_armed_again_for_now_waits_for_the_next_advance,
        a_callback_may_disarm_or_move_what_waits_in_the_same_batch,
        entries_fire_in_the_order_of_their_ticks,
        random_arms_moves_and_disarms_agree_with_a_naive_model,
    };
    return run_suite("wheel", tests, N_ELEMENTS(tests));
}
