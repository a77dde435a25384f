#include "broker/redis_resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "broker/redis_url.h"

typedef struct RedisHost {
    ListNode link; /* among the resolver's, the oldest first */
    ListNode waiting;
    RedisResolver *resolver;
    uv_getaddrinfo_t request;
    bool is_asked; /* the request is the loop's */
    uint64_t asked_ms;
    unsigned n_known;
    RedisAddress known[REDIS_ADDRESSES_MAX]; /* without a port */
    char name[REDIS_HOST_SIZE];
} RedisHost;

struct RedisResolver {
    uv_loop_t *loop;
    ListNode hosts;
    unsigned n_hosts;
    uint64_t now_ms; /* of the last tick */
};

static RedisHost *host_of(ListNode *node) {
    return container_of(node, RedisHost, link);
}

static RedisHost *host_free(RedisHost *host) {
    list_unlink(&host->link);
    host->resolver->n_hosts--;
    free(host);
    return NULL;
}

int redis_resolver_new(RedisResolver **out, uv_loop_t *loop) {
    RedisResolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return error_origin(-ENOMEM);
    resolver->loop = loop;
    list_init(&resolver->hosts);
    *out = resolver;
    return 0;
}

void redis_resolver_close(RedisResolver *resolver) {
    for (ListNode *node = resolver->hosts.next; node != &resolver->hosts; node = node->next) {
        if (host_of(node)->is_asked)
            uv_cancel((uv_req_t *)&host_of(node)->request);
    }
}

RedisResolver *redis_resolver_free(RedisResolver *resolver) {
    if (!resolver)
        return NULL;
    while (!list_is_empty(&resolver->hosts))
        host_free(host_of(resolver->hosts.next));
    free(resolver);
    return NULL;
}

static void address_set_port(RedisAddress *address, unsigned port) {
    if (address->any.sa_family == AF_INET6)
        address->ip6.sin6_port = htons((uint16_t)port);
    else
        address->ip4.sin_port = htons((uint16_t)port);
}

/* Gives what is known to all who wait, and moves them to due. */
static void host_serve(RedisHost *host, ListNode *due) {
    for (ListNode *node = host->waiting.next; node != &host->waiting; node = node->next) {
        RedisLookup *lookup = container_of(node, RedisLookup, link);
        lookup->n_found = host->n_known;
        memcpy(lookup->found, host->known, host->n_known * sizeof host->known[0]);
        for (unsigned i = 0; i < lookup->n_found; i++)
            address_set_port(&lookup->found[i], lookup->port);
    }
    list_take(due, &host->waiting);
}

/* Each may cancel others and start anew, and by that make the resolver forget a host: none is held here. */
static void lookups_done(ListNode *due, int status) {
    ListNode *node;
    while ((node = list_pop(due))) {
        RedisLookup *lookup = container_of(node, RedisLookup, link);
        lookup->done(lookup, status);
    }
}

static void host_learn(RedisHost *host, const struct addrinfo *addresses) {
    unsigned n_known = 0;
    for (const struct addrinfo *at = addresses; at && n_known < REDIS_ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_addrlen <= sizeof host->known[0] && (at->ai_family == AF_INET || at->ai_family == AF_INET6))
            memcpy(&host->known[n_known++], at->ai_addr, at->ai_addrlen);
    }
    if (n_known > 0)
        host->n_known = n_known;
}

/* No answer says nothing of the host; that there is no such host is an answer. */
static bool host_may_serve(const RedisHost *host, int status) {
    bool is_unanswered = status == UV_EAI_AGAIN || status == UV_EAI_FAIL;
    return host->n_known > 0 && (status == 0 || is_unanswered);
}

static void host_on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
    RedisHost *host = request->data;
    ListNode due;
    list_init(&due);
    host->is_asked = false;
    if (status == 0)
        host_learn(host, addresses);
    uv_freeaddrinfo(addresses);
    if (host_may_serve(host, status))
        status = 0;
    else if (status == 0)
        status = UV_EAI_NODATA;
    host_serve(host, &due);
    lookups_done(&due, status);
}

void redis_resolver_tick(RedisResolver *resolver, uint64_t now_ms) {
    ListNode due;
    list_init(&due);
    resolver->now_ms = now_ms;
    for (ListNode *node = resolver->hosts.next; node != &resolver->hosts; node = node->next) {
        RedisHost *host = host_of(node);
        if (host->is_asked && host->n_known > 0 && now_ms - host->asked_ms >= REDIS_LOOKUP_LATE_MS)
            host_serve(host, &due);
    }
    lookups_done(&due, 0);
}

static void resolver_forget(RedisResolver *resolver) {
    for (ListNode *node = resolver->hosts.next; node != &resolver->hosts; node = node->next) {
        RedisHost *host = host_of(node);
        if (!host->is_asked && list_is_empty(&host->waiting)) {
            host_free(host);
            return;
        }
    }
}

static RedisHost *resolver_host(RedisResolver *resolver, const char *name) {
    for (ListNode *node = resolver->hosts.next; node != &resolver->hosts; node = node->next) {
        if (strcmp(host_of(node)->name, name) == 0)
            return host_of(node);
    }
    RedisHost *host = calloc(1, sizeof *host);
    if (!host)
        return NULL;
    if (resolver->n_hosts >= REDIS_HOSTS_KNOWN_MAX)
        resolver_forget(resolver);
    snprintf(host->name, sizeof host->name, "%s", name);
    host->resolver = resolver;
    host->request.data = host;
    list_init(&host->waiting);
    list_append(&resolver->hosts, &host->link);
    resolver->n_hosts++;
    return host;
}

static int host_ask(RedisHost *host) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (host->is_asked)
        return 0;
    int r = uv_getaddrinfo(host->resolver->loop, &host->request, host_on_answer, host->name, NULL, &hints);
    if (r < 0)
        return error_origin(r);
    host->is_asked = true;
    host->asked_ms = host->resolver->now_ms;
    return 0;
}

void redis_lookup_init(RedisLookup *lookup, void (*done)(RedisLookup *lookup, int status)) {
    *lookup = (RedisLookup){.done = done};
    list_init(&lookup->link);
}

int redis_lookup_start(RedisLookup *lookup, RedisResolver *resolver, const char *host, unsigned port) {
    if (uv_ip4_addr(host, (int)port, &lookup->found[0].ip4) == 0 || uv_ip6_addr(host, (int)port, &lookup->found[0].ip6) == 0) {
        lookup->n_found = 1;
        return REDIS_FOUND;
    }
    if (!resolver)
        return error_origin(-EINVAL);
    RedisHost *known = resolver_host(resolver, host);
    if (!known)
        return error_origin(-ENOMEM);
    int r = host_ask(known);
    if (r < 0)
        return error_trace(r);
    lookup->port = port;
    list_append(&known->waiting, &lookup->link);
    return 0;
}

void redis_lookup_cancel(RedisLookup *lookup) {
    list_unlink(&lookup->link);
}
