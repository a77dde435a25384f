#include "broker/resp_functions.h"

#include <string.h>

#include "broker/resp_reply.h"

static void run_call(RespClient *client, const RespRequest *request, bool is_read_only) {
    RespServer *server = client->server;
    const RespCall call = {
        .name = &request->args[1],
        .n_keys_text = &request->args[2],
        .rest = &request->args[3],
        .n_rest = request->n_args - 3,
        .is_read_only = is_read_only,
    };
    server->call(server->context, &call, &client->writer);
}

void resp_run_fcall(RespClient *client, const RespRequest *request) {
    run_call(client, request, false);
}

void resp_run_fcall_ro(RespClient *client, const RespRequest *request) {
    run_call(client, request, true);
}

static bool is_barker_library(const RespText *code) {
    static const char head[] = "#!lua name=barker\n";
    return code->n_bytes >= sizeof head - 1 && memcmp(code->bytes, head, sizeof head - 1) == 0;
}

/* A backend that loads the library when it starts may do so here too. */
static void run_function_load(Writer *writer, const RespRequest *request) {
    if (!is_barker_library(&request->args[request->n_args - 1]))
        resp_reply_line(writer, "-ERR the embedded broker has the functions of the library barker and can load no other");
    else if (request->n_args == 4 && resp_text_is(&request->args[2], "REPLACE"))
        writer_bulk_text(writer, "barker");
    else if (request->n_args == 3)
        resp_reply_line(writer, "-ERR Library 'barker' already exists");
    else
        resp_reply_line(writer, "-ERR Unknown option given");
}

void resp_run_function(RespClient *client, const RespRequest *request) {
    const RespText *word = &request->args[1];
    if (resp_text_is(word, "LOAD") && request->n_args >= 3) {
        run_function_load(&client->writer, request);
        return;
    }
    writer_text(&client->writer, "-ERR unknown subcommand or wrong number of arguments for '");
    resp_reply_shown(&client->writer, word, RESP_SHOWN_BYTES);
    resp_reply_line(&client->writer, "'. Try FUNCTION HELP.");
}

void resp_run_eval(RespClient *client, const RespRequest *request) {
    resp_reply_line(&client->writer, "-ERR the embedded broker runs no scripts; call its functions with FCALL");
}

void resp_run_evalsha(RespClient *client, const RespRequest *request) {
    resp_reply_line(&client->writer, "-NOSCRIPT No matching script. Please use EVAL.");
}
