#include "broker/presence_lease.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "broker/presence.h"

enum { LEASE_SUFFIX_BYTES = 1 + 16 };

typedef struct Grave {
    ListNode link;
    uint64_t due_ms; /* ours */
    bool is_ours;
    bool is_asked;
    bool was_buried; /* ours: once already */
    char name[];
} Grave;

int lease_init(Lease *lease, Backend *backend, const char *node_id, const LeaseOps *ops, void *context) {
    *lease = (Lease){.backend = backend, .ops = ops, .context = context, .n_node_id = strlen(node_id)};
    list_init(&lease->graves);
    lease->name = malloc(lease->n_node_id + LEASE_SUFFIX_BYTES + 1);
    if (!lease->name)
        return error_origin(-ENOMEM);
    memcpy(lease->name, node_id, lease->n_node_id + 1);
    return 0;
}

static Grave *grave_free(Lease *lease, Grave *grave) {
    list_unlink(&grave->link);
    lease->n_graves--;
    free(grave);
    return NULL;
}

void lease_finish(Lease *lease) {
    while (!list_is_empty(&lease->graves))
        grave_free(lease, container_of(lease->graves.next, Grave, link));
    free(lease->name);
    lease->name = NULL;
}

static Grave *lease_find_grave(Lease *lease, const char *name) {
    for (ListNode *node = lease->graves.next; node != &lease->graves; node = node->next) {
        Grave *grave = container_of(node, Grave, link);
        if (strcmp(grave->name, name) == 0)
            return grave;
    }
    return NULL;
}

static Grave *lease_dig(Lease *lease, const char *name) {
    size_t n_name = strlen(name);
    Grave *grave = lease->n_graves < LEASE_GRAVES_MAX ? calloc(1, sizeof *grave + n_name + 1) : NULL;
    if (!grave)
        return NULL;
    memcpy(grave->name, name, n_name + 1);
    list_append(&lease->graves, &grave->link);
    lease->n_graves++;
    return grave;
}

static void lease_bury(Lease *lease, Grave *grave) {
    grave->is_asked = true;
    lease->backend->ops->bury(lease->backend, grave->name, grave);
}

/* Those that could not be buried are reported again. */
static void lease_bury_dead(Lease *lease, const char *const *dead) {
    for (; *dead; dead++) {
        if (strcmp(*dead, lease->name) == 0)
            continue;
        Grave *grave = lease_find_grave(lease, *dead);
        if (!grave)
            grave = lease_dig(lease, *dead);
        if (grave && !grave->is_asked)
            lease_bury(lease, grave);
    }
}

static void lease_bury_ours(Lease *lease) {
    for (ListNode *node = lease->graves.next, *next; node != &lease->graves; node = next) {
        Grave *grave = container_of(node, Grave, link);
        next = node->next;
        if (grave->is_ours && !grave->is_asked && lease->now_ms >= grave->due_ms && lease->ops->may_bury_ours(lease->context)) {
            lease_bury(lease, grave);
            return; /* the answer may have come already, and changed the list */
        }
    }
}

static void lease_ask(Lease *lease, LeaseState state) {
    lease->state = state;
    lease->is_asked = true;
    lease->due_ms = lease->now_ms + PRESENCE_WATCH_MS;
    LeaseRequest request = {.node = lease->name,
                            .lease_ms = PRESENCE_LEASE_MS,
                            .is_new = state == LEASE_TAKING,
                            .is_given_up = state == LEASE_GIVING_UP};
    lease->backend->ops->lease(lease->backend, &request, lease);
}

static void lease_take(Lease *lease) {
    snprintf(lease->name + lease->n_node_id, LEASE_SUFFIX_BYTES + 1, ".%016" PRIx64, random_u64());
    lease_ask(lease, LEASE_TAKING);
}

static void lease_end(Lease *lease) {
    lease->state = LEASE_STOPPED;
}

/* What enters members must not be overtaken by what buries them. */
static void lease_go_on_stopping(Lease *lease) {
    if (lease->is_asked || lease->state == LEASE_STOPPED || lease->state == LEASE_BURYING)
        return;
    if (lease->state != LEASE_HELD) {
        lease_end(lease);
        return;
    }
    lease->state = LEASE_BURYING;
    lease->is_asked = true;
    lease->backend->ops->bury(lease->backend, lease->name, NULL);
}

