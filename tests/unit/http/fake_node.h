/* FakeNode: stands in for the node under the HTTP layer's tests: writes down what is asked of it, one line each, and keeps what it is
   told to answer. Owner: the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/node.h"

enum { FAKE_CALLS_MAX = 64 };

typedef struct FakeNode {
    Api *api;
    char asked[64 * 1024]; /* "publish news 1 [key]\n" … */
    unsigned scopes;
    uint32_t n_workers;
    bool answers_at_once; /* with result, and the places 1, 2, … of epoch 7 */
    BrokerResult taken;   /* what its calls return */
    BrokerResult result;
    int surveyed; /* what survey returns */
    uint64_t seq;
    const char *again; /* the body of a publish with the key "k" that comes with the next response, as one in a pipeline does */
    /* what is open, as it was asked */
    unsigned n_open;
    uint64_t calls[FAKE_CALLS_MAX];
    uint64_t items[FAKE_CALLS_MAX];
    Control control; /* the last one's plain values */
    /* the last response */
    unsigned n_responses;
    uint64_t exchange;
    unsigned status;
    char content_type[64];
    char headers[256];
    char *body; /* NUL-terminated */
    size_t n_body;
} FakeNode;

extern const NodeOps fake_node_ops;

void fake_node_start(
    FakeNode *node); /* all scopes, two workers, everything is taken; an Api of 1000 ms and 1024 bytes a message */
void fake_node_stop(FakeNode *node);
/* A request with a body (POST) or, with NULL, without one (GET): path and query as in a URL, decoded. */
void fake_node_request(FakeNode *node, const char *url, const char *body, const char *key);
