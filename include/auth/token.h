/* Token: what a JWT (RFC 7519, RFC 7515 in its compact form) says about its bearer, once it has been verified. Owner: whoever
   verified it; it does not change. Verifying: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keyring.h"

enum {
    TOKEN_TEXT_MAX = 8 * 1024,
    TOKEN_LIST_MAX = 64, /* items of one list claim */
    TOKEN_NAME_MAX = 255,
    TOKEN_INFO_MAX = 1024,
    TOKEN_TRIES_MAX = 8, /* keys that a token without a kid is tried with */
};

typedef enum TokenResult {
    TOKEN_OK,
    TOKEN_MALFORMED,
    TOKEN_TOO_BIG,
    TOKEN_ALGORITHM_REFUSED, /* none, one that we do not know, one that its key is not for, or crit */
    TOKEN_NO_SUCH_KEY,
    TOKEN_BAD_SIGNATURE,
    TOKEN_EXPIRED,
    TOKEN_NOT_YET_VALID,
    TOKEN_WRONG_AUDIENCE,
    TOKEN_WRONG_ISSUER,
    TOKEN_BAD_CLAIMS,
    TOKEN_NO_EXPIRY,
    TOKEN_N_RESULTS,
} TokenResult;

/* Valid UTF-8 without control characters, NUL-terminated; n_text without the NUL. An absent one is {NULL, 0}. */
typedef struct TokenText {
    const char *text;
    size_t n_text;
} TokenText;

typedef struct TokenList {
    const TokenText *items; /* 1 to TOKEN_NAME_MAX bytes each */
    size_t n_items;         /* 0: the claim is absent or empty */
} TokenList;

/* What its bearer may do, in place of what the node allows; 0: the node's own. */
typedef struct TokenLimits {
    uint32_t messages;      /* a second, and at once */
    uint32_t bytes;         /* the same */
    uint32_t subscriptions; /* of one connection */
    uint32_t connections;   /* of its user, on one node */
} TokenLimits;

typedef struct Token {
    TokenText user;      /* sub, 1 to TOKEN_NAME_MAX bytes */
    TokenText info;      /* one JSON value of any kind, written compactly, up to TOKEN_INFO_MAX bytes */
    TokenText channel;   /* a channel token: the one channel that it opens */
    TokenList channels;  /* names to subscribe to at connect */
    TokenList subscribe; /* patterns: auth/grants.h */
    TokenList publish;   /* patterns */
    TokenLimits limits;
    int64_t expires_s;    /* seconds since 1970, the leeway not added; 0: never */
    int64_t not_before_s; /* 0: absent */
    int64_t issued_s;     /* 0: absent */
} Token;

/* What a token must say besides its signature. NULL texts: not asked for; yet a token with an aud is refused when no audience is
   set, for then it was made for someone else (RFC 7519 4.1.3). */
typedef struct TokenRules {
    const char *audience;
    const char *issuer;
    uint32_t leeway_s;
    bool needs_expiry; /* one without an exp is refused */
} TokenRules;

/* TOKEN_OK sets token, which token_free frees; any other result is a TokenResult, or -ENOMEM. now_s: wall clock, since 1970.
   With a kid the keys of that id are asked, or, when none bears it, those without an id; without a kid all of its algorithm; of
   either the first TOKEN_TRIES_MAX. */
int token_verify(Token **token, const Keyring *ring, const char *text, size_t n_text, const TokenRules *rules, int64_t now_s);
Token *token_free(Token *token); /* takes NULL, returns NULL */

const char *token_result_name(TokenResult result); /* one word for logs, counters and answers: "bad_signature" */
