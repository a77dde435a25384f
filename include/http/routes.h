/* Routes: what is answered at which path of the clients' listeners. Constant after start; any worker. */
#pragma once

#include <stdbool.h>

#include "http/node.h"
#include "net/http.h"

typedef struct Routes {
    bool has_demo;                       /* the demo page and its icon */
    NodeHealth (*health)(void *context); /* any thread; NULL: /healthz and /readyz are not served */
    void *health_context;
} Routes;

/* Of the type HttpHandler; context is the Routes. */
void routes_handle(void *routes, const HttpRequest *request, HttpResponse *response);
