#include "broker/embedded_functions.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "embedded_fixture.h"
#include "failing_memory.h"
#include "journal.h"
#include "loopback.h"
#include "suite.h"

static int client;
static unsigned port;
static char answer[4096];
static char epoch[24]; /* of the last message that was published */

static void given_a_client(void) {
    port = given_an_embedded_broker(0);
    client = loopback_connect(port);
    journal_clear();
}

static void finish(void) {
    close(client);
    finish_embedded_broker();
}

/* All up to the answer of a PING that was sent behind the request. */
static void read_answer(void) {
    static const char end[] = "+PONG\r\n";
    size_t n = 0;
    for (int turn = 0; turn < 5000; turn++) {
        ssize_t n_read = recv(client, answer + n, sizeof answer - 1 - n, MSG_DONTWAIT);
        n += n_read > 0 ? (size_t)n_read : 0;
        answer[n] = '\0';
        if (n >= sizeof end - 1 && strcmp(answer + n - (sizeof end - 1), end) == 0) {
            answer[n - (sizeof end - 1)] = '\0';
            return;
        }
        loopback_turns(1);
    }
    ck_abort_msg("no answer but: %s", answer);
}

/* The answer's words; the last epoch becomes E. */
static const char *ask(const char *format, ...) {
    static char request[2048], words[4096];
    va_list arguments;
    va_start(arguments, format);
    int n_request = vsnprintf(request, sizeof request, format, arguments);
    va_end(arguments);
    loopback_send_bytes(client, request, (size_t)n_request);
    loopback_send(client, "\r\nPING\r\n");
    read_answer();
    words[0] = '\0';
    for (char *line = strtok(answer, "\r\n"); line; line = strtok(NULL, "\r\n")) {
        size_t n = strlen(words);
        const char *word = line[0] == ':' ? line + 1 : line;
        if (line[0] != '*' && line[0] != '$')
            snprintf(words + n, sizeof words - n, "%s%s", n ? " " : "", epoch[0] && strcmp(word, epoch) == 0 ? "E" : word);
    }
    return words;
}

static const char *publish(const char *rest) {
    const char *words = ask("FCALL barker_publish 1 %s", rest);
    unsigned long long seq;
    int is_duplicate;
    if (sscanf(words, "%23[0-9] %llu %d", epoch, &seq, &is_duplicate) == 3)
        snprintf(answer, sizeof answer, "E %llu %d", seq, is_duplicate);
    else
        snprintf(answer, sizeof answer, "%s", words);
    return answer;
}

static void publish_many(int n) {
    char rest[64];
    for (int i = 1; i <= n; i++) {
        snprintf(rest, sizeof rest, "barker:c m%d SIZE 5", i);
        publish(rest);
    }
}

START_TEST(publish_answers_the_place_and_the_node_hears_it) {
    given_a_client();
    embedded->ops->subscribe(embedded, "c", 1);
    journal_clear();
    ck_assert_str_eq(publish("barker:c one"), "E 1 0");
    ck_assert_uint_eq(strlen(epoch), 16); /* microseconds */
    ck_assert_str_eq(ask("fcall BARKER_PUBLISH 1 barker:c two size 10 age 20"), "E 2 0");
    ck_journal("message c=one @A1; message c=two @A2");
    finish();
}
END_TEST

START_TEST(subscribers_of_the_listener_hear_the_envelope) {
    given_a_client();
    int subscriber = loopback_connect(port);
    loopback_send(subscriber, "SUBSCRIBE barker:c\r\n");
    loopback_expect(subscriber, "*3\r\n$9\r\nsubscribe\r\n$8\r\nbarker:c\r\n:1\r\n");
    publish("barker:c hi");
    loopback_expect(subscriber, "*3\r\n$7\r\nmessage\r\n$8\r\nbarker:c\r\n$33\r\n");
    char envelope[34], expected[40];
    loopback_turns(10);
    ck_assert_int_eq(recv(subscriber, envelope, 33, MSG_DONTWAIT), 33);
    snprintf(expected, sizeof expected, "barker/1 m %s-1\nhi", epoch);
    ck_assert_int_eq(envelope[0], '\0');
    ck_assert_int_eq(memcmp(envelope + 1, expected, 32), 0);
    close(subscriber);
    finish();
}
END_TEST

