#include "broker/redis_slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

static RedisSlotMap map;
static const RedisEndpoint asked = {.host = "10.0.0.9", .port = 7009};

static unsigned slot(const char *name) {
    return redis_slot_of(name, strlen(name));
}

/* As a connection would give it: the protocol's text in, a reply out. */
static int parse(const char *text) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    ck_assert_int_eq(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
    ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    ck_assert_ptr_nonnull(reply);
    int r = redis_slots_parse(&map, reply, &asked);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return r;
}

static void ck_master(unsigned i, const char *host, unsigned port) {
    ck_assert_uint_lt(i, map.n_masters);
    ck_assert_str_eq(map.masters[i].host, host);
    ck_assert_uint_eq(map.masters[i].port, port);
}

START_TEST(the_known_vectors_of_crc16) {
    ck_assert_uint_eq(slot("123456789"), 0x31c3);
    ck_assert_uint_eq(slot(""), 0);
    ck_assert_uint_eq(slot("foo"), 12182); /* CLUSTER KEYSLOT foo */
    ck_assert_uint_eq(slot("somekey"), 11058);
}
END_TEST

START_TEST(a_tag_in_braces_stands_for_the_name) {
    ck_assert_uint_eq(slot("foo{hash_tag}"), 2515);
    ck_assert_uint_eq(slot("bar{hash_tag}{other}"), 2515);
    ck_assert_uint_eq(slot("{user1000}.following"), slot("user1000"));
    ck_assert_uint_eq(slot("foo{{bar}}zap"), slot("{bar"));
    ck_assert_uint_ne(slot("foo{}{bar}"), slot("bar")); /* an empty first tag counts for nothing */
    ck_assert_uint_ne(slot("foo{bar"), slot("bar"));
    ck_assert_uint_eq(slot("}{bar}"), slot("bar"));
}
END_TEST

START_TEST(the_masters_of_all_ranges_are_taken_once) {
    ck_assert_int_eq(parse("*3\r\n"
                           "*4\r\n:0\r\n:99\r\n*3\r\n$8\r\n10.0.0.1\r\n:7000\r\n$2\r\nid\r\n*2\r\n$8\r\n10.0.0.3\r\n:7000\r\n"
                           "*3\r\n:100\r\n:16382\r\n*4\r\n$4\r\nnode\r\n:7001\r\n$2\r\nid\r\n*0\r\n"
                           "*3\r\n:16383\r\n:16383\r\n*2\r\n$8\r\n10.0.0.1\r\n:7000\r\n"),
                     0);
    ck_assert_uint_eq(map.n_masters, 2);
    ck_master(0, "10.0.0.1", 7000);
    ck_master(1, "node", 7001);
    ck_assert_uint_eq(map.n_covered, REDIS_SLOTS);
    ck_assert_uint_eq(map.owners[0], 0);
    ck_assert_uint_eq(map.owners[99], 0);
    ck_assert_uint_eq(map.owners[100], 1);
    ck_assert_uint_eq(map.owners[16382], 1);
    ck_assert_uint_eq(map.owners[16383], 0);
}
END_TEST

START_TEST(a_node_without_an_address_is_where_it_was_asked) {
    ck_assert_int_eq(parse("*3\r\n*3\r\n:0\r\n:0\r\n*2\r\n$0\r\n\r\n:7000\r\n*3\r\n:1\r\n:1\r\n*2\r\n$1\r\n?\r\n:7001\r\n"
                           "*3\r\n:2\r\n:2\r\n*2\r\n$-1\r\n:0\r\n"),
                     0);
    ck_assert_uint_eq(map.n_masters, 3);
    ck_master(0, "10.0.0.9", 7000);
    ck_master(1, "10.0.0.9", 7001);
    ck_master(2, "10.0.0.9", 7009);
    ck_assert_uint_eq(map.n_covered, 3);
    ck_assert_uint_eq(map.owners[3], REDIS_SLOT_NOBODY);
}
END_TEST

START_TEST(what_is_no_slot_map_is_refused) {
    ck_assert_int_eq(parse("-ERR This instance has cluster support disabled\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n:1\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n*2\r\n:0\r\n:1\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:65536\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:1\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*1\r\n*3\r\n:0\r\n:1\r\n$1\r\na\r\n"), -EINVAL);
    ck_assert_int_eq(parse("*0\r\n"), 0); /* a node that knows nobody yet */
    ck_assert_uint_eq(map.n_covered, 0);
}
END_TEST

START_TEST(more_masters_than_there_are_servers_are_refused) {
    char text[8192] = "";
    size_t n = 0;
    n += (size_t)snprintf(text, sizeof text, "*%d\r\n", REDIS_SERVERS_MAX + 1);
    for (int i = 0; i <= REDIS_SERVERS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "*3\r\n:%d\r\n:%d\r\n*2\r\n$1\r\na\r\n:%d\r\n", i, i, 7000 + i);
    ck_assert_int_eq(parse(text), -EINVAL);
}
END_TEST

START_TEST(a_name_can_be_found_in_the_slots_of_any_master) {
    memset(map.owners, 0, sizeof map.owners);
    map.owners[12345] = 1;
    char name[64];
    for (unsigned master = 0; master < 2; master++) {
        ck_assert(redis_slots_name(&map, master, "barker/canary/0123456789abcdef", name, sizeof name));
        ck_assert_uint_eq(map.owners[slot(name)], master);
        ck_assert_int_eq(strncmp(name, "barker/canary/0123456789abcdef{", 31), 0);
    }
    ck_assert(!redis_slots_name(&map, 2, "x", name, sizeof name));
    ck_assert(!redis_slots_name(&map, 1, "x", name, 3));
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_known_vectors_of_crc16,
        a_tag_in_braces_stands_for_the_name,
        the_masters_of_all_ranges_are_taken_once,
        a_node_without_an_address_is_where_it_was_asked,
        what_is_no_slot_map_is_refused,
        more_masters_than_there_are_servers_are_refused,
        a_name_can_be_found_in_the_slots_of_any_master,
    };
    return run_suite("redis_slots", tests, N_ELEMENTS(tests));
}
