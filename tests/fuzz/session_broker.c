#include "session_broker.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hub/channel.h"

enum { QUESTIONS_MAX = 64, MESSAGES_MAX = 8, EPOCH = 7, HEAD = 100 };

typedef enum QuestionKind { QUESTION_WANT, QUESTION_PUBLISH, QUESTION_READ, QUESTION_PRESENCE } QuestionKind;

typedef struct Question {
    QuestionKind kind;
    size_t n_channel;
    char channel[CHANNEL_NAME_MAX];
    uint64_t token;
    BrokerReturn to;
    HistoryQuery query;
} Question;

static Question questions[QUESTIONS_MAX];
static size_t n_questions;

static Question *add(QuestionKind kind, const char *channel, size_t n_channel, const BrokerReturn *to) {
    fuzz_must(channel_name_is_valid(channel, n_channel), "a channel that the broker is told of is one");
    if (n_questions == QUESTIONS_MAX)
        return NULL;
    Question *question = &questions[n_questions++];
    *question = (Question){.kind = kind, .n_channel = n_channel};
    memcpy(question->channel, channel, n_channel);
    if (to)
        question->to = *to;
    return question;
}

static bool is_of(const Question *question, QuestionKind kind, const char *channel, size_t n_channel) {
    return question->kind == kind && question->n_channel == n_channel && memcmp(question->channel, channel, n_channel) == 0;
}

/* Drops the question; what was asked later stays behind in its order. */
static Question take(size_t i) {
    Question question = questions[i];
    memmove(&questions[i], &questions[i + 1], (--n_questions - i) * sizeof questions[0]);
    return question;
}

static bool take_oldest(QuestionKind kind, Question *out) {
    for (size_t i = 0; i < n_questions; i++) {
        if (questions[i].kind != kind)
            continue;
        *out = take(i);
        return true;
    }
    return false;
}

static void port_want(BrokerPort *port, const char *channel, size_t n_channel, uint64_t token) {
    session_broker.n_wants++;
    for (size_t i = 0; i < n_questions; i++) { /* of an older want nothing more is heard */
        if (is_of(&questions[i], QUESTION_WANT, channel, n_channel)) {
            questions[i].token = token;
            return;
        }
    }
    Question *question = add(QUESTION_WANT, channel, n_channel, NULL);
    if (question)
        question->token = token;
}

static void port_unwant(BrokerPort *port, const char *channel, size_t n_channel) {
    session_broker.n_unwants++;
    fuzz_must(session_broker.n_unwants <= session_broker.n_wants, "what is wanted no more was wanted");
}

static BrokerResult port_publish(BrokerPort *port, Message *message, const BrokerReturn *to) {
    return add(QUESTION_PUBLISH, message_channel(message), message->n_channel, to) ? BROKER_OK : BROKER_OVERLOADED;
}

static BrokerResult port_read(BrokerPort *port, const char *channel, size_t n_channel, const HistoryQuery *query,
                              const BrokerReturn *to) {
    Question *question = add(QUESTION_READ, channel, n_channel, to);
    fuzz_must(query->limit <= MESSAGES_MAX && query->limit_bytes > 0, "a reading is bounded");
    if (!question)
        return BROKER_OVERLOADED;
    question->query = *query;
    return BROKER_OK;
}

static BrokerResult port_presence(BrokerPort *port, const char *channel, size_t n_channel, const BrokerReturn *to) {
    return add(QUESTION_PRESENCE, channel, n_channel, to) ? BROKER_OK : BROKER_OVERLOADED;
}

static void port_present(BrokerPort *port, const PresenceChange *change) {
    fuzz_must(change->n_user > 0 && change->n_user <= PRESENCE_USER_MAX && change->n_member <= PRESENCE_MEMBER_MAX,
              "whoever enters has a name and a bounded text");
    session_broker.n_entered += change->has_entered;
    session_broker.n_left += !change->has_entered;
    fuzz_must(session_broker.n_left <= session_broker.n_entered, "nobody leaves who has not entered");
}

static const BrokerPortOps port_ops = {.want = port_want,
                                       .unwant = port_unwant,
                                       .publish = port_publish,
                                       .read = port_read,
                                       .presence = port_presence,
                                       .present = port_present};
SessionBroker session_broker;

void session_broker_begin(void) {
    session_broker = (SessionBroker){.port = {&port_ops}};
    n_questions = 0;
}

void session_broker_acknowledge(SessionTable *table, BrokerResult result) {
    Question want;
    if (take_oldest(QUESTION_WANT, &want))
        session_table_acknowledged(table, want.channel, want.n_channel, want.token, result, (Position){EPOCH, HEAD});
}

void session_broker_answer_publish(SessionTable *table, BrokerResult result) {
    Question publish;
    if (take_oldest(QUESTION_PUBLISH, &publish))
        session_table_published(table, &publish.to, result, (Position){EPOCH, HEAD});
}

static bool waits_for_want(const Question *reading) {
    for (size_t i = 0; i < n_questions; i++)
        if (is_of(&questions[i], QUESTION_WANT, reading->channel, reading->n_channel))
            return true;
    return false;
}

/* The messages up to the head; each payload is the channel's name. */
static HistoryReply *make_reply(const Question *reading, BrokerResult result, uint32_t n_messages) {
    HistoryReply *reply = history_reply_new(n_messages);
    fuzz_must(reply != NULL, "there is memory");
    reply->result = result;
    reply->is_recovered = n_messages > 0;
    reply->position = (Position){EPOCH, HEAD};
    for (uint32_t i = 0; i < n_messages; i++) {
        fuzz_must(
            message_new(&reply->messages[i], reading->channel, reading->n_channel, reading->channel, reading->n_channel) == 0,
            "there is memory");
        reply->messages[i]->position = (Position){EPOCH, HEAD - n_messages + i + 1};
    }
    return reply;
}

void session_broker_answer_read(SessionTable *table, BrokerResult result, uint32_t n_messages) {
    size_t i = 0;
    while (i < n_questions && (questions[i].kind != QUESTION_READ || waits_for_want(&questions[i])))
        i++;
    if (i == n_questions)
        return;
    Question reading = take(i);
    if (n_messages > reading.query.limit)
        n_messages = reading.query.limit;
    HistoryReply *reply = make_reply(&reading, result, result == BROKER_OK ? n_messages : 0);
    session_table_history(table, &reading.to, reading.channel, reading.n_channel, reply);
    history_reply_unref(reply);
}

void session_broker_answer_presence(SessionTable *table, BrokerResult result, const char *member, size_t n_member) {
    Question asked;
    if (!take_oldest(QUESTION_PRESENCE, &asked))
        return;
    PresenceReply *reply = presence_reply_new(result == BROKER_OK, n_member + 1);
    fuzz_must(reply != NULL, "there is memory");
    reply->result = result;
    if (reply->n_members) {
        char *texts = presence_reply_texts(reply);
        texts[0] = 'u';
        if (n_member)
            memcpy(texts + 1, member, n_member);
        reply->members[0] =
            (PresenceMember){.n_connections = 1, .n_user = 1, .n_text = (uint32_t)n_member, .user = texts, .text = texts + 1};
    }
    session_table_presence(table, &asked.to, asked.channel, asked.n_channel, reply);
    presence_reply_unref(reply);
}
