#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "dialect/dialect.h"
#include "session/commands.h"
#include "session/session.h"

/* The frames are the payloads themselves, so whatever cannot be done can only be said by closing. */

static int raw_encode(Frame **out, const Message *message) {
    const char *payload = message_payload(message);
    *out = NULL;
    if (message->kind != MESSAGE_DATA)
        return 0;
    FrameOpcode opcode = utf8_is_valid(payload, message->n_payload) ? FRAME_TEXT : FRAME_BINARY;
    int r = frame_new_copy(out, opcode, payload, message->n_payload);
    return r < 0 ? error_trace(r) : 0;
}

static void close_for(Session *session, CommandResult result, const char *forbidden) {
    switch (result) {
    case COMMAND_OK:
    case COMMAND_EXISTS: /* what was asked for is so already */
        break;
    case COMMAND_BAD_CHANNEL:
        session_close_with(session, CAUSE_FORBIDDEN, 1008, "bad channel name");
        break;
    case COMMAND_FORBIDDEN:
    case COMMAND_UNAUTHORIZED: /* this dialect has no place for a token but the request */
    case COMMAND_BAD_TOKEN:
    case COMMAND_TOKEN_EXPIRED:
        session_close_with(session, CAUSE_FORBIDDEN, 1008, forbidden);
        break;
    case COMMAND_LIMIT:
        session_close_with(session, CAUSE_FORBIDDEN, 1008, "too many subscriptions");
        break;
    case COMMAND_NOT_KEPT: /* of what this dialect never asks for */
        break;
    case COMMAND_OVERLOADED:
        session_close_with(session, CAUSE_BROKER, 1013, "overloaded, try again later");
        break;
    case COMMAND_NO_MEMORY:
        session_close(session, CAUSE_OUT_OF_MEMORY);
        break;
    }
}

static void raw_opened(Session *session, const char *channels, size_t n_channels) {
    for (size_t at = 0; at < n_channels && session->state == READY_STATE_OPEN;) {
        const char *channel = channels + at;
        size_t n = strlen(channel);
        CommandResult result = command_subscribe(session, channel, n, 0);
        close_for(session, result, "this connection may not subscribe");
        at += n + 1;
    }
}

/* The one channel that the request named and the connection has; NULL: there are several, or none. What the backend has given it
   besides is for reading. */
static const Channel *channel_for_publishing(const Session *session) {
    const ListNode *head = &session->subscriber.subscriptions;
    const Channel *found = NULL;
    for (const ListNode *node = head->next; node != head; node = node->next) {
        const Subscription *subscription = container_of(node, const Subscription, link);
        if (!subscription->is_given && found)
            return NULL;
        if (!subscription->is_given)
            found = subscription->channel;
    }
    return found;
}

/* A payload is bytes, whatever the kind of the message: subscribers get text when it is valid UTF-8. */
static void raw_received(Session *session, char *bytes, size_t n_bytes, bool is_binary) {
    const Channel *channel = channel_for_publishing(session);
    if (!channel) {
        session_close_with(session, CAUSE_FORBIDDEN, 1008, "publishing needs a connection to one channel alone");
        return;
    }
    CommandResult result = command_publish(session, channel->name, channel->node.n_key, bytes, n_bytes, 0);
    if (result == COMMAND_LIMIT)
        session_close(session, CAUSE_MESSAGE_TOO_BIG);
    else
        close_for(session, result, "this connection may not publish");
}

/* The first message tells as much as the dialect can. */
static void raw_subscribed(Session *session, const char *channel, uint64_t request_id, Position position) {}

static void raw_given(Session *session, const char *channel, Position position) {}

static void raw_unsubscribed(Session *session, const char *channel, uint64_t request_id, uint16_t code, const char *reason) {
    if (session->subscriber.n_subscriptions == 0)
        session_close_with(session, CAUSE_DISCONNECTED, code, reason);
}

static void raw_subscribe_refused(Session *session, const char *channel, uint64_t request_id, BrokerResult result) {
    const char *reason = result == BROKER_REFUSED ? "the broker refused the subscription"
                                                  : "not subscribed: the broker cannot be reached, try again later";
    session_close_with(session, CAUSE_BROKER, 1013, reason);
}

static void raw_published(Session *session, uint64_t request_id, BrokerResult result, Position position) {
    switch (result) {
    case BROKER_OK:
        break;
    case BROKER_UNAVAILABLE:
        session_close_with(session, CAUSE_BROKER, 1013, "message lost: the broker cannot be reached");
        break;
    case BROKER_OVERLOADED:
        session_close_with(session, CAUSE_BROKER, 1013, "message lost: overloaded, try again later");
        break;
    case BROKER_REFUSED:
        session_close_with(session, CAUSE_BROKER, 1013, "message lost: the broker refused it");
        break;
    }
}

const DialectOps dialect_raw = {
    .name = "raw",
    .encoder = {.index = 0, .encode = raw_encode},
    .opened = raw_opened,
    .received = raw_received,
    .subscribed = raw_subscribed,
    .given = raw_given,
    .unsubscribed = raw_unsubscribed,
    .subscribe_refused = raw_subscribe_refused,
    .published = raw_published,
    .gap_frame = NULL, /* each frame is a payload: there is no place for a notice. barker.v1 has one */
};
