/* channels and connections: of this node alone, asked of each of its workers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/api_call.h"

enum { ROWS_DEFAULT = 100, PATTERN_MAX = 255 };

static void start(ApiCall *call, uint32_t limit, uint64_t connection, const char *text) {
    Api *api = call->api;
    NodeInfo info = {0};
    if (api->n_surveys == API_SURVEYS_MAX) {
        api_call_fail(call, 503, "overloaded", "Too many such questions are waiting for the workers' answers.");
        return;
    }
    api->node->info(api->context, &info);
    call->surveyed = calloc(info.n_workers + 1, sizeof *call->surveyed);
    api->n_surveys += call->surveyed != NULL;
    Survey *survey = call->surveyed ? survey_new(call->survey, limit, connection, text, strlen(text)) : NULL;
    call->n_waiting += info.n_workers;
    if (!survey || api->node->survey(api->context, survey, call->id) < 0)
        api_call_fail_memory(call);
    survey_unref(survey);
}

void api_start_channels(ApiCall *call) {
    static const char *const names[] = {"pattern", "limit", NULL};
    const ApiObject root = api_input_root(&call->input);
    const char *pattern = "";
    call->limit = ROWS_DEFAULT;
    call->survey = SURVEY_CHANNELS;
    api_input_members(&call->input, &root, names);
    api_input_text(&call->input, &root, "pattern", false, PATTERN_MAX, &pattern);
    api_input_number(&call->input, &root, "limit", 1, SURVEY_ROWS_MAX, &call->limit);
    if (!api_input_is_good(&call->input))
        api_call_fail_input(call);
    else
        start(call, SURVEY_ROWS_MAX, 0, pattern); /* more than asked for: workers may know the same channels */
}

void api_start_connections(ApiCall *call) {
    static const char *const names[] = {"user", "connection", "slow", "limit", NULL};
    const ApiObject root = api_input_root(&call->input);
    const char *user = "";
    uint64_t connection = 0;
    bool is_slow = false;
    call->limit = ROWS_DEFAULT;
    api_input_members(&call->input, &root, names);
    api_input_text(&call->input, &root, "user", false, PRESENCE_USER_MAX, &user);
    api_input_connection(&call->input, &root, &connection);
    api_input_boolean(&call->input, &root, "slow", &is_slow);
    api_input_number(&call->input, &root, "limit", 1, SURVEY_ROWS_MAX, &call->limit);
    if ((*user != '\0') + !!connection + is_slow > 1)
        api_input_wrong(&call->input, &root, NULL, "may have only one of user, connection and slow");
    call->survey = is_slow ? SURVEY_SLOW : SURVEY_CONNECTIONS;
    if (!api_input_is_good(&call->input))
        api_call_fail_input(call);
    else
        start(call, (uint32_t)call->limit, connection, user);
}

/* The reply is borrowed; its names are copied with it. */
static bool copy_rows(ApiRows *out, const SurveyReply *reply) {
    size_t n_names = 0;
    for (uint32_t i = 0; i < reply->n_rows; i++)
        n_names += reply->rows[i].n_name;
    *out = (ApiRows){.n_total = reply->n_total, .n_rows = reply->n_rows};
    out->rows = calloc(reply->n_rows + 1, sizeof *out->rows);
    out->names = malloc(n_names + 1);
    if (!out->rows || !out->names)
        return false;
    char *at = out->names;
    for (uint32_t i = 0; i < reply->n_rows; i++) {
        out->rows[i] = reply->rows[i];
        if (reply->rows[i].n_name)
            memcpy(at, reply->rows[i].name, reply->rows[i].n_name);
        out->rows[i].name = at;
        at += reply->rows[i].n_name;
    }
    return true;
}

void api_surveyed(Api *api, uint64_t id, const SurveyReply *reply) {
    ApiCall *call = api_find_call(api, id);
    if (!call || !call->surveyed)
        return;
    if (!reply || !copy_rows(&call->surveyed[call->n_surveyed++], reply))
        api_call_fail_memory(call);
    api_call_answered(call);
}

static int compare_by_name(const void *a, const void *b) {
    const SurveyRow *left = a;
    const SurveyRow *right = b;
    size_t n = left->n_name < right->n_name ? left->n_name : right->n_name;
    int order = n ? memcmp(left->name, right->name, n) : 0;
    return order ? order : (left->n_name > right->n_name) - (left->n_name < right->n_name);
}

static int compare_by_subscriptions(const void *a, const void *b) {
    const SurveyRow *left = a;
    const SurveyRow *right = b;
    int order = (left->n_subscriptions < right->n_subscriptions) - (left->n_subscriptions > right->n_subscriptions);
    return order ? order : compare_by_name(a, b);
}

static int compare_by_outbox(const void *a, const void *b) {
    const SurveyRow *left = a;
    const SurveyRow *right = b;
    return (left->outbox_bytes < right->outbox_bytes) - (left->outbox_bytes > right->outbox_bytes);
}

