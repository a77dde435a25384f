/* Limits: what one connection may do: what its token says, else what the node says. Owner: the connection's worker. */
#pragma once

#include "session/session.h"
#include "session/table.h"

static inline QuotaLimit limits_of_messages(const SessionOptions *options, const Token *token) {
    uint32_t n = token ? token->limits.messages : 0;
    return n ? (QuotaLimit){.per_second = n, .burst = n} : options->message_rate;
}

/* At least one message of the largest size may come at once. */
static inline QuotaLimit limits_of_bytes(const SessionOptions *options, const Token *token) {
    uint32_t n = token ? token->limits.bytes : 0;
    uint32_t burst = n > options->message_limit_bytes ? n : options->message_limit_bytes;
    return n ? (QuotaLimit){.per_second = n, .burst = burst} : options->byte_rate;
}

static inline uint32_t limits_of_subscriptions(const Session *session) {
    uint32_t n = session->token ? session->token->limits.subscriptions : 0;
    return n ? n : session->table->options.subscriptions_limit;
}

/* Of its user on this node; 0: none. */
static inline uint32_t limits_of_connections(const SessionOptions *options, const Token *token) {
    uint32_t n = token ? token->limits.connections : 0;
    return n ? n : options->user_limit;
}
