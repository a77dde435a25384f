#include "net/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static char folder[] = "/tmp/barker-tls-XXXXXX";
static char certificates[2][64];
static char keys[2][64];
static char error[320];

static void given_two_pairs(void) {
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        char command[512];
        snprintf(certificates[i], sizeof certificates[i], "%s/%d.crt", folder, i);
        snprintf(keys[i], sizeof keys[i], "%s/%d.key", folder, i);
        snprintf(command, sizeof command,
                 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=barker "
                 "-keyout %s -out %s 2>/dev/null",
                 keys[i], certificates[i]);
        ck_assert_int_eq(system(command), 0);
    }
}

static void finish(void) {
    for (int i = 0; i < 2; i++) {
        unlink(certificates[i]);
        unlink(keys[i]);
    }
    rmdir(folder);
}

START_TEST(a_key_that_does_not_fit_is_refused_by_its_name_and_one_that_does_is_taken) {
    given_two_pairs();
    Tls *tls = NULL;
    TlsFiles files = {.certificates = certificates[0], .keys = keys[1], .client_ca = ""};
    ck_assert_int_eq(tls_new(&tls, &files, error, sizeof error), -EINVAL);
    ck_assert_msg(strstr(error, keys[1]) && strstr(error, "mismatch"), "%s", error);
    ck_assert_ptr_null(tls);
    files.keys = keys[0];
    ck_assert_int_eq(tls_new(&tls, &files, error, sizeof error), 0);
    ck_assert_ptr_eq(tls_ref(tls), tls);
    ck_assert_ptr_null(tls_unref(tls));
    ck_assert_ptr_null(tls_unref(tls));
    finish();
}
END_TEST

START_TEST(an_authority_that_cannot_be_read_is_refused) {
    given_two_pairs();
    Tls *tls = NULL;
    const TlsFiles files = {.certificates = certificates[0], .keys = keys[0], .client_ca = "/nowhere"};
    ck_assert_int_eq(tls_new(&tls, &files, error, sizeof error), -EINVAL);
    ck_assert_msg(strstr(error, "authority in /nowhere: No such file or directory"), "%s", error);
    finish();
}
END_TEST

START_TEST(the_stamp_changes_with_a_file_and_not_without) {
    given_two_pairs();
    const TlsFiles files = {.certificates = certificates[0], .keys = keys[0], .client_ca = ""};
    uint64_t before = tls_stamp(&files);
    ck_assert_uint_eq(tls_stamp(&files), before);
    ck_assert_int_eq(rename(keys[1], keys[0]), 0);
    ck_assert_uint_ne(tls_stamp(&files), before);
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_key_that_does_not_fit_is_refused_by_its_name_and_one_that_does_is_taken,
        an_authority_that_cannot_be_read_is_refused,
        the_stamp_changes_with_a_file_and_not_without,
    };
    return run_suite("net/tls", tests, N_ELEMENTS(tests));
}
