/* Problem: why a request has failed, as problem details (RFC 9457). Any thread. */
#pragma once

#include "base/buf.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

typedef struct Problem {
    unsigned status;
    const char *code;   /* one stable word for programs, as "bad_json" */
    const char *detail; /* a sentence for people; valid UTF-8 */
    const Buf *errors;  /* the elements of the array "errors", with commas between them; NULL or empty: none */
} Problem;

/* Appends the object {"type","title","status","code","detail","errors"}. BUF_OK, BUF_FULL or -ENOMEM. */
int problem_write(Buf *out, const Problem *problem);
