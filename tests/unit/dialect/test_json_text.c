#include "dialect/json_text.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* The oracle is jansson, which refuses some texts that the grammar of RFC 8259 allows and ours therefore takes: an escape of
   a lone surrogate, a number out of a double's range, a NUL in a member's name. It also overlooks a NUL byte behind a number
   or a word, which ours does not, so the random texts are free of it. */
enum { ORACLE_FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL };

/* In memory of its exact size, so that the sanitizer sees a read behind it. */
static bool is_valid(const char *text, size_t n_text) {
    char *copy = malloc(n_text ? n_text : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, n_text);
    bool result = json_text_is_valid(copy, n_text);
    free(copy);
    return result;
}

static const char *const valid_texts[] = {
    "{}",
    "[]",
    " [ ] ",
    "\t{\r}\n",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1.5e+10",
    "1E5",
    "0.0",
    "\"\"",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\"",
    "\"\xc3\xa4\xf0\x9f\x98\x80\"",
    "\"\x7f\"",
    "[1,2,3]",
    "[[],{},[{}]]",
    "{\"a\":1}",
    "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"e\"}",
    " { \"a\" : 1 , \"b\" : [ 1 , 2 ] } ",
    "{\"\":0}",
    "{\"a\":1,\"a\":2}",
    "123456789012345678901234567890",
    "\"12345678\"",
    "\"1234567\\n12345678\"",
};

static const char *const invalid_texts[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    "[}",
    "{]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\",1}",
    "[\"a\":1]",
    "nul",
    "nulL",
    "truee",
    "tru",
    "fals",
    "+1",
    "01",
    "-",
    "-a",
    "1.",
    ".5",
    "1.e5",
    "1e",
    "1e+",
    "1e5.5",
    "0x10",
    "NaN",
    "Infinity",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\u123",
    "\"\\",
    "\"a\nb\"",
    "\"1234567890\t\"",
    "'a'",
    "1 2",
    "{} {}",
    "[]]",
    "// c",
    "[1]/**/",
    "\xef\xbb\xbf{}",
    "\xc2\xa0[]",
    "\v1",
    "undefined",
};

START_TEST(valid_text_is_taken) {
    ck_assert_msg(is_valid(valid_texts[_i], strlen(valid_texts[_i])), "%s", valid_texts[_i]);
}
END_TEST

START_TEST(invalid_text_is_refused) {
    ck_assert_msg(!is_valid(invalid_texts[_i], strlen(invalid_texts[_i])), "%s", invalid_texts[_i]);
}
END_TEST

START_TEST(jansson_agrees_about_the_tables) {
    for (size_t i = 0; i < sizeof(valid_texts) / sizeof(valid_texts[0]); i++) {
        json_t *root = json_loadb(valid_texts[i], strlen(valid_texts[i]), ORACLE_FLAGS, NULL);
        ck_assert_msg(root != NULL, "%s", valid_texts[i]);
        json_decref(root);
    }
    for (size_t i = 0; i < sizeof(invalid_texts) / sizeof(invalid_texts[0]); i++)
        ck_assert_ptr_null(json_loadb(invalid_texts[i], strlen(invalid_texts[i]), ORACLE_FLAGS, NULL));
}
END_TEST

START_TEST(what_the_grammar_allows_and_jansson_refuses_is_taken) {
    static const char *const texts[] = {"\"\\ud800\"", "\"\\udc00x\"", "1e999", "-1e999", "{\"\\u0000\":1}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_ptr_null(json_loadb(texts[i], strlen(texts[i]), ORACLE_FLAGS, NULL));
        ck_assert_msg(is_valid(texts[i], strlen(texts[i])), "%s", texts[i]);
    }
}
END_TEST

START_TEST(a_nul_byte_is_refused_everywhere) {
    ck_assert(!is_valid("\0", 1));
    ck_assert(!is_valid("1\0", 2));
    ck_assert(!is_valid("\"\0\"", 3));
    ck_assert(!is_valid("\"\\\0\"", 4));
    ck_assert(!is_valid("[\0]", 3));
}
END_TEST

