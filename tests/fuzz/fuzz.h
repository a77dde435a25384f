/* Fuzz: what the harnesses share. Each gives libFuzzer one function; replay.c stands in for libFuzzer where a corpus is only run
   again. Owner: the one thread there is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One input, whole. Returns 0; a finding ends the process: a rule broken, or what the sanitizers say. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv); /* in fuzz.c: seeds that are the same in every run */

_Noreturn void fuzz_fail(const char *rule);

static inline void fuzz_must(bool is_kept, const char *rule) {
    if (!is_kept)
        fuzz_fail(rule);
}

/* A copy in memory of its exact size, so that one byte further is found; the caller frees it. */
char *fuzz_copy(const void *bytes, size_t n_bytes);
/* The same with a NUL behind it. */
char *fuzz_copy_text(const void *bytes, size_t n_bytes);

/* What is left of an input. */
typedef struct FuzzInput {
    const char *bytes;
    size_t n_bytes;
} FuzzInput;

/* Up to the next delimiter, which is dropped, or the end. */
FuzzInput fuzz_take(FuzzInput *input, char delimiter);
unsigned fuzz_take_byte(FuzzInput *input); /* 0 at the end */
