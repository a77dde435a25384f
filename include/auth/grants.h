/* Grants: what a token lets its bearer do with a channel. Any thread; allocates nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "auth/token.h"

/* * stands for any run of characters, also none; everything else for itself. At most n_pattern * n_text steps. */
bool grants_match(const char *pattern, size_t n_pattern, const char *text, size_t n_text);

/* The token's own words: subscribe has a pattern for the channel, channels or channel names it. token may be NULL: nothing. */
bool grants_subscribe(const Token *token, const char *channel, size_t n_channel);
bool grants_publish(const Token *token, const char *channel, size_t n_channel); /* publish has a pattern for it */

/* A channel token shown for this channel by a connection of this user (n_user 0: none): it names the channel, and either no user
   or that one. */
bool grants_opens(const Token *token, const char *user, size_t n_user, const char *channel, size_t n_channel);

/* Whose channel is it by its name? The owner is what stands behind the last '#'. */
typedef enum Ownership {
    OWNED_BY_NONE, /* the name has no '#' */
    OWNED_BY_USER,
    OWNED_BY_OTHER, /* also when there is no user, or nothing stands behind the '#' */
} Ownership;

Ownership grants_ownership(const char *channel, size_t n_channel, const char *user, size_t n_user);
