/* Wheel: a hierarchical timer wheel, three levels of 256 slots, one tick 100 ms. Owner: its worker.
   The first level reaches 25.6 s, so that most deadlines are never moved down from a higher one.
   Arm, move and disarm are O(1) and allocate nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum { WHEEL_TICK_MS = 100, WHEEL_LEVELS = 3, WHEEL_SLOTS = 256 };

typedef struct WheelEntry {
    ListNode link;
    uint64_t due_tick;
} WheelEntry;

typedef struct Wheel {
    ListNode slots[WHEEL_LEVELS][WHEEL_SLOTS];
    uint64_t tick; /* the last one dispatched */
    size_t n_armed;
} Wheel;

void wheel_init(Wheel *wheel, uint64_t now_ms);
void wheel_entry_init(WheelEntry *entry);

/* Never fires before due_ms, and at the first advance that is a tick or more past it: at most WHEEL_TICK_MS late when
   advanced every tick. A due time in the past fires at the next tick; one beyond the wheel's reach (19 days) is kept and
   put off again until it is near. Arming an armed entry moves it. */
void wheel_arm(Wheel *wheel, WheelEntry *entry, uint64_t due_ms);
void wheel_disarm(Wheel *wheel, WheelEntry *entry); /* idempotent */
bool wheel_is_armed(const WheelEntry *entry);

/* Calls expired for each entry that is due at now_ms, disarmed by then; it may arm or disarm any entry, that one too.
   Returns how many expired. */
typedef void WheelExpired(WheelEntry *entry, uint64_t now_ms, void *context);
size_t wheel_advance(Wheel *wheel, uint64_t now_ms, WheelExpired *expired, void *context);
