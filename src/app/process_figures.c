#include "app/process_figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* /proc/self/statm: the second number is resident, in pages. */
uint64_t process_memory_bytes(void) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    char *rest;
    strtoull(text, &rest, 10);
    return strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t count_descriptors(void) {
    uint64_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n > 3 ? n - 3 : 0; /* without ".", ".." and the folder itself */
}

/* Since Linux 6.2 the folder's size is their number; before it is 0, and they have to be counted. */
uint64_t process_descriptors(void) {
    struct stat about;
    if (stat("/proc/self/fd", &about) < 0)
        return 0;
    return about.st_size > 0 ? (uint64_t)about.st_size : count_descriptors();
}

uint64_t process_descriptor_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

static uint64_t microseconds(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

uint64_t process_cpu_us(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? microseconds(usage.ru_utime) + microseconds(usage.ru_stime) : 0;
}
