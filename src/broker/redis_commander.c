#include "broker/redis_commander.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS_MIN = 64, CALL_BYTES = 64 /* a command's frame, about */ };

static int commander_grow(RedisCommander *commander) {
    size_t n = commander->n_allocated ? commander->n_allocated * 2 : CALLS_MIN;
    RedisCall *calls = calloc(n, sizeof *calls);
    if (!calls)
        return -1;
    for (size_t i = 0; i < commander->n_calls; i++)
        calls[i] = commander->calls[(commander->first + i) & (commander->n_allocated - 1)];
    free(commander->calls);
    commander->calls = calls;
    commander->n_allocated = n;
    commander->first = 0;
    return 0;
}

static bool commander_push(RedisCommander *commander, RedisCall call) {
    if (commander->n_calls == commander->n_allocated && commander_grow(commander) < 0)
        return false;
    commander->calls[(commander->first + commander->n_calls++) & (commander->n_allocated - 1)] = call;
    commander->n_unanswered_bytes += call.n_bytes;
    return true;
}

static RedisCall commander_pop(RedisCommander *commander) {
    RedisCall call = commander->calls[commander->first];
    commander->first = (commander->first + 1) & (commander->n_allocated - 1);
    commander->n_calls--;
    commander->n_unanswered_bytes -= call.n_bytes;
    return call;
}

static void commander_abandon(RedisCommander *commander) {
    while (commander->n_calls) {
        RedisCall call = commander_pop(commander);
        if (call.answer)
            call.answer(call.context, BROKER_UNAVAILABLE, NULL);
    }
}

static BrokerResult commander_result(const redisReply *reply) {
    return reply->type == REDIS_REPLY_ERROR ? BROKER_REFUSED : BROKER_OK;
}

static void commander_on_greeting_answer(RedisCommander *commander, redisReply *reply) {
    RedisCall call = commander_pop(commander);
    if (reply->type == REDIS_REPLY_ERROR)
        redis_link_fail(&commander->link, REDIS_CAUSE_GREETING, reply->str);
    else if (call.answer)
        call.answer(call.context, BROKER_OK, reply);
    if (commander->link.state == REDIS_LINK_GREETING && commander->n_calls == 0) {
        redis_link_ready(&commander->link);
        commander->events->ready(commander->context);
    }
}

static void commander_on_reply(void *context, redisReply *reply) {
    RedisCommander *commander = context;
    if (commander->n_calls == 0) {
        bool is_error = reply->type == REDIS_REPLY_ERROR;
        redis_link_fail(&commander->link, REDIS_CAUSE_PROTOCOL, is_error ? reply->str : "an answer to nothing that was asked");
    } else if (commander->link.state == REDIS_LINK_GREETING) {
        commander_on_greeting_answer(commander, reply);
    } else {
        RedisCall call = commander_pop(commander);
        if (call.answer)
            call.answer(call.context, commander_result(reply), reply);
    }
}

static redisReader *commander_reader(void *context) {
    return redisReaderCreate();
}

static void commander_on_role(void *context, BrokerResult result, redisReply *reply) {
    RedisCommander *commander = context;
    if (result == BROKER_OK && !redis_reply_is_master(reply))
        redis_link_fail(&commander->link, REDIS_CAUSE_NOT_MASTER, "not a master");
}

static void commander_select(RedisCommander *commander, unsigned database) {
    char text[16];
    snprintf(text, sizeof text, "%u", database);
    Writer *writer = redis_link_writer(&commander->link);
    writer_header(writer, '*', 2);
    writer_bulk_text(writer, "SELECT");
    writer_bulk_text(writer, text);
}

static void commander_say(RedisCommander *commander, const char *word) {
    Writer *writer = redis_link_writer(&commander->link);
    writer_header(writer, '*', 1);
    writer_bulk_text(writer, word);
}

