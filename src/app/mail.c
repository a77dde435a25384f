#include "app/mail.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"

Mail *mail_new(MailKind kind, size_t n_channel) {
    Mail *mail = calloc(1, sizeof(*mail) + n_channel);
    if (!mail)
        return NULL;
    mail->kind = kind;
    mail->n_channel = (uint32_t)n_channel;
    return mail;
}

Mail *mail_control(MailKind kind, const char *channel, size_t n_channel) {
    Mail *mail = mail_new(kind, n_channel);
    if (!mail) {
        log_event(LOG_LEVEL_ERROR, "out_of_memory", log_number("mail", kind));
        abort();
    }
    if (n_channel > 0)
        memcpy(mail->channel, channel, n_channel);
    return mail;
}

Mail *mail_message(MailKind kind, Message *message) {
    Mail *mail = mail_new(kind, 0);
    if (!mail)
        return NULL;
    mail->message = message_ref(message);
    mail->item.n_charged = sizeof(*mail) + sizeof(*message) + message->n_channel + message->n_payload;
    return mail;
}

Mail *mail_free(Mail *mail) {
    if (mail) {
        message_unref(mail->message);
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
