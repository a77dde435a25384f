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
    va_list arguments;
    if (n_text > sizeof text / 2)
        return;
    if (n_text)
        n_text += (size_t)snprintf(text + n_text, sizeof text - n_text, "; ");
    va_start(arguments, format);
    n_text += (size_t)vsnprintf(text + n_text, sizeof text - n_text, format, arguments);
    va_end(arguments);
}

const char *journal_text(void) {
    return text;
}

bool journal_has(const char *wanted) {
    return strstr(text, wanted) != NULL;
}
