#include <libwebsockets.h>

#include "net/forwarded.h"
#include "net/ws_connection.h"

enum { WS_FORWARDED_MAX = 8192 }; /* all of a request's headers have no more */

int ws_connection_judge_forwarded(WsConnection *connection) {
    Admission *admission = connection->server->options.admission;
    char text[WS_FORWARDED_MAX];
    Peer client;
    if (!connection->is_proxied || lws_hdr_total_length(connection->wsi, WSI_TOKEN_X_FORWARDED_FOR) <= 0)
        return 0;
    /* Several such headers are one list, in their order (RFC 9110 section 5.3). */
    int n = lws_hdr_copy(connection->wsi, text, sizeof(text), WSI_TOKEN_X_FORWARDED_FOR);
    if (n < 0 ||
        forwarded_client(&client, text, (size_t)n, admission->options.trusted, admission->options.n_trusted) != FORWARDED_OK)
        return ws_http_refuse(connection, 400, NULL, "X-Forwarded-For names no address.\n");
    if (admission_enter(admission, &connection->ticket, &client))
        return 0;
    counter_add(&connection->server->options.counters->refused_addresses, 1);
    return ws_http_refuse(connection, 429, NULL, "Too many connections from this address.\n");
}
