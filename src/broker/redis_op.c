#include "broker/redis_op.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/redis_redirect.h"

/* The ordered ops of one name: all that are under way are at one server, to be asked in one way. */
struct RedisLane {
    MapNode node;
    RedisServer *server;
    bool is_asking;
    size_t n_under_way;
    size_t n_waiting;
    uint64_t blocked_walk; /* the walk in which one that waits could not be sent */
    char name[];
};

enum { OP_SENT, OP_WAITS, OP_ENDED };

static void ops_on_retry(TurnTask *task);

void redis_ops_init(RedisOps *ops, RedisTopology *topology, const RedisOptions *options, Turn *turn) {
    *ops = (RedisOps){.topology = topology, .options = options, .turn = turn};
    list_init(&ops->waiting);
    map_init(&ops->lanes);
    turn_task_init(&ops->retry, ops_on_retry);
}

RedisOp *redis_op_new(RedisOps *ops, size_t n_text, RedisOpAnswer *answered, void *context, void *cookie) {
    RedisOp *op = calloc(1, sizeof *op + n_text);
    if (!op)
        return NULL;
    list_init(&op->link);
    op->ops = ops;
    op->n_allocated = n_text;
    op->answered = answered;
    op->context = context;
    op->cookie = cookie;
    return op;
}

RedisOp *redis_op_free(RedisOp *op) {
    if (!op)
        return NULL;
    list_unlink(&op->link);
    message_unref(op->message);
    free(op->redirect);
    free(op);
    return NULL;
}

void *redis_op_keep(RedisOp *op, const void *bytes, size_t n_bytes) {
    char *at = op->text + op->n_text;
    if (n_bytes > op->n_allocated - op->n_text) /* the caller's sum is wrong: nothing is overwritten */
        n_bytes = op->n_allocated - op->n_text;
    if (n_bytes)
        memcpy(at, bytes, n_bytes);
    op->n_text += n_bytes;
    return at;
}

void redis_op_add(RedisOp *op, const void *bytes, size_t n_bytes) {
    op->words[op->n_words++] = (RedisWord){.bytes = bytes, .n_bytes = n_bytes};
}

void redis_op_add_text(RedisOp *op, const char *text) {
    redis_op_add(op, text, strlen(text));
}

void redis_op_add_copy(RedisOp *op, const void *bytes, size_t n_bytes) {
    redis_op_add(op, redis_op_keep(op, bytes, n_bytes), n_bytes);
}

void redis_op_add_number(RedisOp *op, uint64_t number) {
    char text[REDIS_OP_NUMBER_BYTES];
    redis_op_add_copy(op, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, number));
}

void redis_op_add_name(RedisOp *op, const char *prefix, size_t n_prefix, const char *name, size_t n_name) {
    op->name = redis_op_keep(op, prefix, n_prefix);
    redis_op_keep(op, name, n_name);
    op->n_name = n_prefix + n_name;
    redis_op_add(op, op->name, op->n_name);
}

static size_t op_bytes(const RedisOp *op) {
    return sizeof *op + op->n_allocated + (op->message ? op->message->n_payload : 0);
}

static RedisLane *lane_get(RedisOps *ops, const char *name, size_t n_name) {
    MapNode *node = map_find(&ops->lanes, name, n_name);
    if (node)
        return container_of(node, RedisLane, node);
    RedisLane *lane = calloc(1, sizeof *lane + n_name);
    if (!lane)
        return NULL;
    memcpy(lane->name, name, n_name);
    lane->node = (MapNode){.key = lane->name, .n_key = n_name};
    if (map_insert(&ops->lanes, &lane->node) == MAP_OK)
        return lane;
    free(lane);
    return NULL;
}

static void lane_leave(RedisOps *ops, RedisLane *lane) {
    if (!lane || lane->n_under_way || lane->n_waiting)
        return;
    map_remove(&ops->lanes, &lane->node);
    free(lane);
}

static void op_finish(RedisOp *op, BrokerResult result, redisReply *reply) {
    RedisOps *ops = op->ops;
    lane_leave(ops, op->lane);
    op->lane = NULL;
    op->answered(op, result, reply);
    redis_op_free(op);
}

