#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_sample.h"
#include "base/utf8.h"

enum { MAX_LINE_BYTES = 4096, MAX_TEXT_BYTES = 256 };
enum { END_BYTES = 16 }; /* room for the longer end of a line: ,"cut":1}\n */

static _Atomic LogLevel log_level = LOG_LEVEL_INFO;
static _Atomic LogFormat log_format = LOG_FORMAT_LOGFMT;
static atomic_int log_fd = STDERR_FILENO;
static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static LogSample log_held;              /* under the mutex */
static _Atomic uint32_t log_per_second; /* 0: nothing is held back */

typedef struct Line {
    char text[MAX_LINE_BYTES];
    size_t n_text;
    size_t n_limit;
    LogFormat format; /* from its beginning to its end, whatever is configured meanwhile */
    bool is_over;     /* something did not fit; nothing more is put until this is reset */
} Line;

LogField log_text(const char *key, const char *text) {
    const char *given = text ? text : "";
    return log_bytes(key, given, strlen(given));
}

LogField log_bytes(const char *key, const char *text, size_t n_text) {
    return (LogField){.key = key, .type = LOG_FIELD_TEXT, .text = text, .n_text = n_text};
}

LogField log_number(const char *key, int64_t number) {
    return (LogField){.key = key, .type = LOG_FIELD_NUMBER, .number = number};
}

void log_configure(LogLevel level, LogFormat format, int fd) {
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
    atomic_store_explicit(&log_format, format, memory_order_relaxed);
    atomic_store_explicit(&log_fd, fd, memory_order_relaxed);
}

bool log_is_enabled(LogLevel level) {
    return level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

static void put_bytes(Line *line, const char *bytes, size_t n_bytes) {
    if (line->is_over || n_bytes > line->n_limit - line->n_text) {
        line->is_over = true;
        return;
    }
    memcpy(line->text + line->n_text, bytes, n_bytes);
    line->n_text += n_bytes;
}

static void put(Line *line, const char *text) {
    put_bytes(line, text, strlen(text));
}

/* C0, DEL and C1 (U+0080 to U+009F): a terminal that shows the log must not obey what a peer sent. */
static bool is_control(const unsigned char *character, size_t size) {
    if (size == 1)
        return character[0] < 0x20 || character[0] == 0x7f;
    return size == 2 && character[0] == 0xc2 && character[1] < 0xa0;
}

static void put_hex(Line *line, const char *prefix, unsigned byte) {
    char text[16];
    snprintf(text, sizeof(text), "%s%02x", prefix, byte & 0xff);
    put(line, text);
}

static void put_escaped(Line *line, const char *text, size_t n_text) {
    for (size_t at = 0; at < n_text;) {
        const unsigned char *character = (const unsigned char *)text + at;
        size_t size = utf8_character_size(character, n_text - at);
        bool is_json = line->format == LOG_FORMAT_JSON;
        if (size == 0 && is_json) {
            put(line, "\xef\xbf\xbd"); /* U+FFFD: JSON has no way to say a byte */
        } else if (size == 0) {
            put_hex(line, "\\x", *character);
        } else if (*character == '"' || *character == '\\') {
            put(line, *character == '"' ? "\\\"" : "\\\\");
        } else if (*character == '\n') {
            put(line, "\\n");
        } else if (is_control(character, size)) {
            if (!is_json && size == 2)
                put_hex(line, "\\x", character[0]);
            put_hex(line, is_json ? "\\u00" : "\\x", character[size - 1]); /* C1: the last byte is the code point */
        } else {
            put_bytes(line, (const char *)character, size);
        }
        at += size ? size : 1;
    }
}

static bool needs_quotes(const char *text, size_t n_text) {
    for (size_t at = 0; at < n_text;) {
        const unsigned char *character = (const unsigned char *)text + at;
        size_t size = utf8_character_size(character, n_text - at);
        if (size == 0 || is_control(character, size) || strchr(" =\"", *character))
            return true;
        at += size;
    }
    return n_text == 0;
}

/* The text may be anything, so only a valid character that lies across the limit moves the cut. */
static size_t cut_text(const char *text, size_t n_text) {
    if (n_text <= MAX_TEXT_BYTES)
        return n_text;
    for (size_t n_back = 1; n_back <= 3; n_back++)
        if (utf8_character_size(text + MAX_TEXT_BYTES - n_back, n_text - MAX_TEXT_BYTES + n_back) > n_back)
            return MAX_TEXT_BYTES - n_back;
    return MAX_TEXT_BYTES;
}

static void put_text(Line *line, const char *text, size_t n_text) {
    n_text = cut_text(text, n_text);
    if (line->format == LOG_FORMAT_LOGFMT && !needs_quotes(text, n_text)) {
        put_bytes(line, text, n_text);
        return;
    }
    put(line, "\"");
    put_escaped(line, text, n_text);
    put(line, "\"");
}

static void put_number(Line *line, int64_t number) {
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, number);
    put(line, text);
}

