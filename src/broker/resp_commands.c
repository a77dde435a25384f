#include "broker/resp_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/resp_functions.h"
#include "broker/resp_reply.h"

enum { INFO_BYTES = 1024, DATABASES = 16, DEFAULT_PROTOCOL = 2 };

typedef void CommandHandler(RespClient *client, const RespRequest *request);

typedef struct Command {
    const char *name;
    int arity;               /* with the name; negative: at least */
    bool is_for_subscribers; /* RESP2 allows it in subscribe mode */
    CommandHandler *run;
} Command;

static bool text_number(const RespText *text, long *out) {
    char copy[16];
    char *end;
    if (text->n_bytes == 0 || text->n_bytes >= sizeof copy)
        return false;
    memcpy(copy, text->bytes, text->n_bytes);
    copy[text->n_bytes] = '\0';
    *out = strtol(copy, &end, 10);
    return *end == '\0';
}

static void reply_text(RespClient *client, const char *line) {
    resp_reply_line(&client->writer, line);
}

static void reply_nil(RespClient *client) {
    reply_text(client, client->subscriber.protocol == 3 ? "_" : "$-1");
}

static bool is_subscribed(const RespClient *client) {
    return resp_subscriber_count(&client->subscriber) > 0;
}

static void run_ping(RespClient *client, const RespRequest *request) {
    Writer *writer = &client->writer;
    if (request->n_args > 2) {
        reply_text(client, "-ERR wrong number of arguments for 'ping' command");
    } else if (client->subscriber.protocol == 2 && is_subscribed(client)) {
        writer_header(writer, '*', 2);
        writer_bulk_text(writer, "pong");
        writer_bulk(writer, request->n_args == 2 ? request->args[1].bytes : "",
                    request->n_args == 2 ? request->args[1].n_bytes : 0);
    } else if (request->n_args == 2) {
        writer_bulk(writer, request->args[1].bytes, request->args[1].n_bytes);
    } else {
        reply_text(client, "+PONG");
    }
}

/* There is one user, default, and no password: whoever gives any is let in, as with a Redis without one. */
static bool check_user(RespClient *client, const RespText *user) {
    if (resp_text_is(user, "default"))
        return true;
    reply_text(client, "-WRONGPASS invalid username-password pair or user is disabled.");
    return false;
}

static void run_auth(RespClient *client, const RespRequest *request) {
    if (request->n_args > 3)
        reply_text(client, "-ERR syntax error");
    else if (request->n_args == 2)
        reply_text(client,
                   "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
                   "configuration is correct?");
    else if (check_user(client, &request->args[1]))
        reply_text(client, "+OK");
}

static bool take_name(RespClient *client, const RespText *name) {
    for (size_t i = 0; i < name->n_bytes; i++) {
        if (name->bytes[i] < '!' || name->bytes[i] > '~') {
            reply_text(client, "-ERR Client names cannot contain spaces, newlines or special characters.");
            return false;
        }
    }
    if (name->n_bytes > RESP_CLIENT_NAME_MAX) {
        reply_text(client, "-ERR Client names cannot be longer than 64 bytes.");
        return false;
    }
    memcpy(client->name, name->bytes, name->n_bytes);
    client->name[name->n_bytes] = '\0';
    return true;
}

static void reply_hello(RespClient *client) {
    Writer *writer = &client->writer;
    bool is_map = client->subscriber.protocol == 3;
    writer_header(writer, is_map ? '%' : '*', is_map ? 7 : 14);
    writer_bulk_text(writer, "server");
    writer_bulk_text(writer, "redis");
    writer_bulk_text(writer, "version");
    writer_bulk_text(writer, "7.0.0");
    writer_bulk_text(writer, "proto");
    writer_header(writer, ':', client->subscriber.protocol);
    writer_bulk_text(writer, "id");
    writer_header(writer, ':', (int64_t)client->id);
    writer_bulk_text(writer, "mode");
    writer_bulk_text(writer, "standalone");
    writer_bulk_text(writer, "role");
    writer_bulk_text(writer, "master");
    writer_bulk_text(writer, "modules");
    writer_header(writer, '*', 0);
}

