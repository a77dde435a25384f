#include <stdlib.h>
#include <string.h>

#include "auth/grants.h"
#include "base/clock.h"
#include "session/session.h"
#include "session/survey.h"
#include "session/table.h"
#include "session/users.h"

/* What is seen while walking: the best few, in a heap with the least of them on top. So a walk costs no memory, and its time
   hardly grows with the rows that are wanted. */
typedef struct Pick {
    uint64_t weight;
    void *what; /* a Session, or a Name of our own */
} Pick;

/* A channel may go while the others are looked at. */
typedef struct Name {
    uint32_t n_text;
    char text[];
} Name;

typedef struct Picks {
    const Survey *survey;
    bool has_failed; /* there was no memory for a name */
    uint64_t n_total;
    uint32_t n_picks;
    Pick picks[SURVEY_ROWS_MAX];
} Picks;

struct SurveyWalk {
    SurveyAsker asker;
    Survey *survey;
    size_t n_buckets; /* of the map that is walked: one that has grown is walked anew */
    size_t at;
    Picks picks;
};

enum { NAMES_AT_ONCE = 64 }; /* between two looks at the clock */

static void swap(Pick *a, Pick *b) {
    Pick kept = *a;
    *a = *b;
    *b = kept;
}

static void rise(Pick *picks, uint32_t at) {
    for (uint32_t above; at > 0 && picks[at].weight < picks[above = (at - 1) / 2].weight; at = above)
        swap(&picks[at], &picks[above]);
}

static void sink(Pick *picks, uint32_t n_picks) {
    for (uint32_t at = 0, below; (below = 2 * at + 1) < n_picks; at = below) {
        if (below + 1 < n_picks && picks[below + 1].weight < picks[below].weight)
            below++;
        if (picks[at].weight <= picks[below].weight)
            return;
        swap(&picks[at], &picks[below]);
    }
}

static bool is_wanted(const Picks *picks, uint64_t weight) {
    return picks->n_picks < picks->survey->limit || (picks->n_picks > 0 && weight > picks->picks[0].weight);
}

/* Returns what it takes the place of; NULL: nothing. */
static void *put(Picks *picks, void *what, uint64_t weight) {
    void *before = NULL;
    if (picks->n_picks < picks->survey->limit) {
        picks->picks[picks->n_picks] = (Pick){.weight = weight, .what = what};
        rise(picks->picks, picks->n_picks++);
    } else {
        before = picks->picks[0].what;
        picks->picks[0] = (Pick){.weight = weight, .what = what};
        sink(picks->picks, picks->n_picks);
    }
    return before;
}

static void consider(Picks *picks, Session *session, uint64_t weight) {
    picks->n_total++;
    if (is_wanted(picks, weight))
        put(picks, session, weight);
}

static void begin(Picks *picks, const Survey *survey) {
    picks->survey = survey;
    picks->has_failed = false;
    picks->n_total = 0;
    picks->n_picks = 0;
}

/* Most first: the least goes to the end, again and again. */
static void sort(Picks *picks) {
    for (uint32_t n = picks->n_picks; n > 1; n--) {
        swap(&picks->picks[0], &picks->picks[n - 1]);
        sink(picks->picks, n - 1);
    }
}

static void pick_members(Picks *picks, const ListNode *members) {
    bool is_slow = picks->survey->kind == SURVEY_SLOW;
    for (const ListNode *node = members->next; node != members; node = node->next) {
        Session *session = container_of(node, Session, member);
        if (!is_slow)
            consider(picks, session, 0);
        else if (session->outbox.n_bytes > 0)
            consider(picks, session, session->outbox.n_bytes);
    }
}

static void pick_all(Picks *picks, const SessionTable *table) {
    for (ReadyState state = READY_STATE_CONNECTING; state < READY_STATE_CLOSED; state++)
        pick_members(picks, &table->members[state]);
}

static void pick_user(Picks *picks, const User *user) {
    for (const ListNode *node = user->sessions.next; node != &user->sessions; node = node->next)
        consider(picks, container_of(node, Session, fellow), 0);
}

static void pick_connections(Picks *picks, SessionTable *table) {
    const Survey *survey = picks->survey;
    if (survey->connection != 0) {
        Session *session = session_table_find(table, survey->connection);
        if (session)
            consider(picks, session, 0);
    } else if (survey->n_text > 0) {
        const User *user = users_find(table, survey->text, survey->n_text);
        if (user)
            pick_user(picks, user);
    } else {
        pick_all(picks, table);
    }
}

