#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_values.h"
#include "app/options.h"
#include "base/error.h"

enum { NAMESPACE_NAME_SIZE = sizeof(((Namespace *)0)->name) };

static uint32_t find(const Namespaces *namespaces, const char *name) {
    uint32_t i = 0;

    while (i < namespaces->n_items && strcmp(namespaces->items[i].name, name) != 0)
        i++;
    return i;
}

static bool is_name(const char *name) {
    size_t n_name = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.");

    return n_name > 0 && n_name < NAMESPACE_NAME_SIZE && name[n_name] == '\0';
}

/* The values of all options stand first, then as many places for each namespace, of which it needs but a few. */
static int add(Config *config, const char *name) {
    Namespaces *namespaces = &config->namespaces;
    size_t n_options, n_items = namespaces->n_items;
    Namespace *items = realloc(namespaces->items, (n_items + 1) * sizeof(*items));
    ConfigValue *values;

    (void)options_all(&n_options);
    if (!items)
        return error_origin(-ENOMEM);
    namespaces->items = items;
    values = realloc(config->values, (n_items + 2) * n_options * sizeof(*values));
    if (!values)
        return error_origin(-ENOMEM);
    config->values = values;
    memset(values + (n_items + 1) * n_options, 0, n_options * sizeof(*values));
    memset(&items[n_items], 0, sizeof(items[n_items]));
    snprintf(items[n_items].name, NAMESPACE_NAME_SIZE, "%s", name);
    namespaces->n_items++;
    return 0;
}

int config_namespace(Namespace **space, Config *config, const char *name, const char *origin, Buf *problems) {
    uint32_t i = find(&config->namespaces, name);
    int r;

    if (!is_name(name))
        return config_problem(problems, origin, "'%s' is not a namespace's name: it takes 1 to %d of a-z 0-9 _ - .", name,
                              NAMESPACE_NAME_SIZE - 1);
    if (i == CONFIG_MAX_NAMESPACES)
        return config_problem(problems, origin, "'%s' is one namespace too many: there may be %d", name, CONFIG_MAX_NAMESPACES);
    if (i == config->namespaces.n_items) {
        r = add(config, name);
        if (r < 0)
            return error_trace(r);
    }
    *space = &config->namespaces.items[i];
    return CONFIG_OK;
}

ConfigValue *config_value(const Config *config, const Option *option, const char *namespace_name) {
    size_t n_options, block = 0;

    (void)options_all(&n_options);
    if (option_is_of_namespace(option)) {
        block = (size_t)find(&config->namespaces, namespace_name) + 1;
        if (block > config->namespaces.n_items)
            return NULL;
    }
    return &config->values[block * n_options + options_index(option)];
}

static int complete(Config *config, Namespace *space, const Option *option) {
    enum { WHY_LIMIT = 256 };
    const Option *inherited = option_inherited(option);
    const char *text = inherited ? config_value(config, inherited, "")->text : option->initial;
    Buf why;
    int r;

    if (config_value(config, option, space->name)->text)
        return 0;
    buf_init(&why, WHY_LIMIT);
    r = option_store(space, option, text, &why);
    buf_finish(&why);
    return r < 0 ? error_trace(r) : 0;
}

int config_complete_namespaces(Config *config) {
    size_t n_options;
    const Option *options = options_all(&n_options);
    int r = 0;

    for (uint32_t i = 0; i < config->namespaces.n_items && r == 0; i++) {
        for (size_t j = 0; j < n_options && r == 0; j++) {
            if (option_is_of_namespace(&options[j]))
                r = complete(config, &config->namespaces.items[i], &options[j]);
        }
    }
    return r < 0 ? error_trace(r) : 0;
}
