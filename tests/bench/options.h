/* Options: the load generator's command line. Owner: main; read only afterwards. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "address.h"

enum { OPTIONS_PIDS = 8, OPTIONS_CONNECTIONS = 20000, OPTIONS_WINDOW = 65536, OPTIONS_SIZE_BYTES = 64 * 1024 };

typedef struct Options {
    Address server;
    Address redis;
    const char *label;     /* the server's name in the report */
    const char *path;      /* template of the request's path */
    const char *subscribe; /* template of a text frame sent once open and answered with ok; NULL: the path subscribes */
    const char *channel;   /* template of the channel's name; {i} is the channel's number */
    const char *prefix;    /* of the channel's name in Redis */
    uint32_t n_connections;
    uint32_t n_channels;
    uint32_t n_payload_bytes;
    uint32_t n_window; /* 0: open loop */
    double rate;       /* messages a second, open loop */
    uint64_t warmup_ns;
    uint64_t measure_ns;
    pid_t pids[OPTIONS_PIDS]; /* of the server, for its CPU time */
    unsigned n_pids;
    bool is_json;
} Options;

/* EX_OK; EX_USAGE after saying what is wrong on standard error; -1 after --help. */
int options_parse(Options *options, int argc, char **argv);
