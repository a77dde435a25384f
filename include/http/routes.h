/* Routes: what is answered at which path. Constant after start; any worker. */
#pragma once

#include <stdbool.h>

#include "net/http.h"

typedef struct Routes {
    bool has_demo; /* the demo page and its icon */
} Routes;

/* Of the type HttpHandler; context is the Routes. */
void routes_handle(void *routes, const HttpRequest *request, HttpResponse *response);
