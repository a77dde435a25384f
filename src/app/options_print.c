#include "app/options.h"

#include <string.h>

#include "base/spaced.h"

enum { HELP_COLUMN = 30, HELP_WIDTH = 80, HELP_TEXT_SIZE = 512 };

bool options_has_section(const Option *option, const char *sections) {
    size_t n_section = strcspn(option->key, "."), n_name;
    const char *name;

    if (!sections)
        return true;
    while ((name = spaced_next(&sections, &n_name))) {
        if (n_name == n_section && memcmp(name, option->key, n_section) == 0)
            return true;
    }
    return false;
}

/* How many bytes of the text fit the width, cut at a space. */
static size_t fit_words(const char *text, size_t n_width) {
    size_t n_text = strlen(text), n_fit = n_width;

    if (n_text <= n_width)
        return n_text;
    while (n_fit > 0 && text[n_fit] != ' ')
        n_fit--;
    return n_fit > 0 ? n_fit : n_width;
}

void options_print_row(FILE *out, const char *name, const char *help) {
    int n_printed = fprintf(out, "  %s", name);
    size_t n_name = n_printed > 0 ? (size_t)n_printed : 0;

    if (n_name + 2 > HELP_COLUMN) {
        fputc('\n', out);
        n_name = 0;
    }
    do {
        size_t n_fit = fit_words(help, HELP_WIDTH - HELP_COLUMN);

        fprintf(out, "%*s%.*s\n", (int)(HELP_COLUMN - n_name), "", (int)n_fit, help);
        help += n_fit;
        help += strspn(help, " ");
        n_name = 0;
    } while (*help);
}

static void print_option(FILE *out, const Option *option) {
    char spelled[OPTION_NAME_SIZE], name[2 * OPTION_NAME_SIZE], help[HELP_TEXT_SIZE];
    Buf choices;

    buf_init(&choices, HELP_TEXT_SIZE);
    if ((option->type == OPTION_CHOICE || option->type == OPTION_SWITCH) && option_describe(&choices, option) < 0)
        buf_clear(&choices);
    snprintf(name, sizeof(name), "%s %s", option_spell(spelled, option, OPTION_FLAG), option_placeholder(option));
    snprintf(help, sizeof(help), "%s%s%.*s (default: %s%s%s%s)", option->help, choices.n_bytes ? " One of: " : "",
             (int)choices.n_bytes, (const char *)choices.bytes, option_inherited(option) ? "that of " : "",
             *option->initial ? option->initial : "empty", option->initial_in_development ? "; with --dev: " : "",
             option->initial_in_development ? option->initial_in_development : "");
    options_print_row(out, name, help);
    buf_finish(&choices);
}

void options_print_help(FILE *out, const char *sections) {
    size_t n_options;
    const Option *all = options_all(&n_options);

    for (size_t i = 0; i < n_options; i++) {
        const char *key = all[i].key;
        char spelled[OPTION_NAME_SIZE];

        if (!options_has_section(&all[i], sections))
            continue;
        option_spell(spelled, &all[i], OPTION_KEY);
        if (i == 0 || strncmp(key, all[i - 1].key, strcspn(key, ".") + 1) != 0)
            fprintf(out, "\n[%.*s]\n", (int)(strrchr(spelled, '.') - spelled), spelled);
        print_option(out, &all[i]);
    }
}

void options_print_markdown(FILE *out) {
    size_t n_options;
    const Option *all = options_all(&n_options);

    fputs("| option | default | takes | meaning |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < n_options; i++) {
        const Option *option = &all[i];
        char key[OPTION_NAME_SIZE];
        Buf takes;

        buf_init(&takes, HELP_TEXT_SIZE);
        if (option_describe(&takes, option) < 0)
            buf_clear(&takes);
        fprintf(out, "| `%s` | %s%s%s%s", option_spell(key, option, OPTION_KEY), option_inherited(option) ? "that of " : "",
                *option->initial ? "`" : "", *option->initial ? option->initial : "empty", *option->initial ? "`" : "");
        if (option->initial_in_development)
            fprintf(out, "; with `--dev` `%s`", option->initial_in_development);
        fprintf(out, " | %.*s | %s |\n", (int)takes.n_bytes, (const char *)takes.bytes, option->help);
        buf_finish(&takes);
    }
}
