#include "app/options.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "app/duration.h"
#include "auth/origin.h"
#include "base/error.h"
#include "base/spaced.h"
#include "base/utf8.h"
#include "broker/redis_url.h"

#define FIELD(record, offset, type) ((type *)((char *)(record) + (offset)))

static int refuse(Buf *why, const Option *option) {
    int r = buf_append_text(why, "it takes ");

    if (r >= 0)
        r = option_describe(why, option);
    return r < 0 ? error_trace(r) : OPTION_BAD;
}

static int refuse_because(Buf *why, const char *reason) {
    int r = buf_append_text(why, reason);

    return r < 0 ? error_trace(r) : OPTION_BAD;
}

static int store_number(void *record, const Option *option, const char *text, Buf *why) {
    uint32_t value = 0;
    bool is_good;

    if (option->type == OPTION_DURATION)
        is_good = duration_parse(&value, text) == DURATION_OK;
    else if (option->type == OPTION_SIZE)
        is_good = size_parse(&value, text) == SIZE_OK;
    else
        is_good = size_parse(&value, text) == SIZE_OK && strspn(text, "0123456789") == strlen(text);
    if (!is_good || value < option->minimum || value > option->maximum)
        return refuse(why, option);
    *FIELD(record, option->offset, uint32_t) = value;
    return OPTION_OK;
}

static int store_choice(void *record, const Option *option, const char *text, Buf *why) {
    for (unsigned i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *FIELD(record, option->offset, unsigned) = i;
            return OPTION_OK;
        }
    }
    return refuse(why, option);
}

static int store_switch(void *record, const Option *option, const char *text, Buf *why) {
    bool is_on = strcmp(text, option->choices[1]) == 0;

    if (!is_on && strcmp(text, option->choices[0]) != 0)
        return refuse(why, option);
    *FIELD(record, option->offset, bool) = is_on;
    return OPTION_OK;
}

static bool has_control(const char *text) {
    for (; *text; text++) {
        if (iscntrl((unsigned char)*text))
            return true;
    }
    return false;
}

static bool is_node_id(const char *text) {
    for (; *text; text++) {
        if (!isalnum((unsigned char)*text) && !strchr("._-", *text))
            return false;
    }
    return true;
}

static int replace_text(void *record, const Option *option, const char *text) {
    char **field = FIELD(record, option->offset, char *);
    char *copy = strdup(text);

    if (!copy)
        return error_origin(-ENOMEM);
    free(*field);
    *field = copy;
    return OPTION_OK;
}

static int check_redis_url(const char *text, size_t n_text, bool is_alone, Buf *why) {
    enum { REASON_SIZE = 256 };
    char reason[REASON_SIZE] = "", *copy = strndup(text, n_text);
    RedisUrl url = {0};
    int r = copy ? redis_url_parse(&url, copy, reason, sizeof(reason)) : -ENOMEM;

    free(copy);
    if (r == -EINVAL)
        return refuse_because(why, reason);
    if (r < 0)
        return error_trace(r);
    if (!is_alone && url.scheme != REDIS_STANDALONE)
        r = refuse_because(why, "only redis:// and redis+unix:// may be given several times");
    redis_url_finish(&url);
    return r;
}

static int store_redis_url(void *record, const Option *option, const char *text, Buf *why) {
    unsigned n_urls = spaced_count(text);
    const char *at = text, *url;
    size_t n_url;

    if (n_urls > option->maximum)
        return refuse_because(why, "that is too many servers");
    while ((url = spaced_next(&at, &n_url))) {
        int r = check_redis_url(url, n_url, n_urls == 1, why);
        if (r != OPTION_OK)
            return r < 0 ? error_trace(r) : r;
    }
    return replace_text(record, option, n_urls ? text : "");
}

static int store_text(void *record, const Option *option, const char *text, Buf *why) {
    size_t n_text = strlen(text);
    bool is_good;

    if (option->type == OPTION_NODE_ID)
        is_good = n_text <= option->maximum && is_node_id(text);
    else
        is_good = n_text >= option->minimum && n_text <= option->maximum && utf8_is_valid(text, n_text);
    if (option->type == OPTION_ORIGINS)
        is_good = is_good && origin_list_is_valid(text);
    if (!is_good || has_control(text))
        return refuse(why, option);
    return replace_text(record, option, text);
}

