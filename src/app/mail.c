#include "app/mail.h"

#include <stdlib.h>
#include <string.h>

#include "app/settings.h"
#include "base/list.h"
#include "base/log.h"

Mail *mail_new(MailKind kind, size_t n_text) {
    Mail *mail = calloc(1, sizeof(*mail) + n_text);
    if (mail)
        mail->kind = kind;
    return mail;
}

static Mail *mail_must(MailKind kind, size_t n_text) {
    Mail *mail = mail_new(kind, n_text);
    if (!mail) {
        log_event(LOG_LEVEL_ERROR, "out_of_memory", log_number("mail", kind));
        abort();
    }
    return mail;
}

Mail *mail_control(MailKind kind, const char *channel, size_t n_channel) {
    Mail *mail = mail_must(kind, n_channel);
    mail->n_channel = (uint32_t)n_channel;
    if (n_channel > 0)
        memcpy(mail->channel, channel, n_channel);
    return mail;
}

Mail *mail_present(const PresenceChange *change) {
    Mail *mail = mail_must(MAIL_PRESENT, change->n_channel + change->n_user + change->n_member);
    mail->has_entered = change->has_entered;
    mail->n_channel = (uint32_t)change->n_channel;
    mail->n_user = (uint32_t)change->n_user;
    mail->n_member = (uint32_t)change->n_member;
    memcpy(mail->channel, change->channel, change->n_channel);
    memcpy(mail->channel + change->n_channel, change->user, change->n_user);
    memcpy(mail->channel + change->n_channel + change->n_user, change->member, change->n_member);
    return mail;
}

PresenceChange mail_change(const Mail *mail) {
    const char *user = mail->channel + mail->n_channel;
    return (PresenceChange){
        .channel = mail->channel,
        .n_channel = mail->n_channel,
        .user = user,
        .n_user = mail->n_user,
        .member = user + mail->n_user,
        .n_member = mail->n_member,
        .has_entered = mail->has_entered,
    };
}

static size_t mail_size_of(const Message *message) {
    return sizeof(*message) + message->n_channel + message->n_payload;
}

Mail *mail_message(MailKind kind, Message *message) {
    Mail *mail = mail_new(kind, 0);
    if (!mail)
        return NULL;
    mail->message = message_ref(message);
    mail->item.n_charged = sizeof(*mail) + mail_size_of(message);
    return mail;
}

Mail *mail_question(MailKind kind, const char *channel, size_t n_channel) {
    Mail *mail = mail_new(kind, n_channel);
    if (!mail)
        return NULL;
    mail->n_channel = (uint32_t)n_channel;
    mail->item.n_charged = sizeof(*mail) + n_channel;
    memcpy(mail->channel, channel, n_channel);
    return mail;
}

BrokerResult mail_ask(Inbox *bus, Mail *mail, const BrokerReturn *to) {
    if (!mail)
        return BROKER_OVERLOADED;
    mail->to = *to;
    if (inbox_push(bus, &mail->item) == INBOX_FULL) {
        mail_free(mail);
        return BROKER_OVERLOADED;
    }
    return BROKER_OK;
}

Mail *mail_history(const char *channel, size_t n_channel, HistoryReply *reply) {
    Mail *mail = mail_control(MAIL_HISTORY, channel, n_channel);
    mail->history = history_reply_ref(reply);
    for (uint32_t i = 0; i < reply->n_messages; i++)
        mail->item.n_charged += mail_size_of(reply->messages[i]);
    return mail;
}

Mail *mail_settings(Settings *settings) {
    Mail *mail = mail_control(MAIL_SETTINGS, NULL, 0);
    mail->settings = settings_ref(settings);
    return mail;
}

Mail *mail_free(Mail *mail) {
    if (mail) {
        message_unref(mail->message);
        history_reply_unref(mail->history);
        presence_reply_unref(mail->presence);
        tls_unref(mail->tls);
        control_unref(mail->control);
        survey_unref(mail->survey);
        settings_unref(mail->settings);
        survey_reply_free(mail->surveyed);
        free(mail);
    }
    return NULL;
}

void mail_dispatch(Inbox *inbox, MailReceive *receive, void *context) {
    InboxItem *item = inbox_take(inbox);
    while (item) {
        Mail *mail = container_of(item, Mail, item);
        item = item->next;
        receive(context, mail);
        mail_free(mail);
    }
}
