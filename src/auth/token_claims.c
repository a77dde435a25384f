#include "auth/token_claims.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auth/words.h"
#include "base/error.h"

static const double SECONDS_MAX = 9007199254740991; /* 2^53 - 1: exact in every JSON reader; 285 million years */

/* Where the token's texts go, behind it in its one allocation. */
typedef struct Room {
    TokenText *items;
    char *text;
} Room;

int token_json(json_t **root, const char *text, size_t n_text) {
    json_error_t error = {.text = ""}; /* all of it: jansson does not set the code on every path */
    if (!words_is_text(text, n_text))
        return TOKEN_MALFORMED;
    json_t *value = json_loadb(text, n_text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value && !json_is_object(value)) {
        json_decref(value);
        return TOKEN_MALFORMED;
    }
    *root = value;
    if (value)
        return TOKEN_OK;
    switch (json_error_code(&error)) {
    case json_error_unknown: /* what jansson says when an allocation deep inside has failed */
    case json_error_out_of_memory:
        return error_origin(-ENOMEM);
    case json_error_numeric_overflow:
    case json_error_duplicate_key:
        return TOKEN_BAD_CLAIMS;
    default:
        return TOKEN_MALFORMED;
    }
}

/* NumericDate (RFC 7519 section 2): may have a fraction. 0 when it is absent. */
static bool read_seconds(int64_t *seconds, const json_t *root, const char *name) {
    const json_t *value = json_object_get(root, name);
    double number = json_number_value(value);
    *seconds = 0;
    if (!value)
        return true;
    if (!json_is_number(value) || !(number >= 0 && number <= SECONDS_MAX))
        return false;
    *seconds = (int64_t)number;
    return true;
}

static int judge_times(Token *token, const json_t *root, const TokenRules *rules, int64_t now_s) {
    uint32_t leeway_s = rules->leeway_s;
    if (!read_seconds(&token->expires_s, root, "exp") || !read_seconds(&token->not_before_s, root, "nbf") ||
        !read_seconds(&token->issued_s, root, "iat"))
        return TOKEN_BAD_CLAIMS;
    if (rules->needs_expiry && !json_object_get(root, "exp"))
        return TOKEN_NO_EXPIRY;
    if (json_object_get(root, "exp") && now_s >= token->expires_s + leeway_s)
        return TOKEN_EXPIRED;
    if (now_s + leeway_s < token->not_before_s || now_s + leeway_s < token->issued_s)
        return TOKEN_NOT_YET_VALID;
    return TOKEN_OK;
}

static bool is_text(const json_t *value, const char *text) {
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* One name or an array of them (RFC 7519 4.1.3). */
static int judge_audience(const json_t *audience, const char *wanted) {
    bool is_meant = !audience && !wanted;
    if (audience && !json_is_string(audience) && !json_is_array(audience))
        return TOKEN_BAD_CLAIMS;
    if (wanted && is_text(audience, wanted))
        is_meant = true;
    for (size_t i = 0; i < json_array_size(audience); i++) {
        if (!json_is_string(json_array_get(audience, i)))
            return TOKEN_BAD_CLAIMS;
        if (wanted && is_text(json_array_get(audience, i), wanted))
            is_meant = true;
    }
    return is_meant ? TOKEN_OK : TOKEN_WRONG_AUDIENCE;
}

static bool is_name(const json_t *value) {
    return json_is_string(value) && words_is_name(json_string_value(value), json_string_length(value), TOKEN_NAME_MAX);
}

static bool is_name_list(const json_t *list) {
    if (list && (!json_is_array(list) || json_array_size(list) > TOKEN_LIST_MAX))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!is_name(json_array_get(list, i)))
            return false;
    return true;
}

static bool are_sound(const json_t *root) {
    const json_t *user = json_object_get(root, "sub"), *channel = json_object_get(root, "channel");
    return (!user || is_name(user)) && (!channel || is_name(channel)) && is_name_list(json_object_get(root, "channels")) &&
           is_name_list(json_object_get(root, "subscribe")) && is_name_list(json_object_get(root, "publish"));
}

/* A whole number from 1 on; what is absent stays as it is. */
static bool read_limit(uint32_t *limit, const json_t *limits, const char *name) {
    const json_t *value = json_object_get(limits, name);
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > UINT32_MAX)
        return false;
    *limit = (uint32_t)json_integer_value(value);
    return true;
}

