#include "app/certificates.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/spaced.h"

/* Tickets are renewed with the certificates: what a stolen key of theirs opens is no older. */
enum { CERTIFICATES_AGE_MS = 12 * 60 * 60 * 1000, CERTIFICATES_ERROR_SIZE = 320 };

static TlsFiles files_of(const Config *config) {
    return (TlsFiles){.certificates = config->tls_certificate, .keys = config->tls_key, .client_ca = config->tls_client_ca};
}

int certificates_init(Certificates *certificates, const Config *config, uint64_t now_ms) {
    char error[CERTIFICATES_ERROR_SIZE];
    *certificates = (Certificates){.files = files_of(config), .loaded_at_ms = now_ms};
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

/* The stamp is taken before the files are read: a change in between is seen at the next look. What could not be read, perhaps for want
   of descriptors, is read again at each look, and complained of once. */
static int certificates_load(Certificates *certificates, const TlsFiles *files, uint64_t stamp, uint64_t now_ms) {
    char error[CERTIFICATES_ERROR_SIZE];
    Tls *tls = NULL;
    int r = -EINVAL;
    if (files_have_pipe(files->certificates) || files_have_pipe(files->keys) || files_have_pipe(files->client_ca))
        snprintf(error, sizeof(error), "a pipe is read at the start only");
    else
        r = tls_new(&tls, files, error, sizeof(error));
    if (r < 0 && stamp != certificates->refused_stamp) {
        counter_add(&certificates->refused_reloads, 1);
        log_event(LOG_LEVEL_ERROR, "certificates_refused", log_text("reason", error));
        certificates->refused_stamp = stamp;
    }
    if (r < 0)
        return error_trace(r);
    certificates->refused_stamp = 0;
    certificates->stamp = stamp;
    certificates->loaded_at_ms = now_ms;
    tls_unref(certificates->tls);
    certificates->tls = tls;
    counter_add(&certificates->reloads, 1);
    log_event(LOG_LEVEL_INFO, "certificates_loaded", log_number("pairs", spaced_count(files->certificates)));
    return 0;
}

bool certificates_look(Certificates *certificates, uint64_t now_ms) {
    if (!certificates->tls || !certificates->files.certificates[0])
        return false;
    uint64_t stamp = tls_stamp(&certificates->files);
    bool is_due = now_ms - certificates->loaded_at_ms >= CERTIFICATES_AGE_MS;
    if (stamp == certificates->stamp && !is_due)
        return false;
    return certificates_load(certificates, &certificates->files, stamp, now_ms) == 0;
}

int certificates_change(Certificates *certificates, const Config *config, uint64_t now_ms) {
    TlsFiles files = files_of(config);
    certificates->refused_stamp = 0;
    bool is_shown = certificates->tls && files.certificates[0]; /* without one, what is shown stays until the next start */
    int r = is_shown ? certificates_load(certificates, &files, tls_stamp(&files), now_ms) : 0;
    if (r < 0)
        return error_trace(r);
    certificates->files = files;
    return 0;
}
