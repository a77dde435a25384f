/* Control: what a backend or the HTTP API asks of every node at once. Each is one JSON object, published in Redis as
   <prefix>/control ("barker/control"). Immutable; shared by threads through its reference count. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ref.h"

enum { CONTROL_OK, CONTROL_BAD };
enum { CONTROL_TEXT_MAX = 8 * 1024, CONTROL_REASON_MAX = 123, CONTROL_CODE_MIN = 3000, CONTROL_CODE_MAX = 4999 };

/* The channel of the commands, as the bus and its backends know it: no client can name it. In Redis
   it is called as broker/channel_key.h says. */
#define CONTROL_CHANNEL "\001control"

typedef enum ControlKind {
    CONTROL_DISCONNECT,  /* {"type":"disconnect"} */
    CONTROL_UNSUBSCRIBE, /* {"type":"unsubscribe","channel":…} */
    CONTROL_SUBSCRIBE,   /* {"type":"subscribe","channel":…}: whoever may subscribe to it otherwise */
} ControlKind;

typedef struct Control {
    Ref ref;
    ControlKind kind;
    uint64_t connection; /* "connection":"<hex>", as the welcome tells it; 0: all of the user */
    uint16_t code;       /* "code" of the close frame, CONTROL_CODE_MIN to CONTROL_CODE_MAX; 0: not given */
    uint32_t n_user;
    uint32_t n_channel;
    uint32_t n_reason;
    const char *user;    /* "user", within the control's own memory as the other texts; n_user 0: none */
    const char *channel; /* a valid name; n_channel 0: none */
    const char *reason;  /* "reason", valid UTF-8 up to CONTROL_REASON_MAX bytes */
} Control;

/* CONTROL_OK; CONTROL_BAD with a static text in why; -ENOMEM. Exactly one of user and connection is named; members that are not known
   are refused, for what they would have limited would be done without limit. */
int control_parse(Control **out, const char *text, size_t n_text, const char **why);
/* Appends the object. 0 or -ENOMEM. */
int control_write(Buf *out, const Control *control);
Control *control_ref(Control *control);
Control *control_unref(Control *control); /* NULL, also for NULL */
