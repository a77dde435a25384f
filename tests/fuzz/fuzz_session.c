/* Whole sessions, with the dialects and the hub, between a fake transport and a fake broker. The input is a play, one event a line;
   README.md has the letters. Whatever happens in whatever order: nothing is written that may not be, every session ends, and
   nothing is left. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "dialect/dialect.h"
#include "dialect/json_text.h"
#include "fuzz.h"
#include "hub/channel.h"
#include "session/authenticate.h"
#include "session/control.h"
#include "session/identity.h"
#include "session/session.h"
#include "session/table.h"
#include "session_broker.h"
#include "session_tokens.h"

enum { N_ACTORS = 4, START_MS = 1000, TICK_MS = 100, TICKS_MAX = 200, LINES_MAX = 200, JSON_SURE_BYTES = 1000 };

/* One connection as the world outside sees it. */
typedef struct Actor {
    Transport transport;
    Session *session; /* NULL: there is none, or it has been freed */
    uint64_t id;
    bool is_gone, is_terminated, is_blocked, is_stuck, is_broken, is_failing, is_lost, has_sent_close;
    uint64_t n_acknowledged_bytes;
} Actor;

static const WatchdogOptions deadlines = {.handshake_ms = 300,
                                          .auth_ms = 400,
                                          .ping_ms = 1000,
                                          .pong_ms = 300,
                                          .pong_grace_ms = 100,
                                          .stall_ms = 700,
                                          .expiry_grace_ms = 100,
                                          .linger_ms = 400};
static Namespace spaces[] = {
    {.name = "chat",
     .slow = SLOW_DROP_OLDEST,
     .subscribe = ACCESS_ANYONE,
     .publish = ACCESS_ANYONE,
     .history_limit = 10,
     .history_age_ms = 1000,
     .has_presence = true,
     .is_own = true},
    {.name = "last", .slow = SLOW_LATEST, .subscribe = ACCESS_ANYONE, .publish = ACCESS_USER, .local_limit = 10},
    {.name = "token", .subscribe = ACCESS_TOKEN, .publish = ACCESS_TOKEN, .has_presence = true},
};
static const Namespaces namespaces = {.fallback = {.subscribe = ACCESS_ANYONE, .publish = ACCESS_ANYONE},
                                      .items = spaces,
                                      .n_items = sizeof spaces / sizeof spaces[0]};

static Actor actors[N_ACTORS];
static SessionTable table;
static uint64_t now_ms;
static uint64_t seq; /* of the last message with a place */

static uint64_t wall_ms(void) {
    return UINT64_C(1300000000000) + now_ms - START_MS;
}

static size_t check_frame(Actor *actor, const uint8_t *bytes, size_t n_bytes) {
    fuzz_must(n_bytes >= 2 && (bytes[0] & 0xf0) == 0x80 && !(bytes[1] & 0x80), "a frame is whole, and not masked");
    size_t n_length = bytes[1] == 127 ? 8 : bytes[1] == 126 ? 2 : 0;
    uint64_t n_payload = n_length ? 0 : bytes[1];
    for (size_t i = 0; i < n_length; i++)
        n_payload = n_payload << 8 | bytes[2 + i];
    const char *payload = (const char *)bytes + 2 + n_length;
    fuzz_must(2 + n_length + n_payload <= n_bytes, "a frame is whole");
    fuzz_must(!actor->has_sent_close, "nothing follows the close frame");
    unsigned opcode = bytes[0] & 0xf;
    actor->has_sent_close = opcode == FRAME_CLOSE;
    if (opcode == FRAME_CLOSE)
        fuzz_must(n_payload <= 125 && n_payload != 1 && (n_payload < 2 || utf8_is_valid(payload + 2, n_payload - 2)),
                  "a close frame has a code and a text");
    if (opcode == FRAME_TEXT)
        fuzz_must(utf8_is_valid(payload, n_payload), "text is UTF-8");
    if (opcode == FRAME_TEXT && actor->session->dialect == &dialect_barker_v1)
        fuzz_must(n_payload > JSON_SURE_BYTES || json_text_is_valid(payload, n_payload), "barker.v1 sends JSON");
    return 2 + n_length + n_payload;
}

static int actor_write(Transport *transport, const uint8_t *bytes, size_t n_bytes) {
    Actor *actor = container_of(transport, Actor, transport);
    ReadyState state = actor->session->state;
    fuzz_must(!actor->is_gone && !actor->is_terminated, "a dead transport is not written to");
    fuzz_must(!actor->is_blocked, "a blocked transport is not written to");
    fuzz_must(!actor->is_broken, "nothing follows the library's own close frame");
    fuzz_must(state == READY_STATE_OPEN || state == READY_STATE_CLOSING, "only OPEN and CLOSING write");
    if (actor->is_failing || actor->is_lost)
        return TRANSPORT_FAILED;
    for (size_t at = 0; at < n_bytes;)
        at += check_frame(actor, bytes + at, n_bytes - at);
    actor->is_blocked = actor->is_stuck;
    return actor->is_blocked ? TRANSPORT_BLOCKED : TRANSPORT_WRITTEN;
}

