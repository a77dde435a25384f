/* Keys: those that the configuration asks for, of tokens and of the HTTP API. Owner: the main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"
#include "auth/api_keys.h"
#include "auth/keyring.h"
#include "base/buf.h"

/* Each NULL where the configuration names no such key. 0; -EINVAL with one line a mistake in problems, which never show a key;
   another -errno. On error both are NULL. */
int keys_load(Keyring **ring, ApiKeys **api_keys, const Config *config, Buf *problems);

/* Whether one of the files that the configuration names for keys is a pipe. */
bool keys_have_pipe(const Config *config);
/* Another number when one of the files that the configuration names for keys has changed. */
uint64_t keys_stamp(const Config *config);
