/* Survey: a question about a worker's sessions and channels, for operators. The question is immutable and shared by the workers; a
   reply is its receiver's. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/ref.h"
#include "broker/broker.h"

typedef struct SessionTable SessionTable;

typedef enum SurveyKind {
    SURVEY_CONNECTIONS, /* text: the user's name; connection: that one alone; neither: all */
    SURVEY_SLOW,        /* those with the most bytes waiting, most first; none with nothing waiting */
    SURVEY_CHANNELS,    /* text: a pattern (auth/grants.h), "": all. Most subscriptions first */
} SurveyKind;

enum { SURVEY_ROWS_MAX = 1000 };

typedef struct Survey {
    Ref ref;
    SurveyKind kind;
    uint32_t limit; /* rows wanted, up to SURVEY_ROWS_MAX */
    uint64_t connection;
    uint32_t n_text;
    char text[]; /* not NUL-terminated */
} Survey;

typedef struct SurveyRow {
    const char *name; /* the channel; the session's user, n_name 0 where it has none. Within the reply's memory */
    uint32_t n_name;
    uint32_t n_subscriptions; /* of the session, or to the channel */
    uint64_t connection;      /* 0 in a channel's row */
    uint64_t age_ms;          /* since the connection was accepted */
    uint64_t outbox_bytes;
    const char *dialect; /* a constant; NULL while it is CONNECTING */
    const char *state;   /* a constant: "OPEN" */
} SurveyRow;

typedef struct SurveyReply {
    uint64_t n_total; /* that match, whether they are among the rows or not */
    uint32_t n_rows;
    SurveyRow rows[];
} SurveyReply;

Survey *survey_new(SurveyKind kind, uint32_t limit, uint64_t connection, const char *text, size_t n_text); /* NULL: no memory */
Survey *survey_ref(Survey *survey);
Survey *survey_unref(Survey *survey); /* NULL, also for NULL */

/* Owner: the table's worker. Of connections: one allocation, freed with survey_reply_free; NULL without memory. */
SurveyReply *session_table_survey(SessionTable *table, const Survey *survey);
SurveyReply *survey_reply_free(SurveyReply *reply); /* NULL, also for NULL */

/* SURVEY_CHANNELS in parts: a worker has hundreds of thousands of channels, and a pattern may take its time with each. The owner
   keeps walks in a list by their asker. What comes or goes meanwhile may be told of or not. */
typedef struct SurveyAsker {
    ListNode link;
    BrokerReturn to;
} SurveyAsker;

typedef struct SurveyWalk SurveyWalk; /* begins with its asker */

SurveyWalk *survey_walk_new(Survey *survey, const SurveyAsker *asker); /* takes its own reference. NULL: no memory */
SurveyWalk *survey_walk_free(SurveyWalk *walk);                        /* out of its list, too. NULL, also for NULL */
/* Looks on for about so many microseconds, at a few channels in any case. True: it is done, with the reply in out, or NULL without
   memory. */
bool survey_walk_on(SurveyWalk *walk, SessionTable *table, uint32_t most_us, SurveyReply **out);
