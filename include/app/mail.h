/* Mail: what workers and the bus thread send each other. Owner: the sender until it is pushed, then the receiver. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/inbox.h"
#include "broker/broker.h"
#include "broker/control.h"
#include "net/tls.h"
#include "session/survey.h"

typedef struct Settings Settings;

typedef enum MailKind {
    /* to the bus */
    MAIL_WANT,    /* to.worker, token, channel */
    MAIL_UNWANT,  /* to.worker, channel */
    MAIL_PUBLISH, /* to, message */
    MAIL_READ,    /* to, query, channel */
    MAIL_ASK,     /* to, channel: who is in it */
    MAIL_PRESENT, /* to.worker, has_entered, channel, user, member */
    /* to a worker */
    MAIL_DELIVER,      /* message */
    MAIL_ACKNOWLEDGED, /* token, result, position, channel */
    MAIL_PUBLISHED,    /* to, result, position */
    MAIL_GAP,          /* position, channel: the broker may have lost messages on the way here */
    MAIL_HISTORY,      /* to, channel, history; without one, result */
    MAIL_PRESENCE,     /* to, channel, presence */
    MAIL_CERTIFICATES, /* tls */
    MAIL_OVERLOADED,   /* this worker's inbox was full: messages were dropped */
    MAIL_CONTROL,      /* control */
    MAIL_SURVEY,       /* to, survey */
    MAIL_DRAIN,        /* token: over how many milliseconds its connections are told to go */
    /* to the desk */
    MAIL_SURVEYED, /* to, surveyed; without one: that worker had no memory */
    /* to any */
    MAIL_SETTINGS, /* settings: to go by from now on */
    MAIL_STOP,
    MAIL_TERMINATE, /* behind MAIL_STOP: what is left is waited for no longer */
} MailKind;

typedef struct Mail {
    InboxItem item;
    MailKind kind;
    BrokerResult result;
    bool has_entered;
    uint32_t n_channel;
    uint32_t n_user;
    uint32_t n_member;
    uint64_t token;
    BrokerReturn to;
    Message *message; /* one reference each, released by mail_free */
    HistoryReply *history;
    PresenceReply *presence;
    Tls *tls;
    Control *control;
    Survey *survey;
    Settings *settings;
    SurveyReply *surveyed; /* the mail's own */
    union {
        Position position;
        HistoryQuery query;
    };
    char channel[]; /* not NUL-terminated; behind it the user, and the member */
} Mail;

Mail *mail_new(MailKind kind, size_t n_text); /* zeroed but for the kind; NULL: no memory */
/* The same with the channel's name. Ends the process when there is no memory: a node that cannot tell its bus what it wants
   would be quietly deaf. */
Mail *mail_control(MailKind kind, const char *channel, size_t n_channel);
Mail *mail_present(const PresenceChange *change); /* ends the process likewise */
/* What MAIL_PRESENT says; its spans lie in the mail. */
PresenceChange mail_change(const Mail *mail);
/* Carries the message with a reference of its own, charged with its size. NULL: no memory. */
Mail *mail_message(MailKind kind, Message *message);
/* Carries a channel's name, charged with it. NULL: no memory. */
Mail *mail_question(MailKind kind, const char *channel, size_t n_channel);
/* Asks the bus for what may be refused: takes the mail, which is charged, or NULL without memory. BROKER_OK: the answer comes to
   *to; BROKER_OVERLOADED: none does. Any thread. */
BrokerResult mail_ask(Inbox *bus, Mail *mail, const BrokerReturn *to);
/* The same as mail_message of a reply; ends the process when there is no memory. */
Mail *mail_history(const char *channel, size_t n_channel, HistoryReply *reply);
Mail *mail_settings(Settings *settings); /* with a reference of its own; likewise */
Mail *mail_free(Mail *mail);             /* NULL */

/* Takes the owner's whole inbox and gives each mail to receive, in order; frees it afterwards. */
typedef void MailReceive(void *context, const Mail *mail);
void mail_dispatch(Inbox *inbox, MailReceive *receive, void *context);