static int store_address(void *record, const Option *option, const char *text, Buf *why) {
    const char *reason = NULL;

    if (strncmp(text, "unix:", 5) == 0)
        return refuse(why, option);
    if (*text && listen_address_parse(FIELD(record, option->offset, ListenAddress), text, &reason) != LISTEN_ADDRESS_OK)
        return refuse_because(why, reason);
    *FIELD(record, option->offset_n, bool) = *text != '\0';
    return OPTION_OK;
}

/* One of a comma-separated list, without the spaces around it. Returns where the next begins; NULL after the last. */
static const char *next_item(char *item, size_t n_item, const char *text) {
    size_t n_text = strcspn(text, ","), n_used;
    const char *next = text[n_text] ? text + n_text + 1 : NULL;

    n_used = strspn(text, " \t");
    text += n_used < n_text ? n_used : n_text;
    n_text -= n_used < n_text ? n_used : n_text;
    while (n_text > 0 && (text[n_text - 1] == ' ' || text[n_text - 1] == '\t'))
        n_text--;
    snprintf(item, n_item, "%.*s", (int)n_text, text);
    return next;
}

static bool is_among(const ListenAddress *address, const ListenAddress *addresses, uint32_t n_addresses) {
    for (uint32_t i = 0; i < n_addresses; i++) {
        if (listen_address_is_equal(address, &addresses[i]))
            return true;
    }
    return false;
}

static int store_addresses(void *record, const Option *option, const char *text, Buf *why) {
    ListenAddress addresses[CONFIG_MAX_ADDRESSES];
    char item[LISTEN_ADDRESS_TEXT_SIZE + 16];
    const char *reason = NULL;
    uint32_t n = 0;

    for (const char *at = *text || option->minimum ? text : NULL; at;) {
        if (n == option->maximum)
            return refuse(why, option);
        at = next_item(item, sizeof(item), at);
        if (listen_address_parse(&addresses[n], item, &reason) != LISTEN_ADDRESS_OK)
            return refuse_because(why, reason);
        if (is_among(&addresses[n], addresses, n))
            return refuse_because(why, "an address may stand there once");
        n++;
    }
    memcpy(FIELD(record, option->offset, ListenAddress), addresses, n * sizeof(addresses[0]));
    *FIELD(record, option->offset_n, uint32_t) = n;
    return OPTION_OK;
}

static int store_networks(void *record, const Option *option, const char *text, Buf *why) {
    Network networks[CONFIG_MAX_NETWORKS];
    char item[INET6_ADDRSTRLEN + sizeof("/128") + 1]; /* longer than any that is right */
    uint32_t n = 0;

    for (const char *at = *text ? text : NULL; at;) {
        if (n == option->maximum)
            return refuse(why, option);
        at = next_item(item, sizeof(item), at);
        if (network_parse(&networks[n], item, strlen(item)) != PEER_OK)
            return refuse_because(why, "a network is an address, or one with no bits set behind its prefix: 10.0.0.0/8");
        n++;
    }
    for (uint32_t i = 0; i < n; i++)
        FIELD(record, option->offset, Network)[i] = networks[i];
    *FIELD(record, option->offset_n, uint32_t) = n;
    return OPTION_OK;
}

int option_store(void *record, const Option *option, const char *text, Buf *why) {
    switch (option->type) {
    case OPTION_ADDRESS:
        return store_address(record, option, text, why);
    case OPTION_ADDRESSES:
        return store_addresses(record, option, text, why);
    case OPTION_CHOICE:
        return store_choice(record, option, text, why);
    case OPTION_NETWORKS:
        return store_networks(record, option, text, why);
    case OPTION_DURATION:
    case OPTION_NUMBER:
    case OPTION_SIZE:
        return store_number(record, option, text, why);
    case OPTION_REDIS_URL:
        return store_redis_url(record, option, text, why);
    case OPTION_SWITCH:
        return store_switch(record, option, text, why);
    case OPTION_NODE_ID:
    case OPTION_ORIGINS:
    case OPTION_SECRET:
    case OPTION_TEXT:
        return store_text(record, option, text, why);
    }
    return error_origin(-EINVAL);
}
