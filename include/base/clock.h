/* Clock: the one place that asks for the time; everything else gets it as an argument. Any thread. */
#pragma once

#include <stdint.h>

uint64_t clock_now_ms(void); /* CLOCK_MONOTONIC, milliseconds */
uint64_t clock_now_ns(void); /* the same clock, nanoseconds; for measuring how long something took */
/* From clock_now_ns() before until now, to the nearest microsecond. */
uint64_t clock_us_since(uint64_t began_ns);
uint64_t clock_wall_ms(void); /* CLOCK_REALTIME, milliseconds since 1970; for log lines and tokens, never for deadlines */
