#include "session/authenticate.h"

#include <string.h>

#include "base/error.h"
#include "session/drop.h"
#include "session/identity.h"
#include "session/limits.h"
#include "session/session.h"
#include "session/table.h"

enum { SECOND_MS = 1000, MEMBER_SIZE = 2 * TOKEN_NAME_MAX + TOKEN_INFO_MAX + 32 };

const char *authenticate_result_name(int result) {
    if (result == AUTHENTICATE_USER_LIMIT)
        return "user_limit";
    return result == AUTHENTICATE_OTHER_USER ? "other_user" : token_result_name((TokenResult)result);
}

static int verify(const SessionOptions *options, Token **token, const char *text, size_t n_text) {
    if (!options->keyring)
        return TOKEN_NO_SUCH_KEY;
    int64_t now_s = (int64_t)(options->wall_ms() / SECOND_MS);
    return token_verify(token, options->keyring, text, n_text, &options->token_rules, now_s);
}

int session_verify(Session *session, Token **token, const char *text, size_t n_text) {
    int r = verify(&session->table->options, token, text, n_text);
    if (r > TOKEN_OK)
        counter_add(&session->table->counters.refused_tokens, 1);
    return r < 0 ? error_trace(r) : r;
}

/* In the clock of the watchdog; 0: never. What has just expired, within the leeway, expires now. */
static uint64_t expires_at_ms(const Session *session) {
    const SessionTable *table = session->table;
    int64_t expires_s = session->token->expires_s;
    int64_t now_ms = (int64_t)table->options.wall_ms();
    if (expires_s == 0 || expires_s > INT64_MAX / SECOND_MS)
        return 0;
    int64_t left_ms = expires_s * SECOND_MS - now_ms;
    return table->now_ms + (left_ms > 0 ? (uint64_t)left_ms : 0);
}

static char *append(char *out, const char *bytes, size_t n_bytes) {
    memcpy(out, bytes, n_bytes);
    return out + n_bytes;
}

/* {"user":…,"info":…}. A user has no control characters, so two others are all that a JSON string must escape. */
static size_t write_member(char out[static MEMBER_SIZE], const Token *token) {
    static const char user[] = "{\"user\":\"", info[] = ",\"info\":";
    char *at = append(out, user, sizeof(user) - 1);
    for (size_t i = 0; i < token->user.n_text; i++) {
        char c = token->user.text[i];
        if (c == '"' || c == '\\')
            *at++ = '\\';
        *at++ = c;
    }
    *at++ = '"';
    if (token->info.n_text > 0) {
        at = append(at, info, sizeof(info) - 1);
        at = append(at, token->info.text, token->info.n_text);
    }
    *at++ = '}';
    return (size_t)(at - out);
}

static int take_user(Session *session, const Token *token) {
    char member[MEMBER_SIZE];
    if (token->user.n_text == 0)
        return 0;
    uint32_t user_limit = limits_of_connections(&session->table->options, token);
    int r =
        session_identify_within(session, token->user.text, token->user.n_text, member, write_member(member, token), user_limit);
    if (r < 0)
        return error_trace(r);
    return r == IDENTIFY_LIMIT ? AUTHENTICATE_USER_LIMIT : TOKEN_OK;
}

static bool has_same_user(const Token *a, const Token *b) {
    return a->user.n_text == b->user.n_text && (a->user.n_text == 0 || memcmp(a->user.text, b->user.text, a->user.n_text) == 0);
}

static void take_token(Session *session, Token *token) {
    const SessionOptions *options = &session->table->options;
    uint64_t now_ms = session->table->now_ms;
    QuotaLimit before = limits_of_messages(options, session->token), limit = limits_of_messages(options, token);
    quota_change(&session->messages, &before, &limit, now_ms);
    before = limits_of_bytes(options, session->token);
    limit = limits_of_bytes(options, token);
    quota_change(&session->bytes, &before, &limit, now_ms);
    token_free(session->token);
    session->token = token;
}

int session_authenticate(Session *session, const char *text, size_t n_text) {
    Token *token = NULL;
    int r = session_verify(session, &token, text, n_text);
    if (r == TOKEN_OK && session->token && !has_same_user(session->token, token))
        r = AUTHENTICATE_OTHER_USER;
    if (r == TOKEN_OK)
        r = take_user(session, token);
    if (r != TOKEN_OK) {
        token_free(token);
        return r < 0 ? error_trace(r) : r;
    }
    take_token(session, token);
    session_authenticated(session, expires_at_ms(session));
    if (session->state == READY_STATE_OPEN)
        session_judge_again(session);
    return TOKEN_OK;
}

void authenticate_opened(Session *session) {
    if (session->token)
        session_authenticated(session, expires_at_ms(session));
    else if (session->table->options.is_auth_required)
        session_require_auth(session);
}