/* AUTH, SELECT, ROLE, and a PING, whose answer shows that Redis takes commands: that it is not loading, and lets us in. */
static void commander_greet(void *context) {
    RedisCommander *commander = context;
    RedisLink *link = &commander->link;
    const RedisUrl *credentials = link->setting.credentials;
    RedisCall calls[4] = {0};
    unsigned n_calls = redis_link_authenticate(link);
    if (credentials->database) {
        commander_select(commander, credentials->database);
        n_calls++;
    }
    if (commander->must_be_master) {
        commander_say(commander, "ROLE");
        calls[n_calls++] = (RedisCall){.answer = commander_on_role, .context = commander};
    }
    commander_say(commander, "PING");
    n_calls++;
    for (unsigned i = 0; i < n_calls; i++) {
        if (!commander_push(commander, calls[i])) {
            redis_link_fail(link, REDIS_CAUSE_MEMORY, "out of memory");
            return;
        }
    }
}

static void commander_on_lost(void *context, const char *reason) {
    RedisCommander *commander = context;
    commander_abandon(commander);
    commander->events->lost(commander->context, reason);
}

static const RedisLinkEvents commander_link_events = {
    .reader = commander_reader,
    .greet = commander_greet,
    .reply = commander_on_reply,
    .lost = commander_on_lost,
};

void redis_commander_init(RedisCommander *commander, const RedisLinkSetting *setting, const RedisCommanderEvents *events,
                          void *context) {
    *commander = (RedisCommander){.events = events, .context = context};
    redis_link_init(&commander->link, "commander", setting, &commander_link_events, commander);
}

void redis_commander_close(RedisCommander *commander) {
    redis_link_close(&commander->link);
    commander_abandon(commander);
    free(commander->calls);
    commander->calls = NULL;
    commander->n_allocated = 0;
}

void redis_commander_tick(RedisCommander *commander, uint64_t now_ms) {
    redis_link_tick(&commander->link, now_ms);
    if (commander->link.state != REDIS_LINK_READY || commander->n_calls == 0)
        return;
    if (now_ms - commander->calls[commander->first].sent_ms >= commander->link.setting.options->reply_ms)
        redis_link_fail(&commander->link, REDIS_CAUSE_REPLY_TIMEOUT, "no answer in time");
}

bool redis_commander_is_ready(const RedisCommander *commander) {
    return commander->link.state == REDIS_LINK_READY;
}

static void commander_write(RedisCommander *commander, const RedisCommand *command, size_t n_joined) {
    Writer *writer = redis_link_writer(&commander->link);
    const RedisWord *word = command->words;
    const RedisWord *end = word + command->n_words;
    writer_header(writer, '*', (int64_t)n_joined);
    while (word < end) {
        const RedisWord *last = word;
        size_t n_bytes = word->n_bytes;
        while (last->has_more)
            n_bytes += (++last)->n_bytes;
        writer_header(writer, '$', (int64_t)n_bytes);
        for (; word <= last; word++)
            writer_append(writer, word->bytes, word->n_bytes);
        writer_append(writer, "\r\n", 2);
    }
}

static void commander_count(RedisCommander *commander, bool is_sent) {
    RedisCounters *counters = commander->link.setting.options->counters;
    if (counters)
        counter_add(is_sent ? &counters->calls : &counters->overloaded, 1);
}

BrokerResult redis_commander_call(RedisCommander *commander, const RedisCommand *command) {
    if (!redis_commander_is_ready(commander))
        return BROKER_UNAVAILABLE;
    RedisCall call = {.answer = command->answer, .context = command->context, .sent_ms = commander->link.now_ms};
    size_t n_joined = 0;
    call.n_bytes = CALL_BYTES;
    for (size_t i = 0; i < command->n_words; i++) {
        n_joined += !command->words[i].has_more;
        call.n_bytes += command->words[i].n_bytes;
    }
    size_t n_limit = commander->link.setting.options->publish_limit_bytes;
    bool is_sent = (command->is_urgent || commander->n_unanswered_bytes < n_limit) && commander_push(commander, call);
    commander_count(commander, is_sent);
    if (!is_sent)
        return BROKER_OVERLOADED;
    commander_write(commander, command, n_joined);
    return BROKER_OK;
}

bool redis_reply_is_master(const redisReply *reply) {
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING &&
           strcmp(reply->element[0]->str, "master") == 0;
}

bool redis_reply_is_error(const redisReply *reply, const char *word) {
    size_t n_word = strlen(word);
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, word, n_word) == 0 &&
           (reply->str[n_word] == ' ' || reply->str[n_word] == '\0');
}
