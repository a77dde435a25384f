#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "dialect/barker_v1_frames.h"
#include "dialect/barker_v1_request.h"
#include "dialect/dialect.h"
#include "session/authenticate.h"
#include "session/commands.h"

/* Handlers give a BarkerV1Error that the client is told, BARKER_V1_OK when they have answered or a callback will, or
   -ENOMEM. */
typedef int RequestHandler(Session *session, BarkerV1Request *request);

static int error_of(CommandResult result, BarkerV1Error exists, BarkerV1Error limit) {
    switch (result) {
    case COMMAND_EXISTS:
        return (int)exists;
    case COMMAND_BAD_CHANNEL:
        return BARKER_V1_BAD_CHANNEL;
    case COMMAND_FORBIDDEN:
        return BARKER_V1_FORBIDDEN;
    case COMMAND_UNAUTHORIZED:
        return BARKER_V1_UNAUTHORIZED;
    case COMMAND_BAD_TOKEN:
        return BARKER_V1_BAD_TOKEN;
    case COMMAND_TOKEN_EXPIRED:
        return BARKER_V1_TOKEN_EXPIRED;
    case COMMAND_LIMIT:
        return (int)limit;
    case COMMAND_OVERLOADED:
        return BARKER_V1_OVERLOADED;
    case COMMAND_NOT_KEPT:
        return BARKER_V1_NOT_KEPT;
    case COMMAND_NO_MEMORY:
        return error_origin(-ENOMEM);
    default:
        return BARKER_V1_OK;
    }
}

static int subscribe(Session *session, const char *channel, size_t n_channel, uint64_t request_id) {
    CommandResult result = command_subscribe(session, channel, n_channel, request_id);
    return error_of(result, BARKER_V1_ALREADY_SUBSCRIBED, BARKER_V1_TOO_MANY_SUBSCRIPTIONS);
}

static int handle_subscribe(Session *session, BarkerV1Request *request) {
    const char *channel, *token = NULL;
    size_t n_channel, n_token = 0;
    Position since;
    int r = barker_v1_request_channel(request, &channel, &n_channel);
    if (r == BARKER_V1_OK)
        r = barker_v1_request_position(request, "resume", &since);
    if (r == BARKER_V1_OK)
        r = barker_v1_request_token(request, &token, &n_token);
    if (r != BARKER_V1_OK)
        return r;
    if (!token && since.epoch == 0)
        return subscribe(session, channel, n_channel, request->id);
    CommandResult result = token ? command_subscribe_by(session, channel, n_channel, request->id, since, token, n_token)
                                 : command_resume(session, channel, n_channel, request->id, since);
    return error_of(result, BARKER_V1_ALREADY_SUBSCRIBED, BARKER_V1_TOO_MANY_SUBSCRIPTIONS);
}

/* The id of a subscribe to this channel that still awaits its answer; 0: none. */
static uint64_t waiting_subscribe(const Session *session, const char *channel, size_t n_channel) {
    const ListNode *head = &session->subscriber.subscriptions;
    for (const ListNode *node = head->next; node != head; node = node->next) {
        const Subscription *subscription = container_of(node, const Subscription, link);
        const char *name = subscription->channel->name;
        if (strlen(name) == n_channel && memcmp(name, channel, n_channel) == 0)
            return subscription_is_waiting(subscription) ? subscription->request_id : 0;
    }
    return 0;
}

static int handle_unsubscribe(Session *session, BarkerV1Request *request) {
    const char *channel;
    size_t n_channel;
    int r = barker_v1_request_channel(request, &channel, &n_channel);
    if (r != BARKER_V1_OK)
        return r;
    uint64_t cancelled_id = waiting_subscribe(session, channel, n_channel);
    CommandResult result = command_unsubscribe(session, channel, n_channel);
    if (result != COMMAND_OK)
        return error_of(result, BARKER_V1_NOT_SUBSCRIBED, BARKER_V1_REFUSED);
    if (cancelled_id != 0)
        barker_v1_send_error(session, BARKER_V1_CANCELLED, &(BarkerV1Answer){.id = cancelled_id});
    barker_v1_send_ok(session, request->id, (Position){0});
    return BARKER_V1_OK;
}

static int handle_publish(Session *session, BarkerV1Request *request) {
    const char *channel;
    size_t n_channel;
    int r = barker_v1_request_channel(request, &channel, &n_channel);
    if (r != BARKER_V1_OK)
        return r;
    const char *payload;
    size_t n_payload;
    r = barker_v1_request_payload(request, &payload, &n_payload);
    if (r != BARKER_V1_OK)
        return r;
    CommandResult result = command_publish(session, channel, n_channel, payload, n_payload, request->id);
    return error_of(result, BARKER_V1_REFUSED, BARKER_V1_MESSAGE_TOO_BIG);
}