/* In the order in which they were asked for: one that is redirected goes before those that have waited for it. */
static void op_wait(RedisOp *op) {
    RedisOps *ops = op->ops;
    ListNode *next = &ops->waiting;
    if (!list_is_empty(&ops->waiting) && container_of(ops->waiting.prev, RedisOp, link)->number > op->number) {
        next = ops->waiting.next;
        while (container_of(next, RedisOp, link)->number < op->number)
            next = next->next;
    }
    list_append(next, &op->link);
    ops->n_waiting_bytes += op_bytes(op);
    if (op->lane)
        op->lane->n_waiting++;
}

static void op_wake(RedisOp *op) {
    list_unlink(&op->link);
    op->ops->n_waiting_bytes -= op_bytes(op);
    if (op->lane)
        op->lane->n_waiting--;
}

static void op_on_answer(void *context, BrokerResult result, redisReply *reply);

static BrokerResult op_call(RedisOp *op, RedisServer *server) {
    const RedisWord asking = {.bytes = "ASKING", .n_bytes = 6};
    const RedisCommand command = {
        .words = op->words, .n_words = op->n_words, .answer = op_on_answer, .context = op, .is_urgent = op->is_urgent};
    if (op->is_asking) {
        BrokerResult result = redis_server_call(server, &(RedisCommand){.words = &asking, .n_words = 1, .is_urgent = true});
        if (result != BROKER_OK)
            return result;
    }
    if (op->function)
        return redis_script_call(redis_server_script(server), op->function, &command);
    return redis_server_call(server, &command);
}

/* Whether the op would overtake another of its name, or be overtaken. */
static bool lane_is_clear(const RedisLane *lane, const RedisOp *op, const RedisServer *server) {
    return !lane || lane->n_under_way == 0 || (lane->server == server && lane->is_asking == op->is_asking);
}

/* OP_ENDED with op->result. Nothing is called back. */
static int op_try(RedisOp *op) {
    RedisTopology *topology = op->ops->topology;
    RedisServer *server =
        op->redirect ? topology->ops->server_at(topology, op->redirect) : topology->ops->route(topology, op->name, op->n_name);
    op->result = BROKER_UNAVAILABLE;
    if (!server)
        return op->redirect ? OP_WAITS : OP_ENDED; /* for the topology to hear of it */
    if (!lane_is_clear(op->lane, op, server))
        return OP_WAITS;
    if (op->function && redis_server_script(server)->mode == REDIS_SCRIPT_SETTLING)
        return OP_WAITS;
    op->result = op_call(op, server);
    if (op->result == BROKER_UNAVAILABLE && op->redirect)
        return OP_WAITS; /* for the link to a server that is new to us */
    if (op->result != BROKER_OK)
        return OP_ENDED;
    op->server = server;
    if (op->lane) {
        op->lane->server = server;
        op->lane->is_asking = op->is_asking;
        op->lane->n_under_way++;
    }
    return OP_SENT;
}

static void ops_end_all(ListNode *ended) {
    ListNode *node;
    while ((node = list_pop(ended))) {
        RedisOp *op = container_of(node, RedisOp, link);
        op_finish(op, op->result, NULL);
    }
}

static void ops_try_waiting(RedisOps *ops, RedisOp *op, ListNode *ended) {
    int outcome = OP_ENDED;
    if (op->lane && op->lane->blocked_walk == ops->n_walks)
        return;
    op->result = BROKER_UNAVAILABLE;
    if (!ops->is_closed && ops->now_ms < op->due_ms)
        outcome = op_try(op);
    if (outcome == OP_WAITS) {
        if (op->lane)
            op->lane->blocked_walk = ops->n_walks;
        return;
    }
    op_wake(op);
    if (outcome != OP_ENDED)
        return;
    lane_leave(ops, op->lane);
    op->lane = NULL;
    list_append(ended, &op->link);
}

/* Answers go out afterwards: whoever gets one may ask for more. */
static void ops_on_retry(TurnTask *task) {
    RedisOps *ops = container_of(task, RedisOps, retry);
    ListNode ended;
    list_init(&ended);
    ops->n_walks++;
    for (ListNode *node = ops->waiting.next, *next; node != &ops->waiting; node = next) {
        next = node->next;
        ops_try_waiting(ops, container_of(node, RedisOp, link), &ended);
    }
    ops_end_all(&ended);
}

