#include "app/status_query.h"

#include <string.h>
#include <sysexits.h>

#include "app/http_client.h"

static int complain(const CliStreams *streams, const Config *config, int code, const char *problem) {
    char address[LISTEN_ADDRESS_TEXT_SIZE];
    listen_address_format(address, sizeof(address), &config->admin_addresses[0]);
    cli_complain(streams, "the node at %s: %s", address, problem);
    return code;
}

static int judge(const CliStreams *streams, const Config *config, unsigned status) {
    if (status == 401 || status == 403)
        return complain(streams, config, EX_NOPERM, "it wants another admin.token");
    if (status != 200)
        return complain(streams, config, EX_PROTOCOL, "it does not tell; is another program listening there?");
    return EX_OK;
}

int status_query(NodeStatus *status, const Config *config, const CliStreams *streams) {
    Buf body;
    unsigned code = 0;
    if (config->n_admin_addresses == 0) {
        cli_complain(streams, "admin.address is empty: there is nobody to ask");
        return EX_CONFIG;
    }
    buf_init(&body, HTTP_CLIENT_ANSWER_MAX);
    int r = http_client_get(&body, &code, &config->admin_addresses[0], "/api/v1/info", config->admin_token,
                            HTTP_CLIENT_PATIENCE_MS);
    int result = r < 0 ? complain(streams, config, EX_UNAVAILABLE, strerror(-r)) : judge(streams, config, code);
    if (result == EX_OK && node_status_parse(status, body.bytes, body.n_bytes) != NODE_STATUS_OK)
        result = complain(streams, config, EX_PROTOCOL, "what it says is not understood; is it another version?");
    buf_finish(&body);
    return result;
}

bool status_query_is_healthy(const Config *config) {
    Buf body;
    unsigned code = 0;
    if (config->n_admin_addresses == 0)
        return false;
    buf_init(&body, HTTP_CLIENT_ANSWER_MAX);
    const char *const nothing = ""; /* no token is needed, and who listens there need not be a node */
    int r = http_client_get(&body, &code, &config->admin_addresses[0], "/healthz", nothing, HTTP_CLIENT_PATIENCE_MS);
    buf_finish(&body);
    return r == 0 && code == 200;
}
