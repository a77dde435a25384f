/* Mail: what workers and the bus thread send each other. Owner: the sender until it is pushed, then the receiver. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/inbox.h"
#include "broker/broker.h"

typedef enum MailKind {
    /* to the bus */
    MAIL_WANT,    /* worker, token, channel */
    MAIL_UNWANT,  /* worker, channel */
    MAIL_PUBLISH, /* worker, session_id, request_id, message */
    /* to a worker */
    MAIL_DELIVER,      /* message */
    MAIL_ACKNOWLEDGED, /* token, is_granted, channel */
    MAIL_PUBLISHED,    /* session_id, request_id, result */
    MAIL_GAP,          /* the broker may have lost messages on the way here */
    MAIL_OVERLOADED,   /* this worker's inbox was full: messages were dropped */
    /* to either */
    MAIL_STOP,
} MailKind;

typedef struct Mail {
    InboxItem item;
    MailKind kind;
    uint32_t worker;
    uint64_t token;
    uint64_t session_id;
    uint64_t request_id;
    Message *message; /* one reference, released by mail_free */
    BrokerResult result;
    bool is_granted;
    uint32_t n_channel;
    char channel[]; /* not NUL-terminated */
} Mail;

Mail *mail_new(MailKind kind, size_t n_channel); /* zeroed but for the kind; NULL: no memory */
/* The same with the channel's name. Ends the process when there is no memory: a node that cannot tell its bus what it wants
   would be quietly deaf. */
Mail *mail_control(MailKind kind, const char *channel, size_t n_channel);
/* Carries the message with a reference of its own, charged with its size. NULL: no memory. */
Mail *mail_message(MailKind kind, Message *message);
Mail *mail_free(Mail *mail); /* NULL */

/* Takes the owner's whole inbox and gives each mail to receive, in order; frees it afterwards. */
typedef void MailReceive(void *context, const Mail *mail);
void mail_dispatch(Inbox *inbox, MailReceive *receive, void *context);
