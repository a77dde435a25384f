#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "app/cli.h"
#include "auth/token_sign.h"

enum { KEY_LIMIT = 1024 };

static int find_algorithm(KeyAlgorithm *algorithm, const char *name) {
    static const KeyAlgorithm makeable[] = {KEY_EDDSA, KEY_HS256};
    for (size_t i = 0; i < sizeof(makeable) / sizeof(makeable[0]); i++) {
        if (strcasecmp(key_algorithm_name(makeable[i]), name) == 0) {
            *algorithm = makeable[i];
            return EX_OK;
        }
    }
    return EX_USAGE;
}

static void print_line(FILE *out, const Buf *line) {
    if (line->n_bytes > 0)
        fprintf(out, "%.*s\n", (int)line->n_bytes, (const char *)line->bytes);
}

static int run(const CliInput *input) {
    const char *name = input->switches[CLI_ALGORITHM];
    KeyAlgorithm algorithm = KEY_EDDSA;
    Buf secret, public_half;
    int r;

    if (name && find_algorithm(&algorithm, name) != EX_OK) {
        cli_complain(input->streams, "flag --algorithm: '%s' is none of eddsa and hs256", name);
        return EX_USAGE;
    }
    buf_init(&secret, KEY_LIMIT);
    buf_init(&public_half, KEY_LIMIT);
    r = token_keygen(&secret, &public_half, algorithm);
    if (r == 0) {
        print_line(input->streams->out, &secret);
        print_line(input->streams->out, &public_half);
    } else {
        cli_complain(input->streams, "cannot make a key: %s", strerror(-r));
    }
    buf_finish(&secret);
    buf_finish(&public_half);
    return r == 0 ? EX_OK : EX_OSERR;
}

const CliCommand cli_command_keygen = {
    .name = "keygen",
    .summary = "Print a new key to sign tokens with, and its public half.",
    .details = "Prints a new random key. eddsa: two lines, the private key and the public key,\n"
               "each a JWK. The first is for whoever makes the tokens, the second is all that\n"
               "the nodes need to know. hs256: one line, a secret that both sides share. Keep\n"
               "the first line where only its owner can read it:\n"
               "  barker keygen |\n"
               "    (umask 077; read -r secret; echo \"$secret\" > key.jwk; cat > public.jwk)",
    .switches = 1U << CLI_ALGORITHM,
    .sections = "",
    .run = run,
};
