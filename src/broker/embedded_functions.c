#include "broker/embedded_functions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/resp_reply.h"

enum { NUMBER_MAX = 1000000000, NUMBER_DIGITS_MAX = 16, NODE_NAME_MAX = 255, LIBRARY_VERSION = 1 };
enum { DEFAULT_SIZE = 1000, DEFAULT_AGE_S = 86400, DEFAULT_ID_AGE_S = 300 };

/* A function's call with its one key, taken apart. */
typedef struct FunctionCall {
    EmbeddedCore *core;
    Writer *writer;
    const char *channel;
    size_t n_channel;
    const RespText *args;
    size_t n_args;
} FunctionCall;

typedef struct Function {
    const char *name;
    size_t n_args_min;
    size_t n_args_max;
    bool is_writing;
    const char *usage;
    void (*run)(const FunctionCall *call);
} Function;

static bool text_to_number(const RespText *text, uint64_t low, uint64_t high, uint64_t *out) {
    uint64_t number = 0;
    if (text->n_bytes == 0 || text->n_bytes > NUMBER_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text->n_bytes; i++) {
        if (text->bytes[i] < '0' || text->bytes[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text->bytes[i] - '0');
    }
    *out = number;
    return number >= low && number <= high;
}

/* Any number of digits; past 64 bits it stays at their largest number, which no history has. */
static bool text_to_place(const RespText *text, uint64_t *out) {
    uint64_t number = 0;
    for (size_t i = 0; i < text->n_bytes; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text->bytes[i] - '0';
        if (digit > 9)
            return false;
        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
    }
    *out = number;
    return text->n_bytes > 0;
}

static void reply_epoch(Writer *writer, uint64_t epoch) {
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRIu64, epoch);
    writer_bulk(writer, text, (size_t)n);
}

static void reply_no_memory(Writer *writer) {
    resp_reply_line(writer, "-OOM command not allowed when used memory > 'maxmemory'.");
}

/* One option and its value. NULL, or what is wrong with it. */
static const char *publish_option(HistoryAppend *append, const RespText *word, const RespText *value) {
    uint64_t number;
    bool is_number = text_to_number(value, 1, NUMBER_MAX, &number);
    if (resp_text_is(word, "SIZE")) {
        append->n_messages = is_number ? (uint32_t)number : 0;
        return is_number ? NULL : "-ERR barker_publish: SIZE is a number from 1 to 1000000000";
    }
    if (resp_text_is(word, "AGE")) {
        append->age_ms = is_number ? number * 1000 : 0;
        return is_number ? NULL : "-ERR barker_publish: AGE is a number from 1 to 1000000000";
    }
    if (resp_text_is(word, "IDAGE")) {
        append->id_age_ms = is_number ? number * 1000 : 0;
        return is_number ? NULL : "-ERR barker_publish: IDAGE is a number from 1 to 1000000000";
    }
    if (!resp_text_is(word, "ID"))
        return "-ERR barker_publish: an unknown option";
    append->id = value->bytes;
    append->n_id = value->n_bytes;
    return value->n_bytes > 0 && value->n_bytes <= HISTORY_ID_MAX ? NULL : "-ERR barker_publish: ID has 1 to 255 bytes";
}

static void run_publish(const FunctionCall *call) {
    HistoryAppend append = {
        .channel = call->channel,
        .n_channel = call->n_channel,
        .payload = call->args[0].bytes,
        .n_payload = call->args[0].n_bytes,
        .n_messages = DEFAULT_SIZE,
        .age_ms = DEFAULT_AGE_S * UINT64_C(1000),
        .id_age_ms = DEFAULT_ID_AGE_S * UINT64_C(1000),
    };
    const char *mistake = NULL;
    for (size_t i = 1; i < call->n_args && !mistake; i += 2)
        mistake = i + 1 < call->n_args ? publish_option(&append, &call->args[i], &call->args[i + 1])
                                       : "-ERR barker_publish: an option without its value";
    if (mistake) {
        resp_reply_line(call->writer, mistake);
        return;
    }
    Position position;
    int r = embedded_core_append(call->core, &append, &position);
    if (r < 0) {
        reply_no_memory(call->writer);
        return;
    }
    writer_header(call->writer, '*', 3);
    reply_epoch(call->writer, position.epoch);
    writer_header(call->writer, ':', (int64_t)position.seq);
    writer_header(call->writer, ':', r == HISTORY_DUPLICATE);
}

