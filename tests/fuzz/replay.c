/* Stands in for libFuzzer: runs every file of the folders that it is given, and every beginning of each. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { PATH_BYTES = 4096, FILE_BYTES = 64 << 10, BEGINNINGS_BYTES = 1024 };

static unsigned n_inputs;

static void run(const char *path) {
    static char bytes[FILE_BYTES];
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t n_bytes = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file); /* it was only read */
    fprintf(stderr, "%s\n", path);
    for (size_t n = 0; n < n_bytes && n < BEGINNINGS_BYTES; n++) {
        char *beginning = fuzz_copy(bytes, n);
        LLVMFuzzerTestOneInput((const uint8_t *)beginning, n);
        free(beginning);
    }
    char *whole = fuzz_copy(bytes, n_bytes);
    LLVMFuzzerTestOneInput((const uint8_t *)whole, n_bytes);
    free(whole);
    n_inputs++;
}

static void run_folder(const char *folder) {
    DIR *entries = opendir(folder);
    if (!entries) {
        perror(folder);
        exit(EXIT_FAILURE);
    }
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        char path[PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        run(path);
    }
    (void)closedir(entries); /* it was only read */
}

int main(int argc, char **argv) {
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        run_folder(argv[i]);
    printf("%u inputs\n", n_inputs);
    return n_inputs ? EXIT_SUCCESS : EXIT_FAILURE;
}
