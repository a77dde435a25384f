#include "hub/namespace.h"

#include <string.h>

const Namespace *namespaces_find(const Namespaces *namespaces, const char *channel, size_t n_channel) {
    const char *colon = memchr(channel, ':', n_channel);
    size_t n_name = colon ? (size_t)(colon - channel) : 0;
    if (n_name == 0 || n_name >= sizeof(namespaces->fallback.name))
        return &namespaces->fallback;
    for (uint32_t i = 0; i < namespaces->n_items; i++) {
        const Namespace *item = &namespaces->items[i];
        if (memcmp(item->name, channel, n_name) == 0 && item->name[n_name] == '\0')
            return item;
    }
    return &namespaces->fallback;
}
