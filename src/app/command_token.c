#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "app/cli.h"
#include "app/duration.h"
#include "auth/token.h"
#include "auth/token_sign.h"
#include "base/clock.h"

enum { TOKEN_LIMIT = 64 * 1024, PROBLEMS_LIMIT = 4096, EXPIRES_MS = 60 * 60 * 1000 };

/* What a token would be refused for once it is shown: said by the same code, right after it was signed. */
static int check(const CliInput *input, const Keyring *ring, const TokenClaims *claims, const Buf *text) {
    const TokenRules rules = {.audience = claims->audience, .issuer = claims->issuer};
    Token *token = NULL;
    int r = token_verify(&token, ring, (const char *)text->bytes, text->n_bytes, &rules, claims->issued_s);

    token_free(token);
    if (r == TOKEN_OK)
        return EX_OK;
    if (r < 0)
        cli_complain(input->streams, "cannot make a token: %s", strerror(-r));
    else
        cli_complain(input->streams,
                     "such a token would be refused as %s: names have up to 255 bytes and no control characters, a list "
                     "up to 64, info up to 1 KiB, limits are whole numbers from 1, the whole up to 8 KiB",
                     token_result_name((TokenResult)r));
    return r < 0 ? EX_OSERR : EX_DATAERR;
}

static int complain(const CliInput *input, int r) {
    if (r < 0) {
        cli_complain(input->streams, "cannot make a token: %s", strerror(-r));
        return EX_OSERR;
    }
    if (r == TOKEN_SIGN_NO_KEY)
        cli_complain(input->streams, "flag --key: tokens are signed with a private key of EdDSA or a secret of HS256");
    else if (r == TOKEN_SIGN_BAD_INFO)
        cli_complain(input->streams, "flag --info: it is not JSON");
    else if (r == TOKEN_SIGN_BAD_LIMITS)
        cli_complain(input->streams, "flag --limits: it is not JSON");
    else
        cli_complain(input->streams, "users, channels and patterns are UTF-8 of 1 to 255 bytes without control characters");
    return EX_DATAERR;
}

static int print_token(const CliInput *input, const Keyring *ring, const TokenClaims *claims) {
    Buf text;
    int r;

    buf_init(&text, TOKEN_LIMIT);
    r = token_sign(&text, ring, claims);
    r = r == TOKEN_SIGN_OK ? check(input, ring, claims, &text) : complain(input, r);
    if (r == EX_OK)
        fprintf(input->streams->out, "%.*s\n", (int)text.n_bytes, (const char *)text.bytes);
    buf_finish(&text);
    return r;
}

/* "hs256:…" and "hs256/id:…" are the key itself; of all other forms only a file can sign. */
static bool is_key_itself(const char *text) {
    size_t n_head = strcspn(text, ":");

    return text[n_head] && (strncasecmp(text, "hs256:", 6) == 0 || strncasecmp(text, "hs256/", 6) == 0 ||
                            strncasecmp(text, "hs256-base64url", 15) == 0);
}

static int load_key(const CliInput *input, Keyring *ring) {
    const char *key = input->switches[CLI_KEY];
    Buf problems;
    int r;

    buf_init(&problems, PROBLEMS_LIMIT);
    r = is_key_itself(key) ? keyring_add_text(ring, key, "flag --key", &problems) : keyring_add_file(ring, key, &problems);
    if (r > 0 && problems.n_bytes > 0)
        cli_complain(input->streams, "%.*s", (int)problems.n_bytes - 1, (const char *)problems.bytes);
    else if (r < 0)
        cli_complain(input->streams, "cannot read the key: %s", strerror(-r));
    buf_finish(&problems);
    return r < 0 ? EX_OSERR : r > 0 ? EX_DATAERR : EX_OK;
}

static int set_times(const CliInput *input, TokenClaims *claims) {
    const char *expires = input->switches[CLI_EXPIRES];
    uint32_t expires_ms = EXPIRES_MS;

    if (expires && (duration_parse(&expires_ms, expires) != DURATION_OK || (expires_ms != 0 && expires_ms < 1000))) {
        cli_complain(input->streams, "flag --expires: '%s' is not a duration like 90s, 15m or 1h, or 0", expires);
        return EX_USAGE;
    }
    claims->issued_s = (int64_t)(clock_wall_ms() / 1000);
    claims->expires_s = expires_ms != 0 ? claims->issued_s + expires_ms / 1000 : 0;
    return EX_OK;
}

/* The values of a switch that may be given again, from at on; returns how many. */
static size_t gather(const char **at, const CliInput *input, CliSwitch which) {
    size_t n = 0;

    for (size_t i = 0; i < input->n_given; i++)
        if (input->given[i].which == which)
            at[n++] = input->given[i].value;
    return n;
}

static int sign(const CliInput *input, Keyring *ring, const char **lists) {
    TokenClaims claims = {
        .user = input->switches[CLI_SUB],
        .info = input->switches[CLI_INFO],
        .limits = input->switches[CLI_LIMITS],
        .channel = input->switches[CLI_CHANNEL],
        .audience = input->switches[CLI_AUDIENCE],
        .issuer = input->switches[CLI_ISSUER],
    };
    int r = set_times(input, &claims);

    claims.channels = lists;
    claims.n_channels = gather(lists, input, CLI_JOIN);
    claims.subscribe = lists + claims.n_channels;
    claims.n_subscribe = gather(lists + claims.n_channels, input, CLI_SUBSCRIBE);
    claims.publish = claims.subscribe + claims.n_subscribe;
    claims.n_publish = gather(lists + claims.n_channels + claims.n_subscribe, input, CLI_PUBLISH);
    if (r == EX_OK)
        r = load_key(input, ring);
    return r == EX_OK ? print_token(input, ring, &claims) : r;
}

static int run(const CliInput *input) {
    Keyring *ring = NULL;
    const char **lists;
    int r;

    if (!input->switches[CLI_KEY]) {
        cli_complain(input->streams, "token needs a --key to sign with; barker keygen makes one");
        return EX_USAGE;
    }
    lists = calloc(input->n_given, sizeof(*lists));
    r = lists ? keyring_new(&ring) : -1;
    if (r < 0)
        cli_complain(input->streams, "cannot make a token: out of memory, or libsodium does not start");
    r = r < 0 ? EX_OSERR : sign(input, ring, lists);
    keyring_free(ring);
    free(lists);
    return r;
}

const CliCommand cli_command_token = {
    .name = "token",
    .summary = "Print a token, as a backend would make it for a user.",
    .details = "Prints a JWT signed with the key: a JWK or a PEM file as barker keygen or\n"
               "openssl genpkey -algorithm ed25519 make it, or the word hs256:SECRET. Other\n"
               "processes can see what is given on the command line: for anything but a trial\n"
               "keep the key in a file.\n"
               "  barker token --key key.jwk --sub alice --subscribe 'chat:*' --expires 15m",
    .switches = 1U << CLI_KEY | 1U << CLI_SUB | 1U << CLI_INFO | 1U << CLI_LIMITS | 1U << CLI_CHANNEL | 1U << CLI_JOIN |
                1U << CLI_SUBSCRIBE | 1U << CLI_PUBLISH | 1U << CLI_EXPIRES | 1U << CLI_AUDIENCE | 1U << CLI_ISSUER,
    .sections = "",
    .run = run,
};
