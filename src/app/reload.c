#include "app/reload.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/config_differences.h"
#include "app/keys.h"
#include "base/error.h"
#include "base/log.h"

enum { RELOAD_PROBLEMS_LIMIT = 8192 };

static void log_problems(const char *event, const Buf *problems) {
    for (size_t i = 0; i < problems->n_bytes;) {
        const char *line = (const char *)problems->bytes + i;
        const char *end = memchr(line, '\n', problems->n_bytes - i);
        size_t n_line = end ? (size_t)(end - line) : problems->n_bytes - i;
        log_event(LOG_LEVEL_ERROR, event, log_bytes("reason", line, n_line));
        i += n_line + 1;
    }
}

/* Says what is wrong; r is what the reading has returned. */
static void complain(const char *event, int r, const Buf *problems) {
    if (problems->n_bytes > 0)
        log_problems(event, problems);
    else
        log_event(LOG_LEVEL_ERROR, event, log_text("reason", strerror(r < 0 ? -r : EINVAL)));
}

static void say_keys(Reload *reload) {
    const Settings *settings = reload->current;
    if (!settings->keyring && !settings->api_keys)
        return;
    counter_add(&reload->counters.keys_loaded, 1);
    log_event(LOG_LEVEL_INFO, "keys_loaded",
              log_number("token_keys", settings->keyring ? (int64_t)keyring_count(settings->keyring) : 0),
              log_number("api_keys", settings->api_keys ? (int64_t)api_keys_count(settings->api_keys) : 0));
}

static void plan(Reload *reload, uint64_t now_ms) {
    reload->keys_due_ms = now_ms + reload->current->config->auth.look_ms;
    reload->certificates_due_ms = now_ms + reload->current->config->tls_look_ms;
}

int reload_init(Reload *reload, Config *config, const ConfigSources *sources, uint64_t now_ms) {
    Buf problems;
    *reload = (Reload){.sources = *sources, .keys_stamp = keys_stamp(config)};
    reload->sources.is_again = true;
    buf_init(&problems, RELOAD_PROBLEMS_LIMIT);
    int r = settings_new(&reload->started, config, &problems);
    log_problems("bad_key", &problems);
    buf_finish(&problems);
    if (r < 0)
        return error_trace(r);
    r = certificates_init(&reload->certificates, reload->started->config, now_ms);
    if (r < 0) {
        reload->started = settings_unref(reload->started);
        return error_trace(r);
    }
    reload->current = settings_ref(reload->started);
    plan(reload, now_ms);
    return 0;
}

void reload_finish(Reload *reload) {
    certificates_finish(&reload->certificates);
    reload->current = settings_unref(reload->current);
    reload->started = settings_unref(reload->started);
}

uint32_t reload_wait_ms(const Reload *reload, uint64_t now_ms) {
    uint64_t due_ms = reload->keys_due_ms < reload->certificates_due_ms ? reload->keys_due_ms : reload->certificates_due_ms;
    return due_ms > now_ms ? (uint32_t)(due_ms - now_ms) : 0;
}

static void count_change(void *context, const Option *option, const char *namespace_name) {
    int64_t *n_changed = context;
    if (option_is_live(option))
        ++*n_changed;
}

static void name_restart(void *context, const Option *option, const char *namespace_name) {
    if (option_needs_restart(option))
        log_event(LOG_LEVEL_WARN, "restart_needed", log_text("option", option->key));
}

static void go_by(Reload *reload, Settings *settings, uint64_t stamp) {
    settings_unref(reload->current);
    reload->current = settings;
    reload->keys_stamp = stamp;
    reload->refused_stamp = 0;
}

static const char keys_from_pipe[] = "auth.key_files, auth.jwks_file, api.key_file: a pipe is read at the start only";

/* What is wrong with it for this node; NULL: nothing. The admin addresses stay those of the start. */
static const char *objection_to(const Reload *reload, const Config *config) {
    if (config_is_closed(config))
        return "nobody could subscribe or publish: there is no key for tokens, and no namespace is open";
    if (!config->admin_token[0] && reload->is_admin_far)
        return "admin.token: the node was started with an admin address beyond loopback, which it has to guard";
    if (keys_have_pipe(config))
        return keys_from_pipe;
    return NULL;
}

