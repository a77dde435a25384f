#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/server.h"
#include "auth/token.h"
#include "base/clock.h"

#define SECRET "hs256:a-secret-of-thirty-two-bytes,-or-more"

static char *out_text, *error_text;

/* Stands in for the server, which none of these commands runs. */
int server_run(Config *config, const ConfigSources *sources) {
    config_free(config);
    return EX_SOFTWARE;
}

static void tear_down(void) {
    free(out_text);
    free(error_text);
    out_text = error_text = NULL;
}

static int run_with(char **arguments) {
    char *environment[] = {NULL};
    size_t n_out, n_error;
    CliStreams streams = {.in = fmemopen((char[]){""}, 1, "r"),
                          .out = open_memstream(&out_text, &n_out),
                          .error = open_memstream(&error_text, &n_error),
                          .environment = environment};
    int n_arguments = 0, r;

    ck_assert(streams.in && streams.out && streams.error);
    while (arguments[n_arguments])
        n_arguments++;
    r = cli_run(&streams, n_arguments, arguments);
    fclose(streams.in);
    fclose(streams.out);
    fclose(streams.error);
    return r;
}

#define run(...) run_with((char *[]){"barker", __VA_ARGS__, NULL})

static void assert_error(const char *expected) {
    ck_assert_msg(strstr(error_text, expected), "expected: %s\ngot: %s", expected, error_text);
    ck_assert_str_eq(out_text, "");
    tear_down();
}

/* What was printed, read by a ring of this key. */
static Token *read_token(const char *key, const TokenRules *rules) {
    Keyring *ring = NULL;
    Token *token = NULL;
    Buf problems;

    buf_init(&problems, 4096);
    ck_assert_int_eq(keyring_new(&ring), 0);
    ck_assert_int_eq(keyring_add_content(ring, key, strlen(key), "test", &problems), KEYRING_OK);
    ck_assert_int_eq(token_verify(&token, ring, out_text, strcspn(out_text, "\n"), rules, (int64_t)(clock_wall_ms() / 1000)),
                     TOKEN_OK);
    keyring_free(ring);
    buf_finish(&problems);
    return token;
}

START_TEST(a_token_says_what_the_flags_said) {
    const TokenRules rules = {.audience = "barker", .issuer = "shop", .leeway_s = 5};
    int64_t now_s = (int64_t)(clock_wall_ms() / 1000);
    Token *token;

    ck_assert_int_eq(run("token", "--key", SECRET, "--sub", "alice", "--subscribe", "chat:*", "--publish", "a", "--subscribe=b",
                         "--join", "inbox", "--channel", "private:1", "--info", "{\"n\":1}", "--expires", "15m", "--audience",
                         "barker", "--issuer", "shop", "--limits", "{\"messages\":3}"),
                     EX_OK);
    ck_assert_str_eq(error_text, "");
    token = read_token(SECRET, &rules);
    ck_assert_str_eq(token->user.text, "alice");
    ck_assert_str_eq(token->info.text, "{\"n\":1}");
    ck_assert_uint_eq(token->limits.messages, 3);
    ck_assert_str_eq(token->channel.text, "private:1");
    ck_assert_uint_eq(token->subscribe.n_items, 2);
    ck_assert_str_eq(token->subscribe.items[1].text, "b");
    ck_assert_uint_eq(token->publish.n_items, 1);
    ck_assert_str_eq(token->channels.items[0].text, "inbox");
    ck_assert_int_ge(token->expires_s, now_s + 900);
    ck_assert_int_le(token->expires_s, now_s + 960);
    token_free(token);
}
END_TEST

START_TEST(a_token_holds_an_hour_unless_told_otherwise) {
    const TokenRules rules = {.leeway_s = 5};
    Token *token;

    ck_assert_int_eq(run("token", "-k", SECRET), EX_OK);
    token = read_token(SECRET, &rules);
    ck_assert_int_eq(token->expires_s, token->issued_s + 3600);
    token_free(token);
    tear_down();
    ck_assert_int_eq(run("token", "-k", SECRET, "--expires", "0"), EX_OK);
    token = read_token(SECRET, &rules);
    ck_assert_int_eq(token->expires_s, 0);
    token_free(token);
}
END_TEST

