#include <ctype.h>
#include <string.h>

#include "app/options.h"

bool option_is_of_namespace(const Option *option) {
    return strchr(option->key, '*') != NULL;
}

const Option *option_inherited(const Option *option) {
    return option_is_of_namespace(option) ? options_find(OPTION_KEY, option->initial) : NULL;
}

static char spell_letter(char letter, OptionSpelling spelling) {
    if (spelling == OPTION_FLAG)
        return letter == '.' || letter == '_' ? '-' : letter;
    if (spelling == OPTION_ENVIRONMENT)
        return letter == '.' ? '_' : (char)toupper((unsigned char)letter);
    return letter;
}

/* Appends what there is room for, up to that end. Returns the name's length. */
static size_t spell(char name[static OPTION_NAME_SIZE], size_t n_name, const char *text, char end, OptionSpelling spelling) {
    for (; *text && *text != end && n_name < OPTION_NAME_SIZE - 1; text++)
        name[n_name++] = spell_letter(*text, spelling);
    name[n_name] = '\0';
    return n_name;
}

/* Each line of a file, and each name that is not known, asks for the names of all options. */
char *option_spell_in(char name[static OPTION_NAME_SIZE], const Option *option, OptionSpelling spelling,
                      const char *namespace_name) {
    static const char *const prefixes[] = {[OPTION_KEY] = "", [OPTION_FLAG] = "--", [OPTION_ENVIRONMENT] = "BARKER_"};
    const char *star = strchr(option->key, '*');
    size_t n_name = spell(name, 0, prefixes[spelling], '\0', OPTION_KEY);

    n_name = spell(name, n_name, option->key, '*', spelling);
    if (star) {
        n_name = spell(name, n_name, namespace_name, '\0', OPTION_KEY);
        spell(name, n_name, star + 1, '\0', spelling);
    }
    return name;
}

char *option_spell(char name[static OPTION_NAME_SIZE], const Option *option, OptionSpelling spelling) {
    return option_spell_in(name, option, spelling, "<name>");
}

/* Whether the name is one of the option; for an option of namespaces, from where to where the namespace's stands in it. */
static bool is_spelling(const Option *option, OptionSpelling spelling, const char *name, size_t *start, size_t *n) {
    char spelled[OPTION_NAME_SIZE];
    const char *star;
    size_t n_name = strlen(name), n_after;

    option_spell_in(spelled, option, spelling, "*");
    star = strchr(spelled, '*');
    if (!star)
        return strcmp(spelled, name) == 0;
    *start = (size_t)(star - spelled);
    n_after = strlen(star + 1);
    if (n_name < *start + n_after || strncmp(name, spelled, *start) != 0)
        return false;
    *n = n_name - *start - n_after;
    return strcmp(name + *start + *n, star + 1) == 0;
}

char *option_namespace(char namespace_name[static OPTION_NAME_SIZE], const Option *option, OptionSpelling spelling,
                       const char *name) {
    size_t start = 0, n = 0;

    if (!is_spelling(option, spelling, name, &start, &n))
        n = 0;
    snprintf(namespace_name, OPTION_NAME_SIZE, "%.*s", (int)n, name + start);
    for (char *at = namespace_name; spelling == OPTION_ENVIRONMENT && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return namespace_name;
}

const Option *options_find(OptionSpelling spelling, const char *name) {
    size_t n_options, start, n;
    const Option *options = options_all(&n_options);

    for (size_t i = 0; i < n_options; i++) {
        if (is_spelling(&options[i], spelling, name, &start, &n))
            return &options[i];
    }
    return NULL;
}

/* Optimal string alignment, three rows of the table at a time; given up when no way through two of them is near any more. Names
   longer than a row are far from every option. */
size_t options_distance(const char *a, const char *b, size_t n_limit) {
    size_t rows[3][OPTION_NAME_SIZE + 1];
    size_t n_a = strlen(a), n_b = strlen(b), n_least_above = 0;

    if (n_b > OPTION_NAME_SIZE || n_a > OPTION_NAME_SIZE || n_a >= n_b + n_limit || n_b >= n_a + n_limit)
        return n_limit;
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3], n_least = i;

        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best)
                best = above2[j - 2] + 1;
            row[j] = best;
            n_least = best < n_least ? best : n_least;
        }
        if (n_least >= n_limit && n_least_above >= n_limit)
            return n_limit;
        n_least_above = n_least;
    }
    return rows[n_a % 3][n_b] < n_limit ? rows[n_a % 3][n_b] : n_limit;
}

/* What stands between the option's first part and the last is taken for the namespace's name, so that it counts nothing. */
static size_t distance_from(const Option *option, OptionSpelling spelling, const char *name, size_t n_limit) {
    char spelled[OPTION_NAME_SIZE] = "", namespace_name[OPTION_NAME_SIZE] = "<name>";
    size_t n_before, n_name = strlen(name);

    option_spell_in(spelled, option, spelling, "*");
    n_before = strcspn(spelled, "*");
    if (spelled[n_before] && strncmp(name, spelled, n_before) == 0) {
        while (n_name > n_before && name[n_name] != spelled[n_before + 1])
            n_name--;
        snprintf(namespace_name, sizeof(namespace_name), "%.*s", (int)(n_name - n_before), name + n_before);
    }
    return options_distance(name, option_spell_in(spelled, option, spelling, namespace_name), n_limit);
}

const Option *options_nearest(OptionSpelling spelling, const char *name) {
    enum { FAR = 5 };
    size_t n_options, n_edits = FAR;
    const Option *options = options_all(&n_options), *nearest = NULL;

    for (size_t i = 0; i < n_options; i++) {
        size_t n = distance_from(&options[i], spelling, name, n_edits);

        if (n < n_edits && 2 * n < strlen(name)) {
            n_edits = n;
            nearest = &options[i];
        }
    }
    return nearest;
}
