/* What proxies say: PROXY protocol 1 and 2 at every length to which it may have come, and X-Forwarded-For. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "net/forwarded.h"
#include "net/proxy_header.h"

static int parse(ProxyHeader *header, const uint8_t *bytes, size_t n_bytes) {
    char *copy = fuzz_copy(bytes, n_bytes);
    int r = proxy_header_parse(header, (const uint8_t *)copy, n_bytes);
    free(copy);
    if (r == PROXY_HEADER_OK)
        fuzz_must(header->n_bytes > 0 && header->n_bytes <= n_bytes && header->n_bytes <= PROXY_HEADER_MAX,
                  "a header has come whole");
    return r;
}

/* More bytes change nothing that has been decided. */
static void parse_growing(const uint8_t *bytes, size_t n_bytes) {
    ProxyHeader first = {.n_bytes = 0};
    ProxyHeader header = {.n_bytes = 0};
    int decided = PROXY_HEADER_MORE;
    for (size_t n = 0; n <= n_bytes && n <= PROXY_HEADER_MAX + 1; n++) {
        int r = parse(&header, bytes, n);
        fuzz_must(decided == PROXY_HEADER_MORE || r == decided, "what is decided stays so");
        fuzz_must(n < PROXY_HEADER_MAX || r != PROXY_HEADER_MORE, "a header is bounded");
        if (r == PROXY_HEADER_OK && decided == PROXY_HEADER_MORE)
            first = header;
        if (r == PROXY_HEADER_OK)
            fuzz_must(header.n_bytes == first.n_bytes && peer_is_equal(&header.source, &first.source),
                      "what follows belongs to the client");
        decided = r;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    Network trusted;
    Peer peer;
    parse_growing(bytes, n_bytes);
    fuzz_must(network_parse(&trusted, "10.0.0.0/8", 10) == PEER_OK, "a network is one");
    char *text = fuzz_copy(bytes, n_bytes);
    if (forwarded_client(&peer, text, n_bytes, &trusted, 1) == FORWARDED_OK)
        fuzz_must(peer.kind == PEER_IP, "a hop is an address");
    if (peer_parse(&peer, text, n_bytes) == PEER_OK)
        fuzz_must(peer.kind == PEER_IP, "an address is one");
    if (network_parse(&trusted, text, n_bytes) == PEER_OK)
        fuzz_must(trusted.n_bits <= 128, "a prefix is within the address");
    free(text);
    return 0;
}
