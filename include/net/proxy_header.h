/* ProxyHeader: what a proxy says ahead of a connection's own bytes, PROXY protocol 1 and 2. Plain values; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/peer.h"

/* PROXY_HEADER_MORE: so far it may become one. */
enum { PROXY_HEADER_OK, PROXY_HEADER_MORE, PROXY_HEADER_BAD };
enum { PROXY_HEADER_MAX = 536 }; /* bytes; what a sender may count on by section 2.2, its TLVs included */

typedef struct ProxyHeader {
    size_t n_bytes; /* of the header: what follows is the client's */
    Peer source;    /* PEER_UNKNOWN: the proxy speaks for itself, or for a kind of address that is none of ours */
} ProxyHeader;

/* bytes: all that has come; more than PROXY_HEADER_MAX are not looked at. */
int proxy_header_parse(ProxyHeader *header, const uint8_t *bytes, size_t n_bytes);
