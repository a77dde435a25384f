/* Config while it is being loaded: how the sources hand over their values. Owner: the main thread. */
#pragma once

#include "app/config.h"

struct ConfigValue {
    char *text;    /* as it was given; NULL: an option that the namespace was not given */
    char *origin;  /* "default", "--dev", "barker.ini:3", "environment BARKER_REDIS_URL", "flag --redis-url" */
    unsigned line; /* of the file, when it has given it; else 0 */
};

/* Checks the text and stores it over what an earlier source said. namespace_name counts only for an option of namespaces: one
   that is new is added. CONFIG_OK; CONFIG_BAD with a line in problems; -ENOMEM. */
int config_set(Config *config, const Option *option, const char *namespace_name, const char *text, const char *origin,
               Buf *problems);
/* Where its text and origin are kept; NULL while there is no such namespace. */
ConfigValue *config_value(const Config *config, const Option *option, const char *namespace_name);
/* One line in problems. Returns CONFIG_BAD. */
int config_problem(Buf *problems, const char *origin, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The namespace of that name, added when it is new; valid until the next is added. CONFIG_OK; CONFIG_BAD with a line in
   problems when the name is none or the namespaces are too many; -ENOMEM. */
int config_namespace(Namespace **space, Config *config, const char *name, const char *origin, Buf *problems);

/* Once all sources are read: what is right by itself and wrong together. CONFIG_OK; CONFIG_BAD with a line in problems. */
int config_check_together(const Config *config, Buf *problems);

/* Once all sources are read: what a namespace was not given it takes from the option's default, or the option that it inherits.
   0 or -ENOMEM. */
int config_complete_namespaces(Config *config);

/* Whether what is said of TLS fits together. Returns as config_set. */
int config_check_tls(const Config *config, Buf *problems);

/* Reads an INI file; named_by says who asked for it. Returns as config_set. */
int config_file_read(Config *config, const char *path, const char *named_by, Buf *problems);
/* Takes every BARKER_ variable. Returns as config_set. */
int config_environment_read(Config *config, char *const *environment, Buf *problems);
/* The file that BARKER_CONFIG names; NULL when it is unset or empty. */
const char *config_environment_file(char *const *environment);
