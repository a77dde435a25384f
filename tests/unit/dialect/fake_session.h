/* FakeSession: stands in for the session layer under the dialects' tests and writes down what a dialect asks of it, one line
   each. Owner: the test. */
#pragma once

#include "session/commands.h"
#include "session/dialect_ops.h"
#include "session/session.h"
#include "session/table.h"

typedef struct FakeSession {
    Session session; /* first: the fake finds itself by it */
    SessionTable table;
    Buf lines;                    /* "sent {…}", "subscribe chat:1 id 1", "close forbidden 1008 reason", … */
    CommandResult command_result; /* what every command answers */
    int authenticate_result;      /* what session_authenticate answers; when it is TOKEN_OK the session has */
    Token *token;                 /* this one then, borrowed */
    unsigned n_sent;
    unsigned n_commands;
} FakeSession;

void fake_session_init(FakeSession *fake, const DialectOps *dialect);
void fake_session_finish(FakeSession *fake);
/* In the channel, as the hub would have it; its position is 5-70. */
void fake_session_join(FakeSession *fake, const char *channel, ChannelState state, uint64_t request_id);

/* A client's message, in memory of its exact size and a NUL, as the session gives it. */
void fake_session_receive(FakeSession *fake, const void *bytes, size_t n_bytes, bool is_binary);
void fake_session_limit(FakeSession *fake, const char *text); /* a text message that is over the rate */

const char *
fake_session_lines(FakeSession *fake); /* what was written down, each line ended by a newline; valid until more is */
void fake_session_clear(FakeSession *fake);
