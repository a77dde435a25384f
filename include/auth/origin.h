/* Origin: whether a page of that origin may connect (RFC 6454 6.2, RFC 6455 10.2). Any thread; allocates nothing. */
#pragma once

#include <stdbool.h>

/* allowed: the origins that may, separated by spaces: exact ones ("https://example.com:8443"), ones with the host *.example.com for
   every host below it, * for all; "": those whose host and port are the request's own. origin and host are the request's headers;
   a port that is left out is that of the origin's scheme. */
bool origin_is_allowed(const char *allowed, const char *origin, const char *host);
/* Whether the list's text is one that origin_is_allowed understands. */
bool origin_list_is_valid(const char *allowed);
