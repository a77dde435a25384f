#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PLACES = 16 };

typedef struct Place {
    const char *file;
    const char *function;
    int line;
} Place;

static _Thread_local Place places[MAX_PLACES];
static _Thread_local size_t n_places;

int error_record(int error, int is_origin, const char *file, int line, const char *function) {
    if (is_origin)
        n_places = 0;
    /* A deeper trace loses its outermost places: the origin matters most. */
    if (n_places < MAX_PLACES)
        places[n_places++] = (Place){.file = file, .function = function, .line = line};
    return error;
}

/* __FILE__ is relative to the build folder: only the part below src/ says something to a reader. */
static const char *path_in_source(const char *file) {
    const char *below = file;
    for (const char *found = file; (found = strstr(found, "src/")) != NULL; below = found)
        found += strlen("src/");
    return below;
}

const char *error_describe(char *text, size_t n_text) {
    size_t at = 0;
    if (n_text > 0)
        text[0] = '\0';
    for (size_t i = 0; i < n_places && at < n_text; i++) {
        const Place *place = &places[i];
        int n = snprintf(text + at, n_text - at, "%s%s %s:%d", i == 0 ? "" : " < ", place->function,
                         path_in_source(place->file), place->line);
        if (n < 0)
            break;
        at += (size_t)n;
    }
    return text;
}
