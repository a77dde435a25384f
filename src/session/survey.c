#include "session/survey.h"

#include <stdlib.h>
#include <string.h>

Survey *survey_new(SurveyKind kind, uint32_t limit, uint64_t connection, const char *text, size_t n_text) {
    Survey *survey = malloc(sizeof(*survey) + n_text);
    if (!survey)
        return NULL;
    *survey = (Survey){.kind = kind,
                       .limit = limit < SURVEY_ROWS_MAX ? limit : SURVEY_ROWS_MAX,
                       .connection = connection,
                       .n_text = (uint32_t)n_text};
    ref_init(&survey->ref);
    if (n_text > 0)
        memcpy(survey->text, text, n_text);
    return survey;
}

Survey *survey_ref(Survey *survey) {
    ref_acquire(&survey->ref);
    return survey;
}

Survey *survey_unref(Survey *survey) {
    if (survey && ref_release(&survey->ref))
        free(survey);
    return NULL;
}

SurveyReply *survey_reply_free(SurveyReply *reply) {
    free(reply);
    return NULL;
}