static bool nested_is_valid(size_t depth, const char *opening, const char *closing) {
    char *text = malloc(depth * (strlen(opening) + strlen(closing)) + 2);
    ck_assert_ptr_nonnull(text);
    char *at = text;
    for (size_t i = 0; i < depth; i++)
        at = stpcpy(at, opening);
    at = stpcpy(at, "1");
    for (size_t i = 0; i < depth; i++)
        at = stpcpy(at, closing);
    bool result = is_valid(text, (size_t)(at - text));
    free(text);
    return result;
}

START_TEST(nesting_is_bounded) {
    ck_assert(nested_is_valid(JSON_DEPTH_MAX, "[", "]"));
    ck_assert(nested_is_valid(JSON_DEPTH_MAX, "{\"a\":", "}"));
    ck_assert(nested_is_valid(JSON_DEPTH_MAX / 2, "[{\"a\":", "}]"));
    ck_assert(!nested_is_valid(JSON_DEPTH_MAX + 1, "[", "]"));
    ck_assert(!nested_is_valid(1000000, "[", "]"));
    ck_assert(!nested_is_valid(3, "[", "}"));
}
END_TEST

START_TEST(a_character_that_ends_a_run_is_seen_at_every_place_of_a_word) {
    char text[] = "\"aaaaaaaaaaaaaaaaaaaaaaa\"";
    for (size_t at = 1; at < sizeof(text) - 2; at++) {
        static const char bad[] = {'"', '\\', '\x1f', '\0', '\n'};
        for (size_t i = 0; i < sizeof(bad); i++) {
            text[at] = bad[i];
            ck_assert(!is_valid(text, sizeof(text) - 1));
        }
        text[at] = ' ';
        ck_assert(is_valid(text, sizeof(text) - 1));
        text[at] = 'a';
    }
}
END_TEST

typedef struct Random {
    char text[512];
    size_t n_text;
} Random;

static unsigned below(unsigned n) {
    return (unsigned)rand() % n;
}

static void put(Random *random, const char *text) {
    size_t n = strlen(text);
    if (random->n_text + n > sizeof(random->text))
        return; /* the text is then broken: as good a case as another */
    memcpy(random->text + random->n_text, text, n);
    random->n_text += n;
}

#define PICK(array) array[below(sizeof(array) / sizeof(array[0]))]

static void put_value(Random *random, unsigned depth) {
    static const char *const scalars[] = {"0",
                                          "-1",
                                          "12.5e-3",
                                          "true",
                                          "false",
                                          "null",
                                          "\"\"",
                                          "\"ab\\n\"",
                                          "\"\xc3\xa4\"",
                                          "\"data\"",
                                          "\"a,]}:\\\"{\"",
                                          "\"\\u0000\"",
                                          "\"\\uD83D\\uDE00\"",
                                          "1E+2"};
    static const char *const keys[] = {"\"data\"", "\"a\"", "\"dat\"", "\"datas\"", "\"\"", "\"d\\u0061ta\"", "\"\\\"data\""};
    static const char *const spaces[] = {"", "", "", " ", "\n\t "};
    unsigned n = below(4);
    put(random, PICK(spaces));
    switch (depth == 0 ? 0 : below(3)) {
    case 0:
        put(random, PICK(scalars));
        break;
    case 1:
        put(random, "[");
        for (unsigned i = 0; i < n; i++) {
            put(random, i ? "," : "");
            put_value(random, depth - 1);
        }
        put(random, "]");
        break;
    default:
        put(random, "{");
        for (unsigned i = 0; i < n; i++) {
            put(random, i ? "," : "");
            put(random, PICK(spaces));
            put(random, PICK(keys));
            put(random, PICK(spaces));
            put(random, ":");
            put_value(random, depth - 1);
        }
        put(random, "}");
    }
    put(random, PICK(spaces));
}

static void mutate(Random *random) {
    static const char bytes[] = "{}[]\",:\\u0eE+-. \n\x01xtfn19d8\x7f";
    for (unsigned n = below(4); n > 0 && random->n_text > 0; n--) {
        size_t at = below((unsigned)random->n_text);
        switch (below(3)) {
        case 0:
            random->text[at] = bytes[below(sizeof(bytes) - 1)];
            break;
        case 1:
            memmove(random->text + at, random->text + at + 1, random->n_text - at - 1);
            random->n_text--;
            break;
        default:
            random->n_text = at;
        }
    }
}

