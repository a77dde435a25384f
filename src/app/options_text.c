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
        return buf_append_format(text, "1 to %u addresses separated by commas, such as 127.0.0.1:8080", option->maximum);
    case OPTION_CHOICE:
        return describe_choices(text, option);
    case OPTION_DURATION:
        return describe_range(text, option, "a duration (250ms, 25s, 2m, 1h)", duration_format);
    case OPTION_NODE_ID:
        return buf_append_format(text, "up to %u letters, digits, dots, dashes and underscores", option->maximum);
    case OPTION_NUMBER:
        return buf_append_format(text, "a number from %u to %u", option->minimum, option->maximum);
    case OPTION_REDIS_URL:
        return buf_append_text(text, "a URL such as redis://127.0.0.1:6379 or redis+unix:///run/redis.sock, or nothing");
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

/* From where to where the password stands; what looks like one in a malformed URL counts as one. */
static void find_password(const char *url, size_t *start, size_t *end) {
    const char *authority = strstr(url, "://");
    const char *at = strrchr(url, '@');
    const char *colon;

    *start = *end = 0;
    authority = authority ? authority + 3 : url;
    if (!at || at < authority)
        return;
    colon = memchr(authority, ':', (size_t)(at - authority));
    *start = (size_t)((colon ? colon + 1 : authority) - url);
    *end = (size_t)(at - url);
}

int option_mask(Buf *text, const Option *option, const char *value) {
    size_t start = 0, end = 0;
    int r = BUF_OK;

    if (option->type == OPTION_REDIS_URL)
        find_password(value, &start, &end);
    for (size_t i = 0; value[i] && r == BUF_OK; i++) {
        char shown = iscntrl((unsigned char)value[i]) ? '?' : value[i];

        if (i < start || i >= end)
            r = buf_append(text, &shown, 1);
        else if (i == start)
            r = buf_append_text(text, "***");
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
        return "WORD";
    case OPTION_DURATION:
        return "DURATION";
    case OPTION_NODE_ID:
        return "NAME";
    case OPTION_NUMBER:
        return "N";
    case OPTION_REDIS_URL:
        return "URL";
    case OPTION_SIZE:
        return "SIZE";
    case OPTION_TEXT:
        return "TEXT";
    }
    return "VALUE";
}
