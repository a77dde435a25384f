/* Client: one WebSocket connection, from the handshake to its frames. Owner: the load generator's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "tally.h"

enum { CLIENT_SCRATCH_BYTES = 256 * 1024 }; /* one read; a frame may be as large */

typedef enum ClientState { CLIENT_CLOSED, CLIENT_CONNECTING, CLIENT_HANDSHAKE, CLIENT_OPEN } ClientState;

typedef struct Client {
    int fd;
    ClientState state;
    bool is_subscribed; /* set by the owner; the client's own code does not look at it */
    bool is_ready;      /* likewise */
    uint32_t number;
    Track track;
    uint8_t *partial; /* bytes of a frame, or of the handshake's answer, that is not whole yet */
    size_t n_partial;
} Client;

typedef struct ClientShared { /* what all clients of the thread have in common */
    void *context;
    void (*opened)(void *context, Client *client);
    void (*message)(void *context, Client *client, const uint8_t *payload, size_t n_payload);
    uint64_t read_ns; /* when the bytes that are being looked at were read */
    uint64_t n_reads;
    uint64_t n_pings;
    char reason[128]; /* why a client was lost, the first time it happened */
    uint8_t scratch[CLIENT_SCRATCH_BYTES];
} ClientShared;

/* Starts to connect: the socket is to be watched for writability, then client_connected, then for readability.
   0 or -errno. */
int client_connect(Client *client, const Address *server, uint8_t source_host);
int client_connected(Client *client, const Address *server, const char *path); /* sends the request (RFC 6455 4.1) */

/* Reads once and hands on what is whole. 0; or -errno, with shared->reason set: the client is to be closed. */
int client_read(Client *client, ClientShared *shared);
int client_send_text(Client *client, const char *text); /* at most 4 KiB, masked; 0 or -errno */
void client_close(Client *client);                      /* idempotent: says goodbye when it is open, and closes */
