/* broker/control: what backends ask of the nodes. What is read, written and read again, is the same. */
#include <stdlib.h>
#include <string.h>

#include "broker/control.h"
#include "fuzz.h"
#include "hub/channel.h"

static bool is_same(const char *one, size_t n_one, const char *other, size_t n_other) {
    return n_one == n_other && memcmp(one, other, n_one) == 0 && one[n_one] == '\0';
}

static void check_values(const Control *control) {
    fuzz_must((control->n_user > 0) != (control->connection != 0), "it names a user or a connection");
    fuzz_must(control->n_user == 0 || channel_name_is_valid(control->user, control->n_user), "a user's name is valid");
    fuzz_must((control->n_channel > 0) == (control->kind != CONTROL_DISCONNECT), "it names a channel where it needs one");
    fuzz_must(control->n_channel == 0 || channel_name_is_valid(control->channel, control->n_channel),
              "a channel's name is valid");
    fuzz_must(control->code == 0 || (control->code >= 3000 && control->code <= 4999), "a code is an application's");
    fuzz_must(control->n_reason <= CONTROL_REASON_MAX, "a reason fits into a close frame");
}

static void check_again(const Control *control) {
    Buf text;
    Control *again = NULL;
    const char *why = NULL;
    buf_init(&text, CONTROL_TEXT_MAX);
    fuzz_must(control_write(&text, control) == 0, "what was read can be written");
    fuzz_must(control_parse(&again, (const char *)text.bytes, text.n_bytes, &why) == CONTROL_OK,
              "what was written can be read");
    fuzz_must(again->kind == control->kind && again->connection == control->connection && again->code == control->code &&
                  is_same(again->user, again->n_user, control->user, control->n_user) &&
                  is_same(again->channel, again->n_channel, control->channel, control->n_channel) &&
                  is_same(again->reason, again->n_reason, control->reason, control->n_reason),
              "it is the same command");
    control_unref(again);
    buf_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    char *text = fuzz_copy(bytes, n_bytes);
    Control *control = NULL;
    const char *why = NULL;
    int r = control_parse(&control, text, n_bytes, &why);
    free(text);
    fuzz_must(r == CONTROL_OK ? control != NULL : r == CONTROL_BAD && !control && why, "a command or a reason");
    if (control) {
        check_values(control);
        check_again(control);
    }
    control_unref(control);
    return 0;
}
