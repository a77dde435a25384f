/* Random lives: whatever comes in whatever order, with memory and writes that fail, every session ends once, and nothing is
   written that may not be. */
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "lifetimes_broker.h"
#include "session/commands.h"
#include "session/identity.h"
#include "session/session.h"
#include "session/table.h"
#include "suite.h"

enum { N_ACTORS = 16, N_STEPS = 60000, MESSAGE_LIMIT = 300, AUDIT_MS = 200, LEAP_MS = 3000 };

/* One connection as the world outside sees it. */
typedef struct Actor {
    Transport transport;
    Session *session; /* NULL once freed */
    uint64_t id;
    ReadyState seen; /* the state after the last step */
    bool is_opened, is_gone, is_terminated, is_failed, is_blocked, is_broken, has_sent_close;
    bool is_lost;      /* its end will never be reported */
    bool is_silent;    /* it reads nothing and says nothing */
    uint8_t tcp_state; /* what the kernel says, whether it is so or not */
    uint64_t n_acknowledged_bytes;
    uint64_t lost_at_ms;
    uint32_t last_written; /* number of the last data frame on its wire */
    uint32_t n_allowed;    /* data frames from this number on came after it was OPEN */
} Actor;

static Actor actors[N_ACTORS];
static SessionTable table;
static uint64_t now_ms;
static uint32_t n_frames, n_notices, n_resumed;
static uint64_t random_state;
static const char *violation; /* callbacks must not assert: Check allocates, and memory may be set to fail */

uint32_t lifetimes_pick(uint32_t n_limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % n_limit;
}

void lifetimes_must(bool is_kept, const char *rule) {
    if (!is_kept && !violation)
        violation = rule;
}

static void check_frame(Actor *actor, uint8_t opcode, const uint8_t *payload) {
    lifetimes_must(!actor->has_sent_close, "nothing follows the close frame");
    if (opcode == FRAME_CLOSE)
        actor->has_sent_close = true;
    if (opcode == FRAME_BINARY) {
        lifetimes_must(payload[0] != GAP_SLOW || actor->session->state == READY_STATE_OPEN,
                       "only OPEN is told of what it lost");
        n_notices += payload[0] == GAP_SLOW;
    }
    if (opcode != FRAME_TEXT)
        return;
    uint32_t number;
    memcpy(&number, payload, sizeof(number));
    lifetimes_must(number > actor->last_written, "data keeps its order and is written once");
    lifetimes_must(actor->session->state == READY_STATE_OPEN || number < actor->n_allowed || !actor->n_allowed,
                   "only what was accepted while OPEN is written later");
    actor->last_written = number;
}

static int actor_write(Transport *transport, const uint8_t *bytes, size_t n_bytes) {
    Actor *actor = container_of(transport, Actor, transport);
    ReadyState state = actor->session->state;
    lifetimes_must(!actor->is_gone && !actor->is_terminated && !actor->is_failed, "a dead transport is not written to");
    if (actor->is_lost)
        return TRANSPORT_FAILED;
    lifetimes_must(!actor->is_blocked, "a blocked transport is not written to");
    lifetimes_must(!actor->is_broken, "nothing follows the library's own close frame");
    lifetimes_must(state == READY_STATE_OPEN || state == READY_STATE_CLOSING, "only OPEN and CLOSING write");
    if (lifetimes_pick(50) == 0) {
        actor->is_failed = true;
        return TRANSPORT_FAILED;
    }
    for (size_t at = 0; at < n_bytes; at += 2u + bytes[at + 1]) /* all frames here are short */
        check_frame(actor, bytes[at] & 0xf, bytes + at + 2);
    actor->is_blocked = lifetimes_pick(4) == 0;
    return actor->is_blocked ? TRANSPORT_BLOCKED : TRANSPORT_WRITTEN;
}

static void actor_terminate(Transport *transport) {
    Actor *actor = container_of(transport, Actor, transport);
    lifetimes_must(!actor->is_gone && !actor->is_terminated, "a transport ends once");
    actor->is_terminated = true;
}

static int64_t actor_silent_ms(Transport *transport) {
    lifetimes_must(!container_of(transport, Actor, transport)->is_gone, "a transport that has gone is not asked");
    return (int64_t)lifetimes_pick(2000) - 1;
}

