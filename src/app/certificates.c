#include "app/certificates.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"

/* Tickets are renewed with the certificates: what a stolen key of theirs opens is no older. */
enum { CERTIFICATES_AGE_MS = 12 * 60 * 60 * 1000, CERTIFICATES_ERROR_SIZE = 320 };

int certificates_init(Certificates *certificates, const Config *config, uint64_t now_ms) {
    char error[CERTIFICATES_ERROR_SIZE];
    *certificates = (Certificates){
        .files = {.certificates = config->tls_certificate, .keys = config->tls_key, .client_ca = config->tls_client_ca},
        .loaded_at_ms = now_ms};
    if (config->n_tls_addresses == 0)
        return 0;
    certificates->stamp = tls_stamp(&certificates->files);
    int r = tls_new(&certificates->tls, &certificates->files, error, sizeof(error));
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "bad_certificates", log_text("reason", error));
    return r < 0 ? error_trace(r) : 0;
}

void certificates_finish(Certificates *certificates) {
    certificates->tls = tls_unref(certificates->tls);
}

/* The stamp is taken before the files are read: a change in between is seen at the next look. */
bool certificates_look(Certificates *certificates, bool is_asked, uint64_t now_ms) {
    char error[CERTIFICATES_ERROR_SIZE];
    Tls *tls = NULL;
    if (!certificates->tls)
        return false;
    uint64_t stamp = tls_stamp(&certificates->files);
    bool is_due = now_ms - certificates->loaded_at_ms >= CERTIFICATES_AGE_MS;
    if (stamp == certificates->stamp && !is_due && !is_asked)
        return false;
    certificates->stamp = stamp;
    certificates->loaded_at_ms = now_ms;
    if (tls_new(&tls, &certificates->files, error, sizeof(error)) < 0) {
        counter_add(&certificates->refused_reloads, 1);
        log_event(LOG_LEVEL_ERROR, "certificates_refused", log_text("reason", error));
        return false;
    }
    tls_unref(certificates->tls);
    certificates->tls = tls;
    counter_add(&certificates->reloads, 1);
    log_event(LOG_LEVEL_INFO, "certificates_loaded", log_number("pairs", tls_count(certificates->files.certificates)));
    return true;
}