static void actor_terminate(Transport *transport) {
    Actor *actor = container_of(transport, Actor, transport);
    fuzz_must(!actor->is_gone && !actor->is_terminated, "a transport ends once");
    actor->is_terminated = true;
}

static int64_t actor_silent_ms(Transport *transport) {
    fuzz_must(!container_of(transport, Actor, transport)->is_gone, "a transport that has gone is not asked");
    return -1;
}

static uint64_t actor_acknowledged_bytes(Transport *transport) {
    Actor *actor = container_of(transport, Actor, transport);
    fuzz_must(!actor->is_gone, "a transport that has gone is not asked");
    return actor->n_acknowledged_bytes;
}

static void actor_inspect(Transport *transport, TransportFacts *facts) {
    const Actor *actor = container_of(transport, Actor, transport);
    fuzz_must(!actor->is_gone && !actor->is_terminated, "a transport that has gone is not asked");
    *facts = (TransportFacts){.is_alive = !actor->is_lost,
                              .is_tcp = true,
                              .is_holding = actor->is_blocked,
                              .tcp_state = actor->is_lost ? TRANSPORT_TCP_CLOSE : TRANSPORT_TCP_ESTABLISHED};
}

static const TransportOps transport_ops = {actor_write, actor_terminate, actor_silent_ms, actor_acknowledged_bytes,
                                           actor_inspect};

static unsigned number(const FuzzInput *text, unsigned limit) {
    unsigned n = 0;
    for (size_t i = 0; i < text->n_bytes && text->bytes[i] >= '0' && text->bytes[i] <= '9'; i++)
        n = n * 10 + (unsigned)(text->bytes[i] - '0') % 10 < limit ? n * 10 + (unsigned)(text->bytes[i] - '0') : limit;
    return n;
}

static void accept_actor(Actor *actor) {
    *actor = (Actor){.transport = {&transport_ops}};
    fuzz_must(session_new(&actor->session, &table, &actor->transport) == 0, "there is memory");
    actor->id = actor->session->id;
}

/* As net does: the URL is judged, then the session is told. */
static void open_actor(Actor *actor, const FuzzInput *url) {
    FuzzInput query = *url;
    FuzzInput path = fuzz_take(&query, '?');
    char *parameters = fuzz_copy_text(query.bytes, query.n_bytes);
    for (size_t i = 0; i < query.n_bytes; i++)
        if (parameters[i] == '&')
            parameters[i] = '\0';
    const DialectRequest request = {.path = path.bytes,
                                    .n_path = path.n_bytes,
                                    .parameters = parameters,
                                    .n_parameters = query.n_bytes ? query.n_bytes + 1 : 0};
    const DialectOps *dialect = NULL;
    const char *reason = NULL;
    DialectIdentity identity;
    Buf channels;
    buf_init(&channels, DIALECT_CHANNELS_BYTES);
    bool is_served = dialect_find(&dialect, &request, &channels, &reason) == DIALECT_OK &&
                     dialect_identity(&identity, &request, &reason) == DIALECT_OK;
    if (is_served && identity.user)
        session_identify(actor->session, identity.user, identity.n_user, identity.member, identity.n_member);
    if (is_served)
        session_open(actor->session, dialect, (const char *)channels.bytes, channels.n_bytes);
    else
        session_terminate(actor->session, CAUSE_HANDSHAKE_REFUSED);
    buf_finish(&channels);
    free(parameters);
}

/* As net does with a token at the upgrade. */
static void show_token(Actor *actor, const FuzzInput *claims) {
    Buf token;
    buf_init(&token, TOKEN_TEXT_MAX);
    if (actor->session->state == READY_STATE_CONNECTING && session_tokens_sign(&token, claims) &&
        session_authenticate(actor->session, (const char *)token.bytes, token.n_bytes) != TOKEN_OK)
        session_terminate(actor->session, CAUSE_HANDSHAKE_REFUSED);
    buf_finish(&token);
}

