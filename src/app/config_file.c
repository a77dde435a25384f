#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "app/config_values.h"
#include "app/options.h"
#include "base/error.h"

enum { SECTION_SIZE = 2 * OPTION_NAME_SIZE, ORIGIN_SIZE = 256 };

typedef struct Reading {
    Config *config;
    Buf *problems;
    const char *path;
    FILE *file;
    unsigned line;
    char section[SECTION_SIZE];
    int result;
} Reading;

static const char *place(char origin[static ORIGIN_SIZE], const Reading *reading, unsigned line) {
    snprintf(origin, ORIGIN_SIZE, "%s:%u", reading->path, line);
    return origin;
}

/* A failure is kept, a problem is added to those before. */
static void note(Reading *reading, int r) {
    if (reading->result >= 0)
        reading->result = r < 0 ? r : reading->result | r;
}

/* inih keeps 49 bytes of a section's name, fewer than a namespace's may have, so we keep it ourselves. */
static void note_section(Reading *reading, const char *line) {
    if (line[0] == '[')
        snprintf(reading->section, sizeof(reading->section), "%.*s", (int)strcspn(line + 1, "]"), line + 1);
}

/* inih's fgets: one call a line, so this is where lines are counted. White space in front is dropped, because inih would
   take such a line for more of the one before; so is the mark that some editors put before UTF-8. */
static char *read_line(char *text, int n_text, void *context) {
    Reading *reading = context;
    char origin[ORIGIN_SIZE];
    size_t n_line, n_space;

    if (!fgets(text, n_text, reading->file))
        return NULL;
    reading->line++;
    n_line = strlen(text);
    if (n_line == (size_t)n_text - 1 && text[n_line - 1] != '\n') {
        int c = 0;

        while (c != '\n' && c != EOF)
            c = fgetc(reading->file);
        note(reading, config_problem(reading->problems, place(origin, reading, reading->line), "a line has at most %d bytes",
                                     n_text - 2));
        text[0] = '\0';
    }
    n_space = reading->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    n_space += strspn(text + n_space, " \t");
    memmove(text, text + n_space, strlen(text + n_space) + 1);
    note_section(reading, text);
    return text;
}

static int refuse_key(Reading *reading, const char *origin, const char *key) {
    char spelled[OPTION_NAME_SIZE];
    const Option *near = options_nearest(OPTION_KEY, key);
    const char *dot;

    if (!strchr(key, '.'))
        return config_problem(reading->problems, origin, "'%s' stands before any [section]", key);
    if (!near)
        return config_problem(reading->problems, origin, "there is no option '%s'; barker run --help lists them", key);
    dot = strrchr(option_spell(spelled, near, OPTION_KEY), '.');
    return config_problem(reading->problems, origin, "there is no option '%s'; did you mean '%s', in the file [%.*s] %s = ?",
                          key, spelled, (int)(dot - spelled), spelled, dot + 1);
}

static int take_value(void *context, const char *cut_section, const char *name, const char *text) {
    Reading *reading = context;
    char key[SECTION_SIZE + OPTION_NAME_SIZE], origin[ORIGIN_SIZE], namespace_name[OPTION_NAME_SIZE];
    const Option *option;
    ConfigValue *value;

    place(origin, reading, reading->line);
    snprintf(key, sizeof(key), "%s%s%s", reading->section, *cut_section ? "." : "", name);
    option = options_find(OPTION_KEY, key);
    if (!option) {
        note(reading, refuse_key(reading, origin, key));
        return 1;
    }
    option_namespace(namespace_name, option, OPTION_KEY, key);
    value = config_value(reading->config, option, namespace_name);
    if (value && value->line) {
        note(reading, config_problem(reading->problems, origin, "'%s' was given already, in line %u", key, value->line));
        return 1;
    }
    note(reading, config_set(reading->config, option, namespace_name, text, origin, reading->problems));
    value = config_value(reading->config, option, namespace_name); /* now the namespace is there, unless its name is none */
    if (value)
        value->line = reading->line;
    return 1;
}

static int refuse_file(const char *path, const char *named_by, int error, Buf *problems) {
    char text[128];

    return config_problem(problems, named_by, "cannot read %s: %s", path, strerror_r(error, text, sizeof(text)));
}

int config_file_read(Config *config, const char *path, const char *named_by, Buf *problems) {
    Reading reading = {.config = config, .problems = problems, .path = path, .file = fopen(path, "re")};
    char origin[ORIGIN_SIZE];
    int line;

    if (!reading.file)
        return refuse_file(path, named_by, errno, problems);
    line = ini_parse_stream(read_line, &reading, take_value, &reading);
    if (line > 0)
        note(&reading, config_problem(problems, place(origin, &reading, (unsigned)line),
                                      "neither a [section] nor a key = value nor a comment"));
    else if (line < 0)
        note(&reading, error_origin(-ENOMEM));
    if (ferror(reading.file))
        note(&reading, refuse_file(path, named_by, EIO, problems));
    (void)fclose(reading.file); /* it was only read */
    return reading.result;
}
