/* Label: a short text that one thread writes and any reads, beside its counters. Header only. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { LABEL_BYTES = 128, LABEL_WORDS = LABEL_BYTES / 8 };

typedef struct Label {
    atomic_uint version; /* odd while it is being written */
    _Atomic uint64_t words[LABEL_WORDS];
} Label;

/* Owner thread only. What is longer than LABEL_BYTES - 1 is cut. */
static inline void label_set(Label *label, const char *text) {
    uint64_t words[LABEL_WORDS] = {0};
    memcpy(words, text, strnlen(text, LABEL_BYTES - 1));
    atomic_fetch_add_explicit(&label->version, 1, memory_order_acq_rel);
    for (int i = 0; i < LABEL_WORDS; i++)
        atomic_store_explicit(&label->words[i], words[i], memory_order_release);
    atomic_fetch_add_explicit(&label->version, 1, memory_order_release);
}

/* Any thread: "" before the first label_set, and when it is being written at this very moment. */
static inline void label_read(const Label *label, char text[LABEL_BYTES]) {
    uint64_t words[LABEL_WORDS];
    unsigned version = atomic_load_explicit(&label->version, memory_order_acquire);
    for (int i = 0; i < LABEL_WORDS; i++)
        words[i] = atomic_load_explicit(&label->words[i], memory_order_acquire);
    memcpy(text, words, LABEL_BYTES);
    if (version % 2 == 1 || atomic_load_explicit(&label->version, memory_order_acquire) != version)
        text[0] = '\0';
}