static void run_hello(RespClient *client, const RespRequest *request) {
    long protocol = client->subscriber.protocol;
    const RespText *args = request->args;
    if (request->n_args > 1 && !text_number(&args[1], &protocol)) {
        reply_text(client, "-ERR Protocol version is not an integer or out of range");
        return;
    }
    if (protocol != 2 && protocol != 3) {
        reply_text(client, "-NOPROTO unsupported protocol version");
        return;
    }
    for (size_t i = 2; i < request->n_args;) {
        if (resp_text_is(&args[i], "AUTH") && request->n_args - i > 2) {
            if (!check_user(client, &args[i + 1]))
                return;
            i += 3;
        } else if (resp_text_is(&args[i], "SETNAME") && request->n_args - i > 1) {
            if (!take_name(client, &args[i + 1]))
                return;
            i += 2;
        } else {
            reply_text(client, "-ERR Syntax error in HELLO option");
            return;
        }
    }
    client->subscriber.protocol = (int)protocol;
    reply_hello(client);
}

static void run_select(RespClient *client, const RespRequest *request) {
    long database;
    if (!text_number(&request->args[1], &database))
        reply_text(client, "-ERR value is not an integer or out of range");
    else if (database < 0 || database >= DATABASES)
        reply_text(client, "-ERR DB index is out of range");
    else
        reply_text(client, "+OK");
}

static void reply_client_line(RespClient *client) {
    char text[INFO_BYTES];
    int n = snprintf(text, sizeof text, "id=%" PRIu64 " name=%s db=0 sub=%zu psub=%zu resp=%d\n", client->id, client->name,
                     client->subscriber.subscriptions[RESP_CHANNEL].n_nodes,
                     client->subscriber.subscriptions[RESP_PATTERN].n_nodes, client->subscriber.protocol);
    writer_bulk(&client->writer, text, (size_t)n);
}

static void run_client(RespClient *client, const RespRequest *request) {
    const RespText *word = &request->args[1];
    if (resp_text_is(word, "SETNAME") && request->n_args == 3) {
        if (take_name(client, &request->args[2]))
            reply_text(client, "+OK");
    } else if (resp_text_is(word, "GETNAME") && request->n_args == 2) {
        if (client->name[0])
            writer_bulk_text(&client->writer, client->name);
        else
            reply_nil(client);
    } else if (resp_text_is(word, "ID") && request->n_args == 2) {
        writer_header(&client->writer, ':', (int64_t)client->id);
    } else if ((resp_text_is(word, "INFO") || resp_text_is(word, "LIST")) && request->n_args == 2) {
        reply_client_line(client); /* of the others a client is told nothing */
    } else if ((resp_text_is(word, "SETINFO") && request->n_args == 4) ||
               ((resp_text_is(word, "NO-EVICT") || resp_text_is(word, "NO-TOUCH")) && request->n_args == 3)) {
        reply_text(client, "+OK");
    } else {
        writer_text(&client->writer, "-ERR unknown subcommand or wrong number of arguments for '");
        resp_reply_shown(&client->writer, word, RESP_SHOWN_BYTES);
        reply_text(client, "'. Try CLIENT HELP.");
    }
}

static void run_info(RespClient *client, const RespRequest *request) {
    char text[INFO_BYTES];
    const RespTopics *topics = &client->server->topics;
    int n = snprintf(text, sizeof text,
                     "# Server\r\nredis_version:7.0.0\r\nbarker_version:%s\r\nredis_mode:standalone\r\n\r\n"
                     "# Clients\r\nconnected_clients:%u\r\nmaxclients:%u\r\n\r\n"
                     "# Persistence\r\nloading:0\r\n\r\n"
                     "# Stats\r\npubsub_channels:%zu\r\npubsub_patterns:%zu\r\n\r\n"
                     "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n"
                     "# Cluster\r\ncluster_enabled:0\r\n",
                     BARKER_VERSION, client->server->n_clients, client->server->n_clients_limit,
                     topics->topics[RESP_CHANNEL].n_nodes, topics->topics[RESP_PATTERN].n_nodes);
    writer_bulk(&client->writer, text, (size_t)n);
}

