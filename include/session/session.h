/* Session: one client connection from accept to reap. Owner: its worker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/quota.h"
#include "hub/outbox.h"
#include "hub/subscription.h"
#include "session/cause.h"
#include "session/dialect_ops.h"
#include "session/readystate.h"
#include "session/transport.h"
#include "session/watchdog.h"

typedef struct SessionTable SessionTable;
typedef struct User User;

struct Session {
    Subscriber subscriber;
    Outbox outbox;
    ListNode dirty;    /* in the table's dirty list while frames wait to be flushed */
    ReadyState state;  /* changed by session_change alone */
    Cause cause;       /* of its end; the first one stays */
    bool is_blocked;   /* the transport still holds bytes of ours */
    bool is_ending;    /* session_close is under way: the dialect's last words must not start it again */
    bool is_gathering; /* a message has begun and not ended */
    bool is_binary;    /* its kind */
    bool is_counted;   /* among its user's connections on this node */
    uint8_t doubts;    /* the audit's: AUDIT_DOUBT_… */
    Watchdog watchdog;
    const DialectOps *dialect; /* NULL while CONNECTING */
    Transport *transport;      /* NULL once it has gone */
    SessionTable *table;
    uint64_t id; /* unique in the process's life, and hardly ever another node's */
    uint64_t accepted_ms;
    ListNode ending; /* in the table's ending list when the reaper must look at it */
    ListNode member; /* in the table's list of its state */
    Buf gathered;    /* that message, and room for a NUL */
    Quota messages;  /* that it may send */
    Quota bytes;
    Token *token;   /* the one that it has shown; NULL: none (session/authenticate.h) */
    char *identity; /* the user's name, then its member; NULL: a user of its own (session/identity.h) */
    uint32_t n_user;
    uint32_t n_member;
    User *user;      /* whose it is while it lives: NULL for a user of its own, and from its end on (session/users.h) */
    ListNode fellow; /* in the user's list */
    uint64_t joined; /* its number among all who have ever joined one: the list is in that order */
};

/* A connection that has just been accepted: CONNECTING, handshake deadline armed. -ENOMEM. The session does not own the
   transport; it is freed by the reaper, never by its creator. */
int session_new(Session **out, SessionTable *table, Transport *transport);

/* CONNECTING to OPEN; arms the deadline of its token, or of the one that must come; calls dialect->opened. */
void session_open(Session *session, const DialectOps *dialect, const char *channels, size_t n_channels);

enum { SESSION_SENT, SESSION_REFUSED };

/* The only way to the wire for data. SESSION_REFUSED, and counted, in any state but OPEN or when the outbox is over its limit
   and the frame's slow policy makes no room (the session is then closed with CAUSE_SLOW_CONSUMER). Borrows the frame. Never
   fails otherwise, never blocks. */
int session_send(Session *session, Frame *frame);
/* Builds the frame and sends it; for what goes to one connection alone. */
int session_send_text(Session *session, const char *text, size_t n_text); /* text is valid UTF-8 */

/* A message of the channel for this connection alone, in its dialect's frame; SESSION_SENT too when the dialect has none for its
   kind. As session_send. */
int session_send_message(Session *session, const Channel *channel, const Message *message);
/* The notice of a gap, where the dialect has one; it makes room by the policy of its channel. As session_send. */
int session_send_gap(Session *session, const Channel *channel, GapReason reason);
/* A ping, ahead of all data. SESSION_REFUSED, and counted, in any state but OPEN. When several wait already they are enough. */
int session_ping(Session *session);

/* In OPEN; ignored in any other state. A token must come within watchdog.auth_ms, told by session_authenticated, else the
   session is closed with CAUSE_AUTH_TIMEOUT. */
void session_require_auth(Session *session);
/* In OPEN; ignored in any other state. The token holds until expires_at_ms (table->now_ms's clock; 0: for ever); the session is
   closed with CAUSE_TOKEN_EXPIRED watchdog.expiry_grace_ms later, unless this has been called again. */
void session_authenticated(Session *session, uint64_t expires_at_ms);

/* Says goodbye with the cause's code (or another and another reason), waits for the peer at most the linger deadline.
   Frames sent before still leave first, and so does what dialect->closing sends; for CAUSE_SLOW_CONSUMER the close frame is
   all that is still sent. Idempotent; in CONNECTING, or without memory for the close frame, it terminates. reason is borrowed
   and valid UTF-8, cut at 123 bytes. */
void session_close(Session *session, Cause cause);
void session_close_with(Session *session, Cause cause, uint16_t code, const char *reason);
/* The same with CAUSE_SHUTDOWN, and asks the client to stay away for so long, where its dialect can; 0: it is not asked to. */
void session_drain(Session *session, uint32_t reconnect_after_ms);
/* Destroys the connection at the end of this loop turn. Idempotent. */
void session_terminate(Session *session, Cause cause);

/* Upwards from the transport. */

/* A piece of a data message. is_final: the message ends with it. is_binary counts in the first piece only. Closes with
   CAUSE_MESSAGE_TOO_BIG, CAUSE_BAD_UTF8, CAUSE_PROTOCOL_ERROR or CAUSE_RATE_LIMITED; in any state but OPEN the bytes are thrown away. */
void session_receive(Session *session, const void *bytes, size_t n_bytes, bool is_first, bool is_final, bool is_binary);
void session_heard(Session *session); /* a pong */
/* The peer's close frame: answered if we are OPEN (RFC 6455 section 5.5.1), before the return unless the transport is blocked.
   code 0 or 1005: the frame had none. The transport then ends the connection and calls session_gone. */
void session_peer_closed(Session *session, uint16_t code);
/* The library has seen a protocol error and has sent its own close frame: we write nothing more. */
void session_broken(Session *session);
void session_writeable(Session *session); /* what TRANSPORT_BLOCKED held back has gone */
void session_gone(Session *session);      /* the transport has ended and is not used again; the reaper frees the session */

enum { SESSION_ID_TEXT = 24 };
const char *session_id_text(const Session *session, char text[SESSION_ID_TEXT]); /* lower-case hex, as the welcome tells it */
