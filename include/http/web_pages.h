/* Web pages: the files of src/web, built into the binary. Constant; any thread. */
#pragma once

#include <stddef.h>

typedef struct WebPage {
    const char *path;         /* "/" or "/favicon.svg", NUL-terminated */
    const char *content_type; /* NUL-terminated */
    const unsigned char *bytes;
    size_t n_bytes;
} WebPage;

extern const WebPage web_pages[];
extern const size_t web_n_pages;