static bool text_to_order(const RespText *text, HistoryOrder *out) {
    static const struct {
        const char *word;
        HistoryOrder order;
    } orders[] = {{"RESUME", HISTORY_RESUME}, {"FORWARD", HISTORY_FORWARD}, {"REVERSE", HISTORY_REVERSE}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (resp_text_is(text, orders[i].word)) {
            *out = orders[i].order;
            return true;
        }
    }
    return false;
}

static void reply_history(Writer *writer, const HistoryReply *reply) {
    writer_header(writer, '*', 5);
    writer_header(writer, ':', reply->is_recovered);
    reply_epoch(writer, reply->position.epoch);
    writer_header(writer, ':', (int64_t)reply->position.seq);
    writer_header(writer, ':', reply->has_more);
    writer_header(writer, '*', 3 * (int64_t)reply->n_messages);
    for (uint32_t i = 0; i < reply->n_messages; i++) {
        const Message *message = reply->messages[i];
        reply_epoch(writer, message->position.epoch);
        writer_header(writer, ':', (int64_t)message->position.seq);
        writer_bulk(writer, message_payload(message), message->n_payload);
    }
}

static const char history_usage[] =
    "-ERR barker_history: one key, since-epoch, since-seq, limit and RESUME, FORWARD or REVERSE";

static void run_history(const FunctionCall *call) {
    HistoryQuery query = {0};
    uint64_t limit;
    if (!text_to_place(&call->args[0], &query.since.epoch) || !text_to_place(&call->args[1], &query.since.seq) ||
        !text_to_number(&call->args[2], 0, NUMBER_MAX, &limit) || !text_to_order(&call->args[3], &query.order)) {
        resp_reply_line(call->writer, history_usage);
        return;
    }
    query.limit = (uint32_t)limit;
    HistoryReply *reply;
    if (embedded_history_read(&reply, &call->core->history, call->channel, call->n_channel, &query) < 0) {
        reply_no_memory(call->writer);
        return;
    }
    reply_history(call->writer, reply);
    history_reply_unref(reply);
}

static const char presence_set_usage[] = "-ERR barker_presence_set: one key, a node, a user, connections and a member";
static const char presence_bury_usage[] = "-ERR barker_presence_bury: one key and a node";

/* A copy with a NUL. */
static bool text_to_node(const RespText *text, char node[static NODE_NAME_MAX + 1]) {
    if (text->n_bytes == 0 || text->n_bytes > NODE_NAME_MAX || memchr(text->bytes, '\0', text->n_bytes))
        return false;
    memcpy(node, text->bytes, text->n_bytes);
    node[text->n_bytes] = '\0';
    return true;
}

static void run_presence_set(const FunctionCall *call) {
    const RespText *user = &call->args[1], *member = &call->args[3];
    char node[NODE_NAME_MAX + 1];
    uint64_t n_connections;
    if (!text_to_node(&call->args[0], node) || !text_to_number(&call->args[2], 0, NUMBER_MAX, &n_connections)) {
        resp_reply_line(call->writer, presence_set_usage);
        return;
    }
    if (user->n_bytes == 0 || user->n_bytes > PRESENCE_USER_MAX || member->n_bytes > PRESENCE_MEMBER_MAX) {
        resp_reply_line(call->writer, "-ERR barker_presence_set: a user has 1 to 255 bytes, a member up to 4096");
        return;
    }
    const PresenceEntry entry = {
        .channel = call->channel,
        .n_channel = call->n_channel,
        .node = node,
        .user = user->bytes,
        .n_user = user->n_bytes,
        .member = member->bytes,
        .n_member = member->n_bytes,
        .n_connections = (uint32_t)n_connections,
    };
    EmbeddedPresenceChange change;
    if (embedded_presence_set(&call->core->presence, &entry, &change) < 0) {
        reply_no_memory(call->writer);
        return;
    }
    writer_header(call->writer, '*', 2);
    writer_header(call->writer, ':', change.change);
    writer_header(call->writer, ':', (int64_t)change.version);
}

