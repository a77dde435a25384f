#include "app/config_differences.h"

#include <string.h>

#include "app/config_values.h"

static const char *const live[] = {
    "tls.certificate",
    "tls.key",
    "tls.client_ca",
    "tls.look",
    "admin.token",
    "api.keys",
    "api.key_file",
    "drain.notice",
    "drain.window",
    "broker.subscribe_timeout",
    "broker.linger",
    "watchdog.handshake",
    "watchdog.auth",
    "watchdog.ping",
    "watchdog.pong",
    "watchdog.pong_grace",
    "watchdog.stall",
    "watchdog.expiry_grace",
    "watchdog.linger",
    "watchdog.audit",
    "socket.user_timeout",
    "socket.unsent",
    "socket.send_buffer",
    "outbox.limit",
    "outbox.slow",
    "namespace.*.slow",
    "namespace.*.history",
    "namespace.*.history_age",
    "namespace.*.history_local",
    "namespace.*.history_local_linger",
    "namespace.*.presence",
    "namespace.*.subscribe",
    "namespace.*.publish",
    "namespace.*.own",
    "history.limit",
    "limits.message_size",
    "limits.subscriptions",
    "limits.channel_name",
    "limits.connections",
    "limits.connections_per_address",
    "limits.connection_rate",
    "limits.handshakes",
    "limits.message_rate",
    "limits.byte_rate",
    "limits.connections_per_user",
    "access.subscribe",
    "access.publish",
    "access.identity",
    "access.origins",
    "auth.keys",
    "auth.key_files",
    "auth.jwks_file",
    "auth.audience",
    "auth.issuer",
    "auth.leeway",
    "auth.cookie",
    "auth.required",
    "auth.expiry_required",
    "auth.look",
    "log.level",
    "log.format",
    "log.sample",
    NULL,
};

/* Sockets, threads and links to the broker are made once; who is believed about an address is so for all that it says. */
static const char *const at_start[] = {
    "limits.header_size",
    "listen.address",
    "listen.workers",
    "listen.proxy_protocol",
    "listen.tls_address",
    "admin.address",
    "api.body_limit",
    "api.timeout",
    "redis.url",
    "redis.prefix",
    "redis.connect_timeout",
    "redis.reply_timeout",
    "redis.backoff_min",
    "redis.backoff_max",
    "redis.canary",
    "redis.canary_deadline",
    "redis.publish_limit",
    "embedded.address",
    "embedded.history_limit",
    "access.trusted_proxies",
    "process.user",
    "process.seccomp",
    "node.id",
    NULL,
};

static bool has(const char *const *keys, const Option *option) {
    while (*keys && strcmp(*keys, option->key) != 0)
        keys++;
    return *keys != NULL;
}

bool option_is_live(const Option *option) {
    return has(live, option);
}

bool option_needs_restart(const Option *option) {
    return has(at_start, option);
}

/* NULL: the namespace, or the option in it, was not given. */
static const char *text_of(const Config *config, const Option *option, const char *namespace_name) {
    const ConfigValue *value = config_value(config, option, namespace_name);
    return value ? value->text : NULL;
}

static bool is_alike(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

typedef struct Comparison {
    const Config *before;
    const Config *after;
    ConfigDiffers *differs;
    void *context;
} Comparison;

static void compare(const Comparison *comparison, bool is_of_namespace, const char *namespace_name) {
    size_t n_options;
    const Option *options = options_all(&n_options);
    for (size_t i = 0; i < n_options; i++)
        if (option_is_of_namespace(&options[i]) == is_of_namespace &&
            !is_alike(text_of(comparison->before, &options[i], namespace_name),
                      text_of(comparison->after, &options[i], namespace_name)))
            comparison->differs(comparison->context, &options[i], namespace_name);
}

static bool has_namespace(const Config *config, const char *name) {
    uint32_t i = 0;
    while (i < config->namespaces.n_items && strcmp(config->namespaces.items[i].name, name) != 0)
        i++;
    return i < config->namespaces.n_items;
}

void config_compare(const Config *before, const Config *after, ConfigDiffers *differs, void *context) {
    const Comparison comparison = {before, after, differs, context};
    compare(&comparison, false, "");
    for (uint32_t i = 0; i < before->namespaces.n_items; i++)
        compare(&comparison, true, before->namespaces.items[i].name);
    for (uint32_t i = 0; i < after->namespaces.n_items; i++)
        if (!has_namespace(before, after->namespaces.items[i].name))
            compare(&comparison, true, after->namespaces.items[i].name);
}