START_TEST(a_known_id_gives_the_first_place_again) {
    given_a_client();
    ck_assert_str_eq(publish("barker:c one ID order-1"), "E 1 0");
    ck_assert_str_eq(publish("barker:c two IDAGE 5 ID order-1"), "E 1 1");
    ck_assert_str_eq(publish("barker:c two ID order-2"), "E 2 0");
    finish();
}
END_TEST

START_TEST(bad_options_are_told_before_anything_is_written) {
    given_a_client();
    ck_assert_str_eq(publish("barker:c x SIZE 0"), "-ERR barker_publish: SIZE is a number from 1 to 1000000000");
    ck_assert_str_eq(publish("barker:c x SIZE 1e3"), "-ERR barker_publish: SIZE is a number from 1 to 1000000000");
    ck_assert_str_eq(publish("barker:c x AGE -1"), "-ERR barker_publish: AGE is a number from 1 to 1000000000");
    ck_assert_str_eq(publish("barker:c x IDAGE 1000000001"), "-ERR barker_publish: IDAGE is a number from 1 to 1000000000");
    ck_assert_str_eq(publish("barker:c x AGE 99999999999999999999"),
                     "-ERR barker_publish: AGE is a number from 1 to 1000000000");
    ck_assert_str_eq(publish("barker:c x SIZE"), "-ERR barker_publish: an option without its value");
    ck_assert_str_eq(publish("barker:c x COLOUR 1"), "-ERR barker_publish: an unknown option");
    ck_assert_str_eq(ask("*6\r\n$5\r\nFCALL\r\n$14\r\nbarker_publish\r\n$1\r\n1\r\n$8\r\nbarker:c\r\n$1\r\nx\r\n$2\r\nID"),
                     "-ERR barker_publish: an option without its value");
    ck_assert_str_eq(
        ask("*7\r\n$5\r\nFCALL\r\n$14\r\nbarker_publish\r\n$1\r\n1\r\n$8\r\nbarker:c\r\n$1\r\nx\r\n$2\r\nID\r\n$0\r\n"),
        "-ERR barker_publish: ID has 1 to 255 bytes");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c 0 0 10 FORWARD"), "1 0 0 0");
    finish();
}
END_TEST

START_TEST(a_call_that_fits_no_function_is_refused_as_redis_does) {
    given_a_client();
    ck_assert_str_eq(ask("FCALL barker_publish"), "-ERR wrong number of arguments for 'fcall' command");
    ck_assert_str_eq(ask("FCALL nothing 0"), "-ERR Function not found");
    ck_assert_str_eq(ask("FCALL barker_publish one barker:c x"), "-ERR Bad number of keys provided");
    ck_assert_str_eq(ask("FCALL barker_publish -1 barker:c x"), "-ERR Number of keys can't be negative");
    ck_assert_str_eq(ask("FCALL barker_publish 3 barker:c x"), "-ERR Number of keys can't be greater than number of args");
    ck_assert_str_eq(ask("FCALL barker_publish 2 barker:c barker:d x"), "-ERR barker_publish: one key, a payload and options");
    ck_assert_str_eq(ask("FCALL barker_publish 1 barker:c"), "-ERR barker_publish: one key, a payload and options");
    ck_assert_str_eq(ask("FCALL barker_presence 0"), "-ERR barker_presence: one key");
    ck_assert_str_eq(ask("FCALL_RO barker_publish 1 barker:c x"),
                     "-ERR Can not execute a script with write flag using *_ro command.");
    const char *unprefixed = "-ERR the embedded broker knows only channels: names of up to 255 bytes behind its prefix";
    ck_assert_str_eq(ask("FCALL barker_publish 1 news x"), unprefixed);
    ck_assert_str_eq(ask("FCALL barker_publish 1 barker: x"), unprefixed);
    char name[300] = "";
    memset(name, 'x', 256);
    ck_assert_str_eq(ask("FCALL barker_publish 1 barker:%s x", name), unprefixed);
    ck_assert_str_eq(ask("FCALL barker_lease 1 barker/nodes n1 10000 1"),
                     "-ERR barker_lease: the embedded broker is one node, and has no leases");
    ck_assert_str_eq(ask("FCALL_RO barker_version 0"), "1");
    finish();
}
END_TEST

