#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "app/cli.h"
#include "base/spaced.h"
#include "broker/redis_once.h"
#include "broker/redis_shard.h"
#include "broker/redis_url.h"
#include "hub/channel.h"

enum { DATA_LIMIT = 16 * 1024 * 1024, READ_SIZE = 16384, ERROR_SIZE = 256, PORT_SIZE = 8, PATIENCE_MS = 5000 };

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
    char host[REDIS_HOST_SIZE], port[PORT_SIZE];

    if (getnameinfo(&address->socket.any, address->n_bytes, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return -EINVAL;
    *url = (RedisUrl){.n_endpoints = 1, .endpoints[0].port = (unsigned)strtoul(port, NULL, 10)};
    snprintf(url->endpoints[0].host, sizeof(url->endpoints[0].host), "%s", host);
    return 0;
}

/* Of several servers the one that has the channel. */
static int redis_url(RedisUrl *url, const Config *config, const char *channel, char *error, size_t n_error) {
    unsigned index = redis_shard_of(channel, strlen(channel), spaced_count(config->redis_url));
    const char *at = config->redis_url, *chosen = NULL;
    size_t n_chosen = 0;
    char *text;
    int r;

    for (unsigned i = 0; i <= index; i++)
        chosen = spaced_next(&at, &n_chosen);
    text = strndup(chosen, n_chosen);
    r = text ? redis_url_parse(url, text, error, n_error) : -ENOMEM;
    free(text);
    return r;
}

static int find_broker(RedisUrl *url, const Config *config, const char *channel, const CliStreams *streams) {
    char error[ERROR_SIZE] = "";
    int r;

    if (*config->redis_url) {
        r = redis_url(url, config, channel, error, sizeof(error));
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

static int publish(const CliStreams *streams, const RedisUrl *url, const char *channel, const Buf *data) {
    const RedisOnce once = {.channel = channel, .payload = data->bytes, .n_payload = data->n_bytes, .patience_ms = PATIENCE_MS};
    char reason[ERROR_SIZE * 2] = "";
    long long n_received = 0;
    int r = redis_once_publish(url, &once, &n_received, reason, sizeof(reason));

    if (r == 0) {
        fprintf(streams->out, "%lld\n", n_received);
        return EX_OK;
    }
    cli_complain(streams, "cannot publish through %s", reason);
    return r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE;
}

static int publish_as_configured(const CliInput *input, const Config *config, const Buf *data) {
    RedisUrl url = {0};
    char *channel = NULL;
    int r;

    if (asprintf(&channel, "%s%s", config->redis_prefix, input->arguments[0]) < 0)
        return EX_OSERR;
    r = find_broker(&url, config, channel, input->streams);
    if (r == EX_OK) {
        signal(SIGPIPE, SIG_IGN); /* a broker that hangs up is an error to report */
        r = publish(input->streams, &url, channel, data);
    }
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
    .details = "Publishes DATA, or standard input when DATA is -, to the channel through\n"
               "redis.url, or through embedded.address when redis.url is empty. Live: nothing\n"
               "enters a channel's history. Prints how many subscribers the broker counted: a\n"
               "node is one. Exits with 69 when the broker cannot be reached.",
    .arguments = "CHANNEL DATA",
    .n_arguments = 2,
    .switches = 1U << CLI_CONFIG,
    .sections = "redis embedded",
    .run = run,
};
