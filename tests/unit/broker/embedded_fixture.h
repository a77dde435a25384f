/* An embedded broker with a listener on a free port of the loopback. Owner: the main thread of the test. */
#pragma once

#include "broker/embedded.h"

extern Backend *embedded;

enum {
    EMBEDDED_CLIENT_LIMIT_BYTES = 1 << 20,
    EMBEDDED_CLIENTS_LIMIT = 20,
    EMBEDDED_HISTORY_LIMIT_BYTES = 1 << 20,
};

/* Starts the loop; events go to the journal. port 0: any. Returns the port. */
unsigned given_an_embedded_broker(unsigned port);
void finish_embedded_broker(void);

/* In the journal epochs are letters in the order in which they were met, and versions count from the first that was met. */
char embedded_epoch(uint64_t epoch);
uint64_t embedded_version(uint64_t version);