static bool read_limits(TokenLimits *limits, const json_t *root) {
    const json_t *value = json_object_get(root, "limits");
    return !value ||
           (json_is_object(value) && read_limit(&limits->messages, value, "messages") &&
            read_limit(&limits->bytes, value, "bytes") && read_limit(&limits->subscriptions, value, "subscriptions") &&
            read_limit(&limits->connections, value, "connections"));
}

/* info as text, for the caller to free; NULL when there is none. */
static int write_info(char **info, const json_t *root) {
    const json_t *value = json_object_get(root, "info");
    *info = NULL;
    if (!value)
        return TOKEN_OK;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
    if (!text)
        return error_origin(-ENOMEM);
    if (strlen(text) > TOKEN_INFO_MAX) {
        free(text);
        return TOKEN_BAD_CLAIMS;
    }
    *info = text;
    return TOKEN_OK;
}

static TokenText copy_text(Room *room, const char *text, size_t n_text) {
    TokenText copy = {.text = NULL};
    if (text) {
        copy = (TokenText){.text = room->text, .n_text = n_text};
        memcpy(room->text, text, n_text + 1);
        room->text += n_text + 1;
    }
    return copy;
}

static TokenText copy_string(Room *room, const json_t *value) {
    return copy_text(room, json_string_value(value), json_string_length(value));
}

static TokenList copy_list(Room *room, const json_t *list) {
    TokenList copy = {.items = room->items, .n_items = json_array_size(list)};
    for (size_t i = 0; i < copy.n_items; i++)
        *room->items++ = copy_string(room, json_array_get(list, i));
    return copy;
}

static size_t string_size(const json_t *value) {
    return json_is_string(value) ? json_string_length(value) + 1 : 0;
}

static size_t list_size(const json_t *list) {
    size_t n_bytes = json_array_size(list) * sizeof(TokenText);
    for (size_t i = 0; i < json_array_size(list); i++)
        n_bytes += string_size(json_array_get(list, i));
    return n_bytes;
}

static Token *copy_claims(const Token *times, const json_t *root, const char *info) {
    const json_t *user = json_object_get(root, "sub"), *channel = json_object_get(root, "channel");
    const json_t *channels = json_object_get(root, "channels");
    const json_t *subscribe = json_object_get(root, "subscribe"), *publish = json_object_get(root, "publish");
    size_t n_items = json_array_size(channels) + json_array_size(subscribe) + json_array_size(publish);
    size_t n_info = info ? strlen(info) : 0;
    Token *token = malloc(sizeof(*token) + list_size(channels) + list_size(subscribe) + list_size(publish) + string_size(user) +
                          string_size(channel) + n_info + 1);
    if (!token)
        return NULL;
    Room room = {.items = (TokenText *)(token + 1)};
    room.text = (char *)(room.items + n_items);
    *token = *times;
    token->user = copy_string(&room, user);
    token->info = copy_text(&room, info, n_info);
    token->channel = copy_string(&room, channel);
    token->channels = copy_list(&room, channels);
    token->subscribe = copy_list(&room, subscribe);
    token->publish = copy_list(&room, publish);
    return token;
}

int token_read_claims(Token **token, const json_t *root, const TokenRules *rules, int64_t now_s) {
    Token times = {.expires_s = 0};
    char *info = NULL;
    int r = judge_times(&times, root, rules, now_s);
    if (r == TOKEN_OK)
        r = judge_audience(json_object_get(root, "aud"), rules->audience);
    if (r == TOKEN_OK && rules->issuer && !is_text(json_object_get(root, "iss"), rules->issuer))
        r = TOKEN_WRONG_ISSUER;
    if (r == TOKEN_OK && (!are_sound(root) || !read_limits(&times.limits, root)))
        r = TOKEN_BAD_CLAIMS;
    if (r == TOKEN_OK)
        r = write_info(&info, root);
    if (r != TOKEN_OK)
        return r;
    Token *copy = copy_claims(&times, root, info);
    free(info);
    if (!copy)
        return error_origin(-ENOMEM);
    *token = copy;
    return TOKEN_OK;
}
