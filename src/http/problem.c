#include "http/problem.h"

#include "base/http_status.h"
#include "http/json_writer.h"

int problem_write(Buf *out, const Problem *problem) {
    JsonWriter writer;
    json_writer_init(&writer, out);
    json_writer_open(&writer, '{');
    json_writer_name(&writer, "type");
    json_writer_string(&writer, "about:blank");
    json_writer_name(&writer, "title");
    json_writer_string(&writer, http_status_text(problem->status));
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