static bool may_differ(const Random *random, const json_error_t *error) {
    enum json_error_code code = json_error_code(error);
    bool has_escape = memmem(random->text, random->n_text, "\\u", 2) || memmem(random->text, random->n_text, "\\U", 2);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           (code == json_error_invalid_syntax && has_escape);
}

START_TEST(jansson_agrees_about_random_texts) {
    srand(11);
    unsigned n_valid = 0;
    for (unsigned round = 0; round < 200000; round++) {
        Random random = {.n_text = 0};
        put_value(&random, 4);
        mutate(&random);
        if (!utf8_is_valid(random.text, random.n_text))
            continue;
        json_error_t error;
        json_t *root = json_loadb(random.text, random.n_text, ORACLE_FLAGS, &error);
        bool result = is_valid(random.text, random.n_text);
        n_valid += result;
        if (result != (root != NULL))
            ck_assert_msg(result && may_differ(&random, &error), "%.*s: %s", (int)random.n_text, random.text, error.text);
        json_decref(root);
    }
    ck_assert_uint_gt(n_valid, 20000);
}
END_TEST

static void expect_member(const char *text, const char *expected) {
    const char *value = NULL;
    size_t n_value = 0;
    bool is_found = json_text_find(text, strlen(text), "data", &value, &n_value);
    ck_assert_msg(is_found == (expected != NULL), "%s", text);
    if (expected) {
        ck_assert_uint_eq(n_value, strlen(expected));
        ck_assert_mem_eq(value, expected, n_value);
    }
}

START_TEST(a_members_value_is_found_as_it_was_written) {
    expect_member("{\"data\":1}", "1");
    expect_member(" { \"a\" : [1,{\"data\":2}] , \"data\" : 1.50 , \"b\":3}", "1.50");
    expect_member("{\"data\":{\"a\" : [ 1, 2 ]}  }", "{\"a\" : [ 1, 2 ]}");
    expect_member("{\"data\":\"}\\\"\",\"b\":1}", "\"}\\\"\"");
    expect_member("{\"a\":\"data\",\"data\":null}", "null");
    expect_member("{\"data\":[]}", "[]");
    expect_member("{\"data\": 12345678901234567890123 }", "12345678901234567890123");
}
END_TEST

START_TEST(a_member_that_is_not_there_is_not_found) {
    expect_member("{}", NULL);
    expect_member("{\"datas\":1,\"dat\":2,\"\":3}", NULL);
    expect_member("{\"a\":{\"data\":1}}", NULL);
    expect_member("[\"data\",1]", NULL);
    expect_member("\"data\"", NULL);
    expect_member("{\"d\\u0061ta\":1}", NULL);
}
END_TEST

START_TEST(a_member_found_in_a_random_text_is_what_jansson_finds) {
    srand(12);
    unsigned n_found = 0;
    for (unsigned round = 0; round < 100000; round++) {
        Random random = {.n_text = 0};
        put_value(&random, 3);
        if (round % 4 == 0)
            mutate(&random);
        char *text = malloc(random.n_text ? random.n_text : 1);
        ck_assert_ptr_nonnull(text);
        memcpy(text, random.text, random.n_text);
        const char *value = text;
        size_t n_value = 0;
        bool is_found = json_text_find(text, random.n_text, "data", &value, &n_value);
        ck_assert(value >= text && value + n_value <= text + random.n_text);
        json_t *root = json_loadb(text, random.n_text, ORACLE_FLAGS | JSON_REJECT_DUPLICATES, NULL);
        const json_t *member = json_object_get(root, "data");
        bool is_escaped = memmem(text, random.n_text, "\\u0061", 6) != NULL;
        if (root && !is_escaped)
            ck_assert_msg(is_found == (member != NULL), "%.*s", (int)random.n_text, text);
        if (root && is_found) {
            json_t *found = json_loadb(value, n_value, ORACLE_FLAGS, NULL);
            ck_assert_msg(json_equal(found, member), "%.*s", (int)random.n_text, text);
            json_decref(found);
            n_found++;
        }
        json_decref(root);
        free(text);
    }
    ck_assert_uint_gt(n_found, 2000);
}
END_TEST

