#include "broker/presence_rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "broker/presence_roster.h"

typedef struct Ask {
    ListNode link;
    BrokerReturn to;
} Ask;

typedef struct Room {
    MapNode node;
    Rooms *rooms;
    ListNode waiting;
    WheelEntry retry;
    ListNode asks;       /* for the next list */
    ListNode asks_begun; /* for the list that is under way */
    Roster roster;
    bool is_subscribed; /* and then the roster is kept */
    bool is_under_way;
    bool is_wanted; /* another list, once this one has come */
    char name[];
} Room;

static Room *room_of(MapNode *node) {
    return node ? container_of(node, Room, node) : NULL;
}

static Room *rooms_find(const Rooms *rooms, const char *channel, size_t n_channel) {
    return room_of(map_find(&rooms->map, channel, n_channel));
}

static void room_announce(void *context, MessageKind kind, const char *member, size_t n_member) {
    Room *room = context;
    room->rooms->ops->announce(room->rooms->context, room->name, room->node.n_key, kind, member, n_member);
}

static bool room_is_ours(void *context, const char *user, size_t n_user) {
    Room *room = context;
    return room->rooms->ops->is_ours(room->rooms->context, room->name, room->node.n_key, user, n_user);
}

static const RosterOps room_roster_ops = {.announce = room_announce, .is_ours = room_is_ours};

static Room *room_new(Rooms *rooms, const char *channel, size_t n_channel) {
    Room *room = calloc(1, sizeof *room + n_channel + 1);
    if (!room)
        return NULL;
    memcpy(room->name, channel, n_channel);
    room->node.key = room->name;
    room->node.n_key = n_channel;
    room->rooms = rooms;
    list_init(&room->waiting);
    wheel_entry_init(&room->retry);
    list_init(&room->asks);
    list_init(&room->asks_begun);
    roster_init(&room->roster, &room_roster_ops, room);
    if (map_insert(&rooms->map, &room->node) != MAP_OK) {
        free(room);
        return NULL;
    }
    return room;
}

static void room_drop_asks(Room *room, ListNode *asks) {
    for (ListNode *node; (node = list_pop(asks)); room->rooms->n_asks--)
        free(container_of(node, Ask, link));
}

static Room *room_free(Room *room) {
    room_drop_asks(room, &room->asks);
    room_drop_asks(room, &room->asks_begun);
    roster_finish(&room->roster);
    list_unlink(&room->waiting);
    wheel_disarm(&room->rooms->retries, &room->retry);
    map_remove(&room->rooms->map, &room->node);
    free(room);
    return NULL;
}

static Room *room_free_if_idle(Room *room) {
    bool is_idle = !room->is_subscribed && !room->is_under_way && list_is_empty(&room->asks);
    return is_idle ? room_free(room) : room;
}

static void room_want_list(Room *room) {
    wheel_disarm(&room->rooms->retries, &room->retry);
    if (room->is_under_way)
        room->is_wanted = true;
    else if (!list_is_linked(&room->waiting))
        list_append(&room->rooms->waiting, &room->waiting);
}

static void room_begin_list(Rooms *rooms, Room *room) {
    room->is_under_way = true;
    room->is_wanted = false;
    list_take(&room->asks_begun, &room->asks);
    if (room->is_subscribed)
        roster_list_begins(&room->roster);
    rooms->n_under_way++;
    counter_add(rooms->lists_fetched, 1);
    rooms->backend->ops->members(rooms->backend, room->name, room->node.n_key, room);
}

static void rooms_pump(Rooms *rooms) {
    if (rooms->is_pumping || rooms->now_ms == 0)
        return;
    rooms->is_pumping = true;
    for (unsigned budget = ROOMS_BUDGET; budget > 0 && rooms->n_under_way < ROOMS_UNDER_WAY; budget--) {
        ListNode *node = list_pop(&rooms->waiting);
        if (!node)
            break;
        room_begin_list(rooms, container_of(node, Room, waiting));
    }
    rooms->is_pumping = false;
}

int rooms_init(Rooms *rooms, Backend *backend, const RoomsOps *ops, void *context) {
    *rooms = (Rooms){.backend = backend, .ops = ops, .context = context};
    map_init(&rooms->map);
    list_init(&rooms->waiting);
    wheel_init(&rooms->retries, 0);
    for (BrokerResult result = BROKER_UNAVAILABLE; result <= BROKER_REFUSED; result++) {
        rooms->failures[result] = presence_reply_new(0, 0);
        if (!rooms->failures[result]) {
            rooms_finish(rooms);
            return error_origin(-ENOMEM);
        }
        rooms->failures[result]->result = result;
    }
    return 0;
}

static void rooms_forget(MapNode *node, void *context) {
    room_free(room_of(node));
}

void rooms_finish(Rooms *rooms) {
    map_each(&rooms->map, rooms_forget, NULL);
    map_finish(&rooms->map);
    for (BrokerResult result = BROKER_UNAVAILABLE; result <= BROKER_REFUSED; result++)
        rooms->failures[result] = presence_reply_unref(rooms->failures[result]);
}

