/* The HTTP API: api_request above a fake node. The input: one byte of bits (0: POST; 1: it answers at once; 2: every key opens; 3: the node takes
   nothing; 4 and 5: what the broker answers), then lines: the URL behind /api/v1/ with its query, the idempotency key, and the body. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fake_node.h"
#include "fuzz.h"

static FakeNode node;

static void check_response(unsigned n_responses) {
    fuzz_must(node.n_responses == n_responses, "each request has one answer");
    json_t *body = json_loadb(node.body, node.n_body, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    bool is_ours = node.status >= 400;
    fuzz_must(body || !is_ours, "a problem is JSON");
    fuzz_must(!body || !is_ours || json_real_value(json_object_get(body, "status")) == node.status,
              "a problem names its status");
    fuzz_must(strcmp(node.content_type, is_ours ? "application/problem+json" : "application/json") == 0,
              "an answer has its type");
    if (node.status == 400 || (node.status >= 401 && node.status <= 422 && node.status != 404))
        fuzz_must(node.asked[0] == '\0', "what is refused is not done");
    json_decref(body);
}

static void answer(bool is_read) {
    HistoryReply history = {.result = node.result};
    PresenceReply presence = {.result = node.result};
    SurveyReply survey = {.n_total = 3};
    ref_init(&history.ref);
    ref_init(&presence.ref);
    for (unsigned i = 0; i < node.n_open; i++) {
        if (strncmp(node.asked, "read", 4) == 0)
            api_history(node.api, node.calls[i], &history);
        else if (strncmp(node.asked, "presence", 8) == 0)
            api_presence(node.api, node.calls[i], &presence);
        else if (strncmp(node.asked, "survey", 6) == 0)
            for (unsigned worker = 0; worker < node.n_workers; worker++)
                api_surveyed(node.api, node.calls[i], is_read ? &survey : NULL);
        else
            api_published(node.api, node.calls[i], node.items[i], node.result, (Position){7, i});
    }
    api_tick(node.api, 1000000); /* what is not answered by now never is */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    FuzzInput input = {(const char *)bytes, n_bytes};
    unsigned bits = fuzz_take_byte(&input);
    FuzzInput url = fuzz_take(&input, '\n');
    FuzzInput key = fuzz_take(&input, '\n');
    char *path = fuzz_copy_text(url.bytes, url.n_bytes);
    char *header = fuzz_copy_text(key.bytes, key.n_bytes);
    char *body = fuzz_copy_text(input.bytes, input.n_bytes);
    char *whole = calloc(1, url.n_bytes + 16);
    strcat(strcpy(whole, "/api/v1/"), path);
    fake_node_start(&node);
    node.scopes = bits & 4 ? node.scopes : bits & 1;
    node.answers_at_once = bits & 2;
    node.taken = bits & 8 ? BROKER_OVERLOADED : BROKER_OK;
    node.result = (BrokerResult)(bits >> 4 & 3);
    for (unsigned n = 1; n <= 2; n++) { /* once more, for its key */
        node.asked[0] = '\0';
        node.n_open = 0;
        fake_node_request(&node, whole, bits & 1 ? body : NULL, header);
        answer(bits & 2);
        check_response(n);
    }
    fake_node_stop(&node);
    free(whole);
    free(body);
    free(header);
    free(path);
    return 0;
}
