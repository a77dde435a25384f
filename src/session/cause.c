#include "session/cause.h"

static const struct {
    const char *name;
    const char *reason;
    uint16_t code;
} causes[CAUSE_COUNT] = {
    [CAUSE_NONE] = {"none", "", 1000},
    [CAUSE_CLIENT_CLOSED] = {"client_closed", "closed by the client", 1000},
    [CAUSE_CLIENT_GONE] = {"client_gone", "the connection was lost", 1000},
    [CAUSE_HANDSHAKE_TIMEOUT] = {"handshake_timeout", "the handshake took too long", 1000},
    [CAUSE_HANDSHAKE_REFUSED] = {"handshake_refused", "the handshake was refused", 1000},
    [CAUSE_HTTP_SERVED] = {"http_served", "the request has been answered", 1000},
    [CAUSE_PONG_TIMEOUT] = {"pong_timeout", "no answer to a ping", 1000},
    [CAUSE_LINGER_TIMEOUT] = {"linger_timeout", "no answer to the close frame", 1000},
    [CAUSE_SLOW_CONSUMER] = {"slow_consumer", "too many messages waiting for a slow connection", 1013},
    [CAUSE_MESSAGE_TOO_BIG] = {"message_too_big", "the message is larger than allowed", 1009},
    [CAUSE_BAD_UTF8] = {"bad_utf8", "a text message is not valid UTF-8", 1007},
    [CAUSE_PROTOCOL_ERROR] = {"protocol_error", "the WebSocket protocol was broken", 1002},
    [CAUSE_UNSUPPORTED] = {"unsupported", "this kind of message is not accepted here", 1003},
    [CAUSE_FORBIDDEN] = {"forbidden", "this is not allowed", 1008},
    [CAUSE_RATE_LIMITED] = {"rate_limited", "more messages or bytes a second than allowed", 1008},
    [CAUSE_BROKER] = {"broker", "the message broker is not available, try again later", 1013},
    [CAUSE_SHUTDOWN] = {"shutdown", "the server restarts", 1012},
    [CAUSE_WRITE_FAILED] = {"write_failed", "the connection could not be written to", 1000},
    [CAUSE_OUT_OF_MEMORY] = {"out_of_memory", "the server is out of memory", 1011},
    [CAUSE_AUTH_TIMEOUT] = {"auth_timeout", "no token came in time", 4401},
    [CAUSE_TOKEN_EXPIRED] = {"token_expired", "the token has expired", 4402},
    [CAUSE_DISCONNECTED] = {"disconnected", "disconnected by the backend", 4403},
    [CAUSE_USER_LIMIT] = {"user_limit", "this user has as many connections as it may", 4429},
    [CAUSE_STALLED] = {"stalled", "nothing of what waits is read", 1000},
    [CAUSE_AUDIT_UNREPORTED] = {"audit_unreported", "the end of the connection was not reported", 1000},
    [CAUSE_AUDIT_SOCKET] = {"audit_socket", "the socket had ended", 1000},
    [CAUSE_AUDIT_DEADLINE] = {"audit_deadline", "the connection had no deadline", 1000},
    [CAUSE_AUDIT_BLOCKED] = {"audit_blocked", "the connection waited for nothing", 1000},
};

const char *cause_name(Cause cause) {
    return causes[cause].name;
}

uint16_t cause_code(Cause cause) {
    return causes[cause].code;
}

const char *cause_reason(Cause cause) {
    return causes[cause].reason;
}
