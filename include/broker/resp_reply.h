/* RespReply: what the embedded broker's commands share, of reading words and answering lines. Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker/resp_request.h"
#include "broker/writer.h"

enum { RESP_SHOWN_BYTES = 128 };

bool resp_text_is(const RespText *text, const char *word); /* in any case */

void resp_reply_line(Writer *writer, const char *line); /* +OK or -ERR, without its end */
/* A client's bytes in an error line: at most n_max and RESP_SHOWN_BYTES, and nothing that would end the line. */
void resp_reply_shown(Writer *writer, const RespText *text, size_t n_max);
