/* Journal: what the fakes were told, as text. Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>

void journal_clear(void);
void journal_add(const char *format, ...) __attribute__((format(printf, 1, 2))); /* entries are joined by "; " */
const char *journal_text(void);
bool journal_has(const char *text);

/* The journal must be exactly that; it is empty afterwards. */
#define ck_journal(expected)                                                                                                   \
    do {                                                                                                                       \
        ck_assert_str_eq(journal_text(), (expected));                                                                          \
        journal_clear();                                                                                                       \
    } while (0)
