/* EmbeddedPresence: who is in the channels of the embedded broker, as the functions in deploy/redis/barker.lua keep it in Redis.
   Owner: the bus thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "broker/backend.h"

enum {
    PRESENCE_EMPTY_MAX = 4096,     /* channels without anybody, whose version is remembered */
    PRESENCE_SHARES_MAX = 4 << 20, /* users of a node in a channel; one more is answered as without memory */
};

typedef struct PresenceEvent {
    const char *channel;
    size_t n_channel;
    MessageKind kind; /* MESSAGE_JOIN or MESSAGE_LEAVE */
    uint64_t version;
    const char *user;
    size_t n_user;
    const char *member;
    size_t n_member;
} PresenceEvent;

typedef struct EmbeddedPresenceOps {
    /* Makes room for an event of so many bytes, so that announcing cannot fail. 0 or -ENOMEM. */
    int (*reserve)(void *context, size_t n_bytes);
    void (*announce)(void *context, const PresenceEvent *event);
} EmbeddedPresenceOps;

typedef struct EmbeddedPresence {
    Map channels;
    ListNode empty; /* channels, longest so first */
    size_t n_empty;
    size_t n_shares;
    uint64_t now_us; /* since 1970, set by the owner; a channel's versions begin at it */
    uint64_t last_version;
    const EmbeddedPresenceOps *ops;
    void *context;
} EmbeddedPresence;

typedef struct EmbeddedPresenceChange {
    int change; /* 1: the user has come; -1: it has gone; 0 */
    uint64_t version;
} EmbeddedPresenceChange;

typedef struct EmbeddedMember {
    const char *user;
    size_t n_user;
    const char *member;
    size_t n_member;
    uint64_t n_connections;
} EmbeddedMember;

void embedded_presence_init(EmbeddedPresence *presence, const EmbeddedPresenceOps *ops, void *context);
void embedded_presence_finish(EmbeddedPresence *presence);

/* -ENOMEM: nothing has changed. */
int embedded_presence_set(EmbeddedPresence *presence, const PresenceEntry *entry, EmbeddedPresenceChange *out);
/* All that the node has in one channel, or with NULL in every channel. Returns how many users have gone by it, or -ENOMEM: then
   part of it may have been done. */
int embedded_presence_bury(EmbeddedPresence *presence, const char *channel, size_t n_channel, const char *node);

/* How many users, and *version, which is 0 where there never was anybody. */
size_t embedded_presence_count(const EmbeddedPresence *presence, const char *channel, size_t n_channel, uint64_t *version);
typedef void EmbeddedMemberVisit(const EmbeddedMember *member, void *context);
void embedded_presence_each(const EmbeddedPresence *presence, const char *channel, size_t n_channel, EmbeddedMemberVisit *visit,
                            void *context);
