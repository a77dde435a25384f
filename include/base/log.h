/* Log: one line an event on standard error, logfmt or JSON, never a payload. Any thread.
   base, hub, session, broker, dialect do not log: they report upwards; net, http and app log once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum LogLevel { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR } LogLevel;
typedef enum LogFormat { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON } LogFormat;

typedef struct LogField {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_NUMBER } type;
    const char *text; /* text: n_text bytes, quoted and escaped as the format needs, cut at 256 */
    size_t n_text;
    int64_t number;
} LogField;

LogField log_text(const char *key, const char *text); /* NULL is written as "" */
LogField log_bytes(const char *key, const char *text, size_t n_text);
LogField log_number(const char *key, int64_t number);

/* From now on at most so many lines a second of one event and level, whatever they say; of those held back the number is told
   behind the second, with the next line or by log_settle: event=repeated of=<event> n=<how many>. 0, as at the start: all
   are written, and those held back are told at once. Any thread. */
void log_sample(uint32_t per_second);
void log_settle(void); /* tells what is due; whoever wakes now and then calls it */

void log_configure(LogLevel level, LogFormat format,
                   int fd); /* the descriptor only before the threads start, the rest any time */
bool log_is_enabled(LogLevel level);
void log_write(LogLevel level, const char *event, const LogField *fields, size_t n_fields);

#define log_event(level, event, ...)                                                                                           \
    log_write((level), (event), (const LogField[]){__VA_ARGS__}, sizeof((const LogField[]){__VA_ARGS__}) / sizeof(LogField))
