/* The tokens of fuzz_session.c: signed by one key that is the same in every run. Owner: the one thread there is. */
#pragma once

#include "auth/keyring.h"
#include "base/buf.h"
#include "fuzz.h"

const Keyring *session_tokens_keyring(void);
/* Appends a token that is signed well, whatever its claims are. False: it is longer than the text may be. */
bool session_tokens_sign(Buf *text, const FuzzInput *claims);