void redis_ops_retry(RedisOps *ops) {
    if (!list_is_empty(&ops->waiting) && !ops->is_closed)
        turn_add(ops->turn, &ops->retry);
}

void redis_ops_tick(RedisOps *ops, uint64_t now_ms) {
    ops->now_ms = now_ms;
    redis_ops_retry(ops);
}

void redis_ops_close(RedisOps *ops) {
    ops->is_closed = true;
    turn_cancel(&ops->retry);
    ops_on_retry(&ops->retry);
    map_finish(&ops->lanes);
}

void redis_op_send(RedisOp *op) {
    RedisOps *ops = op->ops;
    if (ops->is_closed) {
        op_finish(op, BROKER_UNAVAILABLE, NULL);
        return;
    }
    op->number = ops->n_asked++;
    op->due_ms = ops->now_ms + ops->options->reply_ms;
    op->lane = op->is_ordered ? lane_get(ops, op->name, op->n_name) : NULL;
    if (op->is_ordered && !op->lane) {
        op_finish(op, BROKER_OVERLOADED, NULL);
        return;
    }
    int outcome = op->lane && op->lane->n_waiting ? OP_WAITS : op_try(op);
    if (outcome == OP_WAITS && ops->n_waiting_bytes >= ops->options->publish_limit_bytes && !op->is_urgent) {
        op->result = BROKER_OVERLOADED;
        outcome = OP_ENDED;
    }
    if (outcome == OP_WAITS)
        op_wait(op);
    else if (outcome == OP_ENDED)
        op_finish(op, op->result, NULL);
}

/* True when the op waits to be sent elsewhere. */
static bool op_redirect(RedisOp *op, const RedisEndpoint *endpoint, bool is_asking) {
    if (!op->redirect)
        op->redirect = malloc(sizeof *op->redirect);
    if (!op->redirect)
        return false;
    *op->redirect = *endpoint;
    op->is_asking = is_asking;
    return true;
}

/* True when the op is to be sent again. */
static bool op_is_to_be_repeated(RedisOp *op, redisReply *error, BrokerResult *result) {
    RedisOps *ops = op->ops;
    RedisTopology *topology = ops->topology;
    RedisEndpoint endpoint;
    RedisVerdict verdict = redis_redirect_judge(error, redis_server_endpoint(op->server), &endpoint);
    bool is_elsewhere = verdict == REDIS_VERDICT_MOVED || verdict == REDIS_VERDICT_ASK;
    if (verdict == REDIS_VERDICT_MOVED)
        topology->ops->moved(topology);
    if (verdict == REDIS_VERDICT_REPLICA)
        topology->ops->server_down(topology, op->server);
    if (is_elsewhere && ops->options->counters)
        counter_add(&ops->options->counters->redirected, 1);
    *result = verdict == REDIS_VERDICT_REFUSED ? BROKER_REFUSED : BROKER_UNAVAILABLE;
    if (ops->is_closed || ++op->n_tries > REDIS_OP_TRIES_MAX)
        return false;
    if (is_elsewhere)
        return op_redirect(op, &endpoint, verdict == REDIS_VERDICT_ASK);
    return verdict == REDIS_VERDICT_REFUSED && op->function && redis_script_repair(redis_server_script(op->server), error);
}

static void op_on_answer(void *context, BrokerResult result, redisReply *reply) {
    RedisOp *op = context;
    RedisOps *ops = op->ops;
    bool is_error = result == BROKER_REFUSED;
    bool is_repeated = is_error && op_is_to_be_repeated(op, reply, &result);
    if (is_error && !is_repeated && ops->complained)
        ops->complained(op, reply);
    if (is_repeated)
        op_wait(op);
    if (op->lane)
        op->lane->n_under_way--; /* only now, so that the lane stays */
    if (!is_repeated)
        op_finish(op, result, result == BROKER_UNAVAILABLE ? NULL : reply);
    redis_ops_retry(ops);
}
