#include "broker/redis_complaint.h"

#include <string.h>

/* In what Redis says behind these nothing of a client's stands; ERR may quote arguments. */
static bool code_quotes_nothing(const char *code) {
    static const char *const codes[] = {"NOPERM", "NOAUTH", "WRONGTYPE", "OOM", "MISCONF", "READONLY"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

BrokerComplaint redis_complaint(const char *command, const char *error) {
    BrokerComplaint complaint = {.command = command};
    size_t n_code = strspn(error, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    bool is_code = n_code < sizeof complaint.code && (error[n_code] == ' ' || error[n_code] == '\0');
    if (is_code)
        memcpy(complaint.code, error, n_code);
    if (is_code && code_quotes_nothing(complaint.code))
        complaint.words = error + n_code + (error[n_code] == ' ');
    return complaint;
}
