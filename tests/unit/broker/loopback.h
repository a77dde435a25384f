/* Loopback: plain sockets of the test, and the loop of the code under test, driven by turns. Nothing waits longer than a
   few seconds: then the test fails. Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

extern uv_loop_t loopback_loop;

void loopback_start(void);
void loopback_finish(void); /* the loop must run dry: everything on it has been closed */

void loopback_turns(int n);
bool loopback_until(bool (*is_true)(void)); /* false: it has not come true in time */

int loopback_connect(unsigned port);
int loopback_listen(unsigned *port); /* *port 0: any */
int loopback_accept(int listener);

void loopback_send_bytes(int fd, const void *bytes, size_t n_bytes);
void loopback_send(int fd, const char *text);
void loopback_expect(int fd, const char *text); /* exactly that comes next */
/* What has come within the time that a loopback needs, n_text bytes at most with the NUL. */
void loopback_read_some(int fd, char *text, size_t n_text);
void loopback_expect_end(int fd); /* the other side closes, whatever it sends before */
