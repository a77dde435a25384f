/* Stamp: what a bench payload says of itself, as text: bk<run>:<sequence>:<channel>:<time>: and x to the end. Any thread.
   It is found anywhere within a frame, so a dialect's envelope around it does not matter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STAMP_MARK_BYTES = 9, STAMP_BYTES = 40 };
#define STAMP_PROBE UINT32_MAX /* the sequence of a message that only asks who hears */

typedef struct Stamp {
    uint32_t sequence; /* within the channel */
    uint32_t channel;  /* below 65536 */
    uint64_t sent_ns;  /* when it was published, or was due to be */
} Stamp;

typedef struct StampMark { /* the same in all of a run's messages, and in no other run's */
    char text[STAMP_MARK_BYTES + 1];
} StampMark;

void stamp_mark_init(StampMark *mark, uint32_t run); /* 24 bits of run count */

/* Fills text with n_bytes (at least STAMP_BYTES), no NUL. */
void stamp_write(char *text, size_t n_bytes, const StampMark *mark, const Stamp *stamp);
/* Finds the first stamp of this run; false when there is none. */
bool stamp_find(Stamp *stamp, const StampMark *mark, const void *bytes, size_t n_bytes);
