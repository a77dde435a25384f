#include "base/label.h"

#include <pthread.h>
#include <stdbool.h>

#include "suite.h"

static Label label;
static atomic_bool has_ended;

START_TEST(what_was_set_is_read) {
    char text[LABEL_BYTES];
    label_read(&label, text);
    ck_assert_str_eq(text, "");
    label_set(&label, "redis-1:6379");
    label_read(&label, text);
    ck_assert_str_eq(text, "redis-1:6379");
    label_set(&label, "r");
    label_read(&label, text);
    ck_assert_str_eq(text, "r");
}
END_TEST

START_TEST(a_long_text_is_cut) {
    char longer[2 * LABEL_BYTES], text[LABEL_BYTES];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    label_set(&label, longer);
    label_read(&label, text);
    ck_assert_uint_eq(strlen(text), LABEL_BYTES - 1);
}
END_TEST

static void *write_labels(void *context) {
    char text[LABEL_BYTES] = "";
    for (int i = 0; i < 200000; i++) {
        memset(text, 'a' + i % 26, LABEL_BYTES - 1);
        label_set(context, text);
    }
    atomic_store(&has_ended, true);
    return NULL;
}

START_TEST(a_reader_never_sees_half_of_two_texts) {
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, write_labels, &label), 0);
    while (!atomic_load(&has_ended)) {
        char text[LABEL_BYTES];
        label_read(&label, text);
        for (size_t i = 1; text[0] && i < LABEL_BYTES - 1; i++)
            ck_assert_int_eq(text[i], text[0]);
    }
    pthread_join(writer, NULL);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_was_set_is_read,
        a_long_text_is_cut,
        a_reader_never_sees_half_of_two_texts,
    };
    return run_suite("label", tests, N_ELEMENTS(tests));
}
