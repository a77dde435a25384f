#include <poll.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "app/status_query.h"
#include "base/clock.h"

enum { EVERY_MS = 1000, CONTROL_C = 3, CONTROL_D = 4 };

/* Somebody who looks and may press keys; else each second is one block of lines. */
typedef struct Screen {
    bool is_terminal;
    struct termios before;
} Screen;

/* Ctrl-C comes as a key like q, so that the terminal is left as it was. */
static void screen_open(Screen *screen, FILE *out) {
    struct termios raw;
    screen->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (!screen->is_terminal)
        return;
    raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs("\033[2J\033[?25l", out);
}

static void screen_close(const Screen *screen, FILE *out) {
    if (!screen->is_terminal)
        return;
    fputs("\033[?25h\n", out);
    fflush(out);
    tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

static void screen_show(const Screen *screen, FILE *out, const NodeStatus *status, const NodeStatus *before,
                        uint64_t elapsed_ms) {
    if (screen->is_terminal)
        fputs("\033[H", out);
    node_status_print(out, status, before, elapsed_ms, screen->is_terminal ? "\033[K\n" : "\n");
    fputs(screen->is_terminal ? "\033[K\nq ends it.\033[K\033[J" : "\n", out);
    fflush(out);
}

/* Waits until it is time again. False: enough was seen. */
static bool screen_wait(const Screen *screen, uint64_t until_ms) {
    for (uint64_t now_ms = clock_now_ms(); now_ms < until_ms; now_ms = clock_now_ms()) {
        struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
        char pressed;
        if (poll(&key, screen->is_terminal, (int)(until_ms - now_ms)) <= 0)
            continue;
        if (read(STDIN_FILENO, &pressed, 1) <= 0 || pressed == 'q' || pressed == CONTROL_C || pressed == CONTROL_D)
            return false;
    }
    return true;
}

static int watch(const Config *config, const CliStreams *streams, const Screen *screen) {
    NodeStatus status, before;
    uint64_t asked_ms = 0;
    for (bool is_first = true;; is_first = false) {
        uint64_t now_ms = clock_now_ms();
        int r = status_query(&status, config, streams);
        if (r != EX_OK)
            return r;
        screen_show(screen, streams->out, &status, is_first ? NULL : &before, now_ms - asked_ms);
        before = status;
        asked_ms = now_ms;
        if (ferror(streams->out) || !screen_wait(screen, now_ms + EVERY_MS))
            return EX_OK;
    }
}

static int run(const CliInput *input) {
    Config *config = NULL;
    Screen screen;
    int r = cli_load_config(&config, input);

    if (r != EX_OK)
        return r;
    screen_open(&screen, input->streams->out);
    r = watch(config, input->streams, &screen);
    screen_close(&screen, input->streams->out);
    config_free(config);
    return r;
}

const CliCommand cli_command_top = {
    .name = "top",
    .summary = "The same every second, with rates, until q or Ctrl-C.",
    .details = "Asks the node at the first admin.address every second and shows what it says,\n"
               "with rates, until q or Ctrl-C. Where standard output is no terminal, each second\n"
               "is one block of lines.",
    .switches = 1U << CLI_CONFIG,
    .sections = "admin",
    .run = run,
};
