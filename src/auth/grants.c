#include "auth/grants.h"

#include <string.h>

/* On a mismatch the last star takes one character more; the stars before it need not be tried again. */
bool grants_match(const char *pattern, size_t n_pattern, const char *text, size_t n_text) {
    size_t at = 0, after_star = 0, star_text = 0;
    bool has_star = false;
    for (size_t i = 0; i < n_text || at < n_pattern;) {
        if (at < n_pattern && pattern[at] == '*') {
            has_star = true;
            after_star = ++at;
            star_text = i;
        } else if (at < n_pattern && i < n_text && pattern[at] == text[i]) {
            at++;
            i++;
        } else if (has_star && star_text < n_text) {
            at = after_star;
            i = ++star_text;
        } else {
            return false;
        }
    }
    return true;
}

static bool is_equal(const TokenText *name, const char *text, size_t n_text) {
    return name->text && name->n_text == n_text && memcmp(name->text, text, n_text) == 0;
}

static bool has_pattern(const TokenList *patterns, const char *channel, size_t n_channel) {
    for (size_t i = 0; i < patterns->n_items; i++)
        if (grants_match(patterns->items[i].text, patterns->items[i].n_text, channel, n_channel))
            return true;
    return false;
}

bool grants_subscribe(const Token *token, const char *channel, size_t n_channel) {
    if (!token)
        return false;
    for (size_t i = 0; i < token->channels.n_items; i++)
        if (is_equal(&token->channels.items[i], channel, n_channel))
            return true;
    return is_equal(&token->channel, channel, n_channel) || has_pattern(&token->subscribe, channel, n_channel);
}

bool grants_publish(const Token *token, const char *channel, size_t n_channel) {
    return token && has_pattern(&token->publish, channel, n_channel);
}

bool grants_opens(const Token *token, const char *user, size_t n_user, const char *channel, size_t n_channel) {
    return token && is_equal(&token->channel, channel, n_channel) &&
           (!token->user.text || is_equal(&token->user, user, n_user));
}

Ownership grants_ownership(const char *channel, size_t n_channel, const char *user, size_t n_user) {
    const char *mark = memrchr(channel, '#', n_channel);
    if (!mark)
        return OWNED_BY_NONE;
    size_t n_owner = (size_t)(channel + n_channel - mark) - 1;
    return n_owner > 0 && n_owner == n_user && memcmp(mark + 1, user, n_user) == 0 ? OWNED_BY_USER : OWNED_BY_OTHER;
}
