/* LogSample: which lines of the log are held back, since too many of their kind have been written in this second.
   Owner: the log, under its mutex. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LOG_SAMPLE_EVENTS = 64, LOG_SAMPLE_NAME = 48, LOG_SAMPLE_MS = 1000 };

/* One event at one level. */
typedef struct LogSampleRow {
    char event[LOG_SAMPLE_NAME]; /* "": free. Longer names share a row when they begin alike */
    int level;
    uint64_t began_ms;  /* its second */
    uint32_t n_written; /* in it */
    uint32_t n_held;
} LogSampleRow;

typedef struct LogSample {
    LogSampleRow rows[LOG_SAMPLE_EVENTS];
} LogSample;

/* Whether the line is to be written; else it is held back and counted. Where there is no room for one more event, it is written. */
bool log_sample_take(LogSample *sample, const char *event, int level, uint64_t now_ms, uint32_t per_second);
/* The next row whose second is over (is_final: or not) and that has lines held back; its n_held is taken out. *row is a copy,
   with the number. False: no more. */
bool log_sample_settle(LogSample *sample, uint64_t now_ms, bool is_final, LogSampleRow *row);
