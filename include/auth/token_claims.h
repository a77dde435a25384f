/* Token claims: from a verified payload to a Token. Any thread. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "auth/token.h"

/* One JSON object, each name once. 0; TOKEN_MALFORMED; TOKEN_BAD_CLAIMS when a name stands there twice or a number is past all
   range; -ENOMEM. */
int token_json(json_t **root, const char *text, size_t n_text);
/* Judges and copies. Returns as token_verify. */
int token_read_claims(Token **token, const json_t *root, const TokenRules *rules, int64_t now_s);
