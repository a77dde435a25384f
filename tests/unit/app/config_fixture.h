/* What the suites of the configuration share: loading one from a file of their own. Owner: the main thread of the test. */
#pragma once

#include <check.h>

#include "app/config.h"

extern Config *config;
extern Buf config_problems;
extern char config_path[]; /* a file that set_up makes */

void config_set_up(void);
void config_tear_down(void);
void config_write_file(const char *text);
/* As config_load; flag NULL: none. */
int config_try(const char *file, char *const *environment, const char *flag, const char *value);
void config_assert_problem(const char *expected); /* after all problems were noted */
/* A file of that text is refused, and in that line. */
void config_assert_file_problem(const char *text, unsigned line, const char *expected);
