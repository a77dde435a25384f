/* HttpClient: one request to a node's admin listener, by a command that waits for the answer. Owner: the main thread. */
#pragma once

#include <stdint.h>

#include "app/config_address.h"
#include "base/buf.h"

enum { HTTP_CLIENT_ANSWER_MAX = 4 << 20, HTTP_CLIENT_PATIENCE_MS = 3000 };

/* GET. token: shown as Bearer; "": none. 0 with the answer's status, and its body, which is body's alone (limit it first);
   -ETIMEDOUT when it has not come whole by patience_ms; -EPROTO when it is no HTTP or is not told with its length; -EMSGSIZE;
   -ENOMEM; another -errno of the connection. */
int http_client_get(Buf *body, unsigned *status, const ListenAddress *address, const char *path, const char *token,
                    uint32_t patience_ms);
