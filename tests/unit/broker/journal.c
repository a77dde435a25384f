#include "journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char text[64 << 10];
static size_t n_text;

void journal_clear(void) {
    n_text = 0;
    text[0] = '\0';
}

void journal_add(const char *format, ...) {
    char entry[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry, sizeof entry, format, arguments);
    va_end(arguments);
    if (n_text < sizeof text / 2)
        n_text += (size_t)snprintf(text + n_text, sizeof text - n_text, "%s%s", n_text ? "; " : "", entry);
}

const char *journal_text(void) {
    return text;
}

bool journal_has(const char *wanted) {
    return strstr(text, wanted) != NULL;
}
