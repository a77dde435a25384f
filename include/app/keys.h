/* Keys: the keyring that the configuration asks for. Owner: the main thread. */
#pragma once

#include "app/config.h"
#include "auth/keyring.h"
#include "base/buf.h"

/* *ring NULL where the configuration names no key. 0; -EINVAL with one line a mistake in problems, which never show a key; another
   -errno. On error *ring is NULL. */
int keys_load(Keyring **ring, const Config *config, Buf *problems);
