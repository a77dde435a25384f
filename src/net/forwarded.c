#include "net/forwarded.h"

#include <string.h>

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static int forwarded_hop(Peer *out, const char *text, size_t n_text) {
    while (n_text > 0 && is_space(text[0])) {
        text++;
        n_text--;
    }
    while (n_text > 0 && is_space(text[n_text - 1]))
        n_text--;
    return peer_parse(out, text, n_text) == PEER_OK ? FORWARDED_OK : FORWARDED_BAD;
}

int forwarded_client(Peer *out, const char *text, size_t n_text, const Network *trusted, size_t n_trusted) {
    for (;;) {
        const char *comma = n_text > 0 ? memrchr(text, ',', n_text) : NULL;
        const char *hop = comma ? comma + 1 : text;
        if (forwarded_hop(out, hop, n_text - (size_t)(hop - text)) != FORWARDED_OK)
            return FORWARDED_BAD;
        if (!comma || !networks_have(trusted, n_trusted, out))
            return FORWARDED_OK;
        n_text = (size_t)(comma - text);
    }
}
