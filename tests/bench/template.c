#include "template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of the placeholder at text, or 0 when there is none; its value goes to value. */
static size_t placeholder(const char *text, uint32_t number, const char *channel, const char **value, char digits[16]) {
    if (channel != NULL && strncmp(text, "{channel}", 9) == 0) {
        *value = channel;
        return 9;
    }
    char *end = NULL;
    unsigned long divisor = UINT32_MAX + 1UL; /* leaves every number as it is */
    if (strncmp(text, "{i}", 3) == 0)
        end = (char *)text + 2;
    else if (strncmp(text, "{i%", 3) == 0)
        divisor = strtoul(text + 3, &end, 10);
    if (end == NULL || *end != '}')
        return 0;
    *value = digits;
    digits[0] = '\0';
    if (divisor != 0)
        snprintf(digits, 16, "%lu", number % divisor);
    return (size_t)(end - text) + 1;
}

int template_expand(char *text, size_t n_text, const char *template, uint32_t number, const char *channel) {
    size_t n_used = 0;
    while (*template != '\0') {
        char digits[16];
        const char *value = template;
        size_t n_placeholder = placeholder(template, number, channel, &value, digits);
        size_t n_value = n_placeholder != 0 ? strlen(value) : 1;
        if (n_value == 0)
            return -EINVAL;
        if (n_used + n_value >= n_text)
            return -ENOSPC;
        memcpy(text + n_used, value, n_value);
        n_used += n_value;
        template += n_placeholder != 0 ? n_placeholder : 1;
    }
    text[n_used] = '\0';
    return 0;
}
