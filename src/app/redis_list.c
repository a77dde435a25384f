#include "app/redis_list.h"

#include <string.h>

const char *redis_list_next(const char **at, size_t *n_url) {
    const char *url = *at + strspn(*at, " ");
    *n_url = strcspn(url, " ");
    *at = url + *n_url;
    return *n_url ? url : NULL;
}

unsigned redis_list_count(const char *urls) {
    unsigned n = 0;
    size_t n_url;
    while (redis_list_next(&urls, &n_url))
        n++;
    return n;
}
