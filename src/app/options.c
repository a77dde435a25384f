#include "app/options.h"

#include <string.h>

#include "hub/message.h"

#define OPTION_AT(member) .offset = offsetof(Config, member)

/* LogLevel, LogFormat, Access, NamedBy and SlowPolicy index these; a switch's are always the same two. */
static const char *const choices_level[] = {"debug", "info", "warn", "error", NULL};
static const char *const choices_format[] = {"logfmt", "json", NULL};
static const char *const choices_access[] = {"nobody", "token", "user", "anyone", NULL};
static const char *const choices_named_by[] = {"nobody", "anyone", NULL};
static const char *const choices_slow[] = {"close", "drop-oldest", "latest", NULL};
static const char *const choices_switch[] = {"no", "yes", NULL};

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, WEEK = 168 * HOUR, KIB = 1024, MIB = 1024 * KIB };

static const Option options[] = {
    {"listen.address", OPTION_ADDRESSES, "127.0.0.1:8080", NULL, 1, CONFIG_MAX_ADDRESSES, NULL, OPTION_AT(listen_addresses),
     offsetof(Config, n_listen_addresses),
     "Where clients connect: host:port, [IPv6]:port, :port for every interface, or unix:/path; several separated by commas. "
     "Port 0 lets the kernel choose."},
    {"listen.workers", OPTION_NUMBER, "0", NULL, 0, CONFIG_MAX_WORKERS, NULL, OPTION_AT(n_workers), 0,
     "Worker threads; 0 is one per core that the process may run on."},
    {"listen.proxy_protocol", OPTION_SWITCH, "no", NULL, 0, 0, choices_switch, OPTION_AT(has_proxy_header), 0,
     "Whether each connection begins with a PROXY protocol header, version 1 or 2, of one of access.trusted_proxies. Without "
     "one, or from anybody else, it is closed."},
    {"listen.tls_address", OPTION_ADDRESSES, "", NULL, 0, CONFIG_MAX_ADDRESSES, NULL, OPTION_AT(tls_addresses),
     offsetof(Config, n_tls_addresses), "Where clients connect by TLS (wss and https), written likewise. Empty: nowhere."},
    {"tls.certificate", OPTION_TEXT, "", NULL, 0, 8 * KIB, NULL, OPTION_AT(tls_certificate), 0,
     "Files in PEM, each with one certificate and its chain, separated by spaces: a client gets the first that bears the name "
     "it asks for, or the first of all."},
    {"tls.key", OPTION_TEXT, "", NULL, 0, 8 * KIB, NULL, OPTION_AT(tls_key), 0,
     "The files of their keys, in the same order, without a passphrase."},
    {"tls.client_ca", OPTION_TEXT, "", NULL, 0, 4 * KIB, NULL, OPTION_AT(tls_client_ca), 0,
     "A file in PEM: only clients that show a certificate of one of these authorities are let in by TLS. Empty: none need "
     "one."},
    {"tls.look", OPTION_DURATION, "5s", NULL, 100, HOUR, NULL, OPTION_AT(tls_look_ms), 0,
     "How often these files are looked at; one that has changed is loaded without a connection lost, and SIGHUP loads them at "
     "once. What does not fit is refused, and the old stays."},
    {"admin.address", OPTION_ADDRESSES, "127.0.0.1:9080", NULL, 0, CONFIG_MAX_ADDRESSES, NULL, OPTION_AT(admin_addresses),
     offsetof(Config, n_admin_addresses),
     "Where operators and backends connect: the admin page, /metrics, /healthz, /readyz and the HTTP API. Written as "
     "listen.address. Beyond loopback it needs admin.token. Empty: nowhere."},
    {"admin.token", OPTION_SECRET, "", NULL, 0, 1024, NULL, OPTION_AT(admin_token), 0,
     "The token that opens all of it: Authorization: Bearer. At least 16 characters. Empty: whoever reaches the address on "
     "loopback may do all."},
    {"api.keys", OPTION_SECRET, "", NULL, 0, 16384, NULL, OPTION_AT(api.keys), 0,
     "Keys of the HTTP API, separated by spaces: SCOPES:SECRET, scopes being publish, read, manage and metrics, separated by "
     "commas, or all. A secret has at least 16 characters."},
    {"api.key_file", OPTION_TEXT, "", NULL, 0, 4096, NULL, OPTION_AT(api.key_file), 0, "A file of such keys, one a line."},
    {"api.body_limit", OPTION_SIZE, "1MiB", NULL, KIB, 64 * MIB, NULL, OPTION_AT(api.body_limit_bytes), 0,
     "The largest body of a request; over it the answer is 413."},
    {"api.timeout", OPTION_DURATION, "10s", NULL, 100, HOUR, NULL, OPTION_AT(api.timeout_ms), 0,
     "A request that the broker or a worker has not answered by then is answered with 503 or 504; one that has not come whole "
     "is hung up on."},
    {"drain.notice", OPTION_DURATION, "5s", "0", 0, HOUR, NULL, OPTION_AT(drain.notice_ms), 0,
     "After SIGTERM: how long the node still takes connections while /readyz says no, for load balancers to notice."},
    {"drain.window", OPTION_DURATION, "30s", "0", 0, HOUR, NULL, OPTION_AT(drain.window_ms), 0,
     "Then: the time over which its connections are told to go, a share each tick. A second SIGTERM ends both at once."},
    {"redis.url", OPTION_REDIS_URL, "", NULL, 0, CONFIG_MAX_REDIS, NULL, OPTION_AT(redis_url), 0,
     "Redis: redis://[user[:password]@]host[:port][/db], redis+unix://[user:password@]/path[?db=N], "
     "redis-sentinel://host,host/master or redis-cluster://host,host; rediss is the same over TLS. Several redis:// (the flag "
     "given again, or separated by spaces) shard the channels among them. Empty: the embedded broker, no Redis at all."},
    {"redis.prefix", OPTION_TEXT, "barker:", NULL, 1, 64, NULL, OPTION_AT(redis_prefix), 0,
     "What precedes a channel's name in Redis."},
    {"redis.connect_timeout", OPTION_DURATION, "5s", NULL, 100, HOUR, NULL, OPTION_AT(redis.connect_ms), 0,
     "A link to Redis that is not ready by then, its greeting included, is given up and made anew."},
    {"redis.reply_timeout", OPTION_DURATION, "5s", NULL, 100, HOUR, NULL, OPTION_AT(redis.reply_ms), 0,
     "The same for one on which an answer has not come by then."},
    {"redis.backoff_min", OPTION_DURATION, "100ms", NULL, 10, HOUR, NULL, OPTION_AT(redis.backoff_min_ms), 0,
     "A lost link is made anew after a random time up to this, which doubles with each failure,"},
    {"redis.backoff_max", OPTION_DURATION, "5s", NULL, 10, HOUR, NULL, OPTION_AT(redis.backoff_max_ms), 0, "up to this."},
    {"redis.canary", OPTION_DURATION, "1s", NULL, 100, HOUR, NULL, OPTION_AT(redis.canary_ms), 0,
     "How often each server is sent a message that must come back to this node."},
    {"redis.canary_deadline", OPTION_DURATION, "2s", NULL, 100, HOUR, NULL, OPTION_AT(redis.canary_deadline_ms), 0,
     "By when it must; else the node is deaf and its links to that server are made anew."},
    {"redis.publish_limit", OPTION_SIZE, "16MiB", NULL, KIB, 1024 * MIB, NULL, OPTION_AT(redis.publish_limit_bytes), 0,
     "Bytes of commands that one Redis server has not yet answered; over it, publishers get an error."},
    {"embedded.address", OPTION_ADDRESS, "127.0.0.1:6380", NULL, 0, 0, NULL, OPTION_AT(embedded_address),
     offsetof(Config, has_embedded),
     "Where the embedded broker speaks the Redis protocol, for redis-cli and backends. Empty: nowhere."},
    {"embedded.history_limit", OPTION_SIZE, "256MiB", NULL, MIB, 2047u * MIB, NULL, OPTION_AT(embedded_history_bytes), 0,
     "Bytes of all histories together in the embedded broker; over it, those that were used longest ago are forgotten."},
    {"broker.subscribe_timeout", OPTION_DURATION, "5s", NULL, 100, HOUR, NULL, OPTION_AT(broker_subscribe_ms), 0,
     "A client's subscribe that the broker could not be asked about by then gets an error, to be tried again."},
    {"broker.linger", OPTION_DURATION, "5s", NULL, 0, HOUR, NULL, OPTION_AT(broker_linger_ms), 0,
     "How long the node stays subscribed to a channel after its last subscriber has left."},
    {"watchdog.handshake", OPTION_DURATION, "10s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.handshake_ms), 0,
     "A connection that has not become a WebSocket by then is terminated."},
    {"watchdog.auth", OPTION_DURATION, "10s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.auth_ms), 0,
     "A connection that has to say who it is and has not by then is closed with 4401."},
    {"watchdog.ping", OPTION_DURATION, "25s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.ping_ms), 0,
     "A connection that has been quiet for so long is sent a ping."},
    {"watchdog.pong", OPTION_DURATION, "10s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.pong_ms), 0,
     "How long the peer has to send anything at all after a ping."},
    {"watchdog.pong_grace", OPTION_DURATION, "1s", NULL, 0, HOUR, NULL, OPTION_AT(watchdog.pong_grace_ms), 0,
     "Added to watchdog.pong, for a slow network."},
    {"watchdog.stall", OPTION_DURATION, "10s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.stall_ms), 0,
     "A connection for which something waits, and of which the peer has acknowledged nothing for so long, is terminated."},
    {"watchdog.expiry_grace", OPTION_DURATION, "5s", NULL, 0, HOUR, NULL, OPTION_AT(watchdog.expiry_grace_ms), 0,
     "How long a connection may outlive its token; then it is closed with 4402."},
    {"watchdog.linger", OPTION_DURATION, "5s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.linger_ms), 0,
     "How long a connection may be CLOSING before it is terminated; also how long the end takes at most, behind the drain."},
    {"watchdog.audit", OPTION_DURATION, "30s", NULL, 100, HOUR, NULL, OPTION_AT(watchdog.audit_ms), 0,
     "How long the audit takes to compare every connection with what the kernel and the library say of it."},
    {"socket.user_timeout", OPTION_DURATION, "30s", NULL, 0, HOUR, NULL, OPTION_AT(socket_user_timeout_ms), 0,
     "How long the kernel waits for an acknowledgement from a client (TCP_USER_TIMEOUT); 0 leaves it to the kernel."},
    {"socket.unsent", OPTION_SIZE, "64KiB", NULL, 0, 1024 * MIB, NULL, OPTION_AT(socket_unsent_bytes), 0,
     "Unsent bytes that the kernel takes for one client before it makes the node wait (TCP_NOTSENT_LOWAT); 0 is no bound."},
    {"socket.send_buffer", OPTION_SIZE, "0", NULL, 0, 1024 * MIB, NULL, OPTION_AT(socket_send_buffer_bytes), 0,
     "The kernel's send buffer for one client (SO_SNDBUF); 0 leaves it to the kernel."},
    {"outbox.limit", OPTION_SIZE, "1MiB", NULL, KIB, 1024 * MIB, NULL, OPTION_AT(outbox_limit_bytes), 0,
     "Bytes that may wait for one connection; over it, outbox.slow or the namespace's own policy decides."},
    {"outbox.slow", OPTION_CHOICE, "close", NULL, 0, 0, choices_slow, OPTION_AT(namespaces.fallback.slow), 0,
     "For a connection over its limit: close it with 1013, drop its oldest messages and tell it of the gap, or keep the latest "
     "message of each channel only."},
    {"namespace.*.slow", OPTION_CHOICE, "outbox.slow", NULL, 0, 0, choices_slow, .offset = offsetof(Namespace, slow), 0,
     "The same for the channels of one namespace: those whose names begin with its name and a colon. A name is 1 to 63 of "
     "a-z 0-9 _ - . and stands in capitals in the environment."},
    {"namespace.*.history", OPTION_NUMBER, "0", NULL, 0, 1000000, NULL, .offset = offsetof(Namespace, history_limit), 0,
     "Messages that the broker keeps for each channel of the namespace, for clients that resume; 0: none. Backends publish "
     "into "
     "it with the function barker_publish."},
    {"namespace.*.history_age", OPTION_DURATION, "24h", NULL, SECOND, WEEK, NULL, .offset = offsetof(Namespace, history_age_ms),
     0, "For how long at most; so long after its last message a channel's history ends."},
    {"namespace.*.history_local", OPTION_NUMBER, "0", NULL, 0, 100000, NULL, .offset = offsetof(Namespace, local_limit), 0,
     "Messages that the node itself keeps for each channel that somebody here wants: who returns to the same node soon "
     "resumes, "
     "with plain PUBLISH. It counts where history is 0."},
    {"namespace.*.history_local_linger", OPTION_DURATION, "1m", NULL, 0, HOUR, NULL,
     .offset = offsetof(Namespace, local_linger_ms), 0, "And how long after the channel's last subscriber has left."},
    {"namespace.*.presence", OPTION_SWITCH, "no", NULL, 0, 0, choices_switch, .offset = offsetof(Namespace, has_presence), 0,
     "Whether its channels tell who is in them."},
    {"namespace.*.subscribe", OPTION_CHOICE, "access.subscribe", NULL, 0, 0, choices_access,
     .offset = offsetof(Namespace, subscribe), 0, "Who may subscribe to its channels."},
    {"namespace.*.publish", OPTION_CHOICE, "access.publish", NULL, 0, 0, choices_access, .offset = offsetof(Namespace, publish),
     0, "Which clients may publish to them."},
    {"namespace.*.own", OPTION_SWITCH, "no", NULL, 0, 0, choices_switch, .offset = offsetof(Namespace, is_own), 0,
     "Whether a channel with a # in its name is for the user alone whose name stands behind the last one: inbox:#ada for ada."},
    {"history.limit", OPTION_NUMBER, "300", NULL, 1, 100000, NULL, OPTION_AT(history_limit), 0,
     "Messages of one resume or one page of history; who has missed more is told that it is not recovered."},
    {"limits.message_size", OPTION_SIZE, "64KiB", NULL, 64, 16 * MIB, NULL, OPTION_AT(message_limit_bytes), 0,
     "The largest message that a client may send; over it, the connection is closed with 1009."},
    {"limits.subscriptions", OPTION_NUMBER, "128", NULL, 1, 65536, NULL, OPTION_AT(n_subscription_limit), 0,
     "Channels that one connection may be subscribed to."},
    {"limits.channel_name", OPTION_NUMBER, "255", NULL, 1, CHANNEL_NAME_MAX, NULL, OPTION_AT(channel_limit_bytes), 0,
     "Bytes of a channel's name, as a client may say it; over it, it is a bad name."},
    {"limits.header_size", OPTION_SIZE, "8KiB", NULL, KIB, 32 * KIB, NULL, OPTION_AT(header_limit_bytes), 0,
     "All headers of one request from a client; over it, the connection is hung up on."},
    {"limits.connections", OPTION_NUMBER, "0", NULL, 0, 10000000, NULL, OPTION_AT(n_connection_limit), 0,
     "Connections that the node holds at most; 0 is as many as its file descriptors allow."},
    {"limits.connections_per_address", OPTION_NUMBER, "0", NULL, 0, 10000000, NULL, OPTION_AT(n_address_limit), 0,
     "Connections of one address, an IPv6 /64 counting as one; more are closed at once. 0 is no limit. Behind a proxy set "
     "access.trusted_proxies, or all its clients are one."},
    {"limits.connection_rate", OPTION_NUMBER, "0", NULL, 0, 1000000, NULL, OPTION_AT(connections_per_second), 0,
     "New connections a second; more wait in the kernel's backlog until it is their turn. 0 is no limit."},
    {"limits.handshakes", OPTION_NUMBER, "4096", NULL, 1, 1000000, NULL, OPTION_AT(n_handshake_limit), 0,
     "Connections that have not yet become WebSockets; more wait likewise."},
    {"limits.message_rate", OPTION_NUMBER, "0", NULL, 0, 1000000, NULL, OPTION_AT(messages_per_second), 0,
     "Messages a second from one connection, and as many at once. More get an error where the dialect has one, and then "
     "the connection is closed with 1008. 0 is no limit."},
    {"limits.byte_rate", OPTION_SIZE, "0", NULL, 0, 1024 * MIB, NULL, OPTION_AT(bytes_per_second), 0,
     "Bytes of messages a second from one connection, and as many at once or limits.message_size; over it, the connection is "
     "closed with 1008. 0 is no limit."},
    {"limits.connections_per_user", OPTION_NUMBER, "0", NULL, 0, 10000000, NULL, OPTION_AT(n_user_limit), 0,
     "Connections of one user, by the name in its token; one more is refused. 0 is no limit."},
    {"access.subscribe", OPTION_CHOICE, "nobody", "anyone", 0, 0, choices_access, OPTION_AT(namespaces.fallback.subscribe), 0,
     "Who may subscribe: nobody, who has a token that names the channel, who has a token with a user, or anyone."},
    {"access.publish", OPTION_CHOICE, "nobody", "anyone", 0, 0, choices_access, OPTION_AT(namespaces.fallback.publish), 0,
     "Which clients may publish; backends publish to Redis in any case."},
    {"access.identity", OPTION_CHOICE, "nobody", "anyone", 0, 0, choices_named_by, OPTION_AT(client_identity), 0,
     "Who may say who it is by user= and info= in the URL, where no token does; everybody else is a user of its own, named by "
     "the connection."},
    {"access.origins", OPTION_ORIGINS, "", "*", 0, 4096, NULL, OPTION_AT(origins), 0,
     "The pages that may connect, separated by spaces: https://example.com, https://*.example.com for every host below it, or "
     "*. "
     "Empty: those of the host that is asked. What is no browser names no page and may."},
    {"access.trusted_proxies", OPTION_NETWORKS, "", NULL, 0, CONFIG_MAX_NETWORKS, NULL, OPTION_AT(trusted_proxies),
     offsetof(Config, n_trusted_proxies),
     "Proxies whose X-Forwarded-For or PROXY protocol header is believed; unix is who comes by a unix socket. They are not "
     "counted by limits.connections_per_address, their clients are."},
    {"auth.keys", OPTION_SECRET, "", NULL, 0, 16384, NULL, OPTION_AT(auth.keys), 0,
     "Keys that sign tokens, separated by spaces: hs256:SECRET, hs256-base64url:X, eddsa:X, rs256:X or es256:X with a public "
     "key "
     "in base64url; hs256/KID:SECRET gives it an id. Better in a file than on the command line."},
    {"auth.key_files", OPTION_TEXT, "", NULL, 0, 4096, NULL, OPTION_AT(auth.key_files), 0,
     "Files of keys, separated by spaces: PEM, JWK or JWKS."},
    {"auth.jwks_file", OPTION_TEXT, "", NULL, 0, 4096, NULL, OPTION_AT(auth.jwks_file), 0,
     "A JWKS, as identity providers publish it."},
    {"auth.audience", OPTION_TEXT, "", NULL, 0, 255, NULL, OPTION_AT(auth.audience), 0,
     "What a token's aud must name. Empty: a token must have none."},
    {"auth.issuer", OPTION_TEXT, "", NULL, 0, 255, NULL, OPTION_AT(auth.issuer), 0,
     "What a token's iss must be. Empty: anything."},
    {"auth.leeway", OPTION_DURATION, "10s", NULL, 0, HOUR, NULL, OPTION_AT(auth.leeway_ms), 0,
     "How far the clocks of who makes tokens and of this node may differ, in whole seconds."},
    {"auth.cookie", OPTION_TEXT, "", NULL, 0, 255, NULL, OPTION_AT(auth.cookie), 0,
     "The cookie that may bear a token; its connection must come from a page that access.origins lets in. Empty: none."},
    {"auth.required", OPTION_SWITCH, "no", NULL, 0, 0, choices_switch, OPTION_AT(auth.is_required), 0,
     "Whether every connection must show a token: in its request, or by the message auth within watchdog.auth."},
    {"auth.expiry_required", OPTION_SWITCH, "no", NULL, 0, 0, choices_switch, OPTION_AT(auth.needs_expiry), 0,
     "Whether a token without exp is refused; else it is good for ever."},
    {"auth.look", OPTION_DURATION, "5s", NULL, 100, HOUR, NULL, OPTION_AT(auth.look_ms), 0,
     "How often the files of keys are looked at; those that have changed are loaded, and SIGHUP loads them at once. What does "
     "not fit is refused, and the old stays."},
    {"process.user", OPTION_TEXT, "", NULL, 0, 32, NULL, OPTION_AT(process_user), 0,
     "Whom the process becomes once its addresses are bound, when root has started it. Empty: it stays who it is."},
    {"process.seccomp", OPTION_SWITCH, "no", NULL, 0, 0, choices_switch, OPTION_AT(has_seccomp), 0,
     "Whether the kernel refuses the process every system call that a running node has no use for; one that is tried ends it."},
    {"node.id", OPTION_NODE_ID, "", NULL, 0, 63, NULL, OPTION_AT(node_id), 0,
     "The node's name, unique among the nodes; empty draws one at random."},
    {"log.level", OPTION_CHOICE, "info", NULL, 0, 0, choices_level, OPTION_AT(log_level), 0, "The least of what is logged."},
    {"log.format", OPTION_CHOICE, "logfmt", NULL, 0, 0, choices_format, OPTION_AT(log_format), 0,
     "How a line of the log on standard error reads."},
    {"log.sample", OPTION_NUMBER, "20", NULL, 0, 1000000, NULL, OPTION_AT(log_per_second), 0,
     "Lines a second of one and the same event; of more their number is told. 0 is no limit."},
};

const Option *options_all(size_t *n_options) {
    *n_options = sizeof(options) / sizeof(options[0]);
    return options;
}

size_t options_index(const Option *option) {
    return (size_t)(option - options);
}
