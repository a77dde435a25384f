#include <string.h>

#include "app/settings.h"
#include "base/clock.h"

static const char *text_or_none(const char *text) {
    return text[0] ? text : NULL;
}

static WatchdogOptions watchdog_of(const Config *config) {
    return (WatchdogOptions){.handshake_ms = config->watchdog.handshake_ms,
                             .auth_ms = config->watchdog.auth_ms,
                             .ping_ms = config->watchdog.ping_ms,
                             .pong_ms = config->watchdog.pong_ms,
                             .pong_grace_ms = config->watchdog.pong_grace_ms,
                             .stall_ms = config->watchdog.stall_ms,
                             .expiry_grace_ms = config->watchdog.expiry_grace_ms,
                             .linger_ms = config->watchdog.linger_ms};
}

/* As many bytes at once as a second allows, and a whole message in any case. */
static QuotaLimit byte_rate_of(const Config *config) {
    uint32_t rate = config->bytes_per_second, message = config->message_limit_bytes;
    return (QuotaLimit){.per_second = rate, .burst = rate > message ? rate : message};
}

SessionOptions settings_sessions(const Settings *settings, const char *node_id, Tally *users) {
    const Config *config = settings->config;
    return (SessionOptions){
        .watchdog = watchdog_of(config),
        .audit_ms = config->watchdog.audit_ms,
        .namespaces = &config->namespaces,
        .outbox_limit_bytes = config->outbox_limit_bytes,
        .message_limit_bytes = config->message_limit_bytes,
        .subscriptions_limit = config->n_subscription_limit,
        .channel_limit_bytes = config->channel_limit_bytes,
        .message_rate = {config->messages_per_second, config->messages_per_second},
        .byte_rate = byte_rate_of(config),
        .user_limit = config->n_user_limit,
        .users = users,
        .history_limit = config->history_limit,
        .clients_may_name_themselves = config->client_identity == NAMED_BY_ANYONE,
        .is_auth_required = config->auth.is_required,
        .keyring = settings->keyring,
        .token_rules = {.audience = text_or_none(config->auth.audience),
                        .issuer = text_or_none(config->auth.issuer),
                        .leeway_s = config->auth.leeway_ms / 1000,
                        .needs_expiry = config->auth.needs_expiry},
        .wall_ms = clock_wall_ms,
        .node_id = node_id,
    };
}

WsServerSettings settings_ws_server(const Settings *settings, uint32_t n_workers) {
    const Config *config = settings->config;
    uint32_t limit = config->n_connection_limit;
    return (WsServerSettings){
        .n_connections_limit = limit ? (limit + n_workers - 1) / n_workers : 0,
        .socket = {.user_timeout_ms = config->socket_user_timeout_ms,
                   .unsent_bytes = config->socket_unsent_bytes,
                   .send_buffer_bytes = config->socket_send_buffer_bytes},
        .origins = config->origins,
        .cookie = config->auth.cookie,
    };
}

AdmissionOptions settings_admission(const Settings *settings) {
    const Config *config = settings->config;
    AdmissionOptions options = {.per_address = config->n_address_limit,
                                .per_second = config->connections_per_second,
                                .handshakes = config->n_handshake_limit,
                                .n_trusted = config->n_trusted_proxies};
    memcpy(options.trusted, config->trusted_proxies, config->n_trusted_proxies * sizeof(options.trusted[0]));
    return options;
}
