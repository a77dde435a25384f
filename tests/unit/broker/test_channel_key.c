#include "broker/channel_key.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static ChannelKeys keys;

static const char *key_of(const char *channel) {
    static char text[128];
    ChannelKey key = channel_key(&keys, channel, strlen(channel));
    snprintf(text, sizeof text, "%.*s%.*s", (int)key.n_root, key.root, (int)key.n_name, key.name);
    return text;
}

static const char *channel_of(const char *key) {
    static char text[128];
    const char *channel;
    size_t n_channel;
    if (!channel_of_key(&keys, key, strlen(key), &channel, &n_channel))
        return "none";
    snprintf(text, sizeof text, "%.*s", (int)n_channel, channel);
    return text;
}

static bool is_taken(const char *channel) {
    return channel_key_is_taken(&keys, channel, strlen(channel));
}

START_TEST(a_key_is_the_prefix_and_the_channel) {
    channel_keys_init(&keys, "barker:");
    ck_assert_str_eq(key_of("chat:1"), "barker:chat:1");
    ck_assert_str_eq(channel_of("barker:chat:1"), "chat:1");
    ck_assert_str_eq(channel_of("barker:"), "none");
    ck_assert_str_eq(channel_of("barke"), "none");
    ck_assert_str_eq(channel_of("other:chat:1"), "none");
}
END_TEST

START_TEST(control_stands_beside_the_channels) {
    channel_keys_init(&keys, "barker:");
    ck_assert_str_eq(key_of(CONTROL_CHANNEL), "barker/control");
    ck_assert_str_eq(channel_of("barker/control"), CONTROL_CHANNEL);
    ck_assert_str_eq(channel_of("barker/controls"), "none");
    ck_assert_str_eq(channel_of("barker/canary/n1"), "none");
    ck_assert_str_eq(channel_of("barker:/control"), "/control");
    ck_assert_str_eq(key_of("/control"), "barker:/control");
    ck_assert(!is_taken("/control"));
}
END_TEST

START_TEST(no_name_behind_the_prefix_is_that_of_control) {
    channel_keys_init(&keys, "barker:");
    ck_assert_str_eq(channel_of("barker:" CONTROL_CHANNEL), "none");
    ck_assert_str_eq(channel_of("barker:" CONTROL_CHANNEL "s"), CONTROL_CHANNEL "s");
}
END_TEST

START_TEST(a_prefix_without_a_colon_takes_one_channel_from_the_clients) {
    channel_keys_init(&keys, "barker");
    ck_assert_str_eq(key_of(CONTROL_CHANNEL), "barker/control");
    ck_assert_str_eq(channel_of("barker/control"), CONTROL_CHANNEL);
    ck_assert(is_taken("/control"));
    ck_assert(!is_taken("/control/"));
    ck_assert(!is_taken(CONTROL_CHANNEL));
    ck_assert_str_eq(channel_of("barker" CONTROL_CHANNEL), "none");
}
END_TEST

START_TEST(a_prefix_of_colons_only_loses_the_last) {
    channel_keys_init(&keys, ":");
    ck_assert_str_eq(key_of(CONTROL_CHANNEL), "/control");
    ck_assert_str_eq(channel_of("/control"), CONTROL_CHANNEL);
    channel_keys_init(&keys, "::");
    ck_assert_str_eq(key_of(CONTROL_CHANNEL), ":/control");
    ck_assert_str_eq(key_of("a"), "::a");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_key_is_the_prefix_and_the_channel,          control_stands_beside_the_channels,
        no_name_behind_the_prefix_is_that_of_control, a_prefix_without_a_colon_takes_one_channel_from_the_clients,
        a_prefix_of_colons_only_loses_the_last,
    };
    return run_suite("channel_key", tests, N_ELEMENTS(tests));
}
