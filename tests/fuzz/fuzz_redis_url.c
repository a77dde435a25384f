/* broker/redis_url. TLS is a fake: fake_redis_tls.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/redis_url.h"
#include "fuzz.h"

static void check(const RedisUrl *url) {
    fuzz_must(url->n_endpoints >= 1 && url->n_endpoints <= REDIS_HOSTS_MAX, "there is a place to connect to");
    fuzz_must(url->is_tls == (url->tls != NULL), "TLS has its context");
    fuzz_must(url->scheme != REDIS_SENTINEL || (url->master_name && *url->master_name), "a sentinel is asked for a name");
    for (unsigned i = 0; i < url->n_endpoints; i++) {
        const RedisEndpoint *endpoint = &url->endpoints[i];
        bool is_unix = endpoint->path[0] != '\0';
        fuzz_must(memchr(endpoint->host, 0, sizeof endpoint->host) && memchr(endpoint->path, 0, sizeof endpoint->path),
                  "an endpoint's texts end");
        fuzz_must(is_unix || (endpoint->host[0] && endpoint->port >= 1 && endpoint->port <= 65535),
                  "an endpoint is a socket's path, or a host and a port");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    char *text = fuzz_copy_text(bytes, n_bytes);
    RedisUrl url;
    char error[256] = "";
    int r = redis_url_parse(&url, text, error, sizeof error);
    fuzz_must(memchr(error, 0, sizeof error) != NULL, "an error ends");
    if (r == 0) {
        check(&url);
        redis_url_finish(&url);
    } else {
        fuzz_must(error[0] != '\0', "an error says what is wrong");
        fuzz_must(!strstr(error, "s3cr3t"), "an error tells no password"); /* the one of the corpus */
    }
    free(text);
    return 0;
}