static int handle_history(Session *session, BarkerV1Request *request) {
    const char *channel;
    size_t n_channel;
    HistoryQuery query;
    int r = barker_v1_request_channel(request, &channel, &n_channel);
    if (r == BARKER_V1_OK)
        r = barker_v1_request_query(request, &query);
    if (r != BARKER_V1_OK)
        return r;
    return error_of(command_history(session, channel, n_channel, &query, request->id), BARKER_V1_REFUSED, BARKER_V1_REFUSED);
}

static int handle_presence(Session *session, BarkerV1Request *request) {
    const char *channel;
    size_t n_channel;
    int r = barker_v1_request_channel(request, &channel, &n_channel);
    if (r != BARKER_V1_OK)
        return r;
    return error_of(command_presence(session, channel, n_channel, request->id), BARKER_V1_REFUSED, BARKER_V1_REFUSED);
}

static int handle_ping(Session *session, BarkerV1Request *request) {
    barker_v1_send_ok(session, request->id, (Position){0});
    return BARKER_V1_OK;
}

static void answer(Session *session, int result, const BarkerV1Answer *about) {
    if (result < 0)
        session_close(session, CAUSE_OUT_OF_MEMORY);
    else if (result != BARKER_V1_OK)
        barker_v1_send_error(session, (BarkerV1Error)result, about);
}

/* What the token names: subscribed without an id, answered by messages, or by an error that names the channel. */
static void subscribe_named(Session *session) {
    const Token *token = session->token;
    for (size_t i = 0; token && i < token->channels.n_items && session->state == READY_STATE_OPEN; i++) {
        const TokenText *channel = &token->channels.items[i];
        int r = subscribe(session, channel->text, channel->n_text, 0);
        if (r != BARKER_V1_ALREADY_SUBSCRIBED)
            answer(session, r, &(BarkerV1Answer){.channel = channel->text});
    }
}

/* Its user is someone, and yet cannot be let in: told, and closed. */
static int refuse_user(Session *session, const BarkerV1Request *request) {
    barker_v1_send_error(session, BARKER_V1_TOO_MANY_CONNECTIONS, &(BarkerV1Answer){.id = request->id});
    session_close(session, CAUSE_USER_LIMIT);
    return BARKER_V1_OK;
}

static int error_of_token(BarkerV1Request *request, int result) {
    if (result == AUTHENTICATE_OTHER_USER) {
        request->detail = "a connection stays with its user: the token names another";
        return BARKER_V1_FORBIDDEN;
    }
    request->detail = authenticate_result_name(result);
    return result == TOKEN_EXPIRED ? BARKER_V1_TOKEN_EXPIRED : BARKER_V1_BAD_TOKEN;
}

static int handle_auth(Session *session, BarkerV1Request *request) {
    const char *token = NULL;
    size_t n_token = 0;
    int r = barker_v1_request_token(request, &token, &n_token);
    if (r != BARKER_V1_OK)
        return r;
    if (!token) {
        request->detail = "token is missing";
        return BARKER_V1_BAD_MESSAGE;
    }
    r = session_authenticate(session, token, n_token);
    if (r == AUTHENTICATE_USER_LIMIT)
        return refuse_user(session, request);
    if (r != TOKEN_OK)
        return r < 0 ? error_trace(r) : error_of_token(request, r);
    barker_v1_send_ok(session, request->id, (Position){0});
    subscribe_named(session);
    return BARKER_V1_OK;
}

typedef struct RequestType {
    const char *type;
    RequestHandler *handle;
    bool needs_id;
} RequestType;

static const RequestType request_types[] = {
    {"subscribe", handle_subscribe, true}, {"unsubscribe", handle_unsubscribe, true}, {"publish", handle_publish, true},
    {"history", handle_history, true},     {"presence", handle_presence, true},       {"ping", handle_ping, false},
    {"auth", handle_auth, true},
};

static const RequestType *find_type(const char *type) {
    for (size_t i = 0; i < sizeof(request_types) / sizeof(request_types[0]); i++)
        if (strcmp(request_types[i].type, type) == 0)
            return &request_types[i];
    return NULL;
}

static int dispatch(Session *session, BarkerV1Request *request) {
    const RequestType *type = find_type(request->type);
    if (!type)
        return BARKER_V1_UNKNOWN_TYPE;
    if (type->needs_id && request->id == 0) {
        request->detail = "id is missing";
        return BARKER_V1_BAD_MESSAGE;
    }
    return type->handle(session, request);
}

