/* Settings: one reading of the configuration, with the keys that it names, and what the parts of a node take of it. Immutable;
   shared by threads through its reference count: each thread holds the one that it goes by. */
#pragma once

#include "app/config.h"
#include "auth/api_keys.h"
#include "auth/keyring.h"
#include "base/buf.h"
#include "base/ref.h"
#include "base/tally.h"
#include "net/admission.h"
#include "net/ws_server.h"
#include "session/table.h"

typedef struct Settings Settings;
struct Settings {
    Ref ref;
    Config *config;
    Settings *lender;  /* whose the config is; NULL: its own */
    Keyring *keyring;  /* NULL: no token is good */
    ApiKeys *api_keys; /* NULL: none */
};

/* Takes the config over, also on error. 0; -EINVAL with one line a mistake in problems; another -errno. */
int settings_new(Settings **out, Config *config, Buf *problems);
/* The same configuration with its keys read again. Borrows before, of which it takes a reference. Returns likewise. */
int settings_renew(Settings **out, Settings *before, Buf *problems);
Settings *settings_ref(Settings *settings);
Settings *settings_unref(Settings *settings); /* NULL, also for NULL */

/* What these return borrows from the settings. node_id and users, the tally of each user's connections, are borrowed too;
   n_workers: among which the node's connections are divided. src/app/settings_parts.c. */
SessionOptions settings_sessions(const Settings *settings, const char *node_id, Tally *users);
WsServerSettings settings_ws_server(const Settings *settings, uint32_t n_workers);
AdmissionOptions settings_admission(const Settings *settings);
