#include "auth/grants.h"

#include <string.h>

/* What lies between two stars is taken where it stands first: no later place could help what follows. So the time grows with
   the lengths, not with their product: whoever lists channels by a pattern has a hundred thousand names looked at in one go. */
bool grants_match(const char *pattern, size_t n_pattern, const char *text, size_t n_text) {
    const char *star = memchr(pattern, '*', n_pattern), *last = memrchr(pattern, '*', n_pattern);
    if (!star)
        return n_pattern == n_text && memcmp(pattern, text, n_text) == 0;
    size_t n_head = (size_t)(star - pattern), n_tail = n_pattern - (size_t)(last - pattern) - 1;
    if (n_head + n_tail > n_text || memcmp(pattern, text, n_head) != 0 || memcmp(last + 1, text + n_text - n_tail, n_tail) != 0)
        return false;
    const char *at = text + n_head, *end = text + n_text - n_tail;
    while (star < last) {
        const char *piece = star + 1;
        star = memchr(piece, '*', (size_t)(last - star));
        size_t n_piece = (size_t)(star - piece);
        at = memmem(at, (size_t)(end - at), piece, n_piece);
        if (!at)
            return false;
        at += n_piece;
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
