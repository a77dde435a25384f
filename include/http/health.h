/* Health: /healthz and /readyz, on every listener. Any thread. */
#pragma once

#include <stdbool.h>

#include "http/node.h"

/* Answers when the path is one of the two and the method one that reads; else false. */
bool health_handle(const NodeHealth *health, const HttpRequest *request, HttpResponse *response);
bool health_is_path(const char *path);
