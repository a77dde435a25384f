/* The URL of a client: dialect_find and dialect_identity. The input is a path with a query as it stands after its percent-encoding
   was undone. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/dialect.h"
#include "dialect/json_text.h"
#include "fuzz.h"
#include "hub/channel.h"

static void find(const DialectRequest *request) {
    Buf channels;
    const DialectOps *dialect = NULL;
    const char *reason = NULL;
    buf_init(&channels, DIALECT_CHANNELS_BYTES);
    int r = dialect_find(&dialect, request, &channels, &reason);
    fuzz_must(r != DIALECT_OK ? reason != NULL : dialect != NULL, "there is a dialect or a reason");
    size_t n_channels = 0;
    for (size_t at = 0; at < channels.n_bytes; n_channels++) {
        const char *name = (const char *)channels.bytes + at;
        size_t n_name = strnlen(name, channels.n_bytes - at);
        fuzz_must(at + n_name < channels.n_bytes, "each name ends with a NUL");
        fuzz_must(channel_name_is_valid(name, n_name), "each name is a channel's");
        at += n_name + 1;
    }
    fuzz_must(n_channels <= DIALECT_CHANNELS_MAX, "a request names so many channels at most");
    buf_finish(&channels);
}

static void identify(const DialectRequest *request) {
    DialectIdentity identity;
    const char *reason = NULL;
    if (dialect_identity(&identity, request, &reason) != DIALECT_OK) {
        fuzz_must(reason != NULL, "a refusal has a reason");
        return;
    }
    if (!identity.user)
        return;
    fuzz_must(identity.n_user > 0 && identity.n_user <= PRESENCE_USER_MAX, "a user has a name");
    fuzz_must(identity.n_member <= PRESENCE_MEMBER_MAX && json_text_is_valid(identity.member, identity.n_member),
              "a member is JSON of a bounded size");
    json_t *member = json_loadb(identity.member, identity.n_member, 0, NULL);
    json_t *user = json_object_get(member, "user"); /* NULL when info is more than jansson takes */
    fuzz_must(!member || (json_is_string(user) && json_string_length(user) == identity.n_user &&
                          memcmp(json_string_value(user), identity.user, identity.n_user) == 0),
              "a member bears its user's name");
    json_decref(member);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    FuzzInput query = {(const char *)bytes, n_bytes};
    FuzzInput path = fuzz_take(&query, '?');
    char *parameters = fuzz_copy_text(query.bytes, query.n_bytes);
    char *exact_path = fuzz_copy(path.bytes, path.n_bytes);
    for (size_t i = 0; i < query.n_bytes; i++)
        if (parameters[i] == '&')
            parameters[i] = '\0';
    const DialectRequest request = {.path = exact_path,
                                    .n_path = path.n_bytes,
                                    .parameters = parameters,
                                    .n_parameters = query.n_bytes ? query.n_bytes + 1 : 0};
    find(&request);
    identify(&request);
    free(exact_path);
    free(parameters);
    return 0;
}