static uint64_t actor_acknowledged_bytes(Transport *transport) {
    Actor *actor = container_of(transport, Actor, transport);
    lifetimes_must(!actor->is_gone, "a transport that has gone is not asked");
    return actor->n_acknowledged_bytes += !actor->is_silent && lifetimes_pick(2);
}

static void actor_inspect(Transport *transport, TransportFacts *facts) {
    const Actor *actor = container_of(transport, Actor, transport);
    lifetimes_must(!actor->is_gone && !actor->is_terminated, "a transport that has gone is not asked");
    *facts = (TransportFacts){.is_alive = !actor->is_lost,
                              .is_tcp = lifetimes_pick(10) > 0,
                              .tcp_state = actor->tcp_state,
                              .n_unsent_bytes = lifetimes_pick(3),
                              .is_holding = lifetimes_pick(2)};
}

static const TransportOps transport_ops = {actor_write, actor_terminate, actor_silent_ms, actor_acknowledged_bytes,
                                           actor_inspect};

/* A numbered message, as the payload of all data frames. */
size_t lifetimes_number(char text[static LIFETIMES_TEXT]) {
    uint32_t number = ++n_frames;
    memset(text, 'x', LIFETIMES_TEXT);
    memcpy(text, &number, sizeof(number));
    return 4 + lifetimes_pick(60);
}

static void send_number(Session *session) {
    char text[LIFETIMES_TEXT];
    size_t n_text = lifetimes_number(text);
    bool was_open = session->state == READY_STATE_OPEN;
    int r = session_send_text(session, text, n_text);
    lifetimes_must(r == SESSION_REFUSED || was_open, "only OPEN accepts data");
}

static void act_up(Session *session) {
    const char *channel = lifetimes_channels[lifetimes_pick(N_CHANNELS)];
    switch (lifetimes_pick(10)) {
    case 0:
        send_number(session);
        break;
    case 1:
        session_close(session, CAUSE_UNSUPPORTED);
        break;
    case 2:
        session_terminate(session, CAUSE_FORBIDDEN);
        break;
    case 3:
        command_unsubscribe(session, channel, NAME_BYTES);
        break;
    case 4:
        command_publish(session, channel, NAME_BYTES, "x", 1, 1);
        break;
    case 5:
        session_authenticated(session, lifetimes_pick(4) ? now_ms + lifetimes_pick(1000) : 0);
        break;
    case 6:
        session_ping(session);
        break;
    case 7:
    case 8:
        command_resume(session, channel, NAME_BYTES, 1, (Position){1 + lifetimes_pick(2), lifetimes_pick(5)});
        break;
    default:
        command_subscribe(session, channel, NAME_BYTES, 1);
    }
}

static int dialect_encode(Frame **out, const Message *message) {
    return frame_new_copy(out, FRAME_TEXT, message_payload(message), message->n_payload);
}

static void dialect_opened(Session *session, const char *channels, size_t n_channels) {
    container_of(session->transport, Actor, transport)->is_opened = true;
    if (lifetimes_pick(3) == 0)
        session_require_auth(session);
    for (int i = 0; i < N_CHANNELS; i++)
        if (lifetimes_pick(2))
            command_subscribe(session, lifetimes_channels[i], NAME_BYTES, 1);
        else
            command_resume(session, lifetimes_channels[i], NAME_BYTES, 1, (Position){1, 1});
}

static void dialect_received(Session *session, char *bytes, size_t n_bytes, bool is_binary) {
    lifetimes_must(session->state == READY_STATE_OPEN, "only OPEN receives");
    lifetimes_must(bytes[n_bytes] == '\0' && n_bytes <= MESSAGE_LIMIT, "a message is bounded and ends with NUL");
    act_up(session);
}

static void dialect_subscribed(Session *session, const char *channel, uint64_t request_id, Position position) {
    lifetimes_must(session->state == READY_STATE_OPEN, "only OPEN is told");
    send_number(session);
}

static void dialect_resumed(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply) {
    lifetimes_must(session->state == READY_STATE_OPEN, "only OPEN is told");
    n_resumed += reply->is_recovered; /* and sends nothing: what it is an answer for has its numbers already */
    if (lifetimes_pick(20) == 0)
        session_close(session, CAUSE_UNSUPPORTED);
}

static void dialect_refused(Session *session, const char *channel, uint64_t request_id, BrokerResult result) {
    lifetimes_must(session->state == READY_STATE_OPEN, "only OPEN is told");
    lifetimes_must(result != BROKER_OK, "a refusal has a reason");
    send_number(session);
}