/* A message with a token in it: to be somebody, or for one channel ("Cchat:1 {claims}"). */
static void send_token(Actor *actor, char what, FuzzInput claims) {
    Buf token, message;
    FuzzInput channel = what == 'C' ? fuzz_take(&claims, ' ') : (FuzzInput){0};
    buf_init(&token, TOKEN_TEXT_MAX);
    buf_init(&message, (size_t)2 * TOKEN_TEXT_MAX);
    if (session_tokens_sign(&token, &claims) &&
        (what == 'C' ? buf_append_format(&message, "{\"type\":\"subscribe\",\"id\":9,\"channel\":\"%.*s\",\"token\":\"%.*s\"}",
                                         (int)channel.n_bytes, channel.bytes, (int)token.n_bytes, (const char *)token.bytes)
                     : buf_append_format(&message, "{\"type\":\"auth\",\"id\":9,\"token\":\"%.*s\"}", (int)token.n_bytes,
                                         (const char *)token.bytes)) == BUF_OK)
        session_receive(actor->session, (char *)message.bytes, message.n_bytes, true, true, false);
    buf_finish(&message);
    buf_finish(&token);
}

/* What a backend asks of the nodes. */
static void control(const FuzzInput *text) {
    Control *command = NULL;
    const char *why;
    if (control_parse(&command, text->bytes, text->n_bytes, &why) == CONTROL_OK)
        session_table_control(&table, command);
    control_unref(command);
}

static void go(Actor *actor) {
    session_gone(actor->session);
    actor->is_gone = true;
}

static void receive(Actor *actor, const FuzzInput *bytes, bool is_first, bool is_final, bool is_binary) {
    char *piece = fuzz_copy(bytes->bytes, bytes->n_bytes);
    session_receive(actor->session, piece, bytes->n_bytes, is_first, is_final, is_binary);
    free(piece);
}

static void unblock(Actor *actor) {
    actor->is_stuck = false;
    actor->n_acknowledged_bytes++;
    if (actor->is_blocked) {
        actor->is_blocked = false;
        session_writeable(actor->session);
    }
}

/* What the transport of a connection that is there may say. */
static void tell_session(Actor *actor, char what, const FuzzInput *rest) {
    switch (what) {
    case 'r':
    case 'R':
        receive(actor, rest, true, true, what == 'R');
        break;
    case 'f':
    case 'F':
        receive(actor, rest, true, false, what == 'F');
        break;
    case 'p':
    case 'e':
        receive(actor, rest, false, what == 'e', false);
        break;
    case 'T':
    case 'C':
        send_token(actor, what, *rest);
        break;
    case 'w':
        unblock(actor);
        break;
    case 'k':
        actor->is_stuck = true;
        break;
    case 'i':
        session_heard(actor->session);
        break;
    case 'c':
        session_peer_closed(actor->session, (uint16_t)number(rest, 65535));
        break;
    case 'y':
        actor->is_broken = actor->session->state != READY_STATE_CONNECTING;
        if (actor->is_broken)
            session_broken(actor->session);
        break;
    case 'z':
        go(actor);
        break;
    case 'x':
        actor->is_failing = true;
        break;
    case 'l':
        actor->is_lost = true;
        break;
    }
}

/* "dchat:1 payload"; d: live, n: with a place, j and v: of presence. */
static void deliver(char what, FuzzInput rest) {
    FuzzInput channel = fuzz_take(&rest, ' ');
    Message *message;
    if (!channel_name_is_valid(channel.bytes, channel.n_bytes))
        return;
    fuzz_must(message_new(&message, channel.bytes, channel.n_bytes, rest.bytes, rest.n_bytes) == 0, "there is memory");
    message->kind = what == 'j' ? MESSAGE_JOIN : what == 'v' ? MESSAGE_LEAVE : MESSAGE_DATA;
    if (what == 'n')
        message->position = (Position){7, ++seq};
    session_table_deliver(&table, message);
    message_unref(message);
}

/* The end of the turn; what was freed is forgotten. */
static void end_turn(void) {
    session_table_turn(&table);
    for (Actor *actor = actors; actor < actors + N_ACTORS; actor++) {
        if (!actor->session || session_table_find(&table, actor->id))
            continue;
        fuzz_must(actor->is_gone != actor->is_terminated, "a session is freed with its transport");
        actor->session = NULL;
    }
}

static void pass_time(unsigned n_ticks) {
    for (unsigned i = 0; i < n_ticks; i++) {
        session_table_tick(&table, now_ms += TICK_MS);
        end_turn();
    }
}

