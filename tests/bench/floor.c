/* The floor: what fan-out costs with nothing but send(). No WebSocket library, no broker, no queues: one Redis channel, and
   each batch of messages that one read brings goes to every subscriber as one buffer in one send(). Barker's figures are
   divided by its figures, so it does the least that the same clients accept; a subscriber that does not take a whole batch
   at once is hung up on, which the load generator reports. With an interval it pings them, too, each once in it, and asks
   nobody for the pong. Owner of everything: the only thread. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "address.h"
#include "now.h"

enum { TICK_MS = 100, EVENTS = 512, MAX_DESCRIPTORS = 32768, REQUEST_BYTES = 2048, REDIS_BYTES = 1024 * 1024, KEY_BYTES = 24 };

typedef struct Peer { /* found by its descriptor */
    uint32_t index;   /* its place among the subscribers, once the request is gone */
    char *request;    /* until the handshake is answered */
    size_t n_request;
} Peer;

typedef struct Floor {
    int epoll_fd;
    int listen_fd;
    int redis_fd;
    Peer peers[MAX_DESCRIPTORS];
    int subscribers[MAX_DESCRIPTORS]; /* what the fan-out walks */
    uint32_t n_subscribers;
    uint32_t next_pinged; /* the pings go round */
    uint8_t redis[REDIS_BYTES];
    size_t n_redis;
    uint8_t frames[REDIS_BYTES]; /* a frame is shorter than the Redis message that it comes from */
    size_t n_frames;
} Floor;

static void peer_close(Floor *f, int fd) {
    Peer *peer = &f->peers[fd];
    if (peer->request == NULL) {
        int last = f->subscribers[--f->n_subscribers];
        f->subscribers[peer->index] = last;
        f->peers[last].index = peer->index;
    }
    close(fd);
    free(peer->request);
    peer->request = NULL;
}

static int answer_handshake(const Peer *peer, int fd) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 4.2.2 */
    static const char name[] = "\r\nSec-WebSocket-Key: ";
    char keyed[KEY_BYTES + sizeof(magic)];
    uint8_t digest[SHA_DIGEST_LENGTH];
    char accept[32];
    char answer[256];
    const char *key = strcasestr(peer->request, name);
    if (key == NULL || strcspn(key + sizeof(name) - 1, "\r") != KEY_BYTES)
        return -EPROTO;
    memcpy(keyed, key + sizeof(name) - 1, KEY_BYTES);
    memcpy(keyed + KEY_BYTES, magic, sizeof(magic));
    SHA1((const uint8_t *)keyed, sizeof(keyed) - 1, digest);
    EVP_EncodeBlock((uint8_t *)accept, digest, sizeof(digest));
    int n = snprintf(answer, sizeof(answer),
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n\r\n",
                     accept);
    return send(fd, answer, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EPIPE;
}

static int read_request(Floor *f, int fd) {
    Peer *peer = &f->peers[fd];
    ssize_t n = recv(fd, peer->request + peer->n_request, REQUEST_BYTES - 1 - peer->n_request, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? 0 : -ECONNRESET;
    peer->n_request += (size_t)n;
    peer->request[peer->n_request] = '\0';
    if (strstr(peer->request, "\r\n\r\n") == NULL)
        return peer->n_request < REQUEST_BYTES - 1 ? 0 : -EMSGSIZE;
    int error = answer_handshake(peer, fd);
    if (error != 0)
        return error;
    free(peer->request);
    peer->request = NULL;
    peer->index = f->n_subscribers;
    f->subscribers[f->n_subscribers++] = fd;
    return 0;
}

static void peer_event(Floor *f, int fd) {
    char ignored[1024]; /* what a subscriber says matters only when it is the end */
    int error = 0;
    if (f->peers[fd].request != NULL)
        error = read_request(f, fd);
    else {
        ssize_t n = recv(fd, ignored, sizeof(ignored), 0);
        error = n > 0 || (n < 0 && errno == EAGAIN) ? 0 : -ECONNRESET;
    }
    if (error != 0)
        peer_close(f, fd);
}

static void accept_peers(Floor *f) {
    int on = 1;
    for (int fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); fd >= 0;
         fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        char *request = malloc(REQUEST_BYTES);
        if (request == NULL || fd >= MAX_DESCRIPTORS || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
            epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            free(request);
            close(fd);
            continue;
        }
        f->peers[fd] = (Peer){.request = request};
    }
}

static void add_frame(Floor *f, const uint8_t *payload, size_t n_payload) {
    uint8_t *frame = f->frames + f->n_frames;
    size_t n_head = n_payload < 126 ? 2 : n_payload < 65536 ? 4 : 10;
    frame[0] = 0x81;
    frame[1] = n_head == 2 ? (uint8_t)n_payload : n_head == 4 ? 126 : 127;
    for (size_t i = 2; i < n_head; i++)
        frame[i] = (uint8_t)(n_payload >> (8 * (n_head - 1 - i)));
    memcpy(frame + n_head, payload, n_payload);
    f->n_frames += n_head + n_payload;
}

static void fan_out(Floor *f) {
    for (uint32_t i = 0; i < f->n_subscribers; i++)
        if (send(f->subscribers[i], f->frames, f->n_frames, MSG_NOSIGNAL) != (ssize_t)f->n_frames)
            shutdown(f->subscribers[i], SHUT_RDWR); /* closed when epoll reports it */
    f->n_frames = 0;
}

