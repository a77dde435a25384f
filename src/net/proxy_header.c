#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

enum {
    V1_MAX = 107, /* section 2.1: the longest line, its CRLF included */
    V1_FIELDS = 4,
    V2_FIXED = 16,
    V2_LOCAL = 0x20,
    V2_PROXY = 0x21,
    V2_UNSPECIFIED = 0x00,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
    V2_UNIX = 0x31,
    V2_TCP4_BYTES = 12,
    V2_TCP6_BYTES = 36,
    V2_UNIX_BYTES = 216,
};

static const char v1_start[] = "PROXY ";
static const uint8_t v2_start[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

/* Whether the first bytes are the start's, as many as have come. */
static bool begins_as(const uint8_t *bytes, size_t n_bytes, const void *start, size_t n_start) {
    return memcmp(bytes, start, n_bytes < n_start ? n_bytes : n_start) == 0;
}

static bool v1_is_port(const char *text) {
    unsigned port = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 5 || (n > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= UINT16_MAX;
}

/* Two addresses and two ports, apart by single spaces; the text is scratch. */
static int v1_source(ProxyHeader *header, int family, char *text) {
    char *fields[V1_FIELDS];
    uint8_t source[16], target[16];
    for (unsigned i = 0; i < V1_FIELDS; i++) {
        fields[i] = text;
        char *space = strchr(text, ' ');
        if ((space == NULL) != (i == V1_FIELDS - 1))
            return PROXY_HEADER_BAD;
        if (space) {
            *space = '\0';
            text = space + 1;
        }
    }
    if (inet_pton(family, fields[0], source) != 1 || inet_pton(family, fields[1], target) != 1 || !v1_is_port(fields[2]) ||
        !v1_is_port(fields[3]))
        return PROXY_HEADER_BAD;
    header->source = family == AF_INET ? peer_of_ipv4(source) : peer_of_ipv6(source);
    return PROXY_HEADER_OK;
}

/* "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n" */
static int v1_parse(ProxyHeader *header, const uint8_t *bytes, size_t n_bytes) {
    char line[V1_MAX];
    const uint8_t *end = memmem(bytes, n_bytes < V1_MAX ? n_bytes : V1_MAX, "\r\n", 2);
    if (!end)
        return n_bytes < V1_MAX ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
    size_t n_line = (size_t)(end - bytes) - (sizeof(v1_start) - 1);
    memcpy(line, bytes + sizeof(v1_start) - 1, n_line);
    line[n_line] = '\0';
    header->n_bytes = (size_t)(end - bytes) + 2;
    if (strlen(line) != n_line)
        return PROXY_HEADER_BAD;
    if (strcmp(line, "UNKNOWN") == 0 || strncmp(line, "UNKNOWN ", 8) == 0) /* the rest of the line is to be ignored */
        return PROXY_HEADER_OK;
    if (strncmp(line, "TCP4 ", 5) == 0)
        return v1_source(header, AF_INET, line + 5);
    return strncmp(line, "TCP6 ", 5) == 0 ? v1_source(header, AF_INET6, line + 5) : PROXY_HEADER_BAD;
}

/* Addresses in network order, the source first; behind them whatever TLVs there are. */
static int v2_source(ProxyHeader *header, uint8_t family, const uint8_t *addresses, size_t n_addresses) {
    switch (family) {
    case V2_UNSPECIFIED:
        return PROXY_HEADER_OK;
    case V2_TCP4:
        if (n_addresses < V2_TCP4_BYTES)
            return PROXY_HEADER_BAD;
        header->source = peer_of_ipv4(addresses);
        return PROXY_HEADER_OK;
    case V2_TCP6:
        if (n_addresses < V2_TCP6_BYTES)
            return PROXY_HEADER_BAD;
        header->source = peer_of_ipv6(addresses);
        return PROXY_HEADER_OK;
    case V2_UNIX:
        return n_addresses < V2_UNIX_BYTES ? PROXY_HEADER_BAD : PROXY_HEADER_OK;
    default: /* datagrams do not come this way */
        return PROXY_HEADER_BAD;
    }
}

static int v2_parse(ProxyHeader *header, const uint8_t *bytes, size_t n_bytes) {
    if (n_bytes < V2_FIXED)
        return PROXY_HEADER_MORE;
    uint8_t command = bytes[sizeof(v2_start)], family = bytes[sizeof(v2_start) + 1];
    size_t n_rest = (size_t)(bytes[V2_FIXED - 2] << 8 | bytes[V2_FIXED - 1]);
    if ((command != V2_LOCAL && command != V2_PROXY) || n_rest > PROXY_HEADER_MAX - V2_FIXED)
        return PROXY_HEADER_BAD;
    if (n_bytes < V2_FIXED + n_rest)
        return PROXY_HEADER_MORE;
    header->n_bytes = V2_FIXED + n_rest;
    return command == V2_LOCAL ? PROXY_HEADER_OK : v2_source(header, family, bytes + V2_FIXED, n_rest);
}

int proxy_header_parse(ProxyHeader *header, const uint8_t *bytes, size_t n_bytes) {
    *header = (ProxyHeader){.source = {.kind = PEER_UNKNOWN}};
    if (n_bytes == 0)
        return PROXY_HEADER_MORE;
    if (begins_as(bytes, n_bytes, v2_start, sizeof(v2_start)))
        return v2_parse(header, bytes, n_bytes);
    if (!begins_as(bytes, n_bytes, v1_start, sizeof(v1_start) - 1))
        return PROXY_HEADER_BAD;
    return n_bytes < sizeof(v1_start) - 1 ? PROXY_HEADER_MORE : v1_parse(header, bytes, n_bytes);
}
