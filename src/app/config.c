#include "app/config.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_values.h"
#include "app/options.h"
#include "base/error.h"
#include "base/files.h"

int config_problem(Buf *problems, const char *origin, const char *format, ...) {
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)buf_append_format(problems, "%s: %s\n", origin, text); /* a full list of problems is still a list */
    return CONFIG_BAD;
}

static int remember(ConfigValue *value, const char *text, const char *origin) {
    char *text_copy = strdup(text);
    char *origin_copy = strdup(origin);

    if (!text_copy || !origin_copy) {
        free(text_copy);
        free(origin_copy);
        return error_origin(-ENOMEM);
    }
    free(value->text);
    free(value->origin);
    value->text = text_copy;
    value->origin = origin_copy;
    return 0;
}

static int refuse_value(const Option *option, const char *key, const char *text, const char *origin, const Buf *why,
                        Buf *problems) {
    enum { SHOWN_LIMIT = 200 };
    Buf shown;
    int r;

    buf_init(&shown, SHOWN_LIMIT);
    r = option_mask(&shown, option, text);
    if (r == 0)
        r = config_problem(problems, origin, "'%.*s' is not valid for %s: %.*s", (int)shown.n_bytes, (const char *)shown.bytes,
                           key, (int)why->n_bytes, (const char *)why->bytes);
    buf_finish(&shown);
    return r < 0 ? error_trace(r) : r;
}

int config_set(Config *config, const Option *option, const char *namespace_name, const char *text, const char *origin,
               Buf *problems) {
    enum { WHY_LIMIT = 256 };
    char key[OPTION_NAME_SIZE];
    Namespace *space = NULL;
    Buf why;
    int r;

    if (option_is_of_namespace(option)) {
        r = config_namespace(&space, config, namespace_name, origin, problems);
        if (r != CONFIG_OK)
            return r < 0 ? error_trace(r) : r;
    }
    buf_init(&why, WHY_LIMIT);
    r = option_store(space ? (void *)space : config, option, text, &why);
    if (r == OPTION_OK)
        r = remember(config_value(config, option, namespace_name), text, origin);
    else if (r > 0)
        r = refuse_value(option, option_spell_in(key, option, OPTION_KEY, namespace_name), text, origin, &why, problems);
    buf_finish(&why);
    return r < 0 ? error_trace(r) : r;
}

static int set_defaults(Config *config, bool is_development, Buf *problems) {
    size_t n_options;
    const Option *options = options_all(&n_options);
    int r = CONFIG_OK;

    for (size_t i = 0; i < n_options && r == CONFIG_OK; i++) {
        if (option_is_of_namespace(&options[i]))
            continue;
        if (is_development && options[i].initial_in_development)
            r = config_set(config, &options[i], "", options[i].initial_in_development, "--dev", problems);
        else
            r = config_set(config, &options[i], "", options[i].initial, "default", problems);
    }
    return r;
}

/* What the flag says; of one that may be given several times, all that it says each time, separated by spaces. */
static int flag_text(Buf *text, const ConfigSources *sources, size_t index) {
    const ConfigFlag *flag = &sources->flags[index];
    int r = BUF_OK;

    if (flag->option->type != OPTION_REDIS_URL)
        return buf_append_text(text, flag->text);
    for (size_t i = 0; i < sources->n_flags && r == BUF_OK; i++) {
        if (sources->flags[i].option == flag->option)
            r = buf_append_format(text, "%s%s", text->n_bytes ? " " : "", sources->flags[i].text);
    }
    return r;
}

static int set_flag(Config *config, const ConfigSources *sources, size_t index, Buf *problems) {
    enum { FLAG_LIMIT = 64 << 10 };
    const ConfigFlag *flag = &sources->flags[index];
    char name[OPTION_NAME_SIZE], origin[OPTION_NAME_SIZE + sizeof("flag ")];
    Buf text;
    int r;

    snprintf(origin, sizeof(origin), "flag %s", option_spell_in(name, flag->option, OPTION_FLAG, flag->namespace_name));
    buf_init(&text, FLAG_LIMIT);
    r = flag_text(&text, sources, index);
    if (r == BUF_OK)
        r = buf_append(&text, "", 1);
    if (r == BUF_OK)
        r = config_set(config, flag->option, flag->namespace_name, (const char *)text.bytes, origin, problems);
    else if (r > 0)
        r = config_problem(problems, origin, "that is too long");
    buf_finish(&text);
    return r < 0 ? error_trace(r) : r;
}

