#include "app/drain.h"

static void drain_enter(Drain *drain, DrainPhase phase, uint32_t span_ms, uint64_t now_ms) {
    drain->phase = phase;
    drain->ends_ms = now_ms + span_ms;
}

static void drain_enter_window(Drain *drain, uint64_t now_ms) {
    drain_enter(drain, drain->window_ms > 0 ? DRAIN_WINDOW : DRAIN_CLOSING, drain->window_ms, now_ms);
}

void drain_begin(Drain *drain, uint32_t notice_ms, uint32_t window_ms, uint64_t now_ms) {
    *drain = (Drain){.window_ms = window_ms};
    drain_enter(drain, DRAIN_NOTICE, notice_ms, now_ms);
    drain_turn(drain, false, now_ms);
}

DrainPhase drain_turn(Drain *drain, bool is_signalled, uint64_t now_ms) {
    if (drain->phase == DRAIN_NOTICE && now_ms >= drain->ends_ms)
        drain_enter_window(drain, now_ms);
    else if (drain->phase == DRAIN_WINDOW && now_ms >= drain->ends_ms)
        drain_enter(drain, DRAIN_CLOSING, 0, now_ms);
    if (is_signalled && drain->phase < DRAIN_CLOSING)
        drain_enter(drain, DRAIN_CLOSING, 0, now_ms);
    else if (is_signalled && drain->phase < DRAIN_KILLED)
        drain_enter(drain, drain->phase + 1, 0, now_ms);
    return drain->phase;
}

uint32_t drain_wait_ms(const Drain *drain, uint32_t limit_ms, uint64_t now_ms) {
    if (drain->phase >= DRAIN_CLOSING)
        return limit_ms;
    uint64_t left_ms = drain->ends_ms > now_ms ? drain->ends_ms - now_ms : 0;
    return left_ms < limit_ms ? (uint32_t)left_ms : limit_ms;
}
