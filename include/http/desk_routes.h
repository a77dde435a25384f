/* Desk routes: what is answered at which path of the admin listener, and to whom. Owner: the desk's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/node.h"

typedef struct DeskRoutes {
    const NodeOps *node;
    void *context;
    Api *api;
    bool is_open; /* no token guards it: who reaches it on loopback may do all, so pages of the web must not */
} DeskRoutes;

/* node->respond follows, once: perhaps before the return, perhaps from the API later. */
void desk_routes_handle(const DeskRoutes *routes, uint64_t exchange, const HttpRequest *request, uint64_t now_ms);
/* Of a request's head: whether the body behind it is read at all, since nothing else refuses the request. */
bool desk_routes_want_body(const DeskRoutes *routes, const HttpRequest *head);
