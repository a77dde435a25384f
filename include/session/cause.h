/* Cause: why a connection was closed or terminated. Every end has one, and every one has a counter. Any thread. */
#pragma once

#include <stdint.h>

typedef enum Cause {
    CAUSE_NONE,
    CAUSE_CLIENT_CLOSED,     /* the client said goodbye */
    CAUSE_CLIENT_GONE,       /* its transport ended without a close frame */
    CAUSE_HANDSHAKE_TIMEOUT, /* CONNECTING for too long */
    CAUSE_HANDSHAKE_REFUSED, /* answered with an HTTP error */
    CAUSE_HTTP_SERVED,       /* an ordinary HTTP request, such as a health check, that has been answered */
    CAUSE_PONG_TIMEOUT,      /* not a byte since our ping */
    CAUSE_LINGER_TIMEOUT,    /* CLOSING for too long */
    CAUSE_SLOW_CONSUMER,     /* outbox over its limit: 1013 */
    CAUSE_MESSAGE_TOO_BIG,   /* 1009 */
    CAUSE_BAD_UTF8,          /* 1007 */
    CAUSE_PROTOCOL_ERROR,    /* 1002 */
    CAUSE_UNSUPPORTED,       /* 1003: a kind of message that the dialect has no use for */
    CAUSE_FORBIDDEN,         /* 1008 */
    CAUSE_RATE_LIMITED,      /* 1008: more messages or bytes a second than a client may send */
    CAUSE_BROKER,            /* 1013: the broker could not take or give what the dialect cannot report otherwise */
    CAUSE_SHUTDOWN,          /* 1012 */
    CAUSE_WRITE_FAILED,
    CAUSE_OUT_OF_MEMORY, /* 1011 */
    CAUSE_AUTH_TIMEOUT,  /* 4401: OPEN for too long without a token */
    CAUSE_TOKEN_EXPIRED, /* 4402: it was not refreshed in time */
    CAUSE_DISCONNECTED,  /* 4403, or the code that was given: a backend or an operator has ended it */
    CAUSE_USER_LIMIT,    /* 4429: its user has as many connections as it may */
    CAUSE_STALLED,       /* the peer takes nothing of what waits for it */
    /* What the audit found wrong (session/audit.h). In a healthy node none of them is ever counted. */
    CAUSE_AUDIT_UNREPORTED, /* the transport had gone, or the session was CLOSED, and nothing came of it */
    CAUSE_AUDIT_SOCKET,     /* the kernel had given the connection up, or the peer its half of it */
    CAUSE_AUDIT_DEADLINE,   /* no deadline was armed that could end it */
    CAUSE_AUDIT_BLOCKED,    /* it waited to be writeable, though nothing was left to be written */
    CAUSE_COUNT,
} Cause;

const char *cause_name(Cause cause);   /* a stable word: "pong_timeout" */
uint16_t cause_code(Cause cause);      /* RFC 6455 section 7.4, or 4000 and above; 1000 when the cause has none of its own */
const char *cause_reason(Cause cause); /* for people, at most 123 bytes */
