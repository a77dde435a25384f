#include "fuzz.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    hash_seed(1, 2);
    json_object_seed(1);
    return 0;
}

void fuzz_fail(const char *rule) {
    fprintf(stderr, "a rule was broken: %s\n", rule);
    abort();
}

char *fuzz_copy(const void *bytes, size_t n_bytes) {
    char *copy = malloc(n_bytes);
    if (n_bytes)
        memcpy(copy, bytes, n_bytes);
    return copy;
}

char *fuzz_copy_text(const void *bytes, size_t n_bytes) {
    char *copy = malloc(n_bytes + 1);
    if (n_bytes)
        memcpy(copy, bytes, n_bytes);
    copy[n_bytes] = '\0';
    return copy;
}

FuzzInput fuzz_take(FuzzInput *input, char delimiter) {
    FuzzInput taken = *input;
    const char *end = input->n_bytes ? memchr(input->bytes, delimiter, input->n_bytes) : NULL;
    if (end)
        taken.n_bytes = (size_t)(end - input->bytes);
    input->bytes += taken.n_bytes + (end != NULL);
    input->n_bytes -= taken.n_bytes + (end != NULL);
    return taken;
}

unsigned fuzz_take_byte(FuzzInput *input) {
    if (!input->n_bytes)
        return 0;
    input->n_bytes--;
    return (uint8_t)*input->bytes++;
}
