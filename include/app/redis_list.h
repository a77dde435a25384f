/* Redis list: the URLs in redis.url, one or several separated by spaces. Any thread; no state. */
#pragma once

#include <stddef.h>

/* The next URL, at *at or behind it, and its size; NULL when there is none. *at moves behind it. */
const char *redis_list_next(const char **at, size_t *n_url);
unsigned redis_list_count(const char *urls);