START_TEST(what_keygen_prints_signs_and_verifies) {
    const TokenRules rules = {.leeway_s = 5};
    char path[] = "/tmp/barker_key_XXXXXX";
    int fd = mkstemp(path);
    char *public_half;
    size_t n_secret;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(run("keygen"), EX_OK);
    n_secret = strcspn(out_text, "\n");
    ck_assert_int_eq(write(fd, out_text, n_secret + 1), (ssize_t)n_secret + 1);
    close(fd);
    public_half = strdup(out_text + n_secret + 1);
    ck_assert_ptr_nonnull(strstr(out_text, "\"d\":"));
    ck_assert_ptr_null(strstr(public_half, "\"d\":"));
    tear_down();
    ck_assert_int_eq(run("token", "--key", path, "--sub", "alice"), EX_OK);
    token_free(read_token(public_half, &rules));
    unlink(path);
    free(public_half);
}
END_TEST

START_TEST(keygen_makes_the_algorithms_that_it_knows) {
    ck_assert_int_eq(run("keygen", "--algorithm", "hs256"), EX_OK);
    ck_assert_ptr_nonnull(strstr(out_text, "\"HS256\""));
    ck_assert_ptr_eq(strchr(out_text, '\n'), out_text + strlen(out_text) - 1);
    tear_down();
    ck_assert_int_eq(run("keygen", "--algorithm", "EdDSA"), EX_OK);
    tear_down();
    ck_assert_int_eq(run("keygen", "--algorithm", "rs256"), EX_USAGE);
    assert_error("'rs256' is none of eddsa and hs256");
}
END_TEST

START_TEST(a_token_that_would_be_refused_is_not_printed) {
    char long_text[300];

    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    ck_assert_int_eq(run("token", "-k", SECRET, "--sub", long_text), EX_DATAERR);
    assert_error("refused as bad_claims");
    ck_assert_int_eq(run("token", "-k", SECRET, "--sub", ""), EX_DATAERR);
    assert_error("refused as bad_claims");
    ck_assert_int_eq(run("token", "-k", SECRET, "--info", "{"), EX_DATAERR);
    assert_error("flag --info: it is not JSON");
    ck_assert_int_eq(run("token", "-k", SECRET, "--limits", "{"), EX_DATAERR);
    assert_error("flag --limits: it is not JSON");
    ck_assert_int_eq(run("token", "-k", SECRET, "--limits", "{\"messages\":0}"), EX_DATAERR);
    assert_error("refused as bad_claims");
    ck_assert_int_eq(run("token", "-k", SECRET, "--publish", "a\nb"), EX_DATAERR);
    assert_error("without control characters");
}
END_TEST

START_TEST(a_mistake_is_told_without_the_key) {
    ck_assert_int_eq(run("token", "--sub", "alice"), EX_USAGE);
    assert_error("token needs a --key");
    ck_assert_int_eq(run("token", "-k", "hs256:Geheim"), EX_DATAERR);
    ck_assert_ptr_null(strstr(error_text, "Geheim"));
    assert_error("flag --key: a secret for HS256 has 32 to 1024 bytes");
    ck_assert_int_eq(run("token", "-k", "/nonexistent"), EX_DATAERR);
    assert_error("/nonexistent: it cannot be read: No such file");
    ck_assert_int_eq(run("token", "-k", SECRET, "--expires", "soon"), EX_USAGE);
    assert_error("'soon' is not a duration");
    ck_assert_int_eq(run("run", "--sub", "alice"), EX_USAGE);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("app/cli_token");
    TCase *tcase = tcase_create("token");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, a_token_says_what_the_flags_said);
    tcase_add_test(tcase, a_token_holds_an_hour_unless_told_otherwise);
    tcase_add_test(tcase, what_keygen_prints_signs_and_verifies);
    tcase_add_test(tcase, keygen_makes_the_algorithms_that_it_knows);
    tcase_add_test(tcase, a_token_that_would_be_refused_is_not_printed);
    tcase_add_test(tcase, a_mistake_is_told_without_the_key);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
