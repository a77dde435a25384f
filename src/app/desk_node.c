#include <errno.h>
#include <string.h>

#include "app/desk.h"
#include "auth/bearer.h"

static BrokerReturn desk_return(const Desk *desk, uint64_t call, uint64_t item) {
    return (BrokerReturn){.worker = desk->options.n_workers, .session_id = call, .request_id = item};
}

static BrokerResult desk_ask(Desk *desk, Mail *mail, uint64_t call, uint64_t item) {
    const BrokerReturn to = desk_return(desk, call, item);
    return mail_ask(&desk->options.bus->inbox, mail, &to);
}

static BrokerResult desk_publish(void *context, Message *message, uint64_t call, uint64_t item) {
    return desk_ask(context, mail_message(MAIL_PUBLISH, message), call, item);
}

static BrokerResult desk_read(void *context, const char *channel, size_t n_channel, const HistoryQuery *query, uint64_t call) {
    Mail *mail = mail_question(MAIL_READ, channel, n_channel);
    if (mail)
        mail->query = *query;
    return desk_ask(context, mail, call, 0);
}

static BrokerResult desk_presence(void *context, const char *channel, size_t n_channel, uint64_t call) {
    return desk_ask(context, mail_question(MAIL_ASK, channel, n_channel), call, 0);
}

static BrokerResult desk_control(void *context, const Control *control, uint64_t call, uint64_t item) {
    Message *message;
    Buf text;
    buf_init(&text, CONTROL_TEXT_MAX);
    int r = control_write(&text, control);
    if (r == 0)
        r = message_new(&message, CONTROL_CHANNEL, strlen(CONTROL_CHANNEL), text.bytes, text.n_bytes);
    buf_finish(&text);
    if (r != 0)
        return BROKER_OVERLOADED;
    BrokerResult result = desk_ask(context, mail_message(MAIL_PUBLISH, message), call, item);
    message_unref(message);
    return result;
}

/* The questions hang together by their lists until all are there, so that either every worker is asked or none. */
static int desk_survey(void *context, Survey *survey, uint64_t call) {
    Desk *desk = context;
    Mail *mails[CONFIG_MAX_WORKERS];
    for (uint32_t i = 0; i < desk->options.n_workers; i++) {
        mails[i] = mail_new(MAIL_SURVEY, 0);
        if (!mails[i]) {
            while (i > 0)
                mail_free(mails[--i]);
            return -ENOMEM;
        }
        mails[i]->to = desk_return(desk, call, 0);
        mails[i]->survey = survey_ref(survey);
    }
    for (uint32_t i = 0; i < desk->options.n_workers; i++)
        inbox_push(&desk->options.workers[i].inbox, &mails[i]->item);
    return 0;
}

static void desk_node_info(void *context, NodeInfo *info) {
    desk_info(context, info);
}

static int desk_node_metrics(void *context, Buf *out) {
    return desk_metrics(context, out);
}

/* Where it is open, it is on loopback, and who is there and shows nothing may do all. */
static unsigned desk_scopes(void *context, const char *authorization) {
    const Desk *desk = context;
    if (!authorization || authorization[0] == '\0')
        return desk->routes.is_open ? API_ALL : 0;
    Span secret = bearer_of_authorization(authorization);
    const ApiKeys *keys = desk->settings->api_keys;
    return keys ? api_keys_check(keys, secret.at, secret.n) : 0;
}

static const Namespace *desk_namespace(const Desk *desk, const char *channel, size_t n_channel) {
    return namespaces_find(&desk->settings->config->namespaces, channel, n_channel);
}

static bool desk_keeps_history(void *context, const char *channel, size_t n_channel) {
    return desk_namespace(context, channel, n_channel)->history_limit > 0;
}

static bool desk_keeps_presence(void *context, const char *channel, size_t n_channel) {
    return desk_namespace(context, channel, n_channel)->has_presence;
}

static void desk_respond(void *context, uint64_t exchange, const HttpResponse *response) {
    Desk *desk = context;
    http_server_respond(desk->http, exchange, response);
}

const NodeOps desk_node_ops = {
    .publish = desk_publish,
    .read = desk_read,
    .presence = desk_presence,
    .control = desk_control,
    .survey = desk_survey,
    .info = desk_node_info,
    .health = desk_health_of,
    .metrics = desk_node_metrics,
    .scopes = desk_scopes,
    .keeps_history = desk_keeps_history,
    .keeps_presence = desk_keeps_presence,
    .respond = desk_respond,
};
