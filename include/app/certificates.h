/* Certificates: loads what the node shows to clients by TLS, and again when a file changes. Owner: the main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"
#include "base/metrics.h"
#include "net/tls.h"

typedef struct Certificates {
    TlsFiles files;
    Tls *tls;               /* NULL: the configuration names no address for TLS */
    uint64_t stamp;         /* of the files that were taken */
    uint64_t refused_stamp; /* of those that were refused last; 0: none */
    uint64_t loaded_at_ms;
    Counter reloads;
    Counter refused_reloads;
} Certificates;

/* 0; -EINVAL, after a line in the log that says which file is wrong; -ENOMEM. */
int certificates_init(Certificates *certificates, const Config *config, uint64_t now_ms);
void certificates_finish(Certificates *certificates);

/* Looks whether a file has changed. True: tls is a new one, for the workers to be given. What does not fit is logged and
   counted once, and the old one stays. */
bool certificates_look(Certificates *certificates, uint64_t now_ms);
/* Loads the files that this configuration names, which from now on is the one that is borrowed. 0, and tls is a new one where
   there was one and the configuration names any; -EINVAL or -ENOMEM, after a line in the log: all is as before. */
int certificates_change(Certificates *certificates, const Config *config, uint64_t now_ms);
