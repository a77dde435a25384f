#include "app/options.h"

#include <ctype.h>
#include <string.h>

#define OPTION_AT(member) .offset = offsetof(Config, member)

/* LogLevel, LogFormat and Access index these. */
static const char *const choices_level[] = {"debug", "info", "warn", "error", NULL};
static const char *const choices_format[] = {"logfmt", "json", NULL};
static const char *const choices_access[] = {"nobody", "anyone", NULL};

enum { SECOND = 1000, HOUR = 3600 * SECOND, KIB = 1024, MIB = 1024 * KIB };

static const Option options[] = {
    {"listen.address", OPTION_ADDRESSES, "127.0.0.1:8080", NULL, 1, CONFIG_MAX_ADDRESSES, NULL, OPTION_AT(listen_addresses),
     offsetof(Config, n_listen_addresses),
     "Where clients connect: host:port, [IPv6]:port, :port for every interface, or unix:/path; several separated by commas. "
     "Port 0 lets the kernel choose."},
    {"listen.workers", OPTION_NUMBER, "0", NULL, 0, CONFIG_MAX_WORKERS, NULL, OPTION_AT(n_workers), 0,
     "Worker threads; 0 is one per core that the process may run on."},
    {"redis.url", OPTION_REDIS_URL, "", NULL, 0, 0, NULL, OPTION_AT(redis_url), 0,
     "The Redis server: redis://[user[:password]@]host[:port][/db] or redis+unix://[user:password@]/path[?db=N]. Empty: the "
     "embedded broker, no Redis at all."},
    {"redis.prefix", OPTION_TEXT, "barker:", NULL, 1, 64, NULL, OPTION_AT(redis_prefix), 0,
     "What precedes a channel's name in Redis."},
    {"embedded.address", OPTION_ADDRESS, "127.0.0.1:6380", NULL, 0, 0, NULL, OPTION_AT(embedded_address),
     offsetof(Config, has_embedded),
     "Where the embedded broker speaks the Redis protocol, for redis-cli and backends. Empty: nowhere."},
    {"broker.linger", OPTION_DURATION, "5s", NULL, 0, HOUR, NULL, OPTION_AT(broker_linger_ms), 0,
     "How long the node stays subscribed to a channel after its last subscriber has left."},
    {"watchdog.handshake", OPTION_DURATION, "10s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.handshake_ms), 0,
     "A connection that has not become a WebSocket by then is terminated."},
    {"watchdog.ping", OPTION_DURATION, "25s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.ping_ms), 0,
     "A connection that has been quiet for so long is sent a ping."},
    {"watchdog.pong", OPTION_DURATION, "10s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.pong_ms), 0,
     "How long the peer has to send anything at all after a ping."},
    {"watchdog.pong_grace", OPTION_DURATION, "1s", NULL, 0, HOUR, NULL, OPTION_AT(watchdog.pong_grace_ms), 0,
     "Added to watchdog.pong, for a slow network."},
    {"watchdog.linger", OPTION_DURATION, "5s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.linger_ms), 0,
     "How long a connection may be CLOSING before it is terminated; also how long a shutdown takes at most."},
    {"outbox.limit", OPTION_SIZE, "1MiB", NULL, KIB, 1024 * MIB, NULL, OPTION_AT(outbox_limit_bytes), 0,
     "Bytes that may wait for one connection; over it, the connection is closed with 1013."},
    {"limits.message_size", OPTION_SIZE, "64KiB", NULL, 64, 16 * MIB, NULL, OPTION_AT(message_limit_bytes), 0,
     "The largest message that a client may send; over it, the connection is closed with 1009."},
    {"limits.subscriptions", OPTION_NUMBER, "128", NULL, 1, 65536, NULL, OPTION_AT(n_subscription_limit), 0,
     "Channels that one connection may be subscribed to."},
    {"limits.connections", OPTION_NUMBER, "0", NULL, 0, 10000000, NULL, OPTION_AT(n_connection_limit), 0,
     "Connections that the node holds at most; 0 is as many as its file descriptors allow."},
    {"access.subscribe", OPTION_CHOICE, "anyone", NULL, 0, 0, choices_access, OPTION_AT(client_subscribe), 0,
     "Who may subscribe."},
    {"access.publish", OPTION_CHOICE, "nobody", "anyone", 0, 0, choices_access, OPTION_AT(client_publish), 0,
     "Which clients may publish; backends publish to Redis in any case."},
    {"node.id", OPTION_NODE_ID, "", NULL, 0, 63, NULL, OPTION_AT(node_id), 0,
     "The node's name, unique among the nodes; empty draws one at random."},
    {"log.level", OPTION_CHOICE, "info", NULL, 0, 0, choices_level, OPTION_AT(log_level), 0, "The least of what is logged."},
    {"log.format", OPTION_CHOICE, "logfmt", NULL, 0, 0, choices_format, OPTION_AT(log_format), 0,
     "How a line of the log on standard error reads."},
};

const Option *options_all(size_t *n_options) {
    *n_options = sizeof(options) / sizeof(options[0]);
    return options;
}

size_t options_index(const Option *option) {
    return (size_t)(option - options);
}

char *option_spell(char name[static OPTION_NAME_SIZE], const Option *option, OptionSpelling spelling) {
    static const char *const prefixes[] = {[OPTION_KEY] = "", [OPTION_FLAG] = "--", [OPTION_ENVIRONMENT] = "BARKER_"};
    size_t n_prefix = strlen(prefixes[spelling]);

    snprintf(name, OPTION_NAME_SIZE, "%s%s", prefixes[spelling], option->key);
    for (char *at = name + n_prefix; *at; at++) {
        if (spelling == OPTION_FLAG && (*at == '.' || *at == '_'))
            *at = '-';
        else if (spelling == OPTION_ENVIRONMENT)
            *at = (char)(*at == '.' ? '_' : toupper((unsigned char)*at));
    }
    return name;
}

const Option *options_find(OptionSpelling spelling, const char *name) {
    char spelled[OPTION_NAME_SIZE];

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(option_spell(spelled, &options[i], spelling), name) == 0)
            return &options[i];
    }
    return NULL;
}

/* Optimal string alignment, three rows of the table at a time. Names longer than a row are far from every option. */
size_t options_distance(const char *a, const char *b, size_t n_limit) {
    size_t rows[3][OPTION_NAME_SIZE + 1];
    size_t n_a = strlen(a), n_b = strlen(b);

    if (n_b > OPTION_NAME_SIZE || n_a > OPTION_NAME_SIZE)
        return n_limit;
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best)
                best = above2[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b] < n_limit ? rows[n_a % 3][n_b] : n_limit;
}

const Option *options_nearest(OptionSpelling spelling, const char *name) {
    enum { FAR = 5 };
    char spelled[OPTION_NAME_SIZE];
    const Option *nearest = NULL;
    size_t n_edits = FAR;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        size_t n = options_distance(name, option_spell(spelled, &options[i], spelling), FAR);

        if (n < n_edits && 2 * n < strlen(name)) {
            n_edits = n;
            nearest = &options[i];
        }
    }
    return nearest;
}
