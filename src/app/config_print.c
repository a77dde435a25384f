#include <string.h>

#include "app/config_values.h"
#include "app/options.h"

enum { VALUE_SIZE = 2048, COMMENT_COLUMN = 40 };

void config_print(const Config *config, FILE *out) {
    size_t n_options, n_section = 0;
    const Option *options = options_all(&n_options);

    for (size_t i = 0; i < n_options; i++) {
        const char *key = options[i].key, *name = strchr(key, '.') + 1;
        Buf shown;
        int n_line;

        if (i == 0 || strncmp(key, options[i - 1].key, n_section + 1) != 0) {
            n_section = strcspn(key, ".");
            fprintf(out, "%s[%.*s]\n", i == 0 ? "" : "\n", (int)n_section, key);
        }
        buf_init(&shown, VALUE_SIZE);
        if (option_mask(&shown, &options[i], config->values[i].text) < 0)
            buf_clear(&shown);
        n_line = fprintf(out, "%s = %.*s", name, (int)shown.n_bytes, (const char *)shown.bytes);
        fprintf(out, "%*s ; %s\n", n_line < COMMENT_COLUMN ? COMMENT_COLUMN - n_line : 0, "", config->values[i].origin);
        buf_finish(&shown);
    }
}
