/* Config: what a node was told, as plain values. Owner: the main thread; read-only once loaded, so any thread may read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "app/config_address.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/peer.h"
#include "hub/namespace.h"

enum { CONFIG_OK, CONFIG_BAD };
enum {
    CONFIG_MAX_ADDRESSES = 16,
    CONFIG_MAX_WORKERS = 63, /* and the desk, among BUS_WORKERS_MAX */
    CONFIG_MAX_NAMESPACES = 256,
    CONFIG_MAX_REDIS = 64,
    CONFIG_MAX_NETWORKS = 32
};

typedef enum NamedBy { NAMED_BY_NOBODY, NAMED_BY_ANYONE } NamedBy; /* who may say who it is */

typedef struct Option Option;
typedef struct ConfigValue ConfigValue;
typedef struct ConfigFlag ConfigFlag;

typedef struct Config {
    ListenAddress listen_addresses[CONFIG_MAX_ADDRESSES];
    uint32_t n_listen_addresses; /* at least 1 */
    uint32_t n_workers;          /* 1 to CONFIG_MAX_WORKERS: listen.workers = 0 is already resolved to the cores */
    ListenAddress tls_addresses[CONFIG_MAX_ADDRESSES];
    uint32_t n_tls_addresses;
    char *tls_certificate; /* never NULL; files separated by spaces, as many as of tls_key */
    char *tls_key;
    char *tls_client_ca; /* "": clients need no certificate */
    uint32_t tls_look_ms;
    ListenAddress admin_addresses[CONFIG_MAX_ADDRESSES];
    uint32_t n_admin_addresses;
    char *admin_token; /* never NULL, like the texts below; "": loopback alone, and whoever is there may do all */
    struct {
        char *keys; /* auth/api_keys.h; several separated by spaces */
        char *key_file;
        uint32_t body_limit_bytes;
        uint32_t timeout_ms;
    } api;
    struct {
        uint32_t notice_ms;
        uint32_t window_ms;
    } drain;
    char *redis_url; /* never NULL; "": the embedded broker; several separated by spaces */
    char *redis_prefix;
    struct {
        uint32_t connect_ms;
        uint32_t reply_ms;
        uint32_t backoff_min_ms;
        uint32_t backoff_max_ms;
        uint32_t canary_ms;
        uint32_t canary_deadline_ms;
        uint32_t publish_limit_bytes;
    } redis;
    ListenAddress embedded_address;  /* the embedded broker's Redis-protocol listener */
    bool has_embedded;               /* embedded.address is not empty; it counts only where redis_url is "" */
    uint32_t embedded_history_bytes; /* of all its histories together */
    char *node_id;                   /* never NULL; "": draw one at random */
    struct {
        uint32_t handshake_ms;
        uint32_t auth_ms;
        uint32_t ping_ms;
        uint32_t pong_ms;
        uint32_t pong_grace_ms;
        uint32_t stall_ms;
        uint32_t expiry_grace_ms;
        uint32_t linger_ms;
        uint32_t audit_ms; /* a whole round of it */
    } watchdog;
    uint32_t socket_user_timeout_ms;   /* TCP_USER_TIMEOUT of a client's socket; 0: the kernel's */
    uint32_t socket_unsent_bytes;      /* TCP_NOTSENT_LOWAT; 0: off */
    uint32_t socket_send_buffer_bytes; /* SO_SNDBUF; 0: the kernel's */
    uint32_t outbox_limit_bytes;       /* waiting for one connection */
    Namespaces namespaces;             /* their items in the order in which they were first named */
    uint32_t message_limit_bytes;      /* one message from a client */
    uint32_t channel_limit_bytes;      /* of a channel's name, from a client */
    uint32_t header_limit_bytes;       /* of one request's headers, from a client */
    uint32_t n_subscription_limit;     /* of one connection */
    uint32_t n_connection_limit;       /* of the node; 0: as many as the descriptors allow */
    uint32_t n_address_limit;          /* connections of one address; 0: no limit */
    uint32_t n_user_limit;             /* connections of one user; 0: no limit */
    uint32_t n_handshake_limit;        /* in flight, at least 1 */
    uint32_t connections_per_second;   /* new ones; 0: no limit */
    uint32_t messages_per_second;      /* from one connection; 0: no limit */
    uint32_t bytes_per_second;         /* the same */
    bool has_proxy_header;             /* PROXY protocol on every listen address */
    Network trusted_proxies[CONFIG_MAX_NETWORKS];
    uint32_t n_trusted_proxies;
    char *process_user; /* never NULL; "": stay who we are */
    uint32_t broker_linger_ms;
    uint32_t broker_subscribe_ms;
    uint32_t history_limit;  /* messages of one resume or one page */
    NamedBy client_identity; /* who may name itself in the URL */
    char *origins;           /* auth/origin.h; never NULL, like the texts below */
    struct {
        char *keys;      /* several separated by spaces: auth/keyring.h */
        char *key_files; /* the same, names of files */
        char *jwks_file;
        char *audience; /* "": not asked for */
        char *issuer;
        uint32_t leeway_ms;
        char *cookie; /* "": none */
        bool is_required;
        bool needs_expiry;
        uint32_t look_ms;
    } auth;
    bool has_seccomp;
    LogLevel log_level;
    LogFormat log_format;
    uint32_t log_per_second; /* lines of one event; 0: no limit */
    bool is_development;
    ConfigValue *values; /* text and origin of each option, for check-config; then those of each namespace */
} Config;

/* Flags beat environment beats file beats default; of a flag given twice the last counts. Nothing is kept. */
typedef struct ConfigSources {
    const char *file;         /* NULL: BARKER_CONFIG, or no file at all */
    char *const *environment; /* as environ; NULL: none */
    const ConfigFlag *flags;
    size_t n_flags;
    bool is_development; /* --dev */
    bool is_again;       /* the node runs: a file that could keep it waiting is refused */
} ConfigSources;

/* CONFIG_OK; CONFIG_BAD with one line a mistake in problems, each with its source, what was given and what would be right (no
   secrets); -ENOMEM. problems is the caller's, with a limit of 4 KiB or so: what does not fit is left out. */
int config_load(Config **config, const ConfigSources *sources, Buf *problems);
Config *config_free(Config *config); /* takes NULL, returns NULL */

/* Writes the whole configuration as an INI file, each line with its origin as a comment, the password of the URL masked. */
void config_print(const Config *config, FILE *out);

/* Whether it names keys for tokens. */
bool config_has_keys(const Config *config);
/* Whether nobody could do anything: neither keys nor an open namespace, and no development. */
bool config_is_closed(const Config *config);