static void reply_member(const EmbeddedMember *member, void *context) {
    Writer *writer = context;
    writer_bulk(writer, member->user, member->n_user);
    writer_header(writer, ':', (int64_t)member->n_connections);
    writer_bulk(writer, member->member, member->n_member);
}

static void run_presence(const FunctionCall *call) {
    const EmbeddedPresence *presence = &call->core->presence;
    uint64_t version;
    size_t n_members = embedded_presence_count(presence, call->channel, call->n_channel, &version);
    writer_header(call->writer, '*', 1 + 3 * (int64_t)n_members);
    writer_header(call->writer, ':', (int64_t)version);
    embedded_presence_each(presence, call->channel, call->n_channel, reply_member, call->writer);
}

static void run_presence_bury(const FunctionCall *call) {
    char node[NODE_NAME_MAX + 1];
    if (!text_to_node(&call->args[0], node)) {
        resp_reply_line(call->writer, presence_bury_usage);
        return;
    }
    int n_gone = embedded_presence_bury(&call->core->presence, call->channel, call->n_channel, node);
    if (n_gone < 0)
        reply_no_memory(call->writer);
    else
        writer_header(call->writer, ':', n_gone);
}

static const Function functions[] = {
    {"barker_publish", 1, SIZE_MAX, true, "-ERR barker_publish: one key, a payload and options", run_publish},
    {"barker_history", 4, 4, false, history_usage, run_history},
    {"barker_presence_set", 4, 4, true, presence_set_usage, run_presence_set},
    {"barker_presence", 0, 0, false, "-ERR barker_presence: one key", run_presence},
    {"barker_presence_bury", 1, 1, true, presence_bury_usage, run_presence_bury},
};

static const Function *function_find(const RespText *name) {
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (resp_text_is(name, functions[i].name))
            return &functions[i];
    return NULL;
}

/* How many of the rest are keys; NULL, or Redis's complaint. */
static const char *call_keys(const RespCall *call, uint64_t *out) {
    bool is_negative = call->n_keys_text->n_bytes > 1 && call->n_keys_text->bytes[0] == '-';
    const RespText digits = {.bytes = call->n_keys_text->bytes + is_negative,
                             .n_bytes = call->n_keys_text->n_bytes - is_negative};
    if (!text_to_number(&digits, 0, UINT64_MAX, out))
        return "-ERR Bad number of keys provided";
    if (is_negative)
        return "-ERR Number of keys can't be negative";
    return *out > call->n_rest ? "-ERR Number of keys can't be greater than number of args" : NULL;
}

/* NULL, or what keeps the function from being called. */
static const char *function_refuse(const Function *function, const RespCall *call, FunctionCall *out) {
    uint64_t n_keys;
    const char *mistake = call_keys(call, &n_keys);
    if (mistake)
        return mistake;
    if (call->is_read_only && function->is_writing)
        return "-ERR Can not execute a script with write flag using *_ro command.";
    out->args = call->rest + n_keys;
    out->n_args = call->n_rest - n_keys;
    if (n_keys != 1 || out->n_args < function->n_args_min || out->n_args > function->n_args_max)
        return function->usage;
    return embedded_core_channel(out->core, call->rest->bytes, call->rest->n_bytes, &out->channel, &out->n_channel)
               ? NULL
               : "-ERR the embedded broker knows only channels: names of up to 255 bytes behind its prefix";
}

void embedded_functions_run(EmbeddedCore *core, const RespCall *call, Writer *writer) {
    const Function *function = function_find(call->name);
    FunctionCall opened = {.core = core, .writer = writer};
    if (!function && resp_text_is(call->name, "barker_version")) {
        writer_header(writer, ':', LIBRARY_VERSION);
    } else if (!function) {
        resp_reply_line(writer, resp_text_is(call->name, "barker_lease")
                                    ? "-ERR barker_lease: the embedded broker is one node, and has no leases"
                                    : "-ERR Function not found");
    } else {
        const char *refusal = function_refuse(function, call, &opened);
        if (refusal)
            resp_reply_line(writer, refusal);
        else
            function->run(&opened);
    }
}
