/* Peer: whom a connection comes from, and the networks that peers lie in. Plain values; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PEER_OK, PEER_BAD };
enum { PEER_IP_BYTES = 16 };

typedef enum PeerKind { PEER_UNKNOWN, PEER_LOCAL, PEER_IP } PeerKind; /* PEER_LOCAL: by a unix socket */

typedef struct Peer {
    PeerKind kind;
    uint8_t ip[PEER_IP_BYTES]; /* IPv4 stands mapped (RFC 4291 section 2.5.5.2), so that it is one peer on every listener */
} Peer;

typedef struct Network {
    Peer base;
    unsigned n_bits; /* of the 128 */
} Network;

Peer peer_of_address(const struct sockaddr *address); /* PEER_UNKNOWN: a family that is none of ours */
Peer peer_of_ipv4(const uint8_t bytes[static 4]);
Peer peer_of_ipv6(const uint8_t bytes[static 16]);
/* "192.0.2.1" or "2001:db8::1", in brackets or not, with a port behind it or not: as proxies write them. PEER_BAD: none. */
int peer_parse(Peer *out, const char *text, size_t n_text);
bool peer_is_equal(const Peer *a, const Peer *b);
/* What limits count as one: an IPv4 address, the /64 of an IPv6 address (RFC 6177). Never of another kind than PEER_IP. */
uint64_t peer_hash(const Peer *peer);

/* "10.0.0.0/8", "2001:db8::/32", a single address, or "unix" for who comes by a unix socket. PEER_BAD: none, or with bits set
   behind the prefix. */
int network_parse(Network *out, const char *text, size_t n_text);
bool networks_have(const Network *networks, size_t n_networks, const Peer *peer);
