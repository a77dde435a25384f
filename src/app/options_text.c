#include "app/options.h"

#include <ctype.h>
#include <string.h>

#include "app/duration.h"
#include "base/error.h"

static int describe_range(Buf *text, const Option *option, const char *what, char *(*format)(char *, size_t, uint32_t)) {
    char least[16], most[16];

    return buf_append_format(text, "%s from %s to %s", what, format(least, sizeof(least), option->minimum),
                             format(most, sizeof(most), option->maximum));
}

static int describe_choices(Buf *text, const Option *option) {
    int r = BUF_OK;

    for (unsigned i = 0; option->choices[i] && r == BUF_OK; i++) {
        const char *separator = i == 0 ? "" : option->choices[i + 1] ? ", " : " or ";
        r = buf_append_format(text, "%s%s", separator, option->choices[i]);
    }
    return r;
}

static int describe(Buf *text, const Option *option) {
    switch (option->type) {
    case OPTION_ADDRESS:
        return buf_append_text(text, "a numeric TCP address such as 127.0.0.1:6380, or nothing");
    case OPTION_ADDRESSES:
        return buf_append_format(text, "%u to %u addresses separated by commas, such as 127.0.0.1:8080", option->minimum,
                                 option->maximum);
    case OPTION_CHOICE:
    case OPTION_SWITCH:
        return describe_choices(text, option);
    case OPTION_DURATION:
        return describe_range(text, option, "a duration (250ms, 25s, 2m, 1h)", duration_format);
    case OPTION_NETWORKS:
        return buf_append_format(text, "up to %u addresses or networks such as 10.0.0.0/8, separated by commas, or unix",
                                 option->maximum);
    case OPTION_NODE_ID:
        return buf_append_format(text, "up to %u letters, digits, dots, dashes and underscores", option->maximum);
    case OPTION_NUMBER:
        return buf_append_format(text, "a number from %u to %u", option->minimum, option->maximum);
    case OPTION_ORIGINS:
        return buf_append_text(text, "origins such as https://example.com, or nothing");
    case OPTION_REDIS_URL:
        return buf_append_text(text, "URLs such as redis://127.0.0.1:6379 or redis+unix:///run/redis.sock, or nothing");
    case OPTION_SECRET:
        return buf_append_format(text, "%u to %u bytes, which are never shown", option->minimum, option->maximum);
    case OPTION_SIZE:
        return describe_range(text, option, "a size (512, 64KiB, 1MiB)", size_format);
    case OPTION_TEXT:
        return buf_append_format(text, "UTF-8 text of %u to %u bytes, without control characters", option->minimum,
                                 option->maximum);
    }
    return BUF_OK;
}

int option_describe(Buf *text, const Option *option) {
    int r = describe(text, option);

    return r < 0 ? error_trace(r) : 0; /* BUF_FULL only cuts a text for people */
}

/* What is not shown of a URL: the password, and the sentinels'. What looks like one in a malformed URL counts as one. */
typedef struct Secret {
    const char *start;
    const char *end;
} Secret;

static Secret find_password(const char *url, const char *end) {
    const char *authority = memmem(url, (size_t)(end - url), "://", 3);
    const char *at = memrchr(url, '@', (size_t)(end - url));
    const char *colon;

    authority = authority ? authority + 3 : url;
    if (!at || at < authority)
        return (Secret){NULL, NULL};
    colon = memchr(authority, ':', (size_t)(at - authority));
    return (Secret){colon ? colon + 1 : authority, at};
}

static Secret find_sentinel_password(const char *url, const char *end) {
    static const char key[] = "sentinel_password=";
    const char *found = memmem(url, (size_t)(end - url), key, sizeof(key) - 1);
    const char *next;

    if (!found)
        return (Secret){NULL, NULL};
    found += sizeof(key) - 1;
    next = memchr(found, '&', (size_t)(end - found));
    return (Secret){found, next ? next : end};
}

static bool is_within(const char *at, const Secret *secret) {
    return at >= secret->start && at < secret->end;
}

static int mask(Buf *text, const char *value, const char *end, const Secret *secrets, size_t n_secrets) {
    int r = BUF_OK;

    for (const char *at = value; at < end && r == BUF_OK; at++) {
        char shown = iscntrl((unsigned char)*at) ? '?' : *at;
        bool is_secret = false, is_first = false;

        for (size_t i = 0; i < n_secrets; i++) {
            is_secret |= is_within(at, &secrets[i]);
            is_first |= at == secrets[i].start && secrets[i].end > at;
        }
        if (!is_secret)
            r = buf_append(text, &shown, 1);
        else if (is_first)
            r = buf_append_text(text, "***");
    }
    return r < 0 ? error_trace(r) : r;
}

int option_mask(Buf *text, const Option *option, const char *value) {
    int r = BUF_OK;

    if (option->type == OPTION_SECRET)
        r = buf_append_text(text, *value ? "***" : "");
    else if (option->type != OPTION_REDIS_URL)
        r = mask(text, value, value + strlen(value), NULL, 0);
    while (option->type == OPTION_REDIS_URL && *value && r == BUF_OK) {
        const char *next = strstr(value + 1, " redis"); /* a password that was not encoded may hold spaces */
        const char *end = next ? next : value + strlen(value);
        const Secret secrets[] = {find_password(value, end), find_sentinel_password(value, end)};

        end += strspn(end, " ");
        r = mask(text, value, end, secrets, sizeof(secrets) / sizeof(secrets[0]));
        value = end;
    }
    return r < 0 ? error_trace(r) : 0;
}

const char *option_placeholder(const Option *option) {
    switch (option->type) {
    case OPTION_ADDRESS:
        return "ADDRESS";
    case OPTION_ADDRESSES:
        return "ADDRESS,...";
    case OPTION_CHOICE:
    case OPTION_SWITCH:
        return "WORD";
    case OPTION_DURATION:
        return "DURATION";
    case OPTION_NETWORKS:
        return "NETWORK,...";
    case OPTION_NODE_ID:
        return "NAME";
    case OPTION_NUMBER:
        return "N";
    case OPTION_ORIGINS:
        return "ORIGIN";
    case OPTION_REDIS_URL:
        return "URL";
    case OPTION_SECRET:
        return "KEY";
    case OPTION_SIZE:
        return "SIZE";
    case OPTION_TEXT:
        return "TEXT";
    }
    return "VALUE";
}
