#include "broker/redis_query.h"

#include <stdio.h>
#include <string.h>

void redis_query_fail(RedisQuery *query, const char *reason) {
    char text[REDIS_QUERY_REASON_BYTES]; /* written before the connection goes, which may own the reason */
    const RedisEndpoint *endpoint = &query->endpoint;
    if (endpoint->path[0])
        snprintf(text, sizeof text, "%s: %s", endpoint->path, reason);
    else
        snprintf(text, sizeof text, "%s port %u: %s", endpoint->host, endpoint->port, reason);
    redis_query_stop(query);
    query->events->failed(query->context, text);
}

static void query_write(RedisQuery *query, const char *const *words, size_t n_last) {
    Writer *writer = redis_connection_writer(query->connection);
    int64_t n_words = 0;
    while (words[n_words])
        n_words++;
    writer_header(writer, '*', n_words);
    for (int64_t i = 0; i < n_words; i++)
        writer_bulk(writer, words[i], n_last && i == n_words - 1 ? n_last : strlen(words[i]));
}

static void query_on_connected(void *context) {
    RedisQuery *query = context;
    const char *user = query->question.user;
    const char *password = query->question.password ? query->question.password : ""; /* a user without one takes any */
    const char *const greetings[2][4] = {{"AUTH", password}, {"AUTH", user, password}};
    query->has_asked = true;
    query->is_greeting = user || query->question.password;
    if (query->is_greeting)
        query_write(query, greetings[user != NULL], 0);
    query_write(query, query->question.words, query->question.n_last);
}

static void query_on_reply(void *context, redisReply *reply) {
    RedisQuery *query = context;
    if (!query->is_greeting)
        query->events->reply(query->context, reply);
    else if (reply->type == REDIS_REPLY_ERROR)
        redis_query_fail(query, reply->str);
    else
        query->is_greeting = false;
}

static void query_on_ended(void *context, RedisCause cause, const char *reason) {
    redis_query_fail(context, reason);
}

static const RedisConnectionEvents query_connection_events = {
    .connected = query_on_connected,
    .reply = query_on_reply,
    .ended = query_on_ended,
};

void redis_query_init(RedisQuery *query, uv_loop_t *loop, Turn *turn, RedisResolver *resolver, const RedisQueryEvents *events,
                      void *context) {
    *query = (RedisQuery){.loop = loop, .turn = turn, .resolver = resolver, .events = events, .context = context};
}

void redis_query_start(RedisQuery *query, const RedisQuestion *question, uint64_t due_ms) {
    redis_query_stop(query);
    query->question = *question;
    query->endpoint = *question->endpoint;
    query->due_ms = due_ms;
    query->is_running = true;
    query->has_asked = false;
    const RedisTarget target = {.endpoint = &query->endpoint, .security = question->security, .resolver = query->resolver};
    query->error = redis_connection_open(&query->connection, query->loop, query->turn, &target, redisReaderCreate(),
                                         &query_connection_events, query);
}

void redis_query_stop(RedisQuery *query) {
    query->is_running = query->is_greeting = false;
    query->connection = redis_connection_terminate(query->connection);
}

bool redis_query_is_running(const RedisQuery *query) {
    return query->is_running;
}

void redis_query_tick(RedisQuery *query, uint64_t now_ms) {
    if (!query->is_running)
        return;
    if (query->error < 0)
        redis_query_fail(query, uv_strerror(query->error));
    else if (now_ms >= query->due_ms)
        redis_query_fail(query, "no answer in time");
}

void redis_query_say(RedisQuery *query, const char *const *words, uint64_t due_ms) {
    query->due_ms = due_ms;
    query_write(query, words, 0);
}

void redis_query_set_due(RedisQuery *query, uint64_t due_ms) {
    query->due_ms = due_ms;
}
