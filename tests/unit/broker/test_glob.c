#include "broker/glob.h"

#include <string.h>
#include <time.h>

#include "suite.h"

static bool matches(const char *pattern, const char *text) {
    return glob_match(pattern, strlen(pattern), text, strlen(text));
}

START_TEST(a_pattern_without_special_characters_matches_itself_only) {
    ck_assert(matches("news", "news"));
    ck_assert(!matches("news", "new"));
    ck_assert(!matches("news", "newsy"));
    ck_assert(matches("", ""));
    ck_assert(!matches("", "a"));
}
END_TEST

START_TEST(a_star_matches_any_run_of_characters_and_none) {
    ck_assert(matches("*", ""));
    ck_assert(matches("*", "a:b"));
    ck_assert(matches("barker:*", "barker:"));
    ck_assert(matches("barker:*", "barker:x:y"));
    ck_assert(!matches("barker:*", "bark"));
    ck_assert(matches("*news", "goodnews"));
    ck_assert(!matches("*news", "newsx"));
    ck_assert(matches("a*b*c", "a-b-b-c"));
    ck_assert(!matches("a*b*c", "a-c-b"));
    ck_assert(matches("a**b", "ab"));
}
END_TEST

START_TEST(a_question_mark_matches_one_character) {
    ck_assert(matches("h?llo", "hello"));
    ck_assert(!matches("h?llo", "hllo"));
    ck_assert(!matches("?", ""));
}
END_TEST

START_TEST(a_class_matches_one_of_its_characters_or_ranges) {
    ck_assert(matches("h[ae]llo", "hello"));
    ck_assert(!matches("h[ae]llo", "hillo"));
    ck_assert(matches("h[a-e]llo", "hbllo"));
    ck_assert(matches("h[e-a]llo", "hbllo"));
    ck_assert(matches("h[^e]llo", "hallo"));
    ck_assert(!matches("h[^e]llo", "hello"));
    ck_assert(matches("[\\]]", "]"));
    ck_assert(matches("[ab", "b"));
    ck_assert(!matches("[]", "a"));
}
END_TEST

START_TEST(a_backslash_takes_the_next_character_as_it_is) {
    ck_assert(matches("a\\*b", "a*b"));
    ck_assert(!matches("a\\*b", "axb"));
    ck_assert(matches("a\\", "a\\"));
}
END_TEST

START_TEST(a_hostile_pattern_takes_no_longer_than_its_size_allows) {
    char text[4001];
    char pattern[201];
    memset(text, 'a', 4000);
    text[4000] = '\0';
    for (int i = 0; i < 198; i += 2)
        memcpy(pattern + i, "a*", 2);
    memcpy(pattern + 198, "b", 2);
    clock_t start = clock();
    ck_assert(!matches(pattern, text));
    ck_assert((clock() - start) < CLOCKS_PER_SEC);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_pattern_without_special_characters_matches_itself_only,
        a_star_matches_any_run_of_characters_and_none,
        a_question_mark_matches_one_character,
        a_class_matches_one_of_its_characters_or_ranges,
        a_backslash_takes_the_next_character_as_it_is,
        a_hostile_pattern_takes_no_longer_than_its_size_allows,
    };
    return run_suite("glob", tests, N_ELEMENTS(tests));
}