static void dialect_given(Session *session, const char *channel, Position position) {
    lifetimes_must(session->state == READY_STATE_OPEN, "only OPEN is told");
    send_number(session);
}

static void dialect_unsubscribed(Session *session, const char *channel, uint64_t request_id, uint16_t code,
                                 const char *reason) {
    lifetimes_must(session->state == READY_STATE_OPEN, "only OPEN is told");
    send_number(session);
    if (lifetimes_pick(4) == 0)
        session_close(session, CAUSE_UNSUPPORTED);
}

static void dialect_history(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply) {
    lifetimes_must(false, "nobody has asked");
}

static int dialect_gap_frame(Frame **out, const Channel *channel, GapReason reason) {
    uint8_t byte = (uint8_t)reason;
    return frame_new_copy(out, FRAME_BINARY, &byte, sizeof(byte));
}

static void dialect_published(Session *session, uint64_t request_id, BrokerResult result, Position position) {
    lifetimes_must(session->state == READY_STATE_OPEN, "only OPEN is told");
}

static void dialect_closing(Session *session, uint16_t code, const char *reason, uint32_t reconnect_after_ms) {
    send_number(session);
    if (lifetimes_pick(10) == 0)
        session_terminate(session, CAUSE_FORBIDDEN);
}

static const DialectOps dialect = {
    .name = "random",
    .encoder = {0, dialect_encode},
    .opened = dialect_opened,
    .received = dialect_received,
    .subscribed = dialect_subscribed,
    .resumed = dialect_resumed,
    .given = dialect_given,
    .unsubscribed = dialect_unsubscribed,
    .subscribe_refused = dialect_refused,
    .published = dialect_published,
    .history = dialect_history,
    .gap_frame = dialect_gap_frame,
    .closing = dialect_closing,
};

static void connect_actor(Actor *actor) {
    *actor = (Actor){.transport = {&transport_ops},
                     .is_silent = lifetimes_pick(4) == 0,
                     .tcp_state = lifetimes_pick(8) ? TRANSPORT_TCP_ESTABLISHED : (uint8_t)(1 + lifetimes_pick(11))};
    if (session_new(&actor->session, &table, &actor->transport) < 0)
        actor->session = NULL;
    else
        actor->id = actor->session->id;
    if (actor->session && lifetimes_pick(2))
        (void)session_identify(actor->session, "u", 1, "{\"user\":\"u\"}", 12);
}

static void go(Actor *actor) {
    session_gone(actor->session);
    actor->is_gone = true;
}

static void peer_closes(Actor *actor) {
    session_peer_closed(actor->session, (uint16_t)lifetimes_pick(5100));
    if (lifetimes_pick(2))
        go(actor);
}

static void break_protocol(Actor *actor) {
    actor->is_broken = true;
    session_broken(actor->session);
}

/* From here on only a deadline or the audit can end it. */
static void lose(Actor *actor) {
    actor->is_lost = true;
    actor->lost_at_ms = now_ms;
}

static void unblock(Actor *actor) {
    if (actor->is_blocked && !actor->is_silent) {
        actor->is_blocked = false;
        session_writeable(actor->session);
    }
}

static void receive(Session *session) {
    static const char bytes[MESSAGE_LIMIT + 1] = "text";
    size_t n_bytes = lifetimes_pick(100) ? lifetimes_pick(20) : sizeof(bytes);
    session_receive(session,
                    lifetimes_pick(50) ? bytes
                                       : "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                    n_bytes < 20 ? n_bytes : 20, session->is_gathering == (lifetimes_pick(100) == 0), lifetimes_pick(3) > 0,
                    lifetimes_pick(2));
    if (n_bytes > 20)
        session_receive(session, bytes, n_bytes, !session->is_gathering, true, false);
}

