#include <hiredis/hiredis.h>
#include <jansson.h>
#include <libwebsockets.h>
#include <sodium.h>
#include <string.h>
#include <sysexits.h>
#include <uv.h>

#include "app/cli.h"

#define TEXT_OF(number) #number
#define DOTTED(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

static int run(const CliInput *input) {
    FILE *out = input->streams->out;

    fprintf(out, "barker %s\n", BARKER_VERSION);
    fprintf(out, "libwebsockets %.*s, built with %.*s\n", (int)strcspn(lws_get_library_version(), "-"),
            lws_get_library_version(), (int)strcspn(LWS_LIBRARY_VERSION, "-"),
            LWS_LIBRARY_VERSION); /* without the name of the build behind the dash */
    fprintf(out, "libuv %s, built with %s\n", uv_version_string(),
            DOTTED(UV_VERSION_MAJOR, UV_VERSION_MINOR, UV_VERSION_PATCH));
    fprintf(out, "jansson %s, built with %s\n", jansson_version_str(), JANSSON_VERSION);
    fprintf(out, "libsodium %s, built with %s\n", sodium_version_string(), SODIUM_VERSION_STRING);
    fprintf(out, "hiredis, built with %s\n",
            DOTTED(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH)); /* it does not tell at run time */
    return EX_OK;
}

const CliCommand cli_command_version = {
    .name = "version",
    .summary = "Print the version of barker and of the libraries it runs with.",
    .details = "Prints the version of barker, and of each library the one it runs with and the\n"
               "one it was built with.",
    .sections = "",
    .run = run,
};