START_TEST(history_is_read_in_each_order) {
    given_a_client();
    publish_many(7);
    ck_assert_str_eq(ask("FCALL barker_history 1 barker:c 0 0 2 FORWARD"), "1 E 7 1 E 6 m6 E 7 m7");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c %s 3 9 forward", epoch), "1 E 7 0 E 4 m4 E 5 m5 E 6 m6 E 7 m7");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c 0 0 2 REVERSE"), "1 E 7 1 E 7 m7 E 6 m6");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c %s 5 2 RESUME", epoch), "1 E 7 0 E 6 m6 E 7 m7");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c %s 5 1 RESUME", epoch), "0 E 7 0");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c %s 1 9 RESUME", epoch), "0 E 7 0");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c 00%s 7 0 RESUME", epoch), "1 E 7 0");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c 99999999999999999999999 1 9 RESUME"), "0 E 7 0");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:c 0 0 0 FORWARD"), "1 E 7 1");
    ck_assert_str_eq(ask("FCALL_RO barker_history 1 barker:none 0 0 9 RESUME"), "0 0 0 0");
    finish();
}
END_TEST

START_TEST(bad_arguments_of_history_are_refused) {
    given_a_client();
    static const char *const arguments[] = {
        "0 0 10",         "0 0 10 SIDEWAYS", "x 0 10 RESUME",          "0 -1 10 RESUME",
        "0 0 -1 FORWARD", "0 0 ten FORWARD", "0 0 1000000001 FORWARD", "0 0 10 FORWARD 1",
    };
    for (size_t i = 0; i < N_ELEMENTS(arguments); i++)
        ck_assert_str_eq(ask("FCALL barker_history 1 barker:c %s", arguments[i]),
                         "-ERR barker_history: one key, since-epoch, since-seq, limit and RESUME, FORWARD or REVERSE");
    finish();
}
END_TEST

/* The change and the version, counted from the first. */
static const char *set(const char *rest) {
    const char *words = ask("FCALL barker_presence_set 1 barker:c %s", rest);
    static char text[64];
    int change;
    uint64_t version;
    if (sscanf(words, "%d %" SCNu64, &change, &version) != 2)
        return words;
    snprintf(text, sizeof text, "%d v%" PRIu64, change, version ? embedded_version(version) : 0);
    return text;
}

START_TEST(presence_is_set_listed_and_buried) {
    given_a_client();
    embedded->ops->subscribe(embedded, "c", 1);
    journal_clear();
    ck_assert_str_eq(set("n1 ann 0 {}"), "0 v0");
    ck_assert_str_eq(set("n1 ann 1 {}"), "1 v1");
    ck_assert_str_eq(set("n2 ann 2 {}"), "0 v1");
    ck_journal("join c ann v1={}");
    const char *listed = ask("FCALL_RO barker_presence 1 barker:c");
    ck_assert_str_eq(strchr(listed, ' '), " ann 3 {}");
    ck_assert_str_eq(ask("FCALL barker_presence_bury 1 barker:c n2"), "0");
    ck_assert_str_eq(ask("FCALL barker_presence_bury 1 barker:c n1"), "1");
    ck_assert_str_eq(set("n1 ann 1 {}"), "1 v3");
    ck_assert_str_eq(set("n1 ann 0 {}"), "-1 v4");
    ck_journal("leave c ann v2={}; join c ann v3={}; leave c ann v4={}");
    ck_assert_str_eq(ask("FCALL_RO barker_presence 1 barker:none"), "0");
    finish();
}
END_TEST

