/* Options: the one table from which flags, environment variables, file keys, checks, help and documentation come.
   Constant; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "app/config.h"
#include "base/buf.h"

enum { OPTION_OK, OPTION_BAD };
enum { OPTION_NAME_SIZE = 128 }; /* of any spelling of any key, with its NUL */

typedef enum OptionType {
    OPTION_ADDRESS,   /* ListenAddress, and a bool at offset_n: false when the text is empty */
    OPTION_ADDRESSES, /* ListenAddress[maximum], and their number, a uint32_t, at offset_n; comma-separated */
    OPTION_CHOICE,    /* the index into choices, stored in an enum */
    OPTION_DURATION,  /* uint32_t, milliseconds */
    OPTION_NETWORKS,  /* Network[maximum], and their number, a uint32_t, at offset_n; comma-separated, or nothing */
    OPTION_NODE_ID,   /* char *, owned by the Config */
    OPTION_NUMBER,    /* uint32_t */
    OPTION_ORIGINS,   /* char *, owned by the Config; several separated by spaces */
    OPTION_REDIS_URL, /* char *, owned by the Config; several separated by spaces; may bear passwords */
    OPTION_SECRET,    /* as OPTION_TEXT, and never shown */
    OPTION_SIZE,      /* uint32_t, bytes */
    OPTION_SWITCH,    /* bool; choices are no and yes */
    OPTION_TEXT,      /* char *, owned by the Config; UTF-8 without control characters, length within the bounds */
} OptionType;

typedef enum OptionSpelling {
    OPTION_KEY,         /* redis.url: [redis] url = in the file */
    OPTION_FLAG,        /* --redis-url */
    OPTION_ENVIRONMENT, /* BARKER_REDIS_URL */
} OptionSpelling;

struct Option {
    const char *key; /* section.name, or namespace.*.name: an option of each namespace */
    OptionType type;
    const char *initial;                /* the default; of a namespace's option perhaps the key of the one that holds instead */
    const char *initial_in_development; /* the default under --dev; NULL: the same */
    uint32_t minimum;                   /* in the type's unit; for a text, bytes */
    uint32_t maximum;
    const char *const *choices; /* NULL-terminated; OPTION_CHOICE only */
    size_t offset;              /* in Config, or in Namespace */
    size_t offset_n;            /* in Config, where the type says so */
    const char *help;
};

/* An option as a flag gave it. */
struct ConfigFlag {
    const Option *option;
    const char *text;
    char namespace_name[OPTION_NAME_SIZE]; /* "" unless it is an option of namespaces */
};

const Option *options_all(size_t *n_options);
size_t options_index(const Option *option); /* its row */

bool option_is_of_namespace(const Option *option);

/* The option's name in that spelling, NUL-terminated, with <name> for a namespace's. Returns name. */
char *option_spell(char name[static OPTION_NAME_SIZE], const Option *option, OptionSpelling spelling);
/* The same with that namespace's name, which is left out where the option is none of namespaces. */
char *option_spell_in(char name[static OPTION_NAME_SIZE], const Option *option, OptionSpelling spelling,
                      const char *namespace_name);
/* The namespace that the name, which options_find has found, speaks of, lower-cased when it is the environment's; it may yet
   be a bad name. "" for an option that is none of namespaces. Returns namespace_name. */
char *option_namespace(char namespace_name[static OPTION_NAME_SIZE], const Option *option, OptionSpelling spelling,
                       const char *name);
const Option *options_find(OptionSpelling spelling, const char *name);    /* NULL when there is none */
const Option *options_nearest(OptionSpelling spelling, const char *name); /* NULL when nothing is close */

/* How many single-character edits lie between the two, a swap of neighbours counting as one; n_limit or more is n_limit. */
size_t options_distance(const char *a, const char *b, size_t n_limit);

/* Checks the text by the option's row and stores it in the record, a Config, or a Namespace for an option of namespaces,
   freeing what was there. OPTION_OK; OPTION_BAD with what would be right appended to why; -ENOMEM. */
int option_store(void *record, const Option *option, const char *text, Buf *why);
/* Appends what the option takes: "a duration from 100ms to 1h, such as 25s". 0 or -ENOMEM. */
int option_describe(Buf *text, const Option *option);
/* Appends the value fit for eyes: quoted by nothing, control characters as ?, the password of a URL and all of a secret as ***. 0 or -ENOMEM. */
int option_mask(Buf *text, const Option *option, const char *value);

/* The option that holds where a namespace's own is not given; NULL: its initial is a value. */
const Option *option_inherited(const Option *option);

const char *option_placeholder(const Option *option); /* "DURATION", "URL", …; for a choice the words: "text|json" */
/* Whether the option's section is among those space-separated names; NULL: yes. */
bool options_has_section(const Option *option, const char *sections);
/* Help in two columns within 100, one group a section; sections: space-separated names, NULL for all. */
void options_print_help(FILE *out, const char *sections);
void options_print_markdown(FILE *out); /* the table of README.md */
/* Prints one line of a two-column help, wrapped within 100 columns. */
void options_print_row(FILE *out, const char *name, const char *help);
