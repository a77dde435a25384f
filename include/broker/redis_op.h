/* RedisOp: one command of the backend to whichever server its name belongs to, answered exactly once. It follows MOVED and ASK, waits
   while our functions are being loaded, and gives up when the reply deadline is over. Owner: the bus thread.
   Ordered ops of one name are carried out in the order in which they were sent, redirected or not: what would overtake waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "broker/redis_topology.h"
#include "hub/message.h"

enum { REDIS_OP_WORDS_MAX = 12, REDIS_OP_TRIES_MAX = 5, REDIS_OP_NUMBER_BYTES = 21 };

typedef struct RedisOp RedisOp;

/* All that are under way. */
typedef struct RedisOps {
    RedisTopology *topology;
    const RedisOptions *options;
    Turn *turn;
    void (*complained)(const RedisOp *op, const redisReply *error); /* before the answer; NULL: nobody wants to know */
    ListNode waiting;                                               /* to be sent, in the order in which they were asked for */
    size_t n_waiting_bytes;
    Map lanes; /* names with ordered ops */
    TurnTask retry;
    uint64_t now_ms;
    uint64_t n_asked;
    uint64_t n_walks;
    bool is_closed;
} RedisOps;

/* The op is freed when it returns. reply: NULL with BROKER_UNAVAILABLE and BROKER_OVERLOADED; the error with BROKER_REFUSED,
   perhaps NULL. */
typedef void RedisOpAnswer(RedisOp *op, BrokerResult result, redisReply *reply);

typedef struct RedisLane RedisLane;

struct RedisOp {
    ListNode link; /* in waiting */
    RedisOps *ops;
    RedisLane *lane; /* ordered */
    bool is_ordered;
    bool is_urgent; /* RedisCommand */
    bool is_asking;
    unsigned n_tries;
    uint64_t number; /* in the order in which ops were asked for */
    uint64_t due_ms;
    RedisEndpoint *redirect; /* NULL: wherever its name belongs */
    RedisServer *server;     /* where it is under way */
    BrokerResult result;
    RedisOpAnswer *answered;
    void *context;
    void *cookie;
    void *data;       /* of whoever answers */
    Message *message; /* one reference; NULL: none */
    const char *name; /* by which it finds its server */
    size_t n_name;
    const char *function; /* NULL: words are a whole command; else the key and the arguments of that function of ours */
    RedisWord words[REDIS_OP_WORDS_MAX];
    size_t n_words;
    size_t n_text;
    size_t n_allocated;
    char text[]; /* what the words point at */
};

void redis_ops_init(RedisOps *ops, RedisTopology *topology, const RedisOptions *options, Turn *turn);
void redis_ops_tick(RedisOps *ops, uint64_t now_ms);
void redis_ops_retry(RedisOps *ops); /* something has changed: at the end of the turn what waits is tried again */
void redis_ops_close(RedisOps *ops); /* after the topology's close, answers what waits */

/* n_text: for all that is copied. NULL without memory. */
RedisOp *redis_op_new(RedisOps *ops, size_t n_text, RedisOpAnswer *answered, void *context, void *cookie);
RedisOp *redis_op_free(RedisOp *op);                                 /* of one that was not sent; NULL, also for NULL */
void *redis_op_keep(RedisOp *op, const void *bytes, size_t n_bytes); /* a copy that lives as long as the op, of bytes */
/* Copies prefix and name as one word, by which the op finds its server. */
void redis_op_add_name(RedisOp *op, const char *prefix, size_t n_prefix, const char *name, size_t n_name);
void redis_op_add_copy(RedisOp *op, const void *bytes, size_t n_bytes);
void redis_op_add(RedisOp *op, const void *bytes, size_t n_bytes); /* borrowed as long as the op lives */
void redis_op_add_text(RedisOp *op, const char *text);             /* the same */
void redis_op_add_number(RedisOp *op, uint64_t number);            /* REDIS_OP_NUMBER_BYTES of n_text */
/* Takes the op. The answer may come before the return. */
void redis_op_send(RedisOp *op);
