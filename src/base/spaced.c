#include "base/spaced.h"

#include <string.h>

const char *spaced_next(const char **at, size_t *n_item) {
    const char *item = *at + strspn(*at, " ");
    *n_item = strcspn(item, " ");
    *at = item + *n_item;
    return *n_item ? item : NULL;
}

unsigned spaced_count(const char *text) {
    unsigned n = 0;
    size_t n_item;
    while (spaced_next(&text, &n_item))
        n++;
    return n;
}
