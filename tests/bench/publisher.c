#include "publisher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int publisher_connect(Publisher *publisher, const Address *redis) {
    int fd = address_connect(redis, true, 0);
    if (fd < 0)
        return fd;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    *publisher = (Publisher){.fd = fd};
    return 0;
}

void publisher_close(Publisher *publisher) {
    close(publisher->fd);
    free(publisher->out);
    publisher->out = NULL;
}

static int reserve(Publisher *publisher, size_t n_more) {
    if (publisher->n_out + n_more <= publisher->n_allocated)
        return 0;
    if (publisher->n_sent > 0) { /* what has gone makes room */
        memmove(publisher->out, publisher->out + publisher->n_sent, publisher->n_out - publisher->n_sent);
        publisher->n_out -= publisher->n_sent;
        publisher->n_sent = 0;
        return reserve(publisher, n_more);
    }
    if (publisher->n_out + n_more > PUBLISHER_LIMIT_BYTES)
        return -ENOBUFS;
    size_t n_wanted = (publisher->n_out + n_more) * 2;
    char *out = realloc(publisher->out, n_wanted);
    if (out == NULL)
        return -ENOMEM;
    publisher->out = out;
    publisher->n_allocated = n_wanted;
    return 0;
}

int publisher_add(Publisher *publisher, const char *channel, const void *payload, size_t n_payload) {
    size_t n_channel = strlen(channel);
    int error = reserve(publisher, n_channel + n_payload + 96);
    if (error != 0)
        return error;
    char *out = publisher->out + publisher->n_out;
    int n_head = sprintf(out, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n", n_channel, channel, n_payload);
    memcpy(out + n_head, payload, n_payload);
    memcpy(out + n_head + n_payload, "\r\n", 2);
    publisher->n_out += (size_t)n_head + n_payload + 2;
    publisher->n_published++;
    return 0;
}

int publisher_flush(Publisher *publisher) {
    while (publisher->n_sent < publisher->n_out) {
        ssize_t n = send(publisher->fd, publisher->out + publisher->n_sent, publisher->n_out - publisher->n_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0)
            return -errno;
        publisher->n_sent += (size_t)n;
    }
    publisher->n_out = publisher->n_sent = 0;
    return 0;
}

/* One reply line without its end: ":3" is the number of receivers. */
static int take_line(Publisher *publisher) {
    publisher->line[publisher->n_line] = '\0';
    if (publisher->line[0] != ':')
        return -EPROTO;
    publisher->n_answered++;
    if (strcmp(publisher->line, ":0") == 0)
        publisher->n_unheard++;
    publisher->n_line = 0;
    return 0;
}

int publisher_read(Publisher *publisher) {
    for (;;) {
        char bytes[16384];
        ssize_t n = recv(publisher->fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            return n == 0 ? -ECONNRESET : -errno;
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n' && take_line(publisher) != 0)
                return -EPROTO;
            if (bytes[i] != '\n' && bytes[i] != '\r' && publisher->n_line < sizeof(publisher->line) - 1)
                publisher->line[publisher->n_line++] = bytes[i];
        }
    }
}
