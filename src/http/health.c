#include "http/health.h"

#include <string.h>

typedef struct HealthText {
    const char *reason; /* of NodeHealth */
    const char *text;
} HealthText;

/* What the body says; a balancer shows it to whoever wonders. */
static const HealthText health_texts[] = {
    {"worker", "worker: a worker's loop has not turned for 2 s\n"},
    {"bus", "bus: the bus thread's loop has not turned for 2 s\n"},
    {"desk", "desk: the loop of the admin address and of control commands has not turned for 2 s\n"},
    {"starting", "starting: not all threads run yet\n"},
    {"draining", "draining: the node is about to end\n"},
    {"broker", "broker: it is not heard\n"},
};

static const char *health_text(const char *reason) {
    for (size_t i = 0; i < sizeof(health_texts) / sizeof(health_texts[0]); i++)
        if (strcmp(health_texts[i].reason, reason) == 0)
            return health_texts[i].text;
    return "unwell\n";
}

bool health_is_path(const char *path) {
    return strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0;
}

bool health_handle(const NodeHealth *health, const HttpRequest *request, HttpResponse *response) {
    if (!health_is_path(request->path) || (request->method != HTTP_GET && request->method != HTTP_HEAD))
        return false;
    const char *reason = strcmp(request->path, "/healthz") == 0 ? health->unhealthy : health->unready;
    const char *text = reason ? health_text(reason) : "ok\n";
    *response = (HttpResponse){.status = reason ? 503 : 200,
                               .content_type = "text/plain; charset=utf-8",
                               .headers = "Cache-Control: no-store\r\n",
                               .body = text,
                               .n_body = strlen(text)};
    return true;
}
