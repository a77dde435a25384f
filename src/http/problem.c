#include "http/problem.h"

#include "http/json_writer.h"

const char *problem_title(unsigned status) {
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

int problem_write(Buf *out, const Problem *problem) {
    JsonWriter writer;
    json_writer_init(&writer, out);
    json_writer_open(&writer, '{');
    json_writer_name(&writer, "type");
    json_writer_string(&writer, "about:blank");
    json_writer_name(&writer, "title");
    json_writer_string(&writer, problem_title(problem->status));
    json_writer_name(&writer, "status");
    json_writer_number(&writer, problem->status);
    json_writer_name(&writer, "code");
    json_writer_string(&writer, problem->code);
    json_writer_name(&writer, "detail");
    json_writer_string(&writer, problem->detail);
    if (problem->errors && problem->errors->n_bytes) {
        json_writer_name(&writer, "errors");
        json_writer_open(&writer, '[');
        json_writer_raw(&writer, (const char *)problem->errors->bytes, problem->errors->n_bytes);
        json_writer_close(&writer, ']');
    }
    json_writer_close(&writer, '}');
    return writer.error;
}
