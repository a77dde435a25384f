#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "now.h"
#include "stamp.h"

static const char usage_text[] =
    "usage: barker-load --url HOST:PORT --redis HOST:PORT [options]\n"
    "Opens WebSocket connections, publishes through Redis, and counts what arrives.\n"
    "\n"
    "  --url HOST:PORT       the server\n"
    "  --redis HOST:PORT     where to PUBLISH\n"
    "  --connections N       1 to 20000 (default 1000)\n"
    "  --channels N          connection i hears channel i % N; messages go round robin (default 1)\n"
    "  --channel TEMPLATE    name of a channel, {i} being its number (default bench, or bench{i} with several)\n"
    "  --path TEMPLATE       of the request; {channel}, {i} and {i%K} are replaced (default /raw/{channel})\n"
    "  --subscribe TEMPLATE  text frame to send once open; an answer with \"ok\" is awaited\n"
    "  --prefix TEXT         before the channel's name in Redis (default barker:)\n"
    "  --size BYTES          of a payload, 40 to 65536 (default 64)\n"
    "  --window N            closed loop: at most N messages in flight (default 8)\n"
    "  --rate N              open loop instead: N messages a second\n"
    "  --warmup SECONDS      before the measurement (default 1)\n"
    "  --seconds SECONDS     of measurement, at most 3600 (default 5)\n"
    "  --pid PID             of the server, for its CPU time; may be given several times\n"
    "  --label TEXT          the server's name in the report\n"
    "  --json                print one JSON object instead of a table\n"
    "\n"
    "Ends with 0 when every delivery came once and in order, 1 when not, 64 on wrong usage, 69 without a server or Redis.\n";

enum {
    WITH_URL = 1,
    WITH_REDIS,
    WITH_CONNECTIONS,
    WITH_CHANNELS,
    WITH_CHANNEL,
    WITH_PATH,
    WITH_SUBSCRIBE,
    WITH_PREFIX,
    WITH_SIZE,
    WITH_WINDOW,
    WITH_RATE,
    WITH_WARMUP,
    WITH_SECONDS,
    WITH_PID,
    WITH_LABEL,
    WITH_JSON,
    WITH_HELP
};

static const struct option long_options[] = {
    {"url", required_argument, NULL, WITH_URL},
    {"redis", required_argument, NULL, WITH_REDIS},
    {"connections", required_argument, NULL, WITH_CONNECTIONS},
    {"channels", required_argument, NULL, WITH_CHANNELS},
    {"channel", required_argument, NULL, WITH_CHANNEL},
    {"path", required_argument, NULL, WITH_PATH},
    {"subscribe", required_argument, NULL, WITH_SUBSCRIBE},
    {"prefix", required_argument, NULL, WITH_PREFIX},
    {"size", required_argument, NULL, WITH_SIZE},
    {"window", required_argument, NULL, WITH_WINDOW},
    {"rate", required_argument, NULL, WITH_RATE},
    {"warmup", required_argument, NULL, WITH_WARMUP},
    {"seconds", required_argument, NULL, WITH_SECONDS},
    {"pid", required_argument, NULL, WITH_PID},
    {"label", required_argument, NULL, WITH_LABEL},
    {"json", no_argument, NULL, WITH_JSON},
    {"help", no_argument, NULL, WITH_HELP},
    {NULL, 0, NULL, 0},
};

static bool parse_number(double *number, const char *text, double min, double max) {
    char *end = NULL;
    *number = strtod(text, &end);
    return end != text && *end == '\0' && *number >= min && *number <= max;
}

static bool parse_count(uint32_t *count, const char *text, uint32_t min, uint32_t max) {
    double number = 0;
    bool is_valid = parse_number(&number, text, min, max) && number == (double)(uint32_t)number;
    if (is_valid)
        *count = (uint32_t)number;
    return is_valid;
}

static bool parse_seconds(uint64_t *ns, const char *text) {
    double seconds = 0;
    if (!parse_number(&seconds, text, 0, 3600))
        return false;
    *ns = (uint64_t)(seconds * (double)NS_PER_SECOND);
    return true;
}

