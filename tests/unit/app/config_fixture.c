#include "config_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/options.h"

Config *config;
Buf config_problems;
char config_path[] = "/tmp/test_config_XXXXXX";

void config_set_up(void) {
    int fd;

    buf_init(&config_problems, 4096);
    strcpy(config_path + strlen(config_path) - 6, "XXXXXX");
    fd = mkstemp(config_path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

void config_tear_down(void) {
    config = config_free(config);
    buf_finish(&config_problems);
    unlink(config_path);
}

void config_write_file(const char *text) {
    FILE *file = fopen(config_path, "we");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

int config_try(const char *file, char *const *environment, const char *flag, const char *value) {
    ConfigFlag given = {.option = flag ? options_find(OPTION_FLAG, flag) : NULL, .text = value};
    ConfigSources sources = {.file = file, .environment = environment, .flags = &given, .n_flags = flag ? 1 : 0};

    buf_clear(&config_problems);
    if (flag)
        option_namespace(given.namespace_name, given.option, OPTION_FLAG, flag);
    return config_load(&config, &sources, &config_problems);
}

void config_assert_problem(const char *expected) {
    ck_assert_int_eq(buf_append(&config_problems, "", 1), BUF_OK);
    ck_assert_msg(strstr((const char *)config_problems.bytes, expected), "expected: %s\ngot: %s", expected,
                  (const char *)config_problems.bytes);
}

void config_assert_file_problem(const char *text, unsigned line, const char *expected) {
    char place[256];

    config_write_file(text);
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_BAD);
    snprintf(place, sizeof(place), "%s:%u: %s", config_path, line, expected);
    config_assert_problem(place);
    ck_assert_ptr_null(config);
}
