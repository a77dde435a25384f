#include "broker/resp_reply.h"

#include <string.h>
#include <strings.h>

bool resp_text_is(const RespText *text, const char *word) {
    return text->n_bytes == strlen(word) && strncasecmp(text->bytes, word, text->n_bytes) == 0;
}

void resp_reply_line(Writer *writer, const char *line) {
    writer_text(writer, line);
    writer_append(writer, "\r\n", 2);
}

void resp_reply_shown(Writer *writer, const RespText *text, size_t n_max) {
    char shown[RESP_SHOWN_BYTES];
    if (n_max > sizeof shown)
        n_max = sizeof shown;
    size_t n = text->n_bytes < n_max ? text->n_bytes : n_max;
    for (size_t i = 0; i < n; i++)
        shown[i] = text->bytes[i] == '\r' || text->bytes[i] == '\n' ? ' ' : text->bytes[i];
    writer_append(writer, shown, n);
}
