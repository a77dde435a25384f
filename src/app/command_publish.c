#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "app/cli.h"
#include "broker/redis_url.h"
#include "hub/channel.h"

enum { DATA_LIMIT = 16 * 1024 * 1024, READ_SIZE = 16384, ERROR_SIZE = 256, PORT_SIZE = 8 };

static const struct timeval patience = {.tv_sec = 5, .tv_usec = 0};

/* Everything on standard input, to its end. */
static int read_data(Buf *data, const CliStreams *streams) {
    char chunk[READ_SIZE];
    size_t n_chunk;
    int r = BUF_OK;

    while (r == BUF_OK && (n_chunk = fread(chunk, 1, sizeof(chunk), streams->in)) > 0)
        r = buf_append(data, chunk, n_chunk);
    if (r == BUF_FULL)
        cli_complain(streams, "standard input has more than the %d MiB that one message may have", DATA_LIMIT / 1024 / 1024);
    else if (r < 0)
        cli_complain(streams, "out of memory");
    else if (ferror(streams->in))
        cli_complain(streams, "cannot read standard input");
    else
        return EX_OK;
    return r < 0 ? EX_OSERR : EX_DATAERR;
}

/* The embedded broker's listener as if a URL had named it. */
static int embedded_url(RedisUrl *url, const Config *config) {
    const ListenAddress *address = &config->embedded_address;
    char host[NI_MAXHOST], port[PORT_SIZE];

    if (getnameinfo(&address->socket.any, address->n_bytes, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return -EINVAL;
    *url = (RedisUrl){.host = strdup(host), .port = (unsigned)strtoul(port, NULL, 10)};
    return url->host ? 0 : -ENOMEM;
}

static int find_broker(RedisUrl *url, const Config *config, const CliStreams *streams) {
    char error[ERROR_SIZE] = "";
    int r;

    if (*config->redis_url) {
        r = redis_url_parse(url, config->redis_url, error, sizeof(error));
    } else if (config->has_embedded) {
        r = embedded_url(url, config);
    } else {
        cli_complain(streams, "there is nothing to publish to: both redis.url and embedded.address are empty");
        return EX_CONFIG;
    }
    if (r == -EINVAL)
        cli_complain(streams, "redis.url: %s", error);
    else if (r < 0)
        cli_complain(streams, "out of memory");
    return r == 0 ? EX_OK : r == -EINVAL ? EX_CONFIG : EX_OSERR;
}

static int complain_of_link(const CliStreams *streams, const RedisUrl *url, const char *reason) {
    if (url->path)
        cli_complain(streams, "cannot publish through unix:%s: %s", url->path, reason);
    else
        cli_complain(streams,
                     strchr(url->host, ':') ? "cannot publish through [%s]:%u: %s" : "cannot publish through %s:%u: %s",
                     url->host, url->port, reason);
    return EX_UNAVAILABLE;
}

/* Sends one command and gives its reply, the caller's to free; NULL after saying why there is none. */
static redisReply *ask(redisContext *redis, const RedisUrl *url, const CliStreams *streams, int n_words, const char **words,
                       const size_t *sizes) {
    redisReply *reply = redisCommandArgv(redis, n_words, words, sizes);

    if (reply && reply->type != REDIS_REPLY_ERROR)
        return reply;
    complain_of_link(streams, url, reply ? reply->str : redis->errstr);
    freeReplyObject(reply);
    return NULL;
}

/* AUTH and SELECT, as far as the URL asks for them. */
static int enter(redisContext *redis, const RedisUrl *url, const CliStreams *streams) {
    char database[PORT_SIZE * 2];
    const char *auth[3] = {"AUTH", url->password, NULL}, *select[2] = {"SELECT", database};
    int n_auth = 2;
    redisReply *reply;

    if (url->user) {
        auth[1] = url->user;
        auth[n_auth++] = url->password ? url->password : "";
    }
    if (auth[1]) {
        reply = ask(redis, url, streams, n_auth, auth, NULL);
        if (!reply)
            return EX_NOPERM;
        freeReplyObject(reply);
    }
    if (url->database > 0) {
        snprintf(database, sizeof(database), "%u", url->database);
        reply = ask(redis, url, streams, 2, select, NULL);
        if (!reply)
            return EX_UNAVAILABLE;
        freeReplyObject(reply);
    }
    return EX_OK;
}

static int publish(const CliStreams *streams, const RedisUrl *url, const char *channel, const Buf *data) {
    const char *words[3] = {"PUBLISH", channel, (const char *)data->bytes};
    const size_t sizes[3] = {strlen(words[0]), strlen(channel), data->n_bytes};
    redisContext *redis;
    redisReply *reply;
    int r;

    redis = url->path ? redisConnectUnixWithTimeout(url->path, patience)
                      : redisConnectWithTimeout(url->host, (int)url->port, patience);
    if (!redis || redis->err || redisSetTimeout(redis, patience) != REDIS_OK) {
        r = complain_of_link(streams, url, redis ? redis->errstr : "out of memory");
        goto out;
    }
    r = enter(redis, url, streams);
    if (r != EX_OK)
        goto out;
    reply = ask(redis, url, streams, 3, words, sizes);
    if (reply)
        fprintf(streams->out, "%lld\n", reply->integer);
    else
        r = EX_UNAVAILABLE;
    freeReplyObject(reply);
out:
    if (redis)
        redisFree(redis);
    return r;
}

static int publish_as_configured(const CliInput *input, const Config *config, const Buf *data) {
    RedisUrl url = {0};
    char *channel = NULL;
    int r = find_broker(&url, config, input->streams);

    if (r != EX_OK)
        return r;
    if (asprintf(&channel, "%s%s", config->redis_prefix, input->arguments[0]) < 0) {
        redis_url_finish(&url);
        return EX_OSERR;
    }
    signal(SIGPIPE, SIG_IGN); /* a broker that hangs up is an error to report */
    r = publish(input->streams, &url, channel, data);
    free(channel);
    redis_url_finish(&url);
    return r;
}

static int run(const CliInput *input) {
    const char *channel = input->arguments[0];
    Config *config = NULL;
    Buf data;
    int r;

    if (!channel_name_is_valid(channel, strlen(channel))) {
        cli_complain(input->streams, "a channel's name is UTF-8 of 1 to 255 bytes without control characters");
        return EX_DATAERR;
    }
    r = cli_load_config(&config, input);
    if (r != EX_OK)
        return r;
    buf_init(&data, DATA_LIMIT);
    if (strcmp(input->arguments[1], "-") == 0)
        r = read_data(&data, input->streams);
    else if (buf_append_text(&data, input->arguments[1]) != BUF_OK)
        r = EX_DATAERR;
    if (r == EX_OK)
        r = publish_as_configured(input, config, &data);
    buf_finish(&data);
    config_free(config);
    return r;
}

const CliCommand cli_command_publish = {
    .name = "publish",
    .summary = "Publish one message, as any backend would by PUBLISH, and print how many received it.",
    .details = "Publishes DATA, or standard input when DATA is -, to the channel through redis.url, or through\n"
               "embedded.address when redis.url is empty. Prints how many subscribers the broker counted: a\n"
               "node is one. Exits with 69 when the broker cannot be reached.",
    .arguments = "CHANNEL DATA",
    .n_arguments = 2,
    .switches = 1U << CLI_CONFIG,
    .sections = "redis embedded",
    .run = run,
};
