#include "cpu.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "now.h"

static int read_text(char *text, size_t n_text, const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -ESRCH;
    size_t n_read = fread(text, 1, n_text - 1, file);
    fclose(file);
    text[n_read] = '\0';
    return n_read > 0 ? 0 : -ESRCH;
}

/* Fields 14 and 15 of proc(5)'s stat; the second, the name in parentheses, may hold anything. */
static int cpu_from_stat(pid_t pid, uint64_t *cpu_ns) {
    char path[64];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_text(text, sizeof(text), path) != 0)
        return -ESRCH;
    char *field = strrchr(text, ')');
    for (int i = 2; field != NULL && i < 14; i++)
        field = strchr(field + 1, ' ');
    if (field == NULL)
        return -ESRCH;
    uint64_t n_user_ticks = strtoull(field, &field, 10);
    uint64_t n_system_ticks = strtoull(field, NULL, 10);
    *cpu_ns = (n_user_ticks + n_system_ticks) * NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
    return 0;
}

int cpu_of_process(pid_t pid, uint64_t *cpu_ns) {
    char path[320];
    char text[128];
    uint64_t sum_ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return -ESRCH;
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, task->d_name);
        if (task->d_name[0] != '.' && read_text(text, sizeof(text), path) == 0)
            sum_ns += strtoull(text, NULL, 10);
    }
    closedir(tasks);
    if (sum_ns == 0)
        return cpu_from_stat(pid, cpu_ns);
    *cpu_ns = sum_ns;
    return 0;
}
