#include <string.h>

#include "app/config_values.h"
#include "app/options.h"

enum { VALUE_SIZE = 2048, COMMENT_COLUMN = 40 };

static void print_value(FILE *out, const Option *option, const ConfigValue *value) {
    Buf shown;
    int n_line;

    buf_init(&shown, VALUE_SIZE);
    if (option_mask(&shown, option, value->text) < 0)
        buf_clear(&shown);
    n_line = fprintf(out, "%s = %.*s", strrchr(option->key, '.') + 1, (int)shown.n_bytes, (const char *)shown.bytes);
    fprintf(out, "%*s ; %s\n", n_line < COMMENT_COLUMN ? COMMENT_COLUMN - n_line : 0, "", value->origin);
    buf_finish(&shown);
}

static void print_namespace(const Config *config, const Namespace *space, FILE *out) {
    size_t n_options;
    const Option *options = options_all(&n_options);

    fprintf(out, "\n[namespace.%s]\n", space->name);
    for (size_t i = 0; i < n_options; i++) {
        const ConfigValue *value = config_value(config, &options[i], space->name);

        if (option_is_of_namespace(&options[i]) && value->text)
            print_value(out, &options[i], value);
    }
}

void config_print(const Config *config, FILE *out) {
    size_t n_options, n_section = 0;
    const Option *options = options_all(&n_options);

    for (size_t i = 0; i < n_options; i++) {
        const char *key = options[i].key;

        if (option_is_of_namespace(&options[i]))
            continue;
        if (i == 0 || strncmp(key, options[i - 1].key, n_section + 1) != 0) {
            n_section = strcspn(key, ".");
            fprintf(out, "%s[%.*s]\n", i == 0 ? "" : "\n", (int)n_section, key);
        }
        print_value(out, &options[i], config_value(config, &options[i], ""));
    }
    for (uint32_t i = 0; i < config->namespaces.n_items; i++)
        print_namespace(config, &config->namespaces.items[i], out);
}