static int set_flags(Config *config, const ConfigSources *sources, Buf *problems) {
    int result = CONFIG_OK;

    for (size_t i = 0; i < sources->n_flags; i++) {
        int r = set_flag(config, sources, i, problems);
        if (r < 0)
            return error_trace(r);
        result |= r;
    }
    return result;
}

static int read_file(Config *config, const ConfigSources *sources, Buf *problems) {
    const char *file = sources->file ? sources->file : config_environment_file(sources->environment);
    const char *named_by = sources->file ? "flag --config" : "environment BARKER_CONFIG";

    if (!file)
        return CONFIG_OK;
    if (sources->is_again && file_is_pipe(file))
        return config_problem(problems, named_by, "%s is a pipe, which is read at the start only", file);
    return config_file_read(config, file, named_by, problems);
}

static int read_sources(Config *config, const ConfigSources *sources, Buf *problems) {
    int result = set_defaults(config, sources->is_development, problems);
    int r;

    if (result == CONFIG_OK)
        result = read_file(config, sources, problems);
    if (result < 0)
        return error_trace(result);
    r = config_environment_read(config, sources->environment, problems);
    if (r < 0)
        return error_trace(r);
    result |= r;
    r = set_flags(config, sources, problems);
    return r < 0 ? error_trace(r) : result | r;
}

/* One per core that the process may run on. */
static uint32_t count_cores(void) {
    cpu_set_t cores;
    int n_cores;

    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof(cores), &cores) < 0)
        return 1;
    n_cores = CPU_COUNT(&cores);
    return n_cores < CONFIG_MAX_WORKERS ? (uint32_t)n_cores : CONFIG_MAX_WORKERS;
}

int config_load(Config **configp, const ConfigSources *sources, Buf *problems) {
    size_t n_options;
    Config *config = calloc(1, sizeof(*config));
    int r;

    (void)options_all(&n_options);
    if (config)
        config->values = calloc(n_options, sizeof(*config->values));
    if (!config || !config->values) {
        config_free(config);
        return error_origin(-ENOMEM);
    }
    r = read_sources(config, sources, problems);
    if (r == CONFIG_OK)
        r = config_check_together(config, problems);
    if (r == CONFIG_OK)
        r = config_complete_namespaces(config);
    if (r == CONFIG_OK)
        r = config_check_tls(config, problems);
    if (r != CONFIG_OK) {
        config_free(config);
        return r < 0 ? error_trace(r) : r;
    }
    if (config->n_workers == 0)
        config->n_workers = count_cores();
    config->is_development = sources->is_development;
    *configp = config;
    return CONFIG_OK;
}

Config *config_free(Config *config) {
    size_t n_options;

    (void)options_all(&n_options);
    if (!config)
        return NULL;
    for (size_t i = 0; config->values && i < (config->namespaces.n_items + (size_t)1) * n_options; i++) {
        free(config->values[i].text);
        free(config->values[i].origin);
    }
    free(config->values);
    free(config->namespaces.items);
    free(config->tls_certificate);
    free(config->tls_key);
    free(config->tls_client_ca);
    free(config->admin_token);
    free(config->api.keys);
    free(config->api.key_file);
    free(config->redis_url);
    free(config->redis_prefix);
    free(config->node_id);
    free(config->process_user);
    free(config->origins);
    free(config->auth.keys);
    free(config->auth.key_files);
    free(config->auth.jwks_file);
    free(config->auth.audience);
    free(config->auth.issuer);
    free(config->auth.cookie);
    free(config);
    return NULL;
}

bool config_has_keys(const Config *config) {
    return config->auth.keys[0] || config->auth.key_files[0] || config->auth.jwks_file[0];
}

static bool is_open(const Namespace *space) {
    return space->subscribe == ACCESS_ANYONE || space->publish == ACCESS_ANYONE;
}

/* Whether clients may do anything at all without a token. */
static bool config_is_open(const Config *config) {
    if (is_open(&config->namespaces.fallback))
        return true;
    for (uint32_t i = 0; i < config->namespaces.n_items; i++) {
        if (is_open(&config->namespaces.items[i]))
            return true;
    }
    return false;
}

bool config_is_closed(const Config *config) {
    return !config->is_development && !config_has_keys(config) && !config_is_open(config);
}