/* Puts the field whole or not at all. */
static bool put_field(Line *line, const LogField *field) {
    size_t n_before = line->n_text;
    if (line->format == LOG_FORMAT_JSON) {
        put(line, n_before == 0 ? "{\"" : ",\"");
        put(line, field->key);
        put(line, "\":");
    } else {
        put(line, n_before == 0 ? "" : " ");
        put(line, field->key);
        put(line, "=");
    }
    if (field->type == LOG_FIELD_NUMBER)
        put_number(line, field->number);
    else
        put_text(line, field->text, field->n_text);
    if (!line->is_over)
        return true;
    line->is_over = false;
    line->n_text = n_before;
    return false;
}

static LogField time_field(char *text, size_t n_text) {
    uint64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t n = strftime(text, n_text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + n, n_text - n, ".%03uZ", (unsigned)(now_ms % 1000));
    return log_text("ts", text);
}

/* A line goes out with one write; the mutex matters only when the descriptor takes a part of it. */
static void write_line(const Line *line) {
    pthread_mutex_lock(&log_mutex);
    for (size_t at = 0; at < line->n_text;) {
        ssize_t n = write(atomic_load_explicit(&log_fd, memory_order_relaxed), line->text + at, line->n_text - at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            break; /* there is nowhere to report to */
    }
    pthread_mutex_unlock(&log_mutex);
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static void write_event(LogLevel level, const char *event, const LogField *fields, size_t n_fields) {
    char time_text[40];
    const LogField head[] = {time_field(time_text, sizeof(time_text)), log_text("level", level_names[level]),
                             log_text("event", event)};
    Line line;
    line.n_text = 0;
    line.n_limit = MAX_LINE_BYTES - END_BYTES;
    line.format = atomic_load_explicit(&log_format, memory_order_relaxed);
    line.is_over = false;
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        put_field(&line, &head[i]);
    bool is_cut = false;
    for (size_t i = 0; i < n_fields; i++)
        is_cut |= !put_field(&line, &fields[i]);
    line.n_limit = MAX_LINE_BYTES;
    if (is_cut)
        put_field(&line, &(LogField){.key = "cut", .type = LOG_FIELD_NUMBER, .number = 1});
    put(&line, line.format == LOG_FORMAT_JSON ? "}\n" : "\n");
    write_line(&line);
}

/* Of one event that is due; false: of none. */
static bool settle_one(bool is_final) {
    LogSampleRow row;
    pthread_mutex_lock(&log_mutex);
    bool is_due = log_sample_settle(&log_held, clock_now_ms(), is_final, &row);
    pthread_mutex_unlock(&log_mutex);
    if (!is_due)
        return false;
    const LogField fields[] = {log_text("of", row.event), log_number("n", row.n_held)};
    write_event((LogLevel)row.level, "repeated", fields, sizeof(fields) / sizeof(fields[0]));
    return true;
}

void log_sample(uint32_t per_second) {
    atomic_store(&log_per_second, per_second);
    while (settle_one(per_second == 0))
        ;
}

void log_settle(void) {
    while (settle_one(false))
        ;
}

void log_write(LogLevel level, const char *event, const LogField *fields, size_t n_fields) {
    if (!log_is_enabled(level))
        return;
    uint32_t per_second = atomic_load(&log_per_second);
    if (per_second > 0) {
        log_settle();
        pthread_mutex_lock(&log_mutex);
        bool is_taken = log_sample_take(&log_held, event, (int)level, clock_now_ms(), per_second);
        pthread_mutex_unlock(&log_mutex);
        if (!is_taken)
            return;
    }
    write_event(level, event, fields, n_fields);
}
