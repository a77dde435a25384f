#include "base/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/hash.h"

enum { PEER_BITS = 128, PEER_MAPPED_BITS = 96, PEER_SITE_BYTES = 8, PEER_PORT_DIGITS = 5 };

static const uint8_t peer_mapped[PEER_MAPPED_BITS / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool peer_is_mapped(const Peer *peer) {
    return memcmp(peer->ip, peer_mapped, sizeof(peer_mapped)) == 0;
}

Peer peer_of_ipv4(const uint8_t bytes[static 4]) {
    Peer peer = {.kind = PEER_IP};
    memcpy(peer.ip, peer_mapped, sizeof(peer_mapped));
    memcpy(peer.ip + sizeof(peer_mapped), bytes, 4);
    return peer;
}

Peer peer_of_ipv6(const uint8_t bytes[static 16]) {
    Peer peer = {.kind = PEER_IP};
    memcpy(peer.ip, bytes, sizeof(peer.ip));
    return peer;
}

Peer peer_of_address(const struct sockaddr *address) {
    switch (address->sa_family) {
    case AF_INET:
        return peer_of_ipv4((const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr);
    case AF_INET6:
        return peer_of_ipv6(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
    case AF_UNIX:
        return (Peer){.kind = PEER_LOCAL};
    default:
        return (Peer){.kind = PEER_UNKNOWN};
    }
}

static int peer_parse_ip(Peer *out, const char *text, size_t n_text) {
    char host[INET6_ADDRSTRLEN];
    uint8_t bytes[PEER_IP_BYTES];
    if (n_text == 0 || n_text >= sizeof(host) || memchr(text, '\0', n_text))
        return PEER_BAD;
    memcpy(host, text, n_text);
    host[n_text] = '\0';
    if (inet_pton(AF_INET, host, bytes) == 1)
        *out = peer_of_ipv4(bytes);
    else if (inet_pton(AF_INET6, host, bytes) == 1)
        *out = peer_of_ipv6(bytes);
    else
        return PEER_BAD;
    return PEER_OK;
}

/* Nothing, or a colon and digits. */
static bool peer_is_port(const char *text, size_t n_text) {
    if (n_text == 0)
        return true;
    if (n_text < 2 || n_text > PEER_PORT_DIGITS + 1 || text[0] != ':')
        return false;
    for (size_t i = 1; i < n_text; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

int peer_parse(Peer *out, const char *text, size_t n_text) {
    size_t n_host = n_text;
    if (n_text > 0 && text[0] == '[') {
        const char *end = memchr(text, ']', n_text);
        if (!end || !peer_is_port(end + 1, n_text - (size_t)(end + 1 - text)))
            return PEER_BAD;
        return peer_parse_ip(out, text + 1, (size_t)(end - text) - 1);
    }
    const char *colon = n_text > 0 ? memchr(text, ':', n_text) : NULL;
    if (colon && memchr(text, '.', (size_t)(colon - text))) { /* else it is an IPv6 address */
        n_host = (size_t)(colon - text);
        if (!peer_is_port(colon, n_text - n_host))
            return PEER_BAD;
    }
    return peer_parse_ip(out, text, n_host);
}

bool peer_is_equal(const Peer *a, const Peer *b) {
    return a->kind == b->kind && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

uint64_t peer_hash(const Peer *peer) {
    return hash_bytes(peer->ip, peer_is_mapped(peer) ? sizeof(peer->ip) : PEER_SITE_BYTES);
}

static bool network_has(const Network *network, const Peer *peer) {
    if (peer->kind != network->base.kind)
        return false;
    unsigned n_bytes = network->n_bits / 8, n_rest = network->n_bits % 8;
    if (memcmp(network->base.ip, peer->ip, n_bytes) != 0)
        return false;
    return n_rest == 0 || (network->base.ip[n_bytes] ^ peer->ip[n_bytes]) >> (8 - n_rest) == 0;
}

bool networks_have(const Network *networks, size_t n_networks, const Peer *peer) {
    for (size_t i = 0; i < n_networks; i++)
        if (network_has(&networks[i], peer))
            return true;
    return false;
}

/* -1: no number up to the limit. */
static int network_parse_bits(const char *text, size_t n_text, unsigned n_limit) {
    unsigned n_bits = 0;
    if (n_text == 0 || n_text > 3)
        return -1;
    for (size_t i = 0; i < n_text; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n_bits = n_bits * 10 + (unsigned)(text[i] - '0');
    }
    return n_bits <= n_limit ? (int)n_bits : -1;
}

static bool network_is_clean(const Network *network) {
    for (unsigned bit = network->n_bits; bit < PEER_BITS; bit++)
        if (network->base.ip[bit / 8] >> (7 - bit % 8) & 1)
            return false;
    return true;
}

int network_parse(Network *out, const char *text, size_t n_text) {
    static const char local[] = "unix";
    Network network = {.n_bits = PEER_BITS};
    if (n_text == sizeof(local) - 1 && memcmp(text, local, n_text) == 0) {
        *out = (Network){.base = {.kind = PEER_LOCAL}, .n_bits = PEER_BITS};
        return PEER_OK;
    }
    const char *slash = n_text > 0 ? memchr(text, '/', n_text) : NULL;
    size_t n_host = slash ? (size_t)(slash - text) : n_text;
    if (peer_parse_ip(&network.base, text, n_host) != PEER_OK)
        return PEER_BAD;
    if (slash) {
        bool is_ipv4 = !memchr(text, ':', n_host);
        int n_bits = network_parse_bits(slash + 1, n_text - n_host - 1, is_ipv4 ? 32 : PEER_BITS);
        if (n_bits < 0)
            return PEER_BAD;
        network.n_bits = (unsigned)n_bits + (is_ipv4 ? PEER_MAPPED_BITS : 0);
    }
    if (!network_is_clean(&network))
        return PEER_BAD;
    *out = network;
    return PEER_OK;
}