static void run_publish(RespClient *client, const RespRequest *request) {
    RespServer *server = client->server;
    const RespText *channel = &request->args[1];
    const RespText *payload = &request->args[2];
    size_t n = server->publish(server->context, channel->bytes, channel->n_bytes, payload->bytes, payload->n_bytes);
    n += resp_topics_publish(&server->topics, channel->bytes, channel->n_bytes, payload->bytes, payload->n_bytes);
    writer_header(&client->writer, ':', (int64_t)n);
}

static const char *const topic_words[RESP_TOPIC_KINDS][2] = {
    [RESP_CHANNEL] = {"unsubscribe", "subscribe"},
    [RESP_PATTERN] = {"punsubscribe", "psubscribe"},
};

static void reply_topic(RespSubscriber *subscriber, RespTopicKind kind, bool is_subscribe, const char *name, size_t n_name) {
    Writer *writer = subscriber->writer;
    writer_header(writer, subscriber->protocol == 3 ? '>' : '*', 3);
    writer_bulk_text(writer, topic_words[kind][is_subscribe]);
    if (name)
        writer_bulk(writer, name, n_name);
    else
        writer_text(writer, subscriber->protocol == 3 ? "_\r\n" : "$-1\r\n");
    writer_header(writer, ':', (int64_t)resp_subscriber_count(subscriber));
}

static void reply_left(RespSubscriber *subscriber, RespTopicKind kind, const char *name, size_t n_name) {
    reply_topic(subscriber, kind, false, name, n_name);
}

static void subscribe_all(RespClient *client, const RespRequest *request, RespTopicKind kind) {
    for (size_t i = 1; i < request->n_args; i++) {
        const RespText *name = &request->args[i];
        int r = resp_topics_subscribe(&client->server->topics, &client->subscriber, kind, name->bytes, name->n_bytes);
        if (r == RESP_TOPICS_OK)
            reply_topic(&client->subscriber, kind, true, name->bytes, name->n_bytes);
        else
            reply_text(client, r < 0 ? "-ERR out of memory" : "-ERR too many subscriptions, or a name over 1024 bytes");
    }
}

static void unsubscribe_all(RespClient *client, const RespRequest *request, RespTopicKind kind) {
    RespSubscriber *subscriber = &client->subscriber;
    RespTopics *topics = &client->server->topics;
    if (request->n_args == 1 && subscriber->subscriptions[kind].n_nodes == 0)
        reply_topic(subscriber, kind, false, NULL, 0);
    else if (request->n_args == 1)
        resp_topics_leave(topics, subscriber, kind, reply_left);
    for (size_t i = 1; i < request->n_args; i++) {
        const RespText *name = &request->args[i];
        resp_topics_unsubscribe(topics, subscriber, kind, name->bytes, name->n_bytes);
        reply_left(subscriber, kind, name->bytes, name->n_bytes);
    }
}

static void run_subscribe(RespClient *client, const RespRequest *request) {
    subscribe_all(client, request, RESP_CHANNEL);
}

static void run_psubscribe(RespClient *client, const RespRequest *request) {
    subscribe_all(client, request, RESP_PATTERN);
}

static void run_unsubscribe(RespClient *client, const RespRequest *request) {
    unsubscribe_all(client, request, RESP_CHANNEL);
}

static void run_punsubscribe(RespClient *client, const RespRequest *request) {
    unsubscribe_all(client, request, RESP_PATTERN);
}

static void run_quit(RespClient *client, const RespRequest *request) {
    reply_text(client, "+OK");
    resp_client_quit(client);
}

static CommandHandler run_command;