/* Called every tick: the share of the subscribers that has its turn. */
static void ping_some(Floor *f, unsigned interval_s) {
    static const uint8_t ping[] = {0x89, 6, 'b', 'a', 'r', 'k', 'e', 'r'};
    uint32_t n = (uint32_t)((uint64_t)f->n_subscribers * TICK_MS / (interval_s * 1000));
    for (uint32_t i = 0; i < n; i++)
        send(f->subscribers[f->next_pinged++ % f->n_subscribers], ping, sizeof(ping), MSG_NOSIGNAL);
}

/* Reads "<type><number>\r\n" at *at and moves past it. False while it is not whole. */
static bool take_number(const Floor *f, size_t *at, uint8_t type, size_t *number) {
    const uint8_t *end = memchr(f->redis + *at, '\n', f->n_redis - *at);
    if (end == NULL)
        return false;
    if (f->redis[*at] != type) {
        fprintf(stderr, "barker-floor: Redis said: %.*s\n", (int)(end - f->redis - *at), (const char *)f->redis + *at);
        exit(EX_PROTOCOL);
    }
    *number = strtoul((const char *)f->redis + *at + 1, NULL, 10);
    *at = (size_t)(end - f->redis) + 1;
    return true;
}

/* One push, "message" or the answer "subscribe": its size, or 0 while it is not whole. */
static size_t take_push(Floor *f, size_t at) {
    size_t begin = at;
    size_t number = 0;
    size_t n_kind = 0;
    if (!take_number(f, &at, '*', &number) || !take_number(f, &at, '$', &n_kind))
        return 0;
    at += n_kind + 2;
    if (at >= f->n_redis || !take_number(f, &at, '$', &number))
        return 0;
    at += number + 2; /* the channel: there is only one */
    if (at >= f->n_redis)
        return 0;
    if (n_kind == strlen("subscribe"))
        return take_number(f, &at, ':', &number) ? at - begin : 0;
    if (!take_number(f, &at, '$', &number) || f->n_redis - at < number + 2)
        return 0;
    add_frame(f, f->redis + at, number);
    return at + number + 2 - begin;
}

static void read_redis(Floor *f) {
    ssize_t n = recv(f->redis_fd, f->redis + f->n_redis, REDIS_BYTES - f->n_redis, 0);
    if (n <= 0) {
        fputs("barker-floor: Redis is gone\n", stderr);
        exit(EX_UNAVAILABLE);
    }
    f->n_redis += (size_t)n;
    size_t n_used = 0;
    for (size_t n_push = take_push(f, 0); n_push > 0; n_push = n_used < f->n_redis ? take_push(f, n_used) : 0)
        n_used += n_push;
    memmove(f->redis, f->redis + n_used, f->n_redis - n_used);
    f->n_redis -= n_used;
    if (f->n_frames > 0)
        fan_out(f);
}

static int open_all(Floor *f, const char *listen_text, const char *redis_text, const char *channel) {
    Address listen_address;
    Address redis_address;
    char subscribe[512];
    struct rlimit limit;
    if (address_parse(&listen_address, listen_text) != 0 || address_parse(&redis_address, redis_text) != 0)
        return -EINVAL;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    f->redis_fd = address_connect(&redis_address, true, 0);
    if (f->redis_fd < 0)
        return f->redis_fd;
    int n = snprintf(subscribe, sizeof(subscribe), "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(channel), channel);
    if (n >= (int)sizeof(subscribe) || send(f->redis_fd, subscribe, (size_t)n, MSG_NOSIGNAL) != n)
        return -EIO;
    f->listen_fd = address_listen(&listen_address);
    if (f->listen_fd < 0)
        return f->listen_fd;
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN, .data.fd = f->listen_fd};
    struct epoll_event redis = {.events = EPOLLIN, .data.fd = f->redis_fd};
    if (f->epoll_fd < 0 || epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, f->listen_fd, &listening) != 0 ||
        epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, f->redis_fd, &redis) != 0)
        return -errno;
    return 0;
}

static void serve(Floor *f, const struct epoll_event *events, int n) {
    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == f->listen_fd)
            accept_peers(f);
        else if (events[i].data.fd == f->redis_fd)
            read_redis(f);
        else
            peer_event(f, events[i].data.fd);
    }
}

int main(int argc, char **argv) {
    static Floor floor;
    struct epoll_event events[EVENTS];
    if (argc != 4 && argc != 5) {
        fputs("usage: barker-floor LISTEN_HOST:PORT REDIS_HOST:PORT CHANNEL [PING_SECONDS]\n", stderr);
        return EX_USAGE;
    }
    unsigned interval_s = argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    int error = open_all(&floor, argv[1], argv[2], argv[3]);
    if (error != 0) {
        fprintf(stderr, "barker-floor: cannot start: %s\n", strerror(-error));
        return EX_UNAVAILABLE;
    }
    uint64_t next_ms = now_ns() / NS_PER_MS + TICK_MS;
    for (;;) {
        int64_t wait_ms = interval_s == 0 ? -1 : (int64_t)(next_ms - now_ns() / NS_PER_MS);
        serve(&floor, events, epoll_wait(floor.epoll_fd, events, EVENTS, wait_ms < 0 && interval_s > 0 ? 0 : (int)wait_ms));
        if (interval_s > 0 && now_ns() / NS_PER_MS >= next_ms) {
            next_ms += TICK_MS;
            ping_some(&floor, interval_s);
        }
    }
}
