#include "embedded_fixture.h"

#include <check.h>
#include <netinet/in.h>

#include "fake_node.h"
#include "journal.h"
#include "loopback.h"

Backend *embedded;

unsigned given_an_embedded_broker(unsigned port) {
    struct sockaddr_in address;
    struct sockaddr_storage bound;
    journal_clear();
    loopback_start();
    uv_ip4_addr("127.0.0.1", (int)port, &address);
    const EmbeddedOptions options = {
        .prefix = "barker:",
        .address = (struct sockaddr *)&address,
        .client_limit_bytes = EMBEDDED_CLIENT_LIMIT_BYTES,
        .n_clients_limit = EMBEDDED_CLIENTS_LIMIT,
    };
    ck_assert_int_eq(embedded_backend_new(&embedded, &loopback_loop, &options, &fake_backend_events, NULL), 0);
    ck_assert_int_eq(embedded_backend_address(embedded, &bound), 0);
    loopback_turns(1);
    return ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

void finish_embedded_broker(void) {
    embedded->ops->close(embedded);
    loopback_finish();
    embedded = embedded_backend_free(embedded);
}
