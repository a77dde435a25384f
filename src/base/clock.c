#include "base/clock.h"

#include <time.h>

static uint64_t read_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_now_ms(void) {
    return read_ms(CLOCK_MONOTONIC);
}

uint64_t clock_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_us_since(uint64_t began_ns) {
    return (clock_now_ns() - began_ns + 500) / 1000;
}

uint64_t clock_wall_ms(void) {
    return read_ms(CLOCK_REALTIME);
}
