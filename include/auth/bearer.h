/* Bearer: where a token stands in a request. Any thread; allocates nothing. Each gives the span of the token within the text, n 0
   where there is none; whether it is a good one is not asked here. */
#pragma once

#include <stddef.h>

#include "auth/spans.h"

Span bearer_of_authorization(const char *value);             /* "Bearer …" (RFC 6750 2.1) */
Span bearer_of_cookies(const char *value, const char *name); /* of a Cookie header; of two of that name the first */
Span bearer_of_subprotocols(const char *list);               /* "barker.v1, bearer.…" */
/* token=… among parameters, each with a NUL behind it, n_parameters bytes in all. */
Span bearer_of_parameters(const char *parameters, size_t n_parameters);
