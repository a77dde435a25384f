#include "broker/redis_once.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "broker/redis_query.h"

enum { TICK_MS = 100, REDIRECTIONS_MAX = 5, PORT_MAX = 65535 };

typedef struct OncePublish {
    const RedisUrl *url;
    const RedisOnce *once;
    uv_loop_t loop;
    uv_timer_t timer;
    Turn turn;
    RedisResolver *resolver;
    RedisQuery query;
    RedisEndpoint server;
    unsigned asked; /* of the URL's places */
    unsigned n_redirections;
    bool is_finding; /* a sentinel is asked */
    int result;
    long long n_received;
    char reason[REDIS_QUERY_REASON_BYTES];
} OncePublish;

/* Nothing is left on the loop, which then ends. */
static void once_end(OncePublish *publish, int result, const char *reason) {
    publish->result = result;
    if (reason != publish->reason)
        snprintf(publish->reason, sizeof publish->reason, "%s", reason);
    redis_query_stop(&publish->query);
    if (!uv_is_closing((uv_handle_t *)&publish->timer)) {
        uv_close((uv_handle_t *)&publish->timer, NULL);
        turn_close(&publish->turn);
        redis_resolver_close(publish->resolver);
    }
}

static void once_start(OncePublish *publish, const RedisQuestion *question) {
    redis_query_start(&publish->query, question, clock_now_ms() + publish->once->patience_ms);
}

static void once_publish(OncePublish *publish) {
    const RedisUrl *url = publish->url;
    const RedisOnce *once = publish->once;
    const RedisQuestion question = {
        .endpoint = &publish->server,
        .security = url,
        .user = url->user,
        .password = url->password,
        .words = {url->scheme == REDIS_CLUSTER ? "SPUBLISH" : "PUBLISH", once->channel, once->n_payload ? once->payload : ""},
        .n_last = once->n_payload,
    };
    publish->is_finding = false;
    once_start(publish, &question);
}

static void once_find(OncePublish *publish) {
    const RedisUrl *url = publish->url;
    const RedisQuestion question = {
        .endpoint = &url->endpoints[publish->asked],
        .security = url,
        .user = url->sentinel_user,
        .password = url->sentinel_password,
        .words = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", url->master_name},
    };
    publish->is_finding = true;
    once_start(publish, &question);
}

/* At the URL's next place. */
static void once_begin(OncePublish *publish) {
    publish->server = publish->url->endpoints[publish->asked];
    if (publish->url->scheme == REDIS_SENTINEL)
        once_find(publish);
    else
        once_publish(publish);
}

static bool once_take_server(RedisEndpoint *out, const char *host, size_t n_host, const char *port) {
    unsigned long number = strtoul(port, NULL, 10);
    if (n_host >= sizeof out->host || number == 0 || number > PORT_MAX)
        return false;
    if (n_host) { /* else the same as before, in a cluster without addresses */
        memset(out->host, 0, sizeof out->host);
        memcpy(out->host, host, n_host);
    }
    out->port = (unsigned)number;
    return true;
}

/* MOVED <slot> <host>:<port> */
static bool once_redirect(OncePublish *publish, const char *error) {
    const char *place = strncmp(error, "MOVED ", 6) == 0 ? strchr(error + 6, ' ') : NULL;
    const char *colon = place ? strrchr(place, ':') : NULL;
    return colon && publish->n_redirections++ < REDIRECTIONS_MAX &&
           once_take_server(&publish->server, place + 1, (size_t)(colon - place - 1), colon + 1);
}

static void once_on_found(OncePublish *publish, const redisReply *reply) {
    bool is_address = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                      reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_STRING;
    if (is_address &&
        once_take_server(&publish->server, reply->element[0]->str, reply->element[0]->len, reply->element[1]->str))
        once_publish(publish);
    else
        redis_query_fail(&publish->query, reply->type == REDIS_REPLY_ERROR ? reply->str : "it knows no master of that name");
}

static void once_on_reply(void *context, redisReply *reply) {
    OncePublish *publish = context;
    if (publish->is_finding) {
        once_on_found(publish, reply);
    } else if (reply->type == REDIS_REPLY_INTEGER) {
        publish->n_received = reply->integer;
        once_end(publish, 0, "");
    } else if (reply->type == REDIS_REPLY_ERROR && once_redirect(publish, reply->str)) {
        once_publish(publish);
    } else {
        redis_query_fail(&publish->query, reply->type == REDIS_REPLY_ERROR ? reply->str : "not an answer to PUBLISH");
    }
}

static bool once_is_access(const char *reason) {
    return strstr(reason, ": NOAUTH") || strstr(reason, ": WRONGPASS") || strstr(reason, ": NOPERM") ||
           strstr(reason, ": ERR AUTH");
}

static void once_on_failed(void *context, const char *reason) {
    OncePublish *publish = context;
    snprintf(publish->reason, sizeof publish->reason, "%s", reason);
    /* What was sent may have been published: not twice. */
    bool is_over = publish->query.has_asked && !publish->is_finding;
    if (!is_over && ++publish->asked < publish->url->n_endpoints)
        once_begin(publish);
    else
        once_end(publish, once_is_access(reason) ? error_origin(-EACCES) : error_origin(-EHOSTUNREACH), publish->reason);
}

static const RedisQueryEvents once_events = {.reply = once_on_reply, .failed = once_on_failed};

static void once_on_tick(uv_timer_t *timer) {
    OncePublish *publish = timer->data;
    redis_resolver_tick(publish->resolver, clock_now_ms());
    redis_query_tick(&publish->query, clock_now_ms());
}

static int once_run(OncePublish *publish) {
    int r = uv_loop_init(&publish->loop);
    if (r < 0)
        return error_origin(r);
    r = redis_resolver_new(&publish->resolver, &publish->loop);
    if (r < 0) {
        uv_loop_close(&publish->loop);
        return error_trace(r);
    }
    turn_init(&publish->turn, &publish->loop);
    uv_timer_init(&publish->loop, &publish->timer);
    publish->timer.data = publish;
    uv_timer_start(&publish->timer, once_on_tick, TICK_MS, TICK_MS);
    redis_query_init(&publish->query, &publish->loop, &publish->turn, publish->resolver, &once_events, publish);
    once_begin(publish);
    uv_run(&publish->loop, UV_RUN_DEFAULT);
    uv_loop_close(&publish->loop);
    publish->resolver = redis_resolver_free(publish->resolver);
    return publish->result < 0 ? error_trace(publish->result) : 0;
}

int redis_once_publish(const RedisUrl *url, const RedisOnce *once, long long *n_received, char *reason, size_t n_reason) {
    OncePublish *publish = calloc(1, sizeof *publish);
    if (!publish) {
        snprintf(reason, n_reason, "out of memory");
        return error_origin(-ENOMEM);
    }
    publish->url = url;
    publish->once = once;
    int r = once_run(publish);
    if (r == 0)
        *n_received = publish->n_received;
    else
        snprintf(reason, n_reason, "%s", publish->reason[0] ? publish->reason : uv_strerror(r));
    free(publish);
    return r < 0 ? error_trace(r) : 0;
}