static void expect_quoted(const char *text, size_t n_text, const char *expected) {
    char out[256];
    ck_assert_uint_eq(json_text_quoted_size(text, n_text), strlen(expected));
    char *end = json_text_quote(out, text, n_text);
    ck_assert_uint_eq((size_t)(end - out), strlen(expected));
    ck_assert_mem_eq(out, expected, strlen(expected));
}

START_TEST(the_elements_of_an_array_are_found_as_they_were_written) {
    static const struct {
        const char *array, *elements;
    } cases[] = {
        {"[]", ""},     {"[ ]", ""},
        {"[1]", "1|"},  {"[ 1.0 , \"a]\" ,[2,{}],{\"b\": [3 ]} ] ", "1.0|\"a]\"|[2,{}]|{\"b\": [3 ]}|"},
        {"", ""},       {"[1", "1|"},
        {"[1,]", "1|"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *at = cases[i].array;
        const char *end = at + strlen(at);
        const char *value;
        size_t n_value;
        char found[128] = "";
        while (json_text_next(&at, end, &value, &n_value))
            strcat(strncat(found, value, n_value), "|");
        ck_assert_str_eq(found, cases[i].elements);
    }
}
END_TEST

START_TEST(quoting_escapes_what_must_be_escaped_and_nothing_else) {
    expect_quoted("", 0, "\"\"");
    expect_quoted("plain text, long enough for two words", 37, "\"plain text, long enough for two words\"");
    expect_quoted("\"\\/\b\f\n\r\t", 8, "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    expect_quoted("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
    expect_quoted("\xc3\xa4\xe2\x80\xa8", 5, "\"\xc3\xa4\xe2\x80\xa8\"");
}
END_TEST

START_TEST(what_is_quoted_reads_back_as_it_was) {
    static const char *const parts[] = {"a", "bcdefgh", "\"", "\\", "\n", "\x01", "\xc3\xa4", "\xf0\x9f\x98\x80", "/", "\x7f"};
    srand(13);
    for (unsigned round = 0; round < 20000; round++) {
        Random random = {.n_text = 0};
        for (unsigned n = below(20); n > 0; n--)
            put(&random, PICK(parts));
        size_t size = json_text_quoted_size(random.text, random.n_text);
        char *quoted = malloc(size);
        ck_assert_ptr_nonnull(quoted);
        ck_assert_ptr_eq(json_text_quote(quoted, random.text, random.n_text), quoted + size);
        ck_assert(json_text_is_valid(quoted, size));
        json_t *string = json_loadb(quoted, size, ORACLE_FLAGS, NULL);
        ck_assert_uint_eq(json_string_length(string), random.n_text);
        ck_assert_mem_eq(json_string_value(string), random.text, random.n_text);
        json_decref(string);
        free(quoted);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_text");
    TCase *tests = tcase_create("json_text");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, valid_text_is_taken, 0, sizeof(valid_texts) / sizeof(valid_texts[0]));
    tcase_add_loop_test(tests, invalid_text_is_refused, 0, sizeof(invalid_texts) / sizeof(invalid_texts[0]));
    tcase_add_test(tests, jansson_agrees_about_the_tables);
    tcase_add_test(tests, what_the_grammar_allows_and_jansson_refuses_is_taken);
    tcase_add_test(tests, a_nul_byte_is_refused_everywhere);
    tcase_add_test(tests, nesting_is_bounded);
    tcase_add_test(tests, a_character_that_ends_a_run_is_seen_at_every_place_of_a_word);
    tcase_add_test(tests, jansson_agrees_about_random_texts);
    tcase_add_test(tests, a_members_value_is_found_as_it_was_written);
    tcase_add_test(tests, a_member_that_is_not_there_is_not_found);
    tcase_add_test(tests, a_member_found_in_a_random_text_is_what_jansson_finds);
    tcase_add_test(tests, the_elements_of_an_array_are_found_as_they_were_written);
    tcase_add_test(tests, quoting_escapes_what_must_be_escaped_and_nothing_else);
    tcase_add_test(tests, what_is_quoted_reads_back_as_it_was);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