/* What the broker says, and time. */
static void tell_table(char what, const FuzzInput *rest) {
    BrokerResult result = rest->n_bytes && *rest->bytes == '!' ? BROKER_UNAVAILABLE : BROKER_OK;
    switch (what) {
    case 'd':
    case 'n':
    case 'j':
    case 'v':
        deliver(what, *rest);
        break;
    case 'a':
        session_broker_acknowledge(&table, result);
        break;
    case 'b':
        session_broker_answer_publish(&table, result);
        break;
    case 'h':
        session_broker_answer_read(&table, result, number(rest, 5));
        break;
    case 'm':
        session_broker_answer_presence(&table, result, rest->bytes, rest->n_bytes);
        break;
    case 'g':
        if (channel_name_is_valid(rest->bytes, rest->n_bytes))
            session_table_gap(&table, rest->bytes, rest->n_bytes, (Position){7, seq += 5});
        break;
    case 'K':
        control(rest);
        break;
    case 'u':
        session_table_overloaded(&table);
        break;
    case 't':
        pass_time(number(rest, TICKS_MAX));
        break;
    case 'q':
        session_table_drain(&table, 0);
        break;
    }
}

/* A digit in front names the connection, a '+' behind it leaves the turn open. */
static void play_line(FuzzInput line) {
    Actor *actor = &actors[0];
    bool ends_turn = true;
    if (line.n_bytes && *line.bytes >= '0' && *line.bytes < '0' + N_ACTORS)
        actor = &actors[fuzz_take_byte(&line) - '0'];
    if (line.n_bytes && *line.bytes == '+')
        ends_turn = !fuzz_take_byte(&line);
    char what = (char)fuzz_take_byte(&line);
    if (what == 'o' || what == 's' || what == 'U') { /* s: it does not come to its handshake */
        if (!actor->session)
            accept_actor(actor);
        if (what == 'U' && !actor->is_gone && !actor->is_lost)
            show_token(actor, &line);
        if (what == 'o' && !actor->is_gone && !actor->is_lost)
            open_actor(actor, &line);
    } else if (strchr("rRfFpewkicyzxlTC", what) && what) {
        if (actor->session && !actor->is_gone && !actor->is_lost)
            tell_session(actor, what, &line);
    } else {
        tell_table(what, &line);
    }
    if (ends_turn)
        end_turn();
}

static void check_end(void) {
    const SessionCounters *counters = &table.counters;
    fuzz_must(session_table_count(&table) == 0, "no session is left");
    for (int state = 0; state < READY_STATES; state++)
        fuzz_must(counter_read(&counters->in_state[state]) == 0, "no state has a session left");
    for (unsigned i = 0; i < FRAME_ENCODERS_MAX; i++)
        fuzz_must(counter_read(&counters->in_dialect[i]) == 0, "no dialect has a session left");
    fuzz_must(counter_read(&counters->waiting.frames) == 0 && counter_read(&counters->waiting.bytes) == 0,
              "no frame waits any more");
    fuzz_must(table.wheel.n_armed == 0, "no deadline is left");
    fuzz_must(counter_read(&table.hub.counters.channels) == 0 && counter_read(&table.hub.counters.subscriptions) == 0,
              "no channel and no subscription is left");
    fuzz_must(session_broker.n_wants == session_broker.n_unwants, "what was wanted is wanted no more");
    fuzz_must(session_broker.n_entered == session_broker.n_left, "who has entered has left");
    fuzz_must(counter_read(&counters->terminated[CAUSE_AUDIT_DEADLINE]) == 0, "every session had its deadline");
    fuzz_must(table.users.n_nodes == 0, "no user is left");
    for (Actor *actor = actors; actor < actors + N_ACTORS; actor++)
        fuzz_must(!actor->session || actor->is_gone != actor->is_terminated, "a transport ends with its session");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    static Tally *users; /* as large as a node's, so one for all plays: each gives back what it took */
    fuzz_must(users || tally_new(&users) == 0, "there is memory");
    FuzzInput input = {(const char *)bytes, n_bytes};
    bool is_auth_required = input.n_bytes && *input.bytes == '!' && fuzz_take_byte(&input);
    const SessionOptions options = {
        .watchdog = deadlines,
        .audit_ms = 200,
        .outbox_limit_bytes = 1000,
        .message_limit_bytes = 500,
        .subscriptions_limit = 5,
        .clients_may_name_themselves = true,
        .history_limit = 5,
        .node_id = "node",
        .namespaces = &namespaces,
        .is_auth_required = is_auth_required,
        .keyring = session_tokens_keyring(),
        .token_rules = {.leeway_s = 1},
        .user_limit = 2,
        .users = users,
        .wall_ms = wall_ms,
    };
    memset(actors, 0, sizeof actors);
    now_ms = START_MS;
    seq = 0;
    session_broker_begin();
    fuzz_must(session_table_init(&table, &options, &session_broker.port, 1, now_ms) == 0, "there is memory");
    for (unsigned n = 0; input.n_bytes && n < LINES_MAX; n++)
        play_line(fuzz_take(&input, '\n'));
    end_turn();
    session_table_finish(&table);
    check_end();
    return 0;
}
