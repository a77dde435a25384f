/* Keys: a file of them (PEM, JWK, JWKS or words), and one word of the configuration. */
#include <stdlib.h>
#include <string.h>

#include "auth/keyring.h"
#include "fuzz.h"

enum { PROBLEMS_BYTES = 4096 };

static void add(const char *content, size_t n_content, bool is_word) {
    Keyring *ring = NULL;
    Buf problems;
    buf_init(&problems, PROBLEMS_BYTES);
    fuzz_must(keyring_new(&ring) == 0, "there is a ring");
    int r = is_word ? keyring_add_text(ring, content, "here", &problems)
                    : keyring_add_content(ring, content, n_content, "here", &problems);
    fuzz_must(r == KEYRING_OK || r == KEYRING_BAD, "keys are good or bad");
    fuzz_must(r == KEYRING_BAD ? problems.n_bytes > 0 : keyring_count(ring) > 0, "there is a key or a problem");
    fuzz_must(keyring_count(ring) <= KEYRING_KEYS_MAX, "a ring is bounded");
    fuzz_must(!problems.n_bytes || !memmem(problems.bytes, problems.n_bytes, "s3cr3t", 6), /* the one of the corpus */
              "a problem shows no key");
    buf_finish(&problems);
    keyring_free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    char *content = fuzz_copy(bytes, n_bytes);
    add(content, n_bytes, false);
    free(content);
    content = fuzz_copy_text(bytes, n_bytes);
    add(content, n_bytes, true);
    free(content);
    return 0;
}
