#include "base/files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/spaced.h"

bool file_is_pipe(const char *name) {
    struct stat facts;
    return stat(name, &facts) == 0 && S_ISFIFO(facts.st_mode);
}

/* Field by field: what pads a structure differs by chance. A file that is not there counts as zeros. */
static uint64_t stamp_one(uint64_t stamp, const char *name, size_t n_name) {
    char *copy = strndup(name, n_name);
    struct stat facts = {0};
    if (!copy || stat(copy, &facts) < 0)
        memset(&facts, 0, sizeof(facts));
    free(copy);
    const uint64_t all[] = {stamp,
                            (uint64_t)facts.st_dev,
                            (uint64_t)facts.st_ino,
                            (uint64_t)facts.st_size,
                            (uint64_t)facts.st_mtim.tv_sec,
                            (uint64_t)facts.st_mtim.tv_nsec,
                            (uint64_t)facts.st_ctim.tv_sec,
                            (uint64_t)facts.st_ctim.tv_nsec};
    return hash_bytes(all, sizeof(all));
}

bool files_have_pipe(const char *names) {
    bool is_pipe = false;
    const char *name;
    size_t n_name;
    while (!is_pipe && (name = spaced_next(&names, &n_name))) {
        char *copy = strndup(name, n_name);
        is_pipe = copy && file_is_pipe(copy);
        free(copy);
    }
    return is_pipe;
}

uint64_t files_stamp(uint64_t stamp, const char *names) {
    const char *name;
    size_t n_name;
    while ((name = spaced_next(&names, &n_name)))
        stamp = stamp_one(stamp, name, n_name);
    return stamp;
}
