#include "hub/namespace.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static Namespace items[] = {
    {.name = "chat", .slow = SLOW_LATEST},
    {.name = "chat-archive", .slow = SLOW_DROP_OLDEST},
    {.name = "a234567890123456789012345678901234567890123456789012345678901xy",
     .slow = SLOW_LATEST}, /* 63 bytes, the longest */
};
static const Namespaces namespaces = {.fallback = {.slow = SLOW_CLOSE}, .items = items, .n_items = N_ELEMENTS(items)};

static const Namespace *find(const char *channel) {
    return namespaces_find(&namespaces, channel, strlen(channel));
}

START_TEST(the_part_before_the_first_colon_names_it) {
    ck_assert_ptr_eq(find("chat:room"), &items[0]);
    ck_assert_ptr_eq(find("chat:"), &items[0]);
    ck_assert_ptr_eq(find("chat:a:b"), &items[0]);
    ck_assert_ptr_eq(find("chat-archive:room"), &items[1]);
}
END_TEST

START_TEST(without_a_colon_it_is_the_fallback) {
    ck_assert_ptr_eq(find("chat"), &namespaces.fallback);
    ck_assert_ptr_eq(namespaces_find(&namespaces, "chat:room", 4), &namespaces.fallback);
}
END_TEST

START_TEST(a_part_that_names_none_is_the_fallback) {
    ck_assert_ptr_eq(find("cha:room"), &namespaces.fallback);
    ck_assert_ptr_eq(find("chats:room"), &namespaces.fallback);
    ck_assert_ptr_eq(find("Chat:room"), &namespaces.fallback);
    ck_assert_ptr_eq(find(":room"), &namespaces.fallback);
}
END_TEST

START_TEST(the_longest_name_is_found_and_a_longer_one_is_not) {
    char channel[72];
    snprintf(channel, sizeof(channel), "%s:1", items[2].name);
    ck_assert_ptr_eq(find(channel), &items[2]);
    snprintf(channel, sizeof(channel), "%sz:1", items[2].name);
    ck_assert_ptr_eq(find(channel), &namespaces.fallback);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_part_before_the_first_colon_names_it,
        without_a_colon_it_is_the_fallback,
        a_part_that_names_none_is_the_fallback,
        the_longest_name_is_found_and_a_longer_one_is_not,
    };
    return run_suite("namespace", tests, N_ELEMENTS(tests));
}
