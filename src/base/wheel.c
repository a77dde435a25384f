#include "base/wheel.h"

enum { SLOT_BITS = 8 };

static const uint64_t reach_ticks = 1ULL << (SLOT_BITS * WHEEL_LEVELS);

void wheel_init(Wheel *wheel, uint64_t now_ms) {
    for (int level = 0; level < WHEEL_LEVELS; level++)
        for (int slot = 0; slot < WHEEL_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    wheel->tick = now_ms / WHEEL_TICK_MS;
    wheel->n_armed = 0;
}

void wheel_entry_init(WheelEntry *entry) {
    list_init(&entry->link);
    entry->due_tick = 0;
}

static ListNode *slot_of(Wheel *wheel, int level, uint64_t tick) {
    return &wheel->slots[level][tick >> (SLOT_BITS * level) & (WHEEL_SLOTS - 1)];
}

/* The entry is unlinked; its due tick is not before the wheel's. */
static void place(Wheel *wheel, WheelEntry *entry) {
    uint64_t n_ticks = entry->due_tick - wheel->tick;
    if (n_ticks >= reach_ticks)
        n_ticks = reach_ticks - 1;
    int level = 0;
    while (n_ticks >> (SLOT_BITS * (level + 1)))
        level++;
    list_append(slot_of(wheel, level, wheel->tick + n_ticks), &entry->link);
}

void wheel_arm(Wheel *wheel, WheelEntry *entry, uint64_t due_ms) {
    wheel_disarm(wheel, entry);
    entry->due_tick = due_ms / WHEEL_TICK_MS + (due_ms % WHEEL_TICK_MS != 0);
    if (entry->due_tick <= wheel->tick)
        entry->due_tick = wheel->tick + 1;
    place(wheel, entry);
    wheel->n_armed++;
}

void wheel_disarm(Wheel *wheel, WheelEntry *entry) {
    if (!wheel_is_armed(entry))
        return;
    list_unlink(&entry->link);
    wheel->n_armed--;
}

bool wheel_is_armed(const WheelEntry *entry) {
    return list_is_linked(&entry->link);
}

/* When a level has gone round, the next slot of the level above is dealt out below. */
static void cascade(Wheel *wheel) {
    for (int level = 1; level < WHEEL_LEVELS; level++) {
        if (wheel->tick & ((1ULL << (SLOT_BITS * level)) - 1))
            return;
        ListNode waiting, *node;
        list_init(&waiting);
        list_take(&waiting, slot_of(wheel, level, wheel->tick));
        while ((node = list_pop(&waiting)) != NULL)
            place(wheel, container_of(node, WheelEntry, link));
    }
}

/* All that is due is detached before the first call, and the wheel already stands at now: whatever a callback arms waits for
   a later advance, and what it disarms leaves the detached list. */
size_t wheel_advance(Wheel *wheel, uint64_t now_ms, WheelExpired *expired, void *context) {
    uint64_t now_tick = now_ms / WHEEL_TICK_MS;
    ListNode due, *node;
    list_init(&due);
    if (wheel->n_armed == 0 && wheel->tick < now_tick)
        wheel->tick = now_tick;
    while (wheel->tick < now_tick) {
        wheel->tick++;
        cascade(wheel);
        list_take(&due, slot_of(wheel, 0, wheel->tick));
    }
    size_t n_expired = 0;
    while ((node = list_pop(&due)) != NULL) {
        wheel->n_armed--;
        n_expired++;
        expired(container_of(node, WheelEntry, link), now_ms, context);
    }
    return n_expired;
}
