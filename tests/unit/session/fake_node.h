/* Fake node: a session table with a fake clock, a fake broker and a fake dialect that remember what they were asked.
   Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_transport.h"
#include "session/session.h"
#include "session/table.h"

enum { FAKE_TEXT = 64 };

typedef struct FakeNode {
    SessionTable table;
    uint64_t now_ms;

    /* The broker. */
    BrokerPort port;
    BrokerResult publish_answer;
    uint32_t n_wants, n_unwants, n_publishes;
    uint64_t token;          /* of the last want */
    char channel[FAKE_TEXT]; /* of the last want, unwant or publish */
    char payload[FAKE_TEXT]; /* of the last publish */
    uint64_t session_id;     /* of the last publish */
    uint64_t publish_request_id;

    /* The dialect. */
    uint32_t n_opened, n_received, n_subscribed, n_refused, n_published, n_gaps, n_closing;
    bool is_binary; /* of the last message received */
    size_t n_bytes;
    char received[FAKE_TEXT]; /* its first bytes, NUL-terminated */
    uint64_t request_id;      /* of the last answer */
    GapReason reason;         /* of the last gap; its frame is "gap <channel>" */
    BrokerResult result;
    uint16_t closing_code;
    const char *last_words; /* sent by closing; NULL: none */
    bool closes_again;      /* closing closes and terminates once more */
} FakeNode;

extern FakeNode node;
extern const DialectOps fake_dialect;
extern const SessionOptions fake_options; /* ping 25 s, pong 10 s + 1 s, linger 5 s, handshake, auth and
                                             stall 10 s, expiry + 5 s, audit 30 s; outbox 100 bytes */

void node_begin(const SessionOptions *options);
void node_end(void); /* finishes the table; nothing may be left */

Session *node_connect(FakeTransport *fake); /* CONNECTING; initialises the transport */
Session *node_open(FakeTransport *fake);    /* OPEN */
void node_pass(uint64_t n_ms);              /* time passes, by ticks, each with its turn */
void node_turn(void);
void node_answer(bool is_granted); /* the broker answers the last want */
void node_deliver(const char *channel, const char *payload);
void node_receive(Session *session, const char *text); /* one whole text message */

int node_send(Session *session, const char *text);
/* Asserts that the next frame on the wire is that one. */
void assert_text(FakeTransport *fake, const char *text);
void assert_close(FakeTransport *fake, uint16_t code);
void assert_ping(FakeTransport *fake);
void assert_silence(FakeTransport *fake); /* nothing more was written */

uint64_t count_closed(Cause cause);
uint64_t count_terminated(Cause cause);