/* What the transport or the dialect may do to one session. */
static void step_actor(Actor *actor) {
    Session *session = actor->session;
    uint32_t n = lifetimes_pick(100);
    bool is_quiet = actor->is_gone || actor->is_lost;
    if (n < 20)
        send_number(session);
    else if (n < 30 && actor->is_opened)
        act_up(session);
    else if (n < 30)
        send_number(session);
    else if (n < 55 && !is_quiet)
        session_open(session, &dialect, "", 0);
    else if (n < 75 && !is_quiet && !actor->is_silent)
        receive(session);
    else if (n < 91 && !is_quiet)
        unblock(actor);
    else if (n < 92 && !is_quiet)
        lose(actor);
    else if (n < 94 && !is_quiet)
        peer_closes(actor);
    else if (n < 95 && !is_quiet && actor->is_opened)
        break_protocol(actor);
    else if (n < 96 && !is_quiet)
        go(actor);
    else if (n < 98)
        session_close(session, CAUSE_UNSUPPORTED);
    else if (n < 99)
        session_terminate(session, CAUSE_FORBIDDEN);
    else
        session_table_published(&table, &(BrokerReturn){.session_id = actor->id}, BROKER_OK, (Position){0});
}

static void turn(void) {
    session_table_turn(&table);
    for (Actor *actor = actors; actor < actors + N_ACTORS; actor++)
        if (actor->session && !session_table_find(&table, actor->id)) {
            lifetimes_must(actor->is_gone != actor->is_terminated, "a session is freed with its transport");
            actor->session = NULL;
        }
}

static void step_table(void) {
    const char *channel = lifetimes_channels[lifetimes_pick(N_CHANNELS)];
    uint32_t n = lifetimes_pick(100);
    if (n < 36)
        turn();
    else if (n < 52)
        session_table_tick(&table, now_ms += lifetimes_pick(100) ? lifetimes_pick(300)
                                                                 : lifetimes_pick(LEAP_MS)); /* now and then it leaps */
    else if (n < 84)
        lifetimes_deliver(&table, channel);
    else if (n < 91)
        lifetimes_acknowledge(&table, channel);
    else if (n < 98)
        lifetimes_answer_reading(&table);
    else if (n < 99)
        lifetimes_tell_gap(&table, channel);
    else if (lifetimes_pick(50) == 0)
        session_table_drain(&table, 0);
    else
        lifetimes_control(&table, channel);
}

static void look_at(Actor *actor) {
    if (!actor->session)
        return;
    ReadyState state = actor->session->state;
    lifetimes_must(state >= actor->seen, "no state comes back");
    lifetimes_must(state != READY_STATE_CLOSING || actor->is_opened, "only what was OPEN becomes CLOSING");
    lifetimes_must(state != READY_STATE_CLOSED || !list_is_linked(&actor->session->dirty), "what is CLOSED waits for no flush");
    lifetimes_must((state == READY_STATE_CLOSED) != wheel_is_armed(&actor->session->watchdog.entry),
                   "all but CLOSED have a deadline");
    lifetimes_must(state == READY_STATE_CLOSED || !actor->is_lost || now_ms - actor->lost_at_ms <= 2 * (AUDIT_MS + LEAP_MS),
                   "what was never reported is found");
    if (state > READY_STATE_OPEN && !actor->n_allowed)
        actor->n_allowed = n_frames + 1;
    actor->seen = state;
}

static void step(void) {
    Actor *actor = &actors[lifetimes_pick(N_ACTORS)];
    memory_fail_at(lifetimes_pick(100) ? 0 : 1 + lifetimes_pick(4));
    if (lifetimes_pick(4) == 0)
        step_table();
    else if (actor->session)
        step_actor(actor);
    else
        connect_actor(actor);
    memory_fail_at(0);
    for (Actor *each = actors; each < actors + N_ACTORS; each++)
        look_at(each);
}

static uint64_t sum(const Counter *counters, size_t n_counters) {
    uint64_t total = 0;
    for (size_t i = 0; i < n_counters; i++)
        total += counter_read(&counters[i]);
    return total;
}