void lease_stop(Lease *lease) {
    lease->is_stopping = true;
    lease_go_on_stopping(lease);
}

void lease_tick(Lease *lease, uint64_t now_ms) {
    lease->now_ms = now_ms;
    if (lease->is_stopping)
        return;
    if (!lease->is_asked && now_ms >= lease->due_ms) {
        if (lease->state == LEASE_HELD)
            lease_ask(lease, LEASE_HELD);
        else
            lease_take(lease);
    }
    if (lease->state == LEASE_HELD)
        lease_bury_ours(lease);
}

static void lease_suspend(Lease *lease) {
    if (lease->is_trusted)
        lease->ops->suspended(lease->context);
    lease->is_trusted = false;
}

void lease_doubt(Lease *lease) {
    if (lease->is_stopping)
        return;
    if (lease->state != LEASE_HELD) {
        lease->due_ms = 0;
        return;
    }
    lease_suspend(lease);
    if (!lease->is_asked)
        lease_ask(lease, LEASE_HELD);
}

static void lease_lose(Lease *lease) {
    Grave *grave = lease_dig(lease, lease->name); /* without memory the others bury it */
    if (grave)
        grave->is_ours = true;
    counter_add(lease->lost, 1);
    lease->state = LEASE_NONE;
    lease->kept_since_ms = 0;
    lease_suspend(lease);
    lease_take(lease);
}

static void lease_keep(Lease *lease, const LeaseReply *reply) {
    bool has_healed = !lease->kept_since_ms;
    if (has_healed)
        lease->kept_since_ms = lease->now_ms;
    if (!lease->is_trusted) {
        lease->is_trusted = true;
        lease->ops->restored(lease->context, lease->name, has_healed);
    }
    if (lease->now_ms - lease->kept_since_ms >= PRESENCE_LEASE_MS && reply->dead)
        lease_bury_dead(lease, reply->dead);
}

static void lease_on_taken(Lease *lease, bool is_kept) {
    lease->state = is_kept ? LEASE_HELD : LEASE_NONE;
    if (!is_kept)
        return;
    lease->kept_since_ms = lease->now_ms;
    lease->is_trusted = true;
    lease->ops->taken(lease->context, lease->name);
}

static void lease_on_asked(Lease *lease, bool is_ok, const LeaseReply *reply) {
    if (!is_ok) {
        lease->kept_since_ms = 0;
        lease_suspend(lease);
    } else if (lease->is_stopping) {
        lease->state = reply->is_kept ? LEASE_HELD : LEASE_NONE;
    } else if (reply->is_kept) {
        lease_keep(lease, reply);
    } else {
        lease_lose(lease);
    }
}

void lease_on_leased(Lease *lease, BrokerResult result, const LeaseReply *reply) {
    lease->is_asked = false;
    bool is_ok = result == BROKER_OK;
    switch (lease->state) {
    case LEASE_TAKING:
        lease_on_taken(lease, is_ok && reply->is_kept);
        break;
    case LEASE_HELD:
        lease_on_asked(lease, is_ok, reply);
        break;
    case LEASE_GIVING_UP:
        lease_end(lease);
        break;
    case LEASE_NONE:
    case LEASE_BURYING:
    case LEASE_STOPPED:
        break;
    }
    if (lease->is_stopping)
        lease_go_on_stopping(lease);
}

/* A lease whose members could not be buried runs out by itself, and the others bury it. */
static void lease_on_buried_at_end(Lease *lease, BrokerResult result) {
    lease->is_asked = false;
    if (result == BROKER_OK)
        lease_ask(lease, LEASE_GIVING_UP);
    else
        lease_end(lease);
}

void lease_on_buried(Lease *lease, void *cookie, BrokerResult result) {
    Grave *grave = cookie;
    if (!grave) {
        lease_on_buried_at_end(lease, result);
        return;
    }
    grave->is_asked = false;
    if (!grave->is_ours) {
        counter_add(lease->buried, result == BROKER_OK);
        grave_free(lease, grave);
        return;
    }
    if (result == BROKER_OK && grave->was_buried) {
        grave_free(lease, grave);
        return;
    }
    grave->was_buried |= result == BROKER_OK;
    grave->due_ms = lease->now_ms + (result == BROKER_OK ? LEASE_BURY_AGAIN_MS : PRESENCE_WATCH_MS);
}
