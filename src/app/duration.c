#include "app/duration.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct Unit {
    const char *name;
    uint32_t n_base; /* how many of the smallest unit it is */
} Unit;

static const Unit duration_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const Unit size_units[] = {{"MiB", 1048576}, {"KiB", 1024}, {"", 1}};

/* Decimal digits only: no sign, no space, no exponent. Returns what follows them, NULL without a digit or past 32 bits. */
static const char *parse_digits(uint32_t *value, const char *text) {
    uint64_t sum = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        sum = sum * 10 + (uint64_t)(*at - '0');
        if (sum > UINT32_MAX)
            return NULL;
    }
    if (at == text)
        return NULL;
    *value = (uint32_t)sum;
    return at;
}

static bool parse_quantity(uint32_t *value, const char *text, const Unit *units, size_t n_units) {
    uint32_t n = 0;
    const char *unit = parse_digits(&n, text);

    if (!unit)
        return false;
    for (size_t i = 0; i < n_units; i++) {
        if (strcmp(unit, units[i].name) == 0 && n <= UINT32_MAX / units[i].n_base) {
            *value = n * units[i].n_base;
            return true;
        }
    }
    return false;
}

static char *format_quantity(char *text, size_t n_text, uint32_t value, const Unit *units) {
    while (value % units->n_base != 0)
        units++;
    snprintf(text, n_text, "%u%s", value / units->n_base, units->name);
    return text;
}

int duration_parse(uint32_t *duration_ms, const char *text) {
    if (strcmp(text, "0") == 0) {
        *duration_ms = 0;
        return DURATION_OK;
    }
    return parse_quantity(duration_ms, text, duration_units, sizeof(duration_units) / sizeof(Unit)) ? DURATION_OK
                                                                                                    : DURATION_BAD;
}

char *duration_format(char *text, size_t n_text, uint32_t duration_ms) {
    if (duration_ms == 0) {
        snprintf(text, n_text, "0");
        return text;
    }
    return format_quantity(text, n_text, duration_ms, duration_units);
}

int size_parse(uint32_t *size_bytes, const char *text) {
    return parse_quantity(size_bytes, text, size_units, sizeof(size_units) / sizeof(Unit)) ? SIZE_OK : SIZE_BAD;
}

char *size_format(char *text, size_t n_text, uint32_t size_bytes) {
    if (size_bytes == 0) {
        snprintf(text, n_text, "0");
        return text;
    }
    return format_quantity(text, n_text, size_bytes, size_units);
}
