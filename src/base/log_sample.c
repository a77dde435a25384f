#include "base/log_sample.h"

#include <stdio.h>
#include <string.h>

static bool row_is_over(const LogSampleRow *row, uint64_t now_ms) {
    return now_ms - row->began_ms >= LOG_SAMPLE_MS;
}

/* Its own row, or one that nobody needs any more; NULL: there is none. */
static LogSampleRow *row_of(LogSample *sample, const char *event, int level, uint64_t now_ms) {
    LogSampleRow *free_row = NULL;
    for (int i = 0; i < LOG_SAMPLE_EVENTS; i++) {
        LogSampleRow *row = &sample->rows[i];
        if (row->level == level && row->event[0] && strncmp(row->event, event, LOG_SAMPLE_NAME - 1) == 0)
            return row;
        if (!free_row && (!row->event[0] || (row_is_over(row, now_ms) && row->n_held == 0)))
            free_row = row;
    }
    if (free_row) {
        *free_row = (LogSampleRow){.level = level, .began_ms = now_ms};
        snprintf(free_row->event, sizeof(free_row->event), "%s", event);
    }
    return free_row;
}

bool log_sample_take(LogSample *sample, const char *event, int level, uint64_t now_ms, uint32_t per_second) {
    LogSampleRow *row = row_of(sample, event, level, now_ms);
    if (!row)
        return true;
    if (row_is_over(row, now_ms)) {
        row->began_ms = now_ms;
        row->n_written = 0;
    }
    if (row->n_written < per_second) {
        row->n_written++;
        return true;
    }
    row->n_held++;
    return false;
}

bool log_sample_settle(LogSample *sample, uint64_t now_ms, bool is_final, LogSampleRow *row) {
    for (int i = 0; i < LOG_SAMPLE_EVENTS; i++) {
        LogSampleRow *at = &sample->rows[i];
        if (at->n_held == 0 || !(is_final || row_is_over(at, now_ms)))
            continue;
        *row = *at;
        at->n_held = 0;
        return true;
    }
    return false;
}
