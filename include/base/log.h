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

void log_configure(LogLevel level, LogFormat format, int fd); /* before the threads start */
bool log_is_enabled(LogLevel level);
void log_write(LogLevel level, const char *event, const LogField *fields, size_t n_fields);

#define log_event(level, event, ...)                                                                                           \
    log_write((level), (event), (const LogField[]){__VA_ARGS__}, sizeof((const LogField[]){__VA_ARGS__}) / sizeof(LogField))
