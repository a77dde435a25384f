#include "base/files.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static char one[] = "/tmp/test_files_XXXXXX", other[] = "/tmp/test_files_XXXXXX";
static char both[sizeof(one) + sizeof(other) + 4];

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void begin(void) {
    close(mkstemp(one));
    close(mkstemp(other));
    snprintf(both, sizeof(both), " %s  %s ", one, other);
}

static void end(void) {
    unlink(one);
    unlink(other);
}

START_TEST(the_stamp_stays_while_nothing_changes) {
    begin();
    ck_assert_uint_eq(files_stamp(0, both), files_stamp(0, both));
    ck_assert_uint_ne(files_stamp(0, both), files_stamp(1, both));
    ck_assert_uint_eq(files_stamp(7, ""), 7);
    end();
}
END_TEST

START_TEST(it_changes_with_any_of_the_files) {
    begin();
    uint64_t empty = files_stamp(0, both);
    write_file(one, "a");
    uint64_t first = files_stamp(0, both);
    write_file(other, "a");
    ck_assert_uint_ne(first, empty);
    ck_assert_uint_ne(files_stamp(0, both), first);
    end();
}
END_TEST

START_TEST(a_file_that_is_replaced_has_changed_and_so_has_one_that_is_gone) {
    begin();
    uint64_t before = files_stamp(0, one);
    ck_assert_int_eq(rename(other, one), 0);
    uint64_t replaced = files_stamp(0, one);
    ck_assert_uint_ne(replaced, before);
    unlink(one);
    ck_assert_uint_ne(files_stamp(0, one), replaced);
    ck_assert_uint_eq(files_stamp(0, one), files_stamp(0, other));
}
END_TEST

START_TEST(a_pipe_is_told_from_files_and_from_nothing) {
    begin();
    ck_assert(!files_have_pipe(both));
    unlink(other);
    ck_assert(!files_have_pipe(both));
    ck_assert(!file_is_pipe(other));
    ck_assert_int_eq(mkfifo(other, 0600), 0);
    ck_assert(files_have_pipe(both));
    ck_assert(file_is_pipe(other));
    ck_assert(!files_have_pipe(""));
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_stamp_stays_while_nothing_changes,
        it_changes_with_any_of_the_files,
        a_file_that_is_replaced_has_changed_and_so_has_one_that_is_gone,
        a_pipe_is_told_from_files_and_from_nothing,
    };
    return run_suite("files", tests, N_ELEMENTS(tests));
}