static const Command commands[] = {
    {"publish", 3, false, run_publish},
    {"subscribe", -2, true, run_subscribe},
    {"psubscribe", -2, true, run_psubscribe},
    {"unsubscribe", -1, true, run_unsubscribe},
    {"punsubscribe", -1, true, run_punsubscribe},
    {"ping", -1, true, run_ping},
    {"auth", -2, false, run_auth},
    {"hello", -1, false, run_hello},
    {"select", 2, false, run_select},
    {"client", -2, false, run_client},
    {"command", -1, false, run_command},
    {"info", -1, false, run_info},
    {"quit", -1, true, run_quit},
    {"fcall", -3, false, resp_run_fcall},
    {"fcall_ro", -3, false, resp_run_fcall_ro},
    {"function", -2, false, resp_run_function},
    {"eval", -3, false, resp_run_eval},
    {"eval_ro", -3, false, resp_run_eval},
    {"evalsha", -3, false, resp_run_evalsha},
    {"evalsha_ro", -3, false, resp_run_evalsha},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

/* Clients ask for the table to complete names; none is what an old or small server says. */
static void run_command(RespClient *client, const RespRequest *request) {
    Writer *writer = &client->writer;
    bool is_bare = request->n_args == 1;
    if (is_bare || resp_text_is(&request->args[1], "LIST")) {
        writer_header(writer, '*', is_bare ? 0 : N_COMMANDS);
        for (size_t i = 0; !is_bare && i < N_COMMANDS; i++)
            writer_bulk_text(writer, commands[i].name);
    } else if (resp_text_is(&request->args[1], "COUNT")) {
        writer_header(writer, ':', N_COMMANDS);
    } else if (resp_text_is(&request->args[1], "DOCS")) {
        writer_header(writer, client->subscriber.protocol == 3 ? '%' : '*', 0);
    } else if (resp_text_is(&request->args[1], "INFO")) {
        writer_header(writer, '*', (int64_t)request->n_args - 2);
        for (size_t i = 2; i < request->n_args; i++)
            reply_text(client, client->subscriber.protocol == 3 ? "_" : "*-1");
    } else {
        writer_text(writer, "-ERR unknown subcommand '");
        resp_reply_shown(&client->writer, &request->args[1], RESP_SHOWN_BYTES);
        reply_text(client, "'. Try COMMAND HELP.");
    }
}

static void reply_unknown(RespClient *client, const RespRequest *request) {
    Writer *writer = &client->writer;
    writer_text(writer, "-ERR unknown command '");
    resp_reply_shown(&client->writer, &request->args[0], RESP_SHOWN_BYTES);
    writer_text(writer, "', with args beginning with: ");
    size_t n_left = RESP_SHOWN_BYTES;
    for (size_t i = 1; i < request->n_args && n_left > 0; i++) {
        size_t n = request->args[i].n_bytes < n_left ? request->args[i].n_bytes : n_left;
        writer_text(writer, "'");
        resp_reply_shown(&client->writer, &request->args[i], n);
        writer_text(writer, "' ");
        n_left -= n + 3 < n_left ? n + 3 : n_left;
    }
    writer_append(writer, "\r\n", 2);
}

void resp_commands_run(RespClient *client, const RespRequest *request) {
    const Command *command = NULL;
    for (size_t i = 0; i < N_COMMANDS && !command; i++)
        if (resp_text_is(&request->args[0], commands[i].name))
            command = &commands[i];
    if (!command) {
        reply_unknown(client, request);
        return;
    }
    bool is_short = request->n_args < (size_t)abs(command->arity);
    if (is_short || (command->arity > 0 && request->n_args > (size_t)command->arity)) {
        writer_text(&client->writer, "-ERR wrong number of arguments for '");
        writer_text(&client->writer, command->name);
        reply_text(client, "' command");
    } else if (client->subscriber.protocol == 2 && is_subscribed(client) && !command->is_for_subscribers) {
        writer_text(&client->writer, "-ERR Can't execute '");
        writer_text(&client->writer, command->name);
        reply_text(client, "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
    } else {
        command->run(client, request);
    }
}
