#include "broker/redis_script.h"

#include <stdlib.h>
#include <string.h>

#include "broker/redis_library.h"

static void script_ask(RedisScript *script);

void redis_script_init(RedisScript *script, RedisCommander *commander, void (*settled)(void *context), void *context) {
    *script = (RedisScript){.commander = commander, .settled = settled, .context = context, .may_load = true};
}

void redis_script_reset(RedisScript *script) {
    script->mode = REDIS_SCRIPT_UNKNOWN;
    script->may_load = true;
}

bool redis_script_is_settled(const RedisScript *script) {
    return script->mode == REDIS_SCRIPT_FUNCTIONS || script->mode == REDIS_SCRIPT_EVAL;
}

static void script_settle(RedisScript *script, RedisScriptMode mode) {
    script->must_send_text = mode == REDIS_SCRIPT_EVAL;
    script->mode = mode;
    script->settled(script->context);
}

static RedisWord word_of(const char *text) {
    return (RedisWord){.bytes = text, .n_bytes = strlen(text)};
}

static void script_on_loaded(void *context, BrokerResult result, redisReply *reply) {
    RedisScript *script = context;
    RedisCounters *counters = script->commander->link.setting.options->counters;
    if (result == BROKER_UNAVAILABLE)
        return;
    script->may_load = result == BROKER_OK;
    if (result == BROKER_OK && counters)
        counter_add(&counters->scripts_loaded, 1);
    script_settle(script, REDIS_SCRIPT_FUNCTIONS); /* what is there all the same may have been loaded by hand */
}

static void script_load(RedisScript *script) {
    const RedisWord words[] = {word_of("FUNCTION"),
                               word_of("LOAD"),
                               word_of("REPLACE"),
                               {.bytes = redis_library_text, .n_bytes = redis_library_n_text}};
    const RedisCommand load = {.words = words, .n_words = 4, .answer = script_on_loaded, .context = script, .is_urgent = true};
    if (redis_commander_call(script->commander, &load) != BROKER_OK)
        redis_link_fail(&script->commander->link, REDIS_CAUSE_MEMORY, "out of memory");
}

/* The value behind a name in a flat array. */
static const redisReply *reply_field(const redisReply *reply, const char *name) {
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *key = reply->element[i];
        if (key->type == REDIS_REPLY_STRING && strcmp(key->str, name) == 0)
            return reply->element[i + 1];
    }
    return NULL;
}

/* A later one is left in place, so that nodes of two versions do not quarrel. */
static unsigned long library_version(const char *text) {
    static const char word[] = "local VERSION = ";
    const char *at = strstr(text, word);
    return at ? strtoul(at + sizeof word - 1, NULL, 10) : 0;
}

static bool script_is_there(const redisReply *list) {
    if (list->type != REDIS_REPLY_ARRAY || list->elements == 0)
        return false;
    const redisReply *code = reply_field(list->element[0], "library_code");
    if (!code || code->type != REDIS_REPLY_STRING)
        return false;
    return strcmp(code->str, redis_library_text) == 0 || library_version(code->str) > library_version(redis_library_text);
}

static void script_on_list(void *context, BrokerResult result, redisReply *reply) {
    RedisScript *script = context;
    if (result == BROKER_UNAVAILABLE)
        return;
    script->may_load = result == BROKER_OK;
    if (result == BROKER_OK && !script_is_there(reply))
        script_load(script);
    else
        script_settle(script, REDIS_SCRIPT_FUNCTIONS); /* refused: loaded by hand, perhaps; a call will tell */
}

static void script_ask(RedisScript *script) {
    const RedisWord words[] = {word_of("FUNCTION"), word_of("LIST"), word_of("LIBRARYNAME"), word_of("barker"),
                               word_of("WITHCODE")};
    const RedisCommand ask = {.words = words, .n_words = 5, .answer = script_on_list, .context = script, .is_urgent = true};
    script->mode = REDIS_SCRIPT_SETTLING;
    if (redis_commander_call(script->commander, &ask) != BROKER_OK)
        redis_link_fail(&script->commander->link, REDIS_CAUSE_MEMORY, "out of memory");
}

void redis_script_begin(RedisScript *script) {
    script->may_load = true;
    script_ask(script);
}

/* How many of the words make up the key. */
static size_t key_spans(const RedisCommand *call) {
    size_t n = 0;
    while (call->words[n++].has_more)
        ;
    return n;
}

BrokerResult redis_script_call(RedisScript *script, const char *function, const RedisCommand *call) {
    RedisWord words[REDIS_SCRIPT_WORDS_MAX];
    size_t n = 0;
    size_t n_key = key_spans(call);
    bool is_eval = script->mode == REDIS_SCRIPT_EVAL;
    if (!redis_script_is_settled(script))
        return BROKER_UNAVAILABLE;
    if (!is_eval) {
        words[n++] = word_of("FCALL");
        words[n++] = word_of(function);
    } else if (script->must_send_text) {
        words[n++] = word_of("EVAL");
        words[n++] = (RedisWord){.bytes = redis_library_script, .n_bytes = redis_library_n_script};
    } else {
        words[n++] = word_of("EVALSHA");
        words[n++] = word_of(redis_library_sha1);
    }
    words[n++] = word_of("1");
    for (size_t i = 0; i < call->n_words; i++) {
        if (is_eval && i == n_key)
            words[n++] = word_of(function);
        words[n++] = call->words[i];
    }
    if (is_eval && n_key == call->n_words)
        words[n++] = word_of(function);
    RedisCommand command = *call;
    command.words = words;
    command.n_words = n;
    BrokerResult result = redis_commander_call(script->commander, &command);
    if (result == BROKER_OK)
        script->must_send_text = false;
    return result;
}

/* Redis names the command that it does not know or does not let us use. */
static bool error_names(const redisReply *error, const char *command) {
    return strcasestr(error->str, command) &&
           (redis_reply_is_error(error, "NOPERM") || strcasestr(error->str, "unknown command"));
}

bool redis_script_repair(RedisScript *script, const redisReply *error) {
    if (redis_reply_is_error(error, "NOSCRIPT")) {
        script->must_send_text = true;
        return script->mode == REDIS_SCRIPT_EVAL;
    }
    if (strstr(error->str, "Function not found")) {
        if (script->mode != REDIS_SCRIPT_FUNCTIONS)
            return true; /* it has been taken care of since */
        if (script->may_load)
            script_ask(script);
        else
            script_settle(script, REDIS_SCRIPT_EVAL);
        return true;
    }
    if (!error_names(error, "fcall"))
        return false;
    if (script->mode == REDIS_SCRIPT_FUNCTIONS)
        script_settle(script, REDIS_SCRIPT_EVAL);
    return true;
}