static void v1_received(Session *session, char *bytes, size_t n_bytes, bool is_binary) {
    if (is_binary) {
        answer(session, BARKER_V1_BAD_MESSAGE, &(BarkerV1Answer){.detail = "requests are text frames"});
        return;
    }
    BarkerV1Request request;
    int r = barker_v1_request_parse(&request, bytes, n_bytes);
    if (r == BARKER_V1_OK)
        r = dispatch(session, &request);
    answer(session, r, &(BarkerV1Answer){.id = request.id, .detail = request.detail});
    barker_v1_request_finish(&request);
}

/* Over the rate: nothing of it is done, but the request is answered. */
static void v1_limited(Session *session, char *bytes, size_t n_bytes, bool is_binary) {
    BarkerV1Request request = {.id = 0};
    int r = is_binary ? BARKER_V1_OK : barker_v1_request_parse(&request, bytes, n_bytes);
    answer(session, r < 0 ? r : BARKER_V1_RATE_LIMITED, &(BarkerV1Answer){.id = request.id});
    barker_v1_request_finish(&request);
}

/* What the URL asks for has no id: it is answered by messages, or by an error that names the channel. */
static void v1_opened(Session *session, const char *channels, size_t n_channels) {
    barker_v1_send_welcome(session);
    for (size_t at = 0; at < n_channels && session->state == READY_STATE_OPEN;) {
        const char *channel = channels + at;
        size_t n = strlen(channel);
        answer(session, subscribe(session, channel, n, 0), &(BarkerV1Answer){.channel = channel});
        at += n + 1;
    }
    subscribe_named(session);
}

/* The broker's failure as the answer to a request; id 0: what the URL asked for, named by its channel. */
static void send_failure(Session *session, uint64_t request_id, const char *channel, BrokerResult result) {
    static const BarkerV1Error errors[] = {
        [BROKER_OK] = BARKER_V1_OK,
        [BROKER_UNAVAILABLE] = BARKER_V1_UNAVAILABLE,
        [BROKER_OVERLOADED] = BARKER_V1_OVERLOADED,
        [BROKER_REFUSED] = BARKER_V1_REFUSED,
    };
    BarkerV1Answer about = {.id = request_id, .channel = request_id == 0 ? channel : NULL};
    barker_v1_send_error(session, errors[result], &about);
}

static void v1_subscribed(Session *session, const char *channel, uint64_t request_id, Position position) {
    if (request_id != 0)
        barker_v1_send_ok(session, request_id, position);
}

/* The place in an `ok` is always that behind which messages follow: what is sent again comes before the newest. A client that is
   cut off in between resumes from where it is. */
static void v1_resumed(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply) {
    Position position = reply->position;
    position.seq -= reply->n_messages;
    barker_v1_send_resumed(session, request_id, reply->is_recovered, position);
}

static void v1_given(Session *session, const char *channel, Position position) {
    barker_v1_send_subscribed(session, channel, position);
}

static void v1_unsubscribed(Session *session, const char *channel, uint64_t request_id, uint16_t code, const char *reason) {
    if (request_id != 0)
        barker_v1_send_error(session, BARKER_V1_CANCELLED, &(BarkerV1Answer){.id = request_id});
    barker_v1_send_unsubscribed(session, channel, code, reason);
}

static void v1_subscribe_refused(Session *session, const char *channel, uint64_t request_id, BrokerResult result) {
    send_failure(session, request_id, channel, result);
}

static void v1_published(Session *session, uint64_t request_id, BrokerResult result, Position position) {
    if (result == BROKER_OK)
        barker_v1_send_ok(session, request_id, position);
    else
        send_failure(session, request_id, NULL, result);
}

static void v1_history(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply) {
    if (reply->result == BROKER_OK)
        barker_v1_send_history(session, request_id, channel, reply);
    else
        send_failure(session, request_id, NULL, reply->result);
}

static void v1_presence(Session *session, const char *channel, uint64_t request_id, const PresenceReply *reply) {
    if (reply->result == BROKER_OK)
        barker_v1_send_presence(session, request_id, channel, reply);
    else
        send_failure(session, request_id, NULL, reply->result);
}

const DialectOps dialect_barker_v1 = {
    .name = "barker.v1",
    .encoder = {.index = 1, .encode = barker_v1_encode},
    .takes_tokens = true,
    .opened = v1_opened,
    .received = v1_received,
    .limited = v1_limited,
    .subscribed = v1_subscribed,
    .resumed = v1_resumed,
    .given = v1_given,
    .unsubscribed = v1_unsubscribed,
    .subscribe_refused = v1_subscribe_refused,
    .published = v1_published,
    .history = v1_history,
    .presence = v1_presence,
    .gap_frame = barker_v1_gap_frame,
    .closing = barker_v1_send_closing,
};
