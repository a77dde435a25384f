#include "broker/resp_commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "embedded_fixture.h"
#include "loopback.h"
#include "suite.h"

static int client;
static unsigned port;

static void given_a_client(void) {
    port = given_an_embedded_broker(0);
    client = loopback_connect(port);
}

static void finish(void) {
    close(client);
    finish_embedded_broker();
}

static void ask(const char *request, const char *answer) {
    loopback_send(client, request);
    loopback_expect(client, answer);
}

START_TEST(ping_is_answered_as_redis_does) {
    given_a_client();
    ask("PING\r\n", "+PONG\r\n");
    ask("*2\r\n$4\r\nping\r\n$2\r\nhi\r\n", "$2\r\nhi\r\n");
    ask("PING a b\r\n", "-ERR wrong number of arguments for 'ping' command\r\n");
    finish();
}
END_TEST

START_TEST(an_unknown_command_is_named_with_its_arguments) {
    given_a_client();
    ask("GET key\r\n", "-ERR unknown command 'GET', with args beginning with: 'key' \r\n");
    ask("*2\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n", "-ERR unknown command 'SET', with args beginning with: 'a  b' \r\n");
    char argument[201] = "";
    char request[256];
    char answer[256];
    memset(argument, 'x', 200);
    snprintf(request, sizeof request, "FOO %s y\r\n", argument);
    snprintf(answer, sizeof answer, "-ERR unknown command 'FOO', with args beginning with: '%.128s' \r\n", argument);
    ask(request, answer);
    finish();
}
END_TEST

START_TEST(a_wrong_number_of_arguments_is_refused) {
    given_a_client();
    ask("PUBLISH news\r\n", "-ERR wrong number of arguments for 'publish' command\r\n");
    ask("PUBLISH news a b\r\n", "-ERR wrong number of arguments for 'publish' command\r\n");
    ask("SUBSCRIBE\r\n", "-ERR wrong number of arguments for 'subscribe' command\r\n");
    finish();
}
END_TEST

