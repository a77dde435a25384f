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
    BrokerResult read_answer; /* to read and presence */
    uint32_t n_wants, n_unwants, n_publishes, n_reads, n_asked, n_entered, n_left;
    uint64_t token;          /* of the last want */
    char channel[FAKE_TEXT]; /* of the last want, unwant or publish */
    char asked[FAKE_TEXT];   /* the channel of the last read, presence or present */
    HistoryQuery query;      /* of the last read */
    BrokerReturn to;         /* of the last read or presence */
    char user[FAKE_TEXT];    /* of the last present */
    char member[FAKE_TEXT];
    char payload[FAKE_TEXT]; /* of the last publish */
    uint64_t session_id;     /* of the last publish */
    uint64_t publish_request_id;

    /* The dialect. */
    uint32_t n_opened, n_received, n_subscribed, n_resumed, n_refused, n_published, n_gaps, n_closing, n_histories, n_presences;
    uint32_t n_limited, n_given, n_unsubscribed;
    uint16_t unsubscribed_code;
    char unsubscribed_reason[FAKE_TEXT];
    bool is_binary; /* of the last message received */
    size_t n_bytes;
    char received[FAKE_TEXT]; /* its first bytes, NUL-terminated */
    uint64_t request_id;      /* of the last answer */
    GapReason reason;         /* of the last gap; its frame is "gap <channel>" */
    BrokerResult result;
    Position position;  /* of the last answer that has one, or of the last gap */
    bool is_recovered;  /* of the last resume; its frame is "resumed" */
    uint32_t n_members; /* of the last presence */
    uint16_t closing_code;
    uint32_t reconnect_after_ms; /* of the last closing */
    uint32_t longest_reconnect_ms;
    const char *last_words; /* sent by closing; NULL: none */
    bool closes_again;      /* closing closes and terminates once more */
} FakeNode;

extern FakeNode node;
/* In a namespace's initialiser: anyone may subscribe and publish. */
#define OPEN_TO_ALL .subscribe = ACCESS_ANYONE, .publish = ACCESS_ANYONE

extern const DialectOps fake_dialect;
extern const SessionOptions fake_options; /* ping 25 s, pong 10 s + 1 s, linger 5 s, handshake, auth and
                                             stall 10 s, expiry + 5 s, audit 30 s; outbox 100 bytes */

void node_begin(const SessionOptions *options);
void node_end(void); /* finishes the table; nothing may be left */

Session *node_connect(FakeTransport *fake); /* CONNECTING; initialises the transport */
Session *node_open(FakeTransport *fake);    /* OPEN */
void node_pass(uint64_t n_ms);              /* time passes, by ticks, each with its turn */
void node_turn(void);
void node_answer(bool is_granted);  /* the broker answers the last want, with position 5-70 */
void node_gap(const char *channel); /* the channel has a gap; it goes on behind 6-2 */
/* The broker answers the last read. */
void node_read(const HistoryReply *reply);
/* A reply of messages 5-first and on, with the payloads "5-first", …; ends at 5-(first + n_messages - 1). */
HistoryReply *node_reply(uint64_t first, uint32_t n_messages);
void node_reply_free(HistoryReply *reply);
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
