/* The configuration's file, through config_load: the input is the file. TLS towards Redis is a fake:
   fake_redis_tls.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config.h"
#include "fuzz.h"

enum { PROBLEMS_BYTES = 4096 };

static int file = -1; /* in memory */

static const char *write_file(const uint8_t *bytes, size_t n_bytes) {
    static char path[32];
    if (file < 0) {
        file = memfd_create("barker.ini", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    fuzz_must(ftruncate(file, 0) == 0 && pwrite(file, bytes, n_bytes, 0) == (ssize_t)n_bytes, "there is memory");
    return path;
}

static void check(const Config *config) {
    char *text = NULL;
    size_t n_text = 0;
    FILE *out = open_memstream(&text, &n_text);
    config_print(config, out);
    (void)fclose(out);                                             /* memory alone */
    fuzz_must(!strstr(text, "s3cr3t"), "a password is not shown"); /* the one of the corpus */
    fuzz_must(config->n_listen_addresses >= 1 && config->n_workers >= 1, "a node listens and works");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    const ConfigSources sources = {.file = write_file(bytes, n_bytes)};
    Config *config = NULL;
    Buf problems;
    buf_init(&problems, PROBLEMS_BYTES);
    int r = config_load(&config, &sources, &problems);
    fuzz_must(r >= 0 && (r == CONFIG_OK) == (config != NULL), "there is a configuration, or there are problems");
    fuzz_must(r == CONFIG_OK || problems.n_bytes > 0, "what is refused has a reason");
    if (config)
        check(config);
    config_free(config);
    buf_finish(&problems);
    return 0;
}
