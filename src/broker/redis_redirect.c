#include "broker/redis_redirect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/redis_commander.h"

/* MOVED 3999 127.0.0.1:6381; the host may be missing, and an IPv6 address has colons of its own. */
static bool redirect_endpoint(const char *text, const RedisEndpoint *asked, RedisEndpoint *out) {
    const char *slot = strchr(text, ' ');
    const char *host = slot ? strchr(slot + 1, ' ') : NULL;
    const char *colon = host ? strrchr(host, ':') : NULL;
    if (!colon)
        return false;
    host++;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    size_t n_host = (size_t)(colon - host);
    if (port == 0 || port > 65535 || (*end && *end != ' ') || n_host >= sizeof out->host)
        return false;
    *out = *asked;
    if (n_host && !(n_host == 1 && *host == '?'))
        snprintf(out->host, sizeof out->host, "%.*s", (int)n_host, host);
    out->path[0] = '\0';
    out->port = (unsigned)port;
    return true;
}

static bool is_among(const redisReply *error, const char *const *words) {
    for (; *words; words++) {
        if (redis_reply_is_error(error, *words))
            return true;
    }
    return false;
}

RedisVerdict redis_redirect_judge(const redisReply *error, const RedisEndpoint *asked, RedisEndpoint *endpoint) {
    static const char *const passing[] = {"TRYAGAIN",   "CLUSTERDOWN", "LOADING", "OOM", "MISCONF",
                                          "NOREPLICAS", "BUSY",        "MOVED",   "ASK", NULL};
    static const char *const replica[] = {"READONLY", "MASTERDOWN", NULL};
    bool is_moved = redis_reply_is_error(error, "MOVED");
    if ((is_moved || redis_reply_is_error(error, "ASK")) && asked && redirect_endpoint(error->str, asked, endpoint))
        return is_moved ? REDIS_VERDICT_MOVED : REDIS_VERDICT_ASK;
    if (is_among(error, replica))
        return REDIS_VERDICT_REPLICA;
    return is_among(error, passing) ? REDIS_VERDICT_PASSING : REDIS_VERDICT_REFUSED;
}
