#include "real_redis.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "loopback.h"

enum { PATIENCE_MS = 10000 };

static redisContext *real_redis_connect(RealRedis *redis) {
    const struct timeval patience = {.tv_sec = 10};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", (int)redis->port, patience);
    if (context && !context->err && redisSetTimeout(context, patience) == REDIS_OK)
        return context;
    if (context)
        redisFree(context);
    return NULL;
}

static bool real_redis_answers(RealRedis *redis) {
    if (!redis->control)
        redis->control = real_redis_connect(redis);
    redisReply *reply = redis->control ? redisCommand(redis->control, "PING") : NULL;
    bool is_pong = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply)
        freeReplyObject(reply);
    if (!is_pong && redis->control) {
        redisFree(redis->control);
        redis->control = NULL;
    }
    return is_pong;
}

static void real_redis_spawn(RealRedis *redis) {
    char port[16];
    const char *arguments[REAL_REDIS_ARGUMENTS_MAX + 16] = {
        "redis-server", "--port", port,         "--bind",  "127.0.0.1", "--dir", redis->folder, "--save", "",
        "--daemonize",  "no",     "--loglevel", "warning", "--logfile", "log"};
    size_t n = 15;
    snprintf(port, sizeof port, "%u", redis->port);
    for (size_t i = 0; redis->arguments[i]; i++)
        arguments[n++] = redis->arguments[i];
    redis->pid = fork();
    ck_assert_int_ge(redis->pid, 0);
    if (redis->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test that fails */
    execvp("redis-server", (char **)arguments);
    _exit(127);
}

void real_redis_start(RealRedis *redis) {
    if (!redis->folder[0]) {
        strcpy(redis->folder, "/tmp/barker-redis-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(redis->folder));
    }
    if (!redis->port)
        close(loopback_listen(&redis->port));
    real_redis_spawn(redis);
    uint64_t start_ms = clock_now_ms();
    while (!real_redis_answers(redis)) {
        ck_assert_msg(clock_now_ms() - start_ms < PATIENCE_MS, "redis-server does not come up");
        ck_assert_int_eq(waitpid(redis->pid, NULL, WNOHANG), 0);
        usleep(10000);
    }
}

void real_redis_kill(RealRedis *redis, int number) {
    ck_assert_int_gt(redis->pid, 0);
    kill(redis->pid, number);
    if (number != SIGKILL && number != SIGTERM)
        return;
    kill(redis->pid, SIGCONT);
    waitpid(redis->pid, NULL, 0);
    redis->pid = 0;
    if (redis->control)
        redisFree(redis->control);
    redis->control = NULL;
}

static void remove_files(const char *folder) {
    DIR *files = opendir(folder);
    struct dirent *file;
    while (files && (file = readdir(files))) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
            continue;
        if (file->d_type == DT_DIR)
            remove_files(path);
        else
            unlink(path);
    }
    if (files)
        closedir(files);
    rmdir(folder);
}

void real_redis_finish(RealRedis *redis) {
    if (redis->pid > 0)
        real_redis_kill(redis, SIGKILL);
    remove_files(redis->folder);
    *redis = (RealRedis){0};
}

static redisReply *real_redis_ask_list(RealRedis *redis, const char *format, va_list arguments) {
    if (!redis->control)
        redis->control = real_redis_connect(redis);
    ck_assert_ptr_nonnull(redis->control);
    redisReply *reply = redisvCommand(redis->control, format, arguments);
    ck_assert_ptr_nonnull(reply);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    return reply;
}

redisReply *real_redis_ask(RealRedis *redis, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = real_redis_ask_list(redis, format, arguments);
    va_end(arguments);
    return reply;
}

void real_redis_do(RealRedis *redis, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    freeReplyObject(real_redis_ask_list(redis, format, arguments));
    va_end(arguments);
}

long long real_redis_integer(RealRedis *redis, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = real_redis_ask_list(redis, format, arguments);
    va_end(arguments);
    ck_assert_int_eq(reply->type, REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}