static void assert_walked_everywhere(void) {
    const Cause walked[] = {CAUSE_HANDSHAKE_TIMEOUT, CAUSE_PONG_TIMEOUT, CAUSE_LINGER_TIMEOUT,
                            CAUSE_WRITE_FAILED,      CAUSE_CLIENT_GONE,  CAUSE_STALLED,
                            CAUSE_AUDIT_UNREPORTED,  CAUSE_AUDIT_SOCKET, CAUSE_AUDIT_BLOCKED};
    for (size_t i = 0; i < N_ELEMENTS(walked); i++)
        ck_assert_msg(counter_read(&table.counters.terminated[walked[i]]) > 0, "no %s", cause_name(walked[i]));
    const Cause closed[] = {CAUSE_CLIENT_CLOSED,  CAUSE_SLOW_CONSUMER, CAUSE_BAD_UTF8,     CAUSE_MESSAGE_TOO_BIG,
                            CAUSE_PROTOCOL_ERROR, CAUSE_OUT_OF_MEMORY, CAUSE_AUTH_TIMEOUT, CAUSE_TOKEN_EXPIRED};
    for (size_t i = 0; i < N_ELEMENTS(closed); i++)
        ck_assert_msg(counter_read(&table.counters.closed[closed[i]]) > 0, "no %s", cause_name(closed[i]));
    ck_assert_uint_gt(counter_read(&table.counters.evicted_frames[SLOW_DROP_OLDEST]), 0);
    ck_assert_uint_gt(counter_read(&table.counters.evicted_frames[SLOW_LATEST]), 0);
    ck_assert_uint_gt(n_notices, 0);
    ck_assert_uint_gt(n_resumed, 0);
    ck_assert_uint_gt(counter_read(&table.counters.controlled), 0);
    ck_assert_uint_gt(lifetimes_broker.n_entered, 0);
}

static void assert_all_ended(void) {
    const SessionCounters *counters = &table.counters;
    uint64_t n_closed = sum(counters->closed, CAUSE_COUNT);
    uint64_t n_ended = n_closed + sum(counters->terminated, CAUSE_COUNT);
    uint64_t n_accepted = counter_read(&counters->accepted);
    ck_assert_uint_eq(session_table_count(&table), 0);
    ck_assert_uint_eq(sum(counters->in_state, READY_STATES), 0);
    ck_assert_uint_eq(table.wheel.n_armed, 0);
    ck_assert_uint_eq(table.users.n_nodes, 0);
    ck_assert_uint_eq(counter_read(&table.hub.counters.channels), 0);
    ck_assert_uint_eq(counter_read(&table.hub.counters.subscriptions), 0);
    ck_assert_uint_eq(lifetimes_broker.n_wants, lifetimes_broker.n_unwants);
    ck_assert_uint_eq(lifetimes_broker.n_entered, lifetimes_broker.n_left);
    ck_assert_uint_eq(counter_read(&counters->evicted_frames[SLOW_CLOSE]), 0);
    ck_assert_uint_eq(counter_read(&counters->terminated[CAUSE_AUDIT_DEADLINE]), 0); /* no fact lies about that */
    ck_assert_uint_ge(n_ended, n_accepted);
    ck_assert_uint_le(n_ended, n_accepted + n_closed);
    for (Actor *actor = actors; actor < actors + N_ACTORS; actor++)
        ck_assert(!actor->session || actor->is_gone != actor->is_terminated);
    assert_walked_everywhere();
}

START_TEST(every_random_life_ends_once_and_writes_nothing_it_may_not) {
    static Tally users;
    uint32_t n_counted = 0;
    const SessionOptions options = {
        .users = &users,
        .watchdog = {.handshake_ms = 300,
                     .auth_ms = 400,
                     .ping_ms = 500,
                     .pong_ms = 200,
                     .pong_grace_ms = 100,
                     .stall_ms = 700,
                     .expiry_grace_ms = 100,
                     .linger_ms = 400},
        .audit_ms = AUDIT_MS,
        .outbox_limit_bytes = 300,
        .message_limit_bytes = MESSAGE_LIMIT,
        .subscriptions_limit = 3,
        .history_limit = HISTORY_LIMIT,
        .node_id = "node",
        .namespaces = &lifetimes_namespaces,
    };
    random_state = 0x9e3779b97f4a7c15 + (uint64_t)_i;
    now_ms = 1000;
    ck_assert_int_eq(session_table_init(&table, &options, &lifetimes_broker.port, 1, now_ms), 0);
    for (int i = 0; i < N_STEPS; i++) {
        step();
        if (violation)
            ck_abort_msg("step %d: %s", i, violation);
    }
    session_table_finish(&table);
    ck_assert_msg(!violation, "at the end: %s", violation);
    assert_all_ended();
    for (int row = 0; row < TALLY_ROWS; row++)
        for (int cell = 0; cell < TALLY_CELLS; cell++)
            n_counted += users.cells[row][cell];
    ck_assert_uint_eq(n_counted, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lifetimes");
    TCase *tcase = tcase_create("lifetimes");
    tcase_set_timeout(tcase, 100);
    tcase_add_loop_test(tcase, every_random_life_ends_once_and_writes_nothing_it_may_not, 0, 10);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
