#include <stdio.h>
#include <string.h>

#include "app/config_values.h"
#include "app/options.h"
#include "base/error.h"

enum { NAME_SIZE = 2 * OPTION_NAME_SIZE };

/* Variables that are no options. Kubernetes gives every pod the addresses of a service called barker under such names, and
   the test suites name the binary by BARKER_BINARY. */
static bool is_foreign(const char *name) {
    static const char *const exact[] = {"BARKER_CONFIG", "BARKER_BINARY", "BARKER_PORT"};
    static const char *const starts[] = {
        "BARKER_PORT_",
        "BARKER_SERVICE_",
#ifdef BARKER_FAULT_INJECTION
        "BARKER_FAULT_",
#endif
    };

    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        if (strcmp(name, exact[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    }
    return false;
}

static int read_variable(Config *config, const char *name, const char *value, Buf *problems) {
    char origin[sizeof("environment ") + NAME_SIZE], spelled[OPTION_NAME_SIZE], namespace_name[OPTION_NAME_SIZE];
    const Option *option = options_find(OPTION_ENVIRONMENT, name);

    snprintf(origin, sizeof(origin), "environment %s", name);
    if (option)
        return config_set(config, option, option_namespace(namespace_name, option, OPTION_ENVIRONMENT, name), value, origin,
                          problems);
    if (is_foreign(name))
        return CONFIG_OK;
    option = options_nearest(OPTION_ENVIRONMENT, name);
    return config_problem(problems, origin, "there is no such option%s%s", option ? "; did you mean " : "",
                          option ? option_spell(spelled, option, OPTION_ENVIRONMENT) : "");
}

int config_environment_read(Config *config, char *const *environment, Buf *problems) {
    int result = CONFIG_OK;

    for (; environment && *environment; environment++) {
        char name[NAME_SIZE];
        size_t n_name = strcspn(*environment, "=");
        int r;

        if (strncmp(*environment, "BARKER_", 7) != 0 || (*environment)[n_name] == '\0')
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)n_name, *environment);
        r = read_variable(config, name, *environment + n_name + 1, problems);
        if (r < 0)
            return error_trace(r);
        result |= r;
    }
    return result;
}

const char *config_environment_file(char *const *environment) {
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, "BARKER_CONFIG=", 14) == 0 && (*environment)[14])
            return *environment + 14;
    }
    return NULL;
}