void rooms_subscribed(Rooms *rooms, const char *channel, size_t n_channel) {
    Room *room = rooms_find(rooms, channel, n_channel);
    if (!room)
        room = room_new(rooms, channel, n_channel);
    if (!room)
        return; /* events are passed on as they come */
    room->is_subscribed = true;
    roster_subscribed(&room->roster);
    room_want_list(room);
    rooms_pump(rooms);
}

void rooms_unsubscribed(Rooms *rooms, const char *channel, size_t n_channel) {
    Room *room = rooms_find(rooms, channel, n_channel);
    if (!room || !room->is_subscribed)
        return;
    room->is_subscribed = false;
    room->is_wanted = !list_is_empty(&room->asks);
    roster_finish(&room->roster);
    roster_init(&room->roster, &room_roster_ops, room);
    room_free_if_idle(room);
}

void rooms_hear(Rooms *rooms, const char *channel, size_t n_channel, const Envelope *event) {
    Room *room = rooms_find(rooms, channel, n_channel);
    if (!room || !room->is_subscribed) {
        rooms->ops->announce(rooms->context, channel, n_channel, event->kind, event->payload, event->n_payload);
        return;
    }
    if (roster_hear(&room->roster, event) != ROSTER_DOUBT)
        return;
    room_want_list(room);
    rooms_pump(rooms);
}

void rooms_ask(Rooms *rooms, const char *channel, size_t n_channel, const BrokerReturn *to) {
    Room *room = rooms_find(rooms, channel, n_channel);
    Ask *ask = rooms->n_asks < ROOMS_ASKS_MAX ? malloc(sizeof *ask) : NULL;
    if (ask && !room)
        room = room_new(rooms, channel, n_channel);
    if (!ask || !room) {
        free(ask);
        rooms->ops->answered(rooms->context, to, channel, n_channel, rooms->failures[BROKER_OVERLOADED]);
        return;
    }
    ask->to = *to;
    list_append(&room->asks, &ask->link);
    rooms->n_asks++;
    room_want_list(room);
    rooms_pump(rooms);
}

static void rooms_look_at(MapNode *node, void *context) {
    Room *room = room_of(node);
    if (room->is_subscribed && !room->roster.is_current)
        room_want_list(room);
}

void rooms_look(Rooms *rooms) {
    map_each(&rooms->map, rooms_look_at, NULL);
    rooms_pump(rooms);
}

static void rooms_retry(WheelEntry *retry, uint64_t now_ms, void *context) {
    room_want_list(container_of(retry, Room, retry));
}

void rooms_tick(Rooms *rooms, uint64_t now_ms) {
    rooms->now_ms = now_ms;
    wheel_advance(&rooms->retries, now_ms, rooms_retry, rooms);
    rooms_pump(rooms);
}

/* What the node's subscribers have been told and the answer must be one story, so the roster answers where there is one. */
static void room_answer(Rooms *rooms, Room *room, BrokerResult result, const PresenceList *list) {
    if (list_is_empty(&room->asks_begun))
        return;
    PresenceReply *reply = rooms->failures[BROKER_OVERLOADED], *built = NULL;
    if (result != BROKER_OK)
        reply = rooms->failures[result];
    else if (!room->roster.is_current)
        reply = list->reply;
    else if ((built = roster_reply(&room->roster)))
        reply = built;
    for (ListNode *node; (node = list_pop(&room->asks_begun)); rooms->n_asks--) {
        Ask *ask = container_of(node, Ask, link);
        rooms->ops->answered(rooms->context, &ask->to, room->name, room->node.n_key, reply);
        free(ask);
    }
    presence_reply_unref(built);
}

static uint32_t room_take_list(Rooms *rooms, Room *room, BrokerResult result, const PresenceList *list) {
    if (!room->is_subscribed)
        return 0;
    if (result == BROKER_OK)
        return roster_list_comes(&room->roster, list, rooms->now_ms) == ROSTER_DOUBT ? ROOMS_DOUBT_MS
                                                                                     : roster_settle_ms(&room->roster);
    roster_list_fails(&room->roster);
    return result == BROKER_REFUSED ? ROOMS_REFUSED_MS : ROOMS_RETRY_MS;
}

void rooms_on_members(Rooms *rooms, void *cookie, BrokerResult result, const PresenceList *list) {
    Room *room = cookie;
    rooms->n_under_way--;
    room->is_under_way = false;
    uint32_t retry_ms = room_take_list(rooms, room, result, list);
    room_answer(rooms, room, result, list);
    if (room->is_wanted)
        room_want_list(room);
    else if (retry_ms > 0)
        wheel_arm(&rooms->retries, &room->retry, rooms->now_ms + retry_ms);
    room_free_if_idle(room);
    rooms_pump(rooms);
}