START_TEST(subscriptions_are_counted_in_their_answers) {
    given_a_client();
    ask("SUBSCRIBE a b a\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
                               "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:2\r\n");
    ask("PSUBSCRIBE x*\r\n", "*3\r\n$10\r\npsubscribe\r\n$2\r\nx*\r\n:3\r\n");
    ask("UNSUBSCRIBE a c\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:2\r\n");
    ask("UNSUBSCRIBE\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n");
    ask("UNSUBSCRIBE\r\n", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n");
    ask("PUNSUBSCRIBE\r\n", "*3\r\n$12\r\npunsubscribe\r\n$2\r\nx*\r\n:0\r\n");
    finish();
}
END_TEST

START_TEST(messages_come_by_channel_and_by_pattern) {
    given_a_client();
    int publisher = loopback_connect(port);
    ask("SUBSCRIBE news\r\nPSUBSCRIBE n?ws\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$4\r\nn?ws\r\n:2\r\n");
    loopback_send(publisher, "PUBLISH news hi\r\nPUBLISH naws a\r\nPUBLISH x b\r\n");
    loopback_expect(publisher, ":2\r\n:1\r\n:0\r\n");
    loopback_expect(client, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
                            "*4\r\n$8\r\npmessage\r\n$4\r\nn?ws\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
                            "*4\r\n$8\r\npmessage\r\n$4\r\nn?ws\r\n$4\r\nnaws\r\n$1\r\na\r\n");
    close(publisher);
    finish();
}
END_TEST

START_TEST(in_resp2_a_subscriber_may_only_subscribe_ping_and_quit) {
    given_a_client();
    ask("SUBSCRIBE a\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    ask("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    ask("PING hi\r\n", "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
    ask("PUBLISH a b\r\n", "-ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                           "allowed in this context\r\n");
    ask("UNSUBSCRIBE a\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
    ask("PUBLISH a b\r\n", ":0\r\n");
    finish();
}
END_TEST

START_TEST(in_resp3_messages_are_pushed_and_every_command_stays_allowed) {
    given_a_client();
    ask("HELLO 3\r\n", "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n"
                       ":1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
    ask("SUBSCRIBE a\r\n", ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    ask("PUBLISH a hi\r\n", ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n:1\r\n");
    ask("PING\r\n", "+PONG\r\n");
    ask("PUNSUBSCRIBE\r\n", ">3\r\n$12\r\npunsubscribe\r\n_\r\n:1\r\n");
    ask("CLIENT GETNAME\r\n", "_\r\n");
    finish();
}
END_TEST

START_TEST(hello_takes_a_version_a_user_and_a_name) {
    given_a_client();
    ask("HELLO 2 AUTH default any SETNAME bob\r\n",
        "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n"
        ":1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
    ask("CLIENT GETNAME\r\n", "$3\r\nbob\r\n");
    ask("HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n");
    ask("HELLO x\r\n", "-ERR Protocol version is not an integer or out of range\r\n");
    ask("HELLO 3 AUTH joe any\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    ask("HELLO 3 SETNAME\r\n", "-ERR Syntax error in HELLO option\r\n");
    ask("PING\r\n", "+PONG\r\n");
    finish();
}
END_TEST

START_TEST(auth_and_select_answer_as_a_redis_without_a_password) {
    given_a_client();
    ask("AUTH secret\r\n", "-ERR AUTH <password> called without any password configured for the default user. Are you sure "
                           "your configuration is correct?\r\n");
    ask("AUTH default secret\r\n", "+OK\r\n");
    ask("AUTH joe secret\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    ask("SELECT 15\r\n", "+OK\r\n");
    ask("SELECT 16\r\n", "-ERR DB index is out of range\r\n");
    ask("SELECT x\r\n", "-ERR value is not an integer or out of range\r\n");
    finish();
}
END_TEST

START_TEST(client_keeps_a_name_and_refuses_a_bad_one) {
    given_a_client();
    ask("CLIENT SETNAME bob\r\n", "+OK\r\n");
    ask("CLIENT GETNAME\r\n", "$3\r\nbob\r\n");
    ask("*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\na b\r\n",
        "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
    ask("CLIENT ID\r\n", ":1\r\n");
    ask("CLIENT LIST\r\n", "$39\r\nid=1 name=bob db=0 sub=0 psub=0 resp=2\n\r\n");
    ask("CLIENT SETINFO LIB-NAME x\r\n", "+OK\r\n");
    ask("CLIENT NO-EVICT on\r\n", "+OK\r\n");
    ask("CLIENT KILL x\r\n", "-ERR unknown subcommand or wrong number of arguments for 'KILL'. Try CLIENT HELP.\r\n");
    finish();
}
END_TEST

START_TEST(command_and_info_tell_a_client_what_it_needs) {
    given_a_client();
    ask("COMMAND\r\n", "*0\r\n");
    ask("COMMAND COUNT\r\n", ":20\r\n");
    ask("COMMAND DOCS\r\n", "*0\r\n");
    ask("COMMAND INFO get\r\n", "*1\r\n*-1\r\n");
    ask("COMMAND KEYS\r\n", "-ERR unknown subcommand 'KEYS'. Try COMMAND HELP.\r\n");
    char info[2048];
    loopback_send(client, "INFO\r\n");
    loopback_read_some(client, info, sizeof info);
    ck_assert_ptr_nonnull(strstr(info, "\r\nredis_version:7.0.0\r\n"));
    ck_assert_ptr_nonnull(strstr(info, "\r\nredis_mode:standalone\r\n"));
    ck_assert_ptr_nonnull(strstr(info, "\r\nloading:0\r\n"));
    ck_assert_ptr_nonnull(strstr(info, "\r\nbarker_version:"));
    finish();
}
END_TEST

START_TEST(quit_is_answered_and_then_the_connection_ends) {
    given_a_client();
    loopback_send(client, "QUIT\r\nPING\r\n");
    loopback_expect(client, "+OK\r\n");
    char rest[16];
    loopback_read_some(client, rest, sizeof rest);
    ck_assert_str_eq(rest, "");
    loopback_expect_end(client);
    finish();
}
END_TEST

START_TEST(a_protocol_error_is_told_and_ends_the_connection) {
    given_a_client();
    ask("PING\r\n*1\r\n+x\r\n", "+PONG\r\n-ERR Protocol error: expected '$'\r\n");
    loopback_expect_end(client);
    finish();
}
END_TEST

START_TEST(requests_may_come_byte_by_byte_and_many_at_once) {
    given_a_client();
    const char *request = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$4\r\na\r\nb\r\nPING\r\n";
    for (const char *at = request; *at; at++) {
        loopback_send_bytes(client, at, 1);
        loopback_turns(1);
    }
    loopback_expect(client, ":0\r\n+PONG\r\n");
    static char many[6 * 10000 + 1];
    static char pongs[7 * 1000 + 1];
    for (size_t i = 0; i < 1000; i++) {
        memcpy(many + 6 * i, "PING\r\n", 7);
        memcpy(pongs + 7 * i, "+PONG\r\n", 8);
    }
    ask(many, pongs);
    finish();
}
END_TEST

START_TEST(a_payload_at_the_limit_passes_and_a_larger_one_is_refused) {
    given_a_client();
    static char payload[RESP_ARG_MAX_BYTES];
    char head[64];
    snprintf(head, sizeof head, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$%d\r\n", RESP_ARG_MAX_BYTES);
    loopback_send(client, head);
    loopback_send_bytes(client, payload, sizeof payload);
    ask("\r\n", ":0\r\n");
    snprintf(head, sizeof head, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$%d\r\n", RESP_ARG_MAX_BYTES + 1);
    ask(head, "-ERR Protocol error: invalid bulk length\r\n");
    loopback_expect_end(client);
    finish();
}
END_TEST

START_TEST(a_client_that_does_not_read_is_dropped_past_its_limit) {
    given_a_client();
    int publisher = loopback_connect(port);
    ask("SUBSCRIBE c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    static char payload[EMBEDDED_CLIENT_LIMIT_BYTES / 2];
    char head[64];
    char answer[8] = "";
    snprintf(head, sizeof head, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$%zu\r\n", sizeof payload);
    for (int i = 0; i < 50 && strcmp(answer, ":0\r\n") != 0; i++) {
        loopback_send(publisher, head);
        loopback_send_bytes(publisher, payload, sizeof payload);
        loopback_send(publisher, "\r\n");
        loopback_read_some(publisher, answer, 5);
    }
    ck_assert_str_eq(answer, ":0\r\n"); /* nobody hears it any more */
    loopback_expect_end(client);
    close(publisher);
    finish();
}
END_TEST

START_TEST(one_client_too_many_is_told_so) {
    given_a_client();
    int others[EMBEDDED_CLIENTS_LIMIT];
    for (int i = 0; i < EMBEDDED_CLIENTS_LIMIT; i++)
        others[i] = loopback_connect(port);
    loopback_expect(others[EMBEDDED_CLIENTS_LIMIT - 1], "-ERR max number of clients reached\r\n");
    loopback_expect_end(others[EMBEDDED_CLIENTS_LIMIT - 1]);
    ask("PING\r\n", "+PONG\r\n");
    for (int i = 0; i < EMBEDDED_CLIENTS_LIMIT; i++)
        close(others[i]);
    finish();
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused) {
    given_a_client();
    char name[RESP_TOPIC_NAME_MAX + 2] = "";
    char request[RESP_TOPIC_NAME_MAX + 32];
    memset(name, 'x', RESP_TOPIC_NAME_MAX + 1);
    snprintf(request, sizeof request, "SUBSCRIBE %s\r\n", name);
    ask(request, "-ERR too many subscriptions, or a name over 1024 bytes\r\n");
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        ping_is_answered_as_redis_does,
        an_unknown_command_is_named_with_its_arguments,
        a_wrong_number_of_arguments_is_refused,
        subscriptions_are_counted_in_their_answers,
        messages_come_by_channel_and_by_pattern,
        in_resp2_a_subscriber_may_only_subscribe_ping_and_quit,
        in_resp3_messages_are_pushed_and_every_command_stays_allowed,
        hello_takes_a_version_a_user_and_a_name,
        auth_and_select_answer_as_a_redis_without_a_password,
        client_keeps_a_name_and_refuses_a_bad_one,
        command_and_info_tell_a_client_what_it_needs,
        quit_is_answered_and_then_the_connection_ends,
        a_protocol_error_is_told_and_ends_the_connection,
        requests_may_come_byte_by_byte_and_many_at_once,
        a_payload_at_the_limit_passes_and_a_larger_one_is_refused,
        a_client_that_does_not_read_is_dropped_past_its_limit,
        one_client_too_many_is_told_so,
        a_name_that_is_too_long_is_refused,
    };
    return run_suite("resp_commands", tests, N_ELEMENTS(tests));
}
