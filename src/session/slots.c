#include "session/slots.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

enum { SLOT_BITS = 24, GENERATION_BITS = 32, MIN_SLOTS = 64 };

void slots_init(Slots *slots, uint32_t worker, uint32_t first_generation) {
    *slots = (Slots){.worker = worker, .first_generation = first_generation ? first_generation : 1};
}

void slots_finish(Slots *slots) {
    free(slots->slots);
    slots_init(slots, slots->worker, slots->first_generation);
}

static int grow(Slots *slots) {
    uint32_t n_slots = slots->n_slots ? slots->n_slots * 2 : MIN_SLOTS;
    if (n_slots > SLOTS_MAX)
        return error_origin(-ENOMEM);
    Slot *grown = realloc(slots->slots, n_slots * sizeof(*grown));
    if (!grown)
        return error_origin(-ENOMEM);
    for (uint32_t i = slots->n_slots; i < n_slots; i++)
        grown[i] = (Slot){.generation = slots->first_generation, .next_free = i + 1};
    slots->slots = grown;
    slots->first_free = slots->n_slots;
    slots->n_slots = n_slots;
    return 0;
}

int slots_take(Slots *slots, Session *session, uint64_t *id) {
    if (slots->first_free == slots->n_slots) {
        int r = grow(slots);
        if (r < 0)
            return error_trace(r);
    }
    uint32_t i = slots->first_free;
    Slot *slot = &slots->slots[i];
    slots->first_free = slot->next_free;
    slots->n_used++;
    slot->session = session;
    *id = (uint64_t)slots->worker << (GENERATION_BITS + SLOT_BITS) | (uint64_t)slot->generation << SLOT_BITS | i;
    return 0;
}

static Slot *slot_of(const Slots *slots, uint64_t id) {
    return &slots->slots[id & (SLOTS_MAX - 1)];
}

void slots_release(Slots *slots, uint64_t id) {
    Slot *slot = slot_of(slots, id);
    slot->session = NULL;
    if (++slot->generation == 0)
        slot->generation = 1;
    slot->next_free = slots->first_free;
    slots->first_free = (uint32_t)(slot - slots->slots);
    slots->n_used--;
}

Session *slots_find(const Slots *slots, uint64_t id) {
    if ((id & (SLOTS_MAX - 1)) >= slots->n_slots || id >> (GENERATION_BITS + SLOT_BITS) != slots->worker)
        return NULL;
    const Slot *slot = slot_of(slots, id);
    return (uint32_t)(id >> SLOT_BITS) == slot->generation ? slot->session : NULL;
}
