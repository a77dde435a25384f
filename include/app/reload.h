/* Reload: what the node goes by, and how that changes while it runs: the configuration, the files of keys and the certificates,
   read again. Owner: the main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/certificates.h"
#include "app/config.h"
#include "app/settings.h"
#include "base/metrics.h"

/* What the other threads are to be given, as bits. */
enum { RELOAD_SETTINGS = 1 << 0, RELOAD_CERTIFICATES = 1 << 1 };

typedef struct ReloadCounters {
    Counter loaded; /* readings of the configuration that the node has gone by since */
    Counter refused;
    Counter keys_loaded; /* of the keys, also with a configuration */
    Counter keys_refused;
} ReloadCounters;

typedef struct Reload {
    ConfigSources sources;
    Settings *started; /* those of the start: what needs a restart stays as they say */
    Settings *current;
    Certificates certificates;
    bool is_admin_far;            /* an admin address can be reached from beyond this machine */
    uint64_t keys_stamp;          /* of the files of keys that were taken */
    uint64_t refused_stamp;       /* of those that were refused last; 0: none */
    uint64_t keys_due_ms;         /* the next look at the files of keys */
    uint64_t certificates_due_ms; /* and at the certificates */
    ReloadCounters counters;
} Reload;

/* Takes the config over, also on error; what sources point to outlives it. 0; -EINVAL, after log lines that say what is wrong
   with keys or certificates; another -errno. On error nothing is left. */
int reload_init(Reload *reload, Config *config, const ConfigSources *sources, uint64_t now_ms);
void reload_finish(Reload *reload);

uint32_t reload_wait_ms(const Reload *reload, uint64_t now_ms); /* until reload_look has something to look at */
/* Looks at the files that are due; is_asked: reads everything again, the configuration first. What is wrong is logged and
   counted, and then all stays as it was. Returns RELOAD_ bits. */
unsigned reload_look(Reload *reload, bool is_asked, uint64_t now_ms);