static bool parse_pid(Options *options, const char *text) {
    uint32_t pid = 0;
    if (options->n_pids == OPTIONS_PIDS || !parse_count(&pid, text, 1, INT32_MAX))
        return false;
    options->pids[options->n_pids++] = (pid_t)pid;
    return true;
}

static bool take_text(Options *options, int option, const char *value) {
    switch (option) {
    case WITH_CHANNEL:
        options->channel = value;
        return true;
    case WITH_PATH:
        options->path = value;
        return value[0] == '/';
    case WITH_SUBSCRIBE:
        options->subscribe = value;
        return true;
    case WITH_PREFIX:
        options->prefix = value;
        return true;
    case WITH_LABEL:
        options->label = value;
        return strpbrk(value, "\"\\|\n") == NULL;
    case WITH_JSON:
        options->is_json = true;
        return true;
    default:
        return false;
    }
}

static bool take_option(Options *options, int option, const char *value) {
    switch (option) {
    case WITH_URL:
        return address_parse(&options->server, value) == 0;
    case WITH_REDIS:
        return address_parse(&options->redis, value) == 0;
    case WITH_CONNECTIONS:
        return parse_count(&options->n_connections, value, 1, OPTIONS_CONNECTIONS);
    case WITH_CHANNELS:
        return parse_count(&options->n_channels, value, 1, OPTIONS_CONNECTIONS);
    case WITH_SIZE:
        return parse_count(&options->n_payload_bytes, value, STAMP_BYTES, OPTIONS_SIZE_BYTES);
    case WITH_WINDOW:
        return parse_count(&options->n_window, value, 1, OPTIONS_WINDOW);
    case WITH_RATE:
        return parse_number(&options->rate, value, 0.01, 1e6);
    case WITH_WARMUP:
        return parse_seconds(&options->warmup_ns, value);
    case WITH_SECONDS:
        return parse_seconds(&options->measure_ns, value) && options->measure_ns > 0;
    case WITH_PID:
        return parse_pid(options, value);
    default:
        return take_text(options, option, value);
    }
}

static const char *find_fault(Options *options) {
    if (options->server.n_bytes == 0 || options->redis.n_bytes == 0)
        return "--url and --redis are needed";
    if (options->rate > 0 && options->n_window > 0)
        return "--window is a closed loop and --rate an open one: choose one";
    if (options->n_channels > options->n_connections)
        return "more channels than connections: some would have no subscriber";
    if (options->rate == 0 && options->n_window == 0)
        options->n_window = 8;
    if (options->channel == NULL)
        options->channel = options->n_channels > 1 ? "bench{i}" : "bench";
    if (options->n_channels > 1 && strstr(options->channel, "{i") == NULL)
        return "several channels need {i} in the template of their name";
    return NULL;
}

int options_parse(Options *options, int argc, char **argv) {
    *options = (Options){.label = "server",
                         .path = "/raw/{channel}",
                         .prefix = "barker:",
                         .n_connections = 1000,
                         .n_channels = 1,
                         .n_payload_bytes = 64,
                         .warmup_ns = NS_PER_SECOND,
                         .measure_ns = 5 * NS_PER_SECOND};
    int index = 0;
    for (int option = getopt_long(argc, argv, "", long_options, &index); option != -1;
         option = getopt_long(argc, argv, "", long_options, &index)) {
        if (option == WITH_HELP) {
            fputs(usage_text, stdout);
            return -1;
        }
        if (option == '?')
            return EX_USAGE;
        if (!take_option(options, option, optarg)) {
            fprintf(stderr, "barker-load: --%s cannot be '%s'; see --help\n", long_options[index].name, optarg);
            return EX_USAGE;
        }
    }
    const char *fault = optind < argc ? "arguments without an option are not understood" : find_fault(options);
    if (fault == NULL)
        return EX_OK;
    fprintf(stderr, "barker-load: %s; see --help\n", fault);
    return EX_USAGE;
}