static void put_channel(Picks *picks, const Channel *channel) {
    Name *name = malloc(sizeof(*name) + channel->node.n_key);
    if (!name) {
        picks->has_failed = true;
        return;
    }
    name->n_text = (uint32_t)channel->node.n_key;
    memcpy(name->text, channel->name, name->n_text);
    free(put(picks, name, channel->n_subscriptions));
}

static void pick_channel(MapNode *node, void *context) {
    Picks *picks = context;
    const Survey *survey = picks->survey;
    const Channel *channel = container_of(node, Channel, node);
    if (survey->n_text > 0 && !grants_match(survey->text, survey->n_text, channel->name, node->n_key))
        return;
    picks->n_total++;
    if (is_wanted(picks, channel->n_subscriptions))
        put_channel(picks, channel);
}

static SurveyRow row_of_session(const Session *session, uint64_t now_ms) {
    return (SurveyRow){
        .name = session->identity,
        .n_name = session->identity ? session->n_user : 0,
        .n_subscriptions = session->subscriber.n_subscriptions,
        .connection = session->id,
        .age_ms = now_ms - session->accepted_ms,
        .outbox_bytes = session->outbox.n_bytes,
        .dialect = session->dialect ? session->dialect->name : NULL,
        .state = readystate_name(session->state),
    };
}

static SurveyRow row_of(const Picks *picks, uint32_t i, uint64_t now_ms) {
    const Pick *pick = &picks->picks[i];
    if (picks->survey->kind != SURVEY_CHANNELS)
        return row_of_session(pick->what, now_ms);
    const Name *name = pick->what;
    return (SurveyRow){.name = name->text, .n_name = name->n_text, .n_subscriptions = (uint32_t)pick->weight};
}

/* The names stand behind the rows. */
static SurveyReply *reply_of(const Picks *picks, uint64_t now_ms) {
    size_t n_names = 0;
    for (uint32_t i = 0; i < picks->n_picks; i++)
        n_names += row_of(picks, i, now_ms).n_name;
    SurveyReply *reply = malloc(sizeof(*reply) + picks->n_picks * sizeof(SurveyRow) + n_names);
    if (!reply)
        return NULL;
    *reply = (SurveyReply){.n_total = picks->n_total, .n_rows = picks->n_picks};
    char *names = (char *)(reply->rows + picks->n_picks);
    for (uint32_t i = 0; i < picks->n_picks; i++) {
        SurveyRow *row = &reply->rows[i];
        *row = row_of(picks, i, now_ms);
        if (row->n_name > 0)
            memcpy(names, row->name, row->n_name);
        row->name = names;
        names += row->n_name;
    }
    return reply;
}

SurveyReply *session_table_survey(SessionTable *table, const Survey *survey) {
    Picks picks;
    begin(&picks, survey);
    if (survey->kind == SURVEY_SLOW)
        pick_all(&picks, table);
    else if (survey->kind == SURVEY_CONNECTIONS)
        pick_connections(&picks, table);
    if (survey->kind == SURVEY_SLOW)
        sort(&picks);
    return reply_of(&picks, table->now_ms);
}

static void forget(SurveyWalk *walk) {
    while (walk->picks.n_picks > 0)
        free(walk->picks.picks[--walk->picks.n_picks].what);
    begin(&walk->picks, walk->survey);
    walk->at = 0;
}

SurveyWalk *survey_walk_new(Survey *survey, const SurveyAsker *asker) {
    SurveyWalk *walk = malloc(sizeof(*walk));
    if (!walk)
        return NULL;
    walk->asker = *asker;
    walk->survey = survey_ref(survey);
    walk->n_buckets = 0;
    walk->picks.n_picks = 0;
    forget(walk);
    list_init(&walk->asker.link);
    return walk;
}

SurveyWalk *survey_walk_free(SurveyWalk *walk) {
    if (!walk)
        return NULL;
    forget(walk);
    list_unlink(&walk->asker.link);
    survey_unref(walk->survey);
    free(walk);
    return NULL;
}

bool survey_walk_on(SurveyWalk *walk, SessionTable *table, uint32_t most_us, SurveyReply **out) {
    Map *channels = &table->hub.channels;
    uint64_t began_ns = clock_now_ns();
    if (walk->n_buckets != channels->n_buckets)
        forget(walk);
    walk->n_buckets = channels->n_buckets;
    do {
        walk->at = map_some(channels, walk->at, NAMES_AT_ONCE, pick_channel, &walk->picks);
        if (walk->at == channels->n_buckets) {
            sort(&walk->picks);
            *out = walk->picks.has_failed ? NULL : reply_of(&walk->picks, table->now_ms);
            return true;
        }
    } while (clock_us_since(began_ns) < most_us);
    return false;
}