START_TEST(bad_arguments_of_presence_are_refused) {
    given_a_client();
    const char *usage = "-ERR barker_presence_set: one key, a node, a user, connections and a member";
    ck_assert_str_eq(set("n1 ann 1"), usage);
    ck_assert_str_eq(set("n1 ann -1 {}"), usage);
    ck_assert_str_eq(set("n1 ann one {}"), usage);
    char rest[400] = "n1 ";
    memset(rest + 3, 'u', 256);
    strncat(rest, " 1 {}", sizeof rest - strlen(rest) - 1);
    ck_assert_str_eq(set(rest), "-ERR barker_presence_set: a user has 1 to 255 bytes, a member up to 4096");
    memset(rest, 'n', 256);
    strncpy(rest + 256, " ann 1 {}", 16);
    ck_assert_str_eq(set(rest), usage);
    ck_assert_str_eq(ask("FCALL barker_presence_bury 1 barker:c"), "-ERR barker_presence_bury: one key and a node");
    ck_assert_str_eq(ask("FCALL barker_presence 1 barker:c x"), "-ERR barker_presence: one key");
    finish();
}
END_TEST

START_TEST(the_library_may_be_loaded_and_no_other) {
    given_a_client();
    ck_assert_str_eq(ask("*4\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$7\r\nREPLACE\r\n$18\r\n#!lua name=barker\n"), "barker");
    ck_assert_str_eq(ask("*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$18\r\n#!lua name=barker\n"),
                     "-ERR Library 'barker' already exists");
    ck_assert_str_eq(ask("*4\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$7\r\nREPLACE\r\n$17\r\n#!lua name=other\n"),
                     "-ERR the embedded broker has the functions of the library barker and can load no other");
    ck_assert_str_eq(ask("FUNCTION LIST"),
                     "-ERR unknown subcommand or wrong number of arguments for 'LIST'. Try FUNCTION HELP.");
    finish();
}
END_TEST

START_TEST(there_are_no_scripts) {
    given_a_client();
    const char *refusal = "-ERR the embedded broker runs no scripts; call its functions with FCALL";
    ck_assert_str_eq(ask("EVAL return 0"), refusal);
    ck_assert_str_eq(ask("EVAL_RO return 0"), refusal);
    ck_assert_str_eq(ask("EVALSHA abc 0"), "-NOSCRIPT No matching script. Please use EVAL.");
    ck_assert_str_eq(ask("EVALSHA_RO abc 0"), "-NOSCRIPT No matching script. Please use EVAL.");
    ck_assert_str_eq(ask("XADD barker:c * a b"),
                     "-ERR unknown command 'XADD', with args beginning with: 'barker:c' '*' 'a' 'b' ");
    finish();
}
END_TEST

START_TEST(without_memory_the_caller_is_told) {
    given_a_client();
    publish("barker:c one");
    char payload[1500] = "";
    memset(payload, 'x', sizeof payload - 1); /* more than any buffer has kept */
    const RespText name = {"barker_publish", 14}, one = {"1", 1};
    const RespText rest[] = {{"barker:c", 8}, {payload, sizeof payload - 1}};
    EmbeddedCore core;
    Writer writer;
    Turn turn;
    turn_init(&turn, &loopback_loop);
    writer_init(&writer, &turn, NULL, 1 << 20, NULL);
    writer_text(&writer, "so that the writer has its memory before");
    ck_assert_int_eq(embedded_core_init(&core, "barker:", 1, 1 << 20, embedded->events, NULL), 0);
    memory_fail_at(1);
    embedded_functions_run(&core, &(RespCall){.name = &name, .n_keys_text = &one, .rest = rest, .n_rest = 2}, &writer);
    memory_fail_at(0);
    writer_append(&writer, "", 1);
    ck_assert_ptr_nonnull(strstr((char *)writer.waiting.bytes, "-OOM command not allowed"));
    writer_stop(&writer);
    writer_finish(&writer);
    embedded_core_finish(&core);
    turn_close(&turn);
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        publish_answers_the_place_and_the_node_hears_it,
        subscribers_of_the_listener_hear_the_envelope,
        a_known_id_gives_the_first_place_again,
        bad_options_are_told_before_anything_is_written,
        a_call_that_fits_no_function_is_refused_as_redis_does,
        history_is_read_in_each_order,
        bad_arguments_of_history_are_refused,
        presence_is_set_listed_and_buried,
        bad_arguments_of_presence_are_refused,
        the_library_may_be_loaded_and_no_other,
        there_are_no_scripts,
        without_memory_the_caller_is_told,
    };
    return run_suite("embedded_functions", tests, N_ELEMENTS(tests));
}