/* Before anything is changed: what would be refused at the start is refused here. */
static int read_all(Reload *reload, Settings **out, uint64_t *stamp) {
    Config *config = NULL;
    Buf problems;
    buf_init(&problems, RELOAD_PROBLEMS_LIMIT);
    int r = config_load(&config, &reload->sources, &problems);
    const char *objection = r == CONFIG_OK ? objection_to(reload, config) : NULL;
    if (objection) {
        config = config_free(config);
        r = CONFIG_BAD;
        (void)buf_append_text(&problems, objection);
    }
    if (r != CONFIG_OK) {
        counter_add(&reload->counters.refused, 1);
        complain("configuration_refused", r, &problems);
    } else {
        *stamp = keys_stamp(config);
        r = settings_new(out, config, &problems);
        if (r < 0) {
            reload->refused_stamp = *stamp;
            counter_add(&reload->counters.keys_refused, 1);
            complain("keys_refused", r, &problems);
        }
    }
    buf_finish(&problems);
    return r;
}

static unsigned reload_all(Reload *reload, uint64_t now_ms) {
    Settings *settings = NULL;
    int64_t n_changed = 0;
    uint64_t stamp = 0;
    if (read_all(reload, &settings, &stamp) != 0)
        return 0;
    if (certificates_change(&reload->certificates, settings->config, now_ms) < 0) {
        settings_unref(settings);
        return 0;
    }
    const Config *config = settings->config;
    config_compare(reload->current->config, config, count_change, &n_changed);
    config_compare(reload->started->config, config, name_restart, NULL);
    go_by(reload, settings, stamp);
    log_configure(config->log_level, config->log_format, STDERR_FILENO);
    counter_add(&reload->counters.loaded, 1);
    log_event(LOG_LEVEL_INFO, "configuration_loaded", log_number("changed", n_changed));
    say_keys(reload);
    return RELOAD_SETTINGS | (reload->certificates.tls ? RELOAD_CERTIFICATES : 0);
}

/* The stamp is taken before the files are read: a change in between is seen at the next look. What could not be read, perhaps for want
   of descriptors, is read again at each look, and complained of once. */
static unsigned look_at_keys(Reload *reload) {
    Settings *settings;
    Buf problems;
    uint64_t stamp = keys_stamp(reload->current->config);
    if (stamp == reload->keys_stamp)
        return 0;
    buf_init(&problems, RELOAD_PROBLEMS_LIMIT);
    bool is_pipe = keys_have_pipe(reload->current->config);
    if (is_pipe)
        (void)buf_append_text(&problems, keys_from_pipe);
    int r = is_pipe ? -EINVAL : settings_renew(&settings, reload->current, &problems);
    if (r < 0 && stamp != reload->refused_stamp) {
        counter_add(&reload->counters.keys_refused, 1);
        complain("keys_refused", r, &problems);
        reload->refused_stamp = stamp;
    } else if (r == 0) {
        go_by(reload, settings, stamp);
        say_keys(reload);
    }
    buf_finish(&problems);
    return r < 0 ? 0 : RELOAD_SETTINGS;
}

unsigned reload_look(Reload *reload, bool is_asked, uint64_t now_ms) {
    unsigned changes = 0;
    if (is_asked) {
        changes = reload_all(reload, now_ms);
        plan(reload, now_ms);
        return changes;
    }
    if (now_ms >= reload->keys_due_ms) {
        reload->keys_due_ms = now_ms + reload->current->config->auth.look_ms;
        changes |= look_at_keys(reload);
    }
    if (now_ms >= reload->certificates_due_ms) {
        reload->certificates_due_ms = now_ms + reload->current->config->tls_look_ms;
        changes |= certificates_look(&reload->certificates, now_ms) ? RELOAD_CERTIFICATES : 0;
    }
    return changes;
}