typedef struct Table {
    SurveyRow *rows; /* NULL without memory */
    size_t n_rows;
    uint64_t n_total;
    bool has_more; /* some worker told not all */
} Table;

static Table gather(const ApiCall *call) {
    Table table = {0};
    for (size_t i = 0; i < call->n_surveyed; i++) {
        table.n_rows += call->surveyed[i].n_rows;
        table.n_total += call->surveyed[i].n_total;
        table.has_more |= call->surveyed[i].n_total > call->surveyed[i].n_rows;
    }
    table.rows = calloc(table.n_rows + 1, sizeof *table.rows);
    SurveyRow *at = table.rows;
    for (size_t i = 0; at && i < call->n_surveyed; at += call->surveyed[i++].n_rows)
        memcpy(at, call->surveyed[i].rows, call->surveyed[i].n_rows * sizeof *at);
    return table;
}

/* A channel that several workers know is one. */
static void merge(Table *table) {
    size_t n_merged = 0;
    qsort(table->rows, table->n_rows, sizeof *table->rows, compare_by_name);
    for (size_t i = 0; i < table->n_rows; i++) {
        if (n_merged > 0 && compare_by_name(&table->rows[n_merged - 1], &table->rows[i]) == 0)
            table->rows[n_merged - 1].n_subscriptions += table->rows[i].n_subscriptions;
        else
            table->rows[n_merged++] = table->rows[i];
    }
    table->n_rows = n_merged;
    qsort(table->rows, table->n_rows, sizeof *table->rows, compare_by_subscriptions);
}

static void cut(Table *table, uint64_t limit) {
    if (table->n_rows <= limit)
        return;
    table->n_rows = limit;
    table->has_more = true;
}

static void open_list(const ApiCall *call, JsonWriter *writer, const Table *table) {
    NodeInfo info = {0};
    call->api->node->info(call->api->context, &info);
    json_writer_open(writer, '{');
    json_writer_name(writer, "node");
    json_writer_string(writer, info.node_id);
    json_writer_name(writer, "more");
    json_writer_boolean(writer, table->has_more);
}

static void close_list(ApiCall *call, JsonWriter *writer, Table *table) {
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
    api_call_succeed(call, writer, false);
    free(table->rows);
}

/* False: the call has failed. */
static bool take_rows(ApiCall *call, Table *table, JsonWriter *writer) {
    if (call->is_overdue) {
        api_call_fail_overdue(call);
        return false;
    }
    *table = gather(call);
    if (!table->rows)
        api_call_fail_memory(call);
    json_writer_init(writer, &call->out);
    return table->rows != NULL;
}

void api_finish_channels(ApiCall *call) {
    Table table;
    JsonWriter writer;
    if (!take_rows(call, &table, &writer))
        return;
    merge(&table);
    cut(&table, call->limit);
    open_list(call, &writer, &table);
    json_writer_name(&writer, "channels");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < table.n_rows; i++) {
        json_writer_open(&writer, '{');
        json_writer_name(&writer, "channel");
        json_writer_text(&writer, table.rows[i].name, table.rows[i].n_name);
        json_writer_name(&writer, "subscriptions");
        json_writer_number(&writer, table.rows[i].n_subscriptions);
        json_writer_close(&writer, '}');
    }
    close_list(call, &writer, &table);
}

static void write_connection(JsonWriter *writer, const SurveyRow *row) {
    char connection[24];
    snprintf(connection, sizeof connection, "%" PRIx64, row->connection);
    json_writer_open(writer, '{');
    json_writer_name(writer, "connection");
    json_writer_string(writer, connection);
    json_writer_name(writer, "user");
    if (row->n_name)
        json_writer_text(writer, row->name, row->n_name);
    else
        json_writer_string(writer, NULL);
    json_writer_name(writer, "state");
    json_writer_string(writer, row->state);
    json_writer_name(writer, "dialect");
    json_writer_string(writer, row->dialect);
    json_writer_name(writer, "subscriptions");
    json_writer_number(writer, row->n_subscriptions);
    json_writer_name(writer, "age_ms");
    json_writer_number(writer, row->age_ms);
    json_writer_name(writer, "outbox_bytes");
    json_writer_number(writer, row->outbox_bytes);
    json_writer_close(writer, '}');
}

void api_finish_connections(ApiCall *call) {
    Table table;
    JsonWriter writer;
    if (!take_rows(call, &table, &writer))
        return;
    if (call->survey == SURVEY_SLOW)
        qsort(table.rows, table.n_rows, sizeof *table.rows, compare_by_outbox);
    cut(&table, call->limit);
    open_list(call, &writer, &table);
    json_writer_name(&writer, "total");
    json_writer_number(&writer, table.n_total);
    json_writer_name(&writer, "connections");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < table.n_rows; i++)
        write_connection(&writer, &table.rows[i]);
    close_list(call, &writer, &table);
}
